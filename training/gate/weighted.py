"""Paired differences on an audit that was not drawn alike: each post stands for as many as its chance says.

The audit stream draws posts by strata of score, those near hate with a higher chance (docs/sampling.md).
Every measure here is of the traffic they were drawn from; posts with one chance are one stratum. The
variance is that of the measure's first-order parts, stratum by stratum, and of the traffic itself, which is
a sample of what comes tomorrow. Source: Särndal, Swensson and Wretman 1992, "Model Assisted Survey
Sampling", results 3.7.1 and 5.6.2; Horvitz and Thompson 1952.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.evaluation.bootstrap import DRAWS, SEED
from training.evaluation.metrics import ece_statistic
from training.gate.noninferiority import TWO_SIDED_95, Evidence, Flags, Scores, f1_parts, normal_evidence

Floats = NDArray[np.float64]
Places = NDArray[np.intp]

PADDING = 0.5
DIGITS = 12


@dataclass(frozen=True, slots=True)
class Drawn:
    """How posts (n,) came into an audit: the stratum of each, and the chance (h,) in (0, 1] of a stratum's
    posts."""

    stratum: Places
    chance: Floats

    @classmethod
    def of(cls, chances: NDArray[np.float64]) -> Drawn:
        """From each post's own chance (n,); equal to twelve digits is equal."""
        chance, stratum = np.unique(np.round(chances, DIGITS), return_inverse=True)
        return cls(stratum.astype(np.intp), chance)

    def only(self, kept: Flags) -> Drawn:
        """Of the posts for which `kept` (n,) holds."""
        return Drawn(self.stratum[kept], self.chance)

    @property
    def stands_for(self) -> Floats:
        """How many posts of the traffic each post (n,) stands for."""
        weights: Floats = 1 / self.chance[self.stratum]
        return weights


def weighted_f1(positive: Flags, old_said: Flags, new_said: Flags, drawn: Drawn) -> Evidence:
    """Evidence on two F1 scores over the traffic, from an audit's posts (n,)."""
    cells = np.zeros((len(drawn.chance), 2, 2, 2))
    np.add.at(cells, (drawn.stratum, positive.astype(int), old_said.astype(int), new_said.astype(int)), 1)
    return f1_of_strata(cells, drawn.chance)


def f1_of_strata(cells: Floats, chance: Floats) -> Evidence:
    """Evidence on two F1 scores from counts (h, 2, 2, 2): stratum, label, old says yes, new says yes.

    As `f1_of_cells`, with half a post in each cell for the spread, parted over the strata as the labels are.
    With one stratum and a chance of 1 the two agree.
    """
    weight = 1 / chance
    labelled = cells.sum(axis=(1, 2, 3))
    padded = cells + PADDING * (labelled / labelled.sum())[:, None, None, None]
    frame = (padded * weight[:, None, None, None]).sum(axis=0)
    part = (f1_parts(frame, axis=2)[1] - f1_parts(frame, axis=1)[1]) / frame.sum()
    within = padded.sum(axis=(1, 2, 3))
    mean = (padded * part).sum(axis=(1, 2, 3)) / np.maximum(within, PADDING)
    squares = (padded * (part - mean[:, None, None, None]) ** 2).sum(axis=(1, 2, 3))
    variance = _variance(squares / np.maximum(within - 1, 1), mean, labelled, weight)
    known = (cells * weight[:, None, None, None]).sum(axis=0)
    old, new = f1_parts(known, axis=1)[0], f1_parts(known, axis=2)[0]
    posts = int(labelled.sum())
    return normal_evidence(new - old, old, new, posts, math.sqrt(variance * posts), int(cells[:, 1].sum()))


def weighted_auc(old: Scores, new: Scores, positive: Flags, drawn: Drawn) -> Evidence:
    """Evidence on two areas under the ROC curve over the traffic, from an audit's posts (n,) of both kinds.

    The area is the chance that a hateful post of the traffic is above a harmless one; a post's part in it
    is its placement, as in DeLong et al. 1988. To the variance of the posts seen comes that of the half post
    that a stratum may hold unseen, so the interval is never narrower than without it.
    """
    old_auc, old_parts = _auc_parts(old, positive, drawn)
    new_auc, new_parts = _auc_parts(new, positive, drawn)
    parts = new_parts - old_parts
    seen = np.where(positive, parts[1], parts[0])
    variance = _variance_of_total(seen, drawn) + _variance_unseen(parts, drawn)
    posts = len(positive)
    return normal_evidence(
        new_auc - old_auc, old_auc, new_auc, posts, math.sqrt(variance * posts), int(positive.sum())
    )


def weighted_calibration(old: Scores, new: Scores, positive: Flags, drawn: Drawn) -> Evidence:
    """Evidence on two calibration errors (ECE, 15 bins) over the traffic; less error is more here.

    The standard error is that of 1,000 bootstrap draws, each stratum drawn anew by itself. Source: Davison
    and Hinkley 1997, section 3.7 (stratified bootstrap).
    """
    posts = len(positive)
    error_of_old, error_of_new = ece_statistic(old, positive), ece_statistic(new, positive)
    stands_for = drawn.stands_for.astype(np.float32)
    random = np.random.default_rng(SEED)
    times = np.zeros((DRAWS, posts), dtype=np.float32)
    for number in range(len(drawn.chance)):
        inside = np.flatnonzero(drawn.stratum == number)
        if len(inside):
            again = random.integers(0, len(inside), (DRAWS, len(inside)))
            again += np.arange(DRAWS)[:, None] * len(inside)
            counts = np.bincount(again.ravel(), minlength=DRAWS * len(inside))
            times[:, inside] = counts.reshape(DRAWS, len(inside))
    weights = times * stands_for
    low, high = np.quantile(error_of_old(weights) - error_of_new(weights), [0.025, 0.975])
    before, after = (float(error(stands_for[None])[0]) for error in (error_of_old, error_of_new))
    spread = float(high - low) / (2 * TWO_SIDED_95) * math.sqrt(posts)
    return normal_evidence(before - after, before, after, posts, spread, int(positive.sum()))


def _auc_parts(scores: Scores, positive: Flags, drawn: Drawn) -> tuple[float, Floats]:
    """The area, and what one more post of the traffic with each post's score would add to it, to first order,
    were it harmless or hateful (2, n)."""
    weight = drawn.stands_for
    hateful, harmless = weight[positive].sum(), weight[~positive].sum()
    below = _share_below(scores[~positive], weight[~positive], scores)
    above = 1 - _share_below(scores[positive], weight[positive], scores)
    area = float((weight[positive] * below[positive]).sum() / hateful)
    return area, np.stack([(above - area) / harmless, (below - area) / hateful])


def _share_below(scores: Scores, weight: Floats, asked: Scores) -> Floats:
    """For each score asked for, the weighted share of `scores` below it, ties counting half."""
    order = np.argsort(scores, kind="stable")
    summed = np.concatenate([[0.0], np.cumsum(weight[order])])
    left = summed[np.searchsorted(scores[order], asked, side="left")]
    right = summed[np.searchsorted(scores[order], asked, side="right")]
    found: Floats = (left + right) / 2 / summed[-1]
    return found


def _variance_of_total(parts: Floats, drawn: Drawn) -> float:
    """The variance of the parts' (n,) sum over the traffic."""
    strata = len(drawn.chance)
    labelled = np.bincount(drawn.stratum, minlength=strata).astype(np.float64)
    mean = np.bincount(drawn.stratum, weights=parts, minlength=strata) / np.maximum(labelled, 1)
    away = (parts - mean[drawn.stratum]) ** 2
    squares = np.bincount(drawn.stratum, weights=away, minlength=strata) / np.maximum(labelled - 1, 1)
    # Of a stratum with a single post nothing is known: its spread is taken for the largest of the others.
    squares = np.where(labelled == 1, squares.max(initial=0.0), squares)
    return _variance(squares, mean, labelled, 1 / drawn.chance)


def _variance_unseen(parts: Floats, drawn: Drawn) -> float:
    """The variance that half a post of either label adds in each stratum, its scores those of the stratum.

    A stratum of low scores holds few hateful posts, each standing for many of the traffic, and an audit often
    holds none of them: without this its spread would be taken for nothing just then. Half a post is what
    Jeffreys' prior adds to a count; `parts` (2, n) are what a post of either label would do to the measure.
    Source: Jeffreys 1946 (half); Brown, Cai and DasGupta 2001, Statistical Science 16:101 (coverage).
    """
    strata = len(drawn.chance)
    labelled = np.maximum(np.bincount(drawn.stratum, minlength=strata), 1)
    squares = np.bincount(drawn.stratum, weights=(parts**2).sum(axis=0), minlength=strata) / labelled
    return float((PADDING * squares / drawn.chance**2).sum())


def _variance(squares: Floats, mean: Floats, labelled: Floats, weight: Floats) -> float:
    """Variance of a total from strata's mean squares and means: of the draw within them, and of the traffic.

    Without the correction for a finite frame: tomorrow's traffic is not in it.
    """
    stands_for = labelled * weight
    middle = float((stands_for * mean).sum() / stands_for.sum())
    return float((labelled * weight**2 * squares + stands_for * (mean - middle) ** 2).sum())
