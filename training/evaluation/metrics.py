"""The measures of a bundle, per head: how well it orders, how well it parts, how honest its numbers are."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, brier_score_loss, f1_score, roc_auc_score

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


def expected_calibration_error(scores: NDArray[np.float32], labels: NDArray[np.int8]) -> float:
    """The mean gap between score and frequency over 15 equal-width bins, weighted by posts, in [0, 1].

    Source: Naeini et al. 2015, Guo et al. 2017.
    """
    bins = np.minimum((scores * ECE_BINS).astype(int), ECE_BINS - 1)
    gap = 0.0
    for number in range(ECE_BINS):
        inside = bins == number
        if inside.any():
            gap += float(inside.mean()) * abs(
                float(scores[inside].mean()) - float((labels[inside] == 1).mean())
            )
    return gap
