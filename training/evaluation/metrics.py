"""The measures of a bundle, per head: how well it orders, how well it parts, how honest its numbers are.

`*_statistic` functions give statistics for `bootstrap`; scores are (n,) float32, `positive` (n,) bool.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, brier_score_loss, f1_score, roc_auc_score

from training.evaluation.bootstrap import Statistic, Values, Weights

ECE_BINS = 15
"""Source: CLASSIFIER.md section D, ECE (15 bins)."""


def head_figures(scores: NDArray[np.float32], labels: NDArray[np.int8], threshold: float) -> dict[str, Any]:
    """Counts, ROC-AUC, average precision, F1 at `threshold`, ECE and Brier of one head.

    `scores` (n,) float32, `labels` (n,) of 1 and 0. With one kind of post only, None for what needs both.
    """
    positives, negatives = int((labels == 1).sum()), int((labels == 0).sum())
    figures: dict[str, Any] = {"positives": positives, "negatives": negatives, "threshold": threshold}
    if not positives or not negatives:
        return {**figures, "roc_auc": None, "average_precision": None, "f1": None, "ece": None, "brier": None}
    return {
        **figures,
        "roc_auc": round(float(roc_auc_score(labels, scores)), 4),
        "average_precision": round(float(average_precision_score(labels, scores)), 4),
        "f1": round(float(f1_score(labels, scores >= threshold)), 4),
        "ece": round(expected_calibration_error(scores, labels), 4),
        "brier": round(float(brier_score_loss(labels, scores)), 4),
    }


def auc_statistic(scores: NDArray[np.float32], positive: NDArray[np.bool_]) -> Statistic:
    """ROC-AUC: the chance that a positive post scores above a negative one, ties counting half.

    NaN for a draw that lacks either kind. Source: Mann and Whitney 1947; Hanley and McNeil 1982.
    """
    order = np.argsort(scores, kind="stable")
    ranked, kind = scores[order], positive[order]
    ties = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])

    def auc(weights: Weights) -> Values:
        ordered = weights[:, order]
        above = np.add.reduceat(ordered * kind, ties, axis=1).astype(np.float64)
        below = np.add.reduceat(ordered * ~kind, ties, axis=1).astype(np.float64)
        beaten = np.cumsum(below, axis=1) - below / 2
        pairs = above.sum(axis=1) * below.sum(axis=1)
        wins = (above * beaten).sum(axis=1)
        found: Values = np.divide(wins, pairs, out=np.full(len(wins), np.nan), where=pairs > 0)
        return found

    return auc


def ece_statistic(scores: NDArray[np.float32], positive: NDArray[np.bool_]) -> Statistic:
    """Expected calibration error, as `expected_calibration_error` gives it, for weighted posts."""
    bins = _bins(scores)
    gaps = np.zeros((len(scores), ECE_BINS), dtype=np.float64)
    gaps[np.arange(len(scores)), bins] = scores.astype(np.float64) - positive

    def ece(weights: Weights) -> Values:
        # Weight of a bin times its mean gap is the sum of its gaps over all posts.
        found: Values = np.abs(weights @ gaps).sum(axis=1) / weights.sum(axis=1)
        return found

    return ece


def f1_statistic(positive: NDArray[np.bool_], said: NDArray[np.bool_]) -> Statistic:
    """F1 of the positive class for what was `said` (n,); NaN for a draw with nothing positive or said so."""
    right = (positive & said).astype(np.float64)
    both = positive.astype(np.float64) + said

    def f1(weights: Weights) -> Values:
        total = weights @ both
        found: Values = np.divide(
            2 * (weights @ right), total, out=np.full(len(total), np.nan), where=total > 0
        )
        return found

    return f1


def mean_statistic(values: NDArray[np.float64]) -> Statistic:
    """The weighted mean of `values` (n,): for paired differences, where shares are not enough."""

    def mean(weights: Weights) -> Values:
        found: Values = (weights @ values) / weights.sum(axis=1)
        return found

    return mean


def expected_calibration_error(scores: NDArray[np.float32], labels: NDArray[np.int8]) -> float:
    """The mean gap between score and frequency over 15 equal-width bins, weighted by posts, in [0, 1].

    Source: Naeini et al. 2015, Guo et al. 2017.
    """
    ones = np.ones((1, len(scores)), dtype=np.float32)
    return float(ece_statistic(scores, labels == 1)(ones)[0])


def reliability(scores: NDArray[np.float32], labels: NDArray[np.int8]) -> list[dict[str, float]]:
    """Per bin that holds posts: how many, their mean score, and the share of them that is positive."""
    bins = _bins(scores)
    return [
        {
            "posts": int((bins == number).sum()),
            "mean_score": round(float(scores[bins == number].mean()), 4),
            "positive": round(float((labels[bins == number] == 1).mean()), 4),
        }
        for number in sorted(set(bins.tolist()))
    ]


def _bins(scores: NDArray[np.float32]) -> NDArray[np.int64]:
    return np.minimum((scores * ECE_BINS).astype(np.int64), ECE_BINS - 1)
