"""Bootstrap intervals: how far a figure would move if other posts of the same kind had been drawn.

A statistic takes weights (k, n) float32, one row a draw, one column a post (how often the draw holds
it), and gives k values. Its point value is the statistic of a row of ones. So one function serves the
figure and its interval, and 1,000 draws cost a few array operations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Weights = NDArray[np.float32]
Values = NDArray[np.float64]
Statistic = Callable[[Weights], Values]

DRAWS = 1000
"""Source: issue of step 2, "intervals from 1,000 bootstraps"."""

COVERAGE = 0.95
SEED = 20261121

_CELLS = 1_000_000
"""Weights held at once: draws times posts."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A figure, the ends of its 95 % interval, and the number of posts it was measured on."""

    value: float
    low: float
    high: float
    posts: int

    def as_json(self) -> dict[str, Any]:
        """The figure as `figures.json` holds it, five decimals."""
        return {
            "value": round(self.value, 5),
            "low": round(self.low, 5),
            "high": round(self.high, 5),
            "posts": self.posts,
        }


def measured_from(found: Mapping[str, Any] | None) -> Measured | None:
    """The figure in a JSON form like `as_json`'s; None where there is none or it has no value."""
    if found is None or found["value"] is None:
        return None
    return Measured(found["value"], found["low"], found["high"], found["posts"])


def bootstrap(statistic: Statistic, posts: int, *, draws: int = DRAWS, seed: int = SEED) -> Measured | None:
    """The statistic over `posts` posts with its percentile interval; None where it has no value.

    A draw without a value (one with no positive post, say) is left out of the interval.
    Source: Efron and Tibshirani 1993, chapter 13 (percentile interval).
    """
    if not posts:
        return None
    value = float(statistic(np.ones((1, posts), dtype=np.float32))[0])
    if not np.isfinite(value):
        return None
    drawn = np.concatenate([statistic(weights) for weights in _resampled(posts, draws, seed)])
    drawn = drawn[np.isfinite(drawn)]
    low, high = np.quantile(drawn, [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2]) if len(drawn) else (value, value)
    return Measured(value, float(low), float(high), posts)


def share(hits: NDArray[np.bool_]) -> Measured | None:
    """The share of `hits` (n,) with its interval. None over nothing.

    Drawing n zeros and ones with replacement and counting the ones is a binomial draw, so this is the
    bootstrap itself, without the arrays.
    """
    posts = len(hits)
    if not posts:
        return None
    value = float(hits.mean())
    drawn = np.random.default_rng(SEED).binomial(posts, value, DRAWS) / posts
    low, high = np.quantile(drawn, [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2])
    return Measured(value, float(low), float(high), posts)


def _resampled(posts: int, draws: int, seed: int) -> Iterator[Weights]:
    """Weights of `draws` draws, some rows at a time; the same for a seed whatever the rows."""
    generator = np.random.default_rng(seed)
    rows = max(1, _CELLS // posts)
    for start in range(0, draws, rows):
        count = min(rows, draws - start)
        drawn = generator.integers(0, posts, (count, posts))
        drawn += np.arange(count)[:, None] * posts
        counts = np.bincount(drawn.ravel(), minlength=count * posts)
        yield counts.reshape(count, posts).astype(np.float32)
