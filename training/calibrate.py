"""Calibration and thresholds, fitted on dev posts through the very network that ships (int8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from model.taxonomy import HEAD_ORDER
from training.corpora.pack import NOT_ANNOTATED

LEAST_EXAMPLES = 10
"""Fewer dev posts of either kind than this calibrate nothing: the head keeps the plain sigmoid."""


def fit_calibration(logits: NDArray[np.float32], labels: NDArray[np.int8]) -> dict[str, Any]:
    """The contents of `calibration.json`: one Platt line per head over its annotated dev posts.

    `logits` (n, h) float32 of the quantised network, `labels` (n, h) int8.
    Source: Platt 1999; fitted as an unpenalised logistic regression (scikit-learn).
    """
    heads = {}
    for number, head in enumerate(HEAD_ORDER):
        annotated = labels[:, number] != NOT_ANNOTATED
        heads[head] = _platt(logits[annotated, number], labels[annotated, number])
    return {"schema_version": 1, "method": "platt", "heads": heads}


def _platt(logits: NDArray[np.float32], labels: NDArray[np.int8]) -> dict[str, float]:
    plain = {"slope": 1.0, "intercept": 0.0}
    if min((labels == 1).sum(), (labels == 0).sum()) < LEAST_EXAMPLES:
        return plain
    fit = LogisticRegression(C=np.inf).fit(logits.reshape(-1, 1).astype(np.float64), labels)
    slope, intercept = float(fit.coef_[0, 0]), float(fit.intercept_[0])
    return {"slope": round(slope, 6), "intercept": round(intercept, 6)} if slope > 0 else plain


def choose_thresholds(
    scores: NDArray[np.float32],
    labels: NDArray[np.int8],
    corpora: Sequence[str],
    chosen_on: Mapping[str, Sequence[str]],
) -> dict[str, Any]:
    """The contents of `thresholds.json`: per head, the score that parts dev posts best.

    Best is the largest balanced accuracy (mean of recall and specificity), which does not depend on
    how common hate is among dev posts. `chosen_on` limits a head to the dev posts of some corpora.
    `scores` (n, h) float32 calibrated.
    """
    heads = {}
    for number, head in enumerate(HEAD_ORDER):
        usable = labels[:, number] != NOT_ANNOTATED
        if chosen_on.get(head):
            usable &= np.isin(np.asarray(corpora), list(chosen_on[head]))
        heads[head] = _best_threshold(scores[usable, number], labels[usable, number] == 1)
    return {"schema_version": 1, "heads": heads}


def _best_threshold(scores: NDArray[np.float32], positive: NDArray[np.bool_]) -> float:
    if min(positive.sum(), (~positive).sum()) < LEAST_EXAMPLES:
        return 0.5
    candidates = np.round(np.arange(0.02, 0.985, 0.01), 2)
    recall = np.array([(scores[positive] >= t).mean() for t in candidates])
    specificity = np.array([(scores[~positive] < t).mean() for t in candidates])
    return float(candidates[int(np.argmax(recall + specificity))])
