"""Agreement figures with their 95 % intervals: one form and one bootstrap for every coefficient.

Each coefficient is 1 - observed / expected disagreement, where both follow from sums over texts. So a
coefficient brings a table `parts` (n, f), one row a text, and a function from sums (k, f) to observed and
expected disagreement (k,). Texts that look alike share a row, and a draw of the bootstrap is one draw of
how many of each there are: the same bootstrap, without drawing texts one by one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.intervals import wilson

Values = NDArray[np.float64]
Disagreement = Callable[[Values], tuple[Values, Values]]
"""Sums over texts (k, f) -> observed and expected disagreement, (k,) each."""

DRAWS: Final = 1000
COVERAGE: Final = 0.95
SEED: Final = 20261123

NOT_SHARED: Final = "undefined (no text was answered by two annotators)"
ONE_VALUE: Final = "undefined (only one value used)"
NO_POSITIVE: Final = "undefined (nobody gave this answer)"

_NOTHING = 1e-12


@dataclass(frozen=True, slots=True)
class Figure:
    """A coefficient, its 95 % interval, and what it stands on. `value` is None where `undefined` says why.

    `texts` are those that two or more annotators answered, `pairs` the pairs of answers to one text.
    `empty_draws` is the share of bootstrap draws in which the coefficient had no value; they are left out
    of the interval, so with many of them the interval tells too little.
    """

    value: float | None
    low: float | None
    high: float | None
    texts: int
    pairs: int
    undefined: str | None = None
    empty_draws: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """The figure for a file or a page, five decimals."""
        ends = {
            name: None if end is None else round(end, 5)
            for name, end in (("value", self.value), ("low", self.low), ("high", self.high))
        }
        return {
            **ends,
            "texts": self.texts,
            "pairs": self.pairs,
            "undefined": self.undefined,
            "empty_draws": round(self.empty_draws, 5),
        }


@dataclass(frozen=True, slots=True)
class Drawn:
    """A figure with its draws (k,), NaN where a draw had no value: what a difference of two needs."""

    figure: Figure
    draws: Values


def undefined(why: str, texts: int = 0, pairs: int = 0) -> Drawn:
    """A figure without a value, and why."""
    return Drawn(Figure(None, None, None, texts, pairs, why), np.empty(0))


def measured(
    parts: Values,
    disagreement: Disagreement,
    *,
    pairs: int,
    if_undefined: str = ONE_VALUE,
    largest: float = 1.0,
    draws: int = DRAWS,
    seed: int = SEED,
) -> Drawn:
    """The coefficient over texts `parts` (n, f), with its percentile interval from `draws` bootstraps.

    `largest` is the largest observed disagreement that one text can have. Where every draw gives the same
    (all texts agree, say), the ends are those of Wilson's interval of the observed disagreement, as a share
    of the texts: that all so far agree does not say that all ever will.
    Source: Efron and Tibshirani 1993, chapter 13 (percentile interval); Krippendorff 2004 for the form.
    """
    texts = len(parts)
    if not texts:
        return undefined(NOT_SHARED)
    whole = parts.sum(axis=0)[None]
    observed, expected = (float(side[0]) for side in disagreement(whole))
    if expected <= _NOTHING:
        return undefined(if_undefined, texts, pairs)
    value = 1 - observed / expected
    drawn = _coefficients(_resampled(parts, draws, seed), disagreement)
    kept = drawn[np.isfinite(drawn)]
    tail = (1 - COVERAGE) / 2
    low, high = np.quantile(kept, [tail, 1 - tail]) if len(kept) else (value, value)
    if high - low <= _NOTHING:
        low, high = _by_wilson(value, observed / largest, expected / largest, texts)
    figure = Figure(value, float(low), float(high), texts, pairs, empty_draws=1 - len(kept) / draws)
    return Drawn(figure, drawn)


def _coefficients(sums: Values, disagreement: Disagreement) -> Values:
    observed, expected = disagreement(sums)
    has_value = expected > _NOTHING
    found = np.full(len(sums), np.nan)
    found[has_value] = 1 - observed[has_value] / expected[has_value]
    return found


def _resampled(parts: Values, draws: int, seed: int) -> Values:
    """Sums (draws, f) over as many texts as there are, drawn with replacement."""
    kinds, counts = np.unique(parts, axis=0, return_counts=True)
    generator = np.random.default_rng(seed)
    held = generator.multinomial(len(parts), counts / len(parts), size=draws)
    sums: Values = held @ kinds
    return sums


def _by_wilson(value: float, observed: float, expected: float, texts: int) -> tuple[float, float]:
    least, most = wilson(min(1.0, max(0.0, observed)), texts)
    # Rounding must not put an end on the wrong side of the figure; no coefficient here lies above 1.
    return min(value, max(-1.0, 1 - most / expected)), max(value, min(1.0, 1 - least / expected))


@dataclass(frozen=True, slots=True)
class Change:
    """How a figure moved: after minus before, with its 95 % interval, and what may be said of it."""

    value: float
    low: float
    high: float

    @property
    def verdict(self) -> str:
        """`better`, `worse`, or `not distinguishable` where the interval holds 0."""
        if self.low > 0:
            return "better"
        return "worse" if self.high < 0 else "not distinguishable"


def change(before: Drawn, after: Drawn) -> Change | None:
    """The difference of two figures whose texts were drawn apart; None where either has no value.

    The draws of the two must come from different seeds, or they would move together.
    """
    if before.figure.value is None or after.figure.value is None:
        return None
    count = min(len(before.draws), len(after.draws))
    moved = after.draws[:count] - before.draws[:count]
    moved = moved[np.isfinite(moved)]
    value = after.figure.value - before.figure.value
    tail = (1 - COVERAGE) / 2
    low, high = np.quantile(moved, [tail, 1 - tail]) if len(moved) else (value, value)
    return Change(value, float(low), float(high))
