"""Is one target better than another, or could it be chance? Paired where the cases are the same.

A case that a target did not answer (NaN) is wrong for that target: somebody who buys an answer and gets
none has been failed (`right_answers`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import isfinite
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from training.evaluation.bootstrap import COVERAGE, DRAWS, SEED, Measured, bootstrap
from training.evaluation.counterfactual import mean_over_pairs
from training.evaluation.metrics import mean_statistic

BETTER, WORSE, SAME = "better", "worse", "not distinguishable"
LEVEL: Final = 1 - COVERAGE
"""Family-wise error rate of the verdicts: the other side of the 95 % intervals."""

Right = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Target `a` against target `b` on the same cases; `difference` is a's share right minus b's.

    `holm_p` is `mcnemar_p` until `holm` has seen all comparisons of the report: a family of one.
    """

    a: str
    b: str
    what: str
    cases: int
    difference: Measured
    only_a_right: int
    only_b_right: int
    mcnemar_p: float
    holm_p: float

    @property
    def verdict(self) -> str:
        """What a is next to b: better or worse where test and interval both say so."""
        return SAME if self.holm_p >= LEVEL else verdict_of(self.difference)

    def as_json(self) -> dict[str, Any]:
        """One entry of `comparisons` in report.json."""
        return {
            "a": self.a,
            "b": self.b,
            "what": self.what,
            "cases": self.cases,
            "difference": self.difference.as_json(),
            "only_a_right": self.only_a_right,
            "only_b_right": self.only_b_right,
            "mcnemar_p": self.mcnemar_p,
            "holm_p": self.holm_p,
            "verdict": self.verdict,
        }


def right_answers(scores: NDArray[np.float32], hateful: Right, threshold: float) -> Right:
    """Which cases (n,) the target got right at `threshold`; one without an answer (NaN) is wrong."""
    right: Right = np.isfinite(scores) & ((scores >= threshold) == hateful)
    return right


def compare_targets(
    right: Mapping[str, Right],
    what: str,
    *,
    templates: Sequence[str] | None = None,
    draws: int = DRAWS,
    seed: int = SEED,
) -> list[Comparison]:
    """Every pair of targets, in the order of `right` (n,), on the same cases; no comparison over no case.

    All pairs see the same resamples. With `templates` (n,), whole templates are drawn and tested, since the
    cases of one stand or fall together.
    """
    owners = None if templates is None else np.unique(np.asarray(templates), return_inverse=True)[1]
    comparisons = []
    for a, b in combinations(right, 2):
        difference = _mean_gap(right[a], right[b], owners, draws, seed)
        if difference is not None:
            only_a, only_b = int((right[a] & ~right[b]).sum()), int((right[b] & ~right[a]).sum())
            gaps = right[a].astype(np.int64) - right[b]
            p = mcnemar_exact(gaps if owners is None else np.bincount(owners, weights=gaps).astype(np.int64))
            comparisons.append(Comparison(a, b, what, difference.posts, difference, only_a, only_b, p, p))
    return comparisons


def mcnemar_exact(leads: NDArray[np.int64]) -> float:
    """The chance, in [0, 1], of a split this uneven or more if a coin had named the targets, two-sided.

    `leads` (k,) is for each case, or each template, the cases that only a has right minus those that only b
    has. With single cases this is McNemar's exact test; with templates each is turned round as a whole.
    1 where nobody leads anywhere.
    Source: McNemar 1947; Ernst 2004, "Permutation methods: a basis for exact inference" (paired designs).

    >>> mcnemar_exact(np.asarray([1, 1, 1, 1, 1])), mcnemar_exact(np.asarray([5]))
    (0.0625, 1.0)
    """
    sizes = np.abs(leads[leads != 0])
    most = int(sizes.sum())
    # chances[most + s] is the chance that the leads, each with a coin's sign, add up to s.
    chances = np.zeros(2 * most + 1)
    chances[most] = 1.0
    for size in sizes.tolist():
        chances = (np.roll(chances, size) + np.roll(chances, -size)) / 2
    sums = np.abs(np.arange(-most, most + 1))
    return min(1.0, float(chances[sums >= abs(int(leads.sum()))].sum()))


def holm(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """The same comparisons in the same order, with `holm_p` corrected for their number."""
    corrected = holm_adjusted([found.mcnemar_p for found in comparisons])
    return [replace(found, holm_p=p) for found, p in zip(comparisons, corrected, strict=True)]


def holm_adjusted(values: Sequence[float]) -> list[float]:
    """The p-values, in their order, to be held against the family-wise level itself.

    Source: Holm 1979, "A simple sequentially rejective multiple test procedure".
    """
    adjusted, largest = [0.0] * len(values), 0.0
    for rank, place in enumerate(sorted(range(len(values)), key=values.__getitem__)):
        largest = max(largest, min(1.0, (len(values) - rank) * values[place]))
        adjusted[place] = largest
    return adjusted


def verdict_of(difference: Measured) -> str:
    """Better or worse where the interval keeps to one side of zero, and otherwise neither."""
    if not isfinite(difference.value) or difference.low <= 0 <= difference.high:
        return SAME
    return BETTER if difference.low > 0 else WORSE


def _mean_gap(
    right_a: Right, right_b: Right, owners: NDArray[np.intp] | None, draws: int, seed: int
) -> Measured | None:
    """The share that a has right minus b's, over resamples of cases, or of what `owners` (n,) numbers."""
    gaps = right_a.astype(np.float64) - right_b
    if owners is None:
        return bootstrap(mean_statistic(gaps), len(gaps), draws=draws, seed=seed)
    found = bootstrap(mean_over_pairs(gaps, owners), len(np.unique(owners)), draws=draws, seed=seed)
    return None if found is None else replace(found, posts=len(gaps))
