"""Paired differences, new minus old, on the same cases: how large, how sure, how many labels would settle it.

Every difference here is turned so that more is better for the new bundle. All intervals are one-sided at a
level `alpha`: the true difference lies below `low` (above `high`) with chance `alpha`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from training.evaluation.bootstrap import bootstrap
from training.evaluation.metrics import ece_statistic, expected_calibration_error

Flags = NDArray[np.bool_]
Scores = NDArray[np.float32]

TWO_SIDED_95 = NormalDist().inv_cdf(0.975)
HALVINGS = 40


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the cases say of one measure of two bundles.

    `value` is new minus old, more being better; `old` and `new` are the measure itself. `spread` is the
    standard deviation of one case's part in the difference, so that n cases know it to spread / sqrt(n);
    `spread_at` gives it for a true difference handed in, where the bounds are of a test that supposes one.
    `positives` counts the cases that are positive, where the measure hangs on them.
    """

    value: float
    old: float
    new: float
    posts: int
    spread: float
    bounds: Callable[[float], tuple[float, float]]
    positives: int | None = None
    spread_at: Callable[[float], float] | None = None


def quantile(alpha: float) -> float:
    """The normal quantile that is passed with chance `alpha`: 1.645 for 0.05."""
    return NormalDist().inv_cdf(1 - alpha)


def paired_shares(old_right: Flags, new_right: Flags, clusters: Sequence[str] | None = None) -> Evidence:
    """Evidence on two shares over the same cases (n,), by Tango's score interval.

    Cases with the same word in `clusters` were filled into one template and stand or fall together: counts
    are divided by the design effect, the variance by clusters over the variance by cases, never below 1.
    Where the bundles never differ there is no variance to compare, and each case counts once: the interval
    is then one over other cases of these templates, not over other templates.
    Source: Tango 1998, Statistics in Medicine 17:891; Rao and Scott 1992, Biometrics 48:577.
    """
    posts = len(old_right)
    differences = new_right.astype(np.float64) - old_right.astype(np.float64)
    effect = design_effect(differences, clusters)
    better, worse = int((differences > 0).sum()), int((differences < 0).sum())

    def bounds(alpha: float) -> tuple[float, float]:
        return tango_interval(better / effect, worse / effect, posts / effect, alpha)

    def spread_at(shift: float) -> float:
        return math.sqrt(_variance_at(better, worse, posts, shift) * effect)

    # One more case of either kind, so that bundles that never differed yet are not taken to never differ.
    # Source: Agresti and Min 2005, Statistics in Medicine 24:729 (adding to the discordant cells).
    discordant = (better + worse + 1) / (posts + 2)
    variance = (discordant - differences.mean() ** 2) * effect
    return Evidence(
        value=float(differences.mean()),
        old=float(old_right.mean()),
        new=float(new_right.mean()),
        posts=posts,
        spread=math.sqrt(max(variance, 0.0)),
        bounds=bounds,
        spread_at=spread_at,
    )


def design_effect(differences: NDArray[np.float64], clusters: Sequence[str] | None) -> float:
    """By how much cases (n,) that come in clusters say less than as many single ones; at least 1."""
    if clusters is None or not differences.any():
        return 1.0
    _, places = np.unique(np.asarray(clusters), return_inverse=True)
    centred = differences - differences.mean()
    sums = np.bincount(places, weights=centred)
    groups = len(sums)
    if groups < 2:
        return float(len(differences))  # one template: one observation
    by_case = float((centred**2).sum())
    by_cluster = float((sums**2).sum()) * groups / (groups - 1)
    return max(1.0, by_cluster / by_case) if by_case > 0 else 1.0


def tango_interval(better: float, worse: float, posts: float, alpha: float) -> tuple[float, float]:
    """The score interval of (better - worse) / posts, one-sided at `alpha` on either side.

    `better` and `worse` count the cases that only the new and only the old bundle has right; they may be
    fractions after a design effect. Source: Tango 1998, equations 24 to 26; as in Fagerland, Lydersen and
    Laake 2017, "Statistical Analysis of Contingency Tables", chapter 8.
    """
    limit = quantile(alpha)
    value = (better - worse) / posts

    def score(shift: float) -> float:
        variance = posts * _variance_at(better, worse, posts, shift)
        return (better - worse - posts * shift) / math.sqrt(variance) if variance > 0 else 0.0

    low = -1.0 if value <= -1 else _crossing(score, limit, -1.0, value)
    high = 1.0 if value >= 1 else _crossing(score, -limit, value, 1.0)
    return low, high


def _variance_at(better: float, worse: float, posts: float, shift: float) -> float:
    """The variance of one case's difference, were the true difference `shift`: as likely as can be then."""
    linear = -better - worse + (2 * posts - better + worse) * shift
    constant = -worse * shift * (1 - shift)
    only_old = (math.sqrt(max(0.0, linear**2 - 8 * posts * constant)) - linear) / (4 * posts)
    return max(0.0, 2 * only_old + shift * (1 - shift))


def _crossing(score: Callable[[float], float], at: float, low: float, high: float) -> float:
    """Where the falling `score` passes `at` between `low` and `high`."""
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if score(middle) > at else (low, middle)
    return (low + high) / 2


def paired_f1(positive: Flags, old_said: Flags, new_said: Flags) -> Evidence:
    """Evidence on two F1 scores over the same posts (n,), at each bundle's own threshold."""
    cells = np.zeros((2, 2, 2))
    np.add.at(cells, (positive.astype(int), old_said.astype(int), new_said.astype(int)), 1)
    return f1_of_cells(cells)


def f1_of_cells(cells: NDArray[np.float64]) -> Evidence:
    """Evidence on two F1 scores from counts (2, 2, 2): label, old bundle says yes, new bundle says yes.

    The variance is of posts' first-order parts in the difference (delta method), with half a post added to
    each cell, so that bundles that never differed yet are not taken to never differ.
    Source: Takahashi et al. 2022, Applied Intelligence 52:4961 (F1 by the delta method); Agresti and Min
    2005, Statistics in Medicine 24:729 (adding to the cells).
    """
    padded = cells + 0.5
    total = padded.sum()
    parts = f1_parts(padded, axis=2)[1] - f1_parts(padded, axis=1)[1]
    spread = math.sqrt(float((padded * parts**2).sum() / total))
    old, new = f1_parts(cells, axis=1)[0], f1_parts(cells, axis=2)[0]
    posts = int(cells.sum())
    return normal_evidence(new - old, old, new, posts, spread, int(cells[1].sum()))


def f1_parts(cells: NDArray[np.float64], axis: int) -> tuple[float, NDArray[np.float64]]:
    """One bundle's F1, and what a post of each cell adds to it, (2, 2, 2), to first order."""
    label = np.arange(2).reshape(2, 1, 1)
    said = np.arange(2).reshape((1, 2, 1) if axis == 1 else (1, 1, 2))
    hits = np.broadcast_to(2.0 * label * said, cells.shape)
    weight = np.broadcast_to(1.0 * label + said, cells.shape)
    bottom = float((cells * weight).sum())
    if bottom == 0:
        return 0.0, np.zeros(cells.shape)
    f1 = float((cells * hits).sum()) / bottom
    return f1, (hits - f1 * weight) / (bottom / cells.sum())


def paired_auc(old: Scores, new: Scores, positive: Flags) -> Evidence:
    """Evidence on two areas under the ROC curve over the same posts (n,), both kinds among them.

    Source: DeLong, DeLong and Clarke-Pearson 1988, Biometrics 44:837 (variance of a difference of areas).
    """
    old_auc, old_above, old_below = _placements(old, positive)
    new_auc, new_above, new_below = _placements(new, positive)
    above, below = new_above - old_above, new_below - old_below
    variance = _variance(above) / len(above) + _variance(below) / len(below)
    posts = len(positive)
    return normal_evidence(
        new_auc - old_auc, old_auc, new_auc, posts, math.sqrt(variance * posts), int(positive.sum())
    )


def _placements(scores: Scores, positive: Flags) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """The area; for each positive the share of negatives below it, for each negative of positives above."""
    yes, no = np.sort(scores[positive]), np.sort(scores[~positive])

    def below(sorted_scores: Scores, asked: Scores) -> NDArray[np.float64]:
        left = np.searchsorted(sorted_scores, asked, side="left")
        right = np.searchsorted(sorted_scores, asked, side="right")
        shares: NDArray[np.float64] = (left + right) / 2 / len(sorted_scores)
        return shares

    of_positives = below(no, scores[positive])
    return float(of_positives.mean()), of_positives, 1 - below(yes, scores[~positive])


def _variance(values: NDArray[np.float64]) -> float:
    return float(values.var(ddof=1)) if len(values) > 1 else 1.0


def paired_calibration(old: Scores, new: Scores, positive: Flags) -> Evidence:
    """Evidence on two calibration errors (ECE, 15 bins) over the same posts; less error is more here.

    The standard error is that of 1,000 bootstrap draws of posts, each with both bundles' scores.
    Source: Efron and Tibshirani 1993, chapter 6; Naeini et al. 2015 (ECE).
    """
    posts = len(positive)
    error_of_old, error_of_new = ece_statistic(old, positive), ece_statistic(new, positive)
    found = bootstrap(lambda weights: error_of_old(weights) - error_of_new(weights), posts)
    spread = 0.0 if found is None else (found.high - found.low) / (2 * TWO_SIDED_95) * math.sqrt(posts)
    before = expected_calibration_error(old, positive.astype(np.int8))
    after = expected_calibration_error(new, positive.astype(np.int8))
    return normal_evidence(before - after, before, after, posts, spread, int(positive.sum()))


def known(value: float, old: float, new: float, posts: int) -> Evidence:
    """Evidence that is no sample: a fact of the export or of this machine."""
    return Evidence(value, old, new, posts, 0.0, lambda _alpha: (value, value))


def normal_evidence(
    value: float, old: float, new: float, posts: int, spread: float, positives: int | None
) -> Evidence:
    """Evidence whose bounds are those of a normal variable; the parameters are the members of `Evidence`."""
    error = spread / math.sqrt(posts)

    def bounds(alpha: float) -> tuple[float, float]:
        return value - quantile(alpha) * error, value + quantile(alpha) * error

    return Evidence(value, old, new, posts, spread, bounds, positives)


def labels_needed(evidence: Evidence, margin: float, *, alpha: float, strict: float, power: float) -> int:
    """How many more cases of the same kind would settle the line with chance `power`; at least 1.

    n = ((z_level * spread at the margin + z_power * spread) / gap)^2 cases in all. The gap is from the
    observed difference to the margin: upwards to be found as good, at the level `alpha`; downwards to be
    found worse, at `strict`, the level that refuses. A gap below half the margin is taken for half of it: an
    observed difference so near to the margin says little about where the truth is. Where that many are
    there already, as many again are asked for.
    Source: Lachin 1992, Statistics in Medicine 11:1239, and Nam 1997, Biometrics 53:1422 (paired proportions,
    the spread at the margin being that of Tango's test).
    """
    above = evidence.value + margin
    gap = max(abs(above), margin / 2)
    at_margin = evidence.spread
    if evidence.spread_at is not None:
        at_margin = max(at_margin, evidence.spread_at(-margin))
    level = alpha if above >= 0 else strict
    wanted = math.ceil(((quantile(level) * at_margin + quantile(1 - power) * evidence.spread) / gap) ** 2)
    if wanted > evidence.posts:
        return wanted - evidence.posts
    return evidence.posts if abs(above) < gap else 1
