"""How wrong is a head on the posts it is surest of? Risk-coverage curve and the area under it.

Coverage is the share of posts decided when the least certain are passed on to a person, risk the share of
wrong decisions among those decided. Certainty is the distance of the score from the threshold, as a share
of the room on its side: 0 at the threshold, 1 at scores of 0 and 1. With a threshold of 0.5 that puts posts
in the order of max(p, 1 - p); with another one max(p, 1 - p) would call a score just beside the threshold
certain, though a hair changes the decision.

Source: El-Yaniv and Wiener 2010, "On the Foundations of Noise-free Selective Classification" (curve);
Geifman, Uziel and El-Yaniv 2019, "Bias-Reduced Uncertainty Estimation for Deep Neural Classifiers" (area).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.taxonomy import HEAD_ORDER
from training.corpora.pack import NOT_ANNOTATED

POINTS: Final = 101
"""Points of the curve that a report keeps: each whole per cent of coverage."""

Curve = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RiskCoverage:
    """Coverage (n,) rising to 1, risk (n,) there, and their area `aurc`; all in [0, 1], less is better."""

    coverage: Curve
    risk: Curve
    aurc: float

    def as_json(self) -> dict[str, Any]:
        """One head's entry of `risk_coverage` in report.json, at most POINTS points."""
        last = len(self.coverage) - 1
        kept = np.unique(np.linspace(0, last, min(POINTS, last + 1)).round().astype(np.intp))
        return {
            "coverage": [round(float(value), 5) for value in self.coverage[kept]],
            "risk": [round(float(value), 5) for value in self.risk[kept]],
            "aurc": round(self.aurc, 5),
        }


def certainty(scores: NDArray[np.float32], threshold: float) -> Curve:
    """How far each score (n,) is from `threshold`, as a share in [0, 1] of the room on its side."""
    gaps = scores.astype(np.float64) - threshold
    rooms = np.where(gaps >= 0, 1 - threshold, threshold)
    # A threshold of 0 or 1 leaves no room on one side; nothing can be certain there.
    return np.divide(np.abs(gaps), rooms, out=np.zeros(len(gaps)), where=rooms > 0)


def risk_coverage(
    scores: NDArray[np.float32], positive: NDArray[np.bool_], threshold: float
) -> RiskCoverage | None:
    """The curve and its area for scores (n,) in [0, 1]; None where no post has an answer.

    Posts without an answer (NaN) are left out. Posts of equal certainty come in together, whatever their
    order: each counts as wrong as they are on average.
    """
    answered = np.isfinite(scores)
    scores, positive = scores[answered], positive[answered]
    if not len(scores):
        return None
    wrong = ((scores >= threshold) != positive).astype(np.float64)
    _, level, sizes = np.unique(-certainty(scores, threshold), return_inverse=True, return_counts=True)
    shared = np.bincount(level, weights=wrong) / sizes
    decided = np.arange(1, len(wrong) + 1)
    risk = np.cumsum(np.repeat(shared, sizes)) / decided
    return RiskCoverage(decided / len(wrong), risk, float(risk.mean()))


def risk_coverage_figures(
    scores: NDArray[np.float32], labels: NDArray[np.int8], thresholds: Mapping[str, float]
) -> dict[str, Any]:
    """`risk_coverage` of report.json: per head of `thresholds` its curve, where a labelled post is answered.

    `scores` (n, h) float32 and `labels` (n, h) of 1, 0 and NOT_ANNOTATED, columns in HEAD_ORDER.
    """
    figures = {}
    for number, head in enumerate(HEAD_ORDER):
        known = labels[:, number] != NOT_ANNOTATED
        if head not in thresholds:
            continue
        found = risk_coverage(scores[known, number], labels[known, number] == 1, thresholds[head])
        if found is not None:
            figures[head] = found.as_json()
    return figures
