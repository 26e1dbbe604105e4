"""Calibration and thresholds, fitted on dev posts through the very network that ships (int8).

A probability is calibrated to a pool of posts: here to the half of the recipe's dev posts that
`in_calibration_half` picks. Corpora are rich in hate, so far more of them are hateful than of the posts of
any platform; `calibrated_to` in `calibration.json` says what share of the pool was, head by head. A score of
0.5 means "as likely as not" among such posts. Where hate is rarer it means less: see
`training.evaluation.operating.at_base_rate` and the table that it fills.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from model.taxonomy import HEAD_ORDER
from training.corpora.pack import NOT_ANNOTATED
from training.recipe import ThresholdRule

LEAST_EXAMPLES = 10
"""Fewer dev posts of either kind than this calibrate nothing: the head keeps the plain sigmoid."""

LEAST_SLOPE = 1e-5

CANDIDATES: NDArray[np.float64] = np.round(np.arange(0.05, 0.955, 0.01), 2)
"""Thresholds tried. None below 0.05: a calibrated score of 0.03 is no ground to name a strand."""


def fit_calibration(logits: NDArray[np.float32], labels: NDArray[np.int8]) -> dict[str, Any]:
    """The contents of `calibration.json`: one Platt line per head over its annotated dev posts.

    `calibrated_to` counts those posts and the hateful ones among them.

    `logits` (n, h) float32 of the quantised network, `labels` (n, h) int8.
    Source: Platt 1999; fitted as an unpenalised logistic regression (scikit-learn).
    """
    heads, pool = {}, {}
    for number, head in enumerate(HEAD_ORDER):
        annotated = labels[:, number] != NOT_ANNOTATED
        heads[head] = fit_platt(logits[annotated, number], labels[annotated, number])
        pool[head] = {"posts": int(annotated.sum()), "hateful": int((labels[:, number] == 1).sum())}
    return {"schema_version": 1, "method": "platt", "heads": heads, "calibrated_to": pool}


def fit_platt(logits: NDArray[np.float32], labels: NDArray[np.int8]) -> dict[str, float]:
    """Slope and intercept for logits (n,) and labels (n,) of 1 and 0; the plain sigmoid where in doubt."""
    plain = {"slope": 1.0, "intercept": 0.0}
    if min((labels == 1).sum(), (labels == 0).sum()) < LEAST_EXAMPLES:
        return plain
    fit = LogisticRegression(C=np.inf).fit(logits.reshape(-1, 1).astype(np.float64), labels)
    slope, intercept = float(fit.coef_[0, 0]), float(fit.intercept_[0])
    # A slope that rounds to less than the reader takes is no order at all.
    return {"slope": round(slope, 6), "intercept": round(intercept, 6)} if slope >= LEAST_SLOPE else plain


def choose_thresholds(
    scores: NDArray[np.float32],
    labels: NDArray[np.int8],
    corpora: Sequence[str],
    rules: Mapping[str, ThresholdRule],
) -> dict[str, Any]:
    """The contents of `thresholds.json`: per head, the score that parts dev posts best by its rule.

    Balanced accuracy (the mean of recall and specificity) does not depend on how common hate is among
    dev posts; F1 keeps the review load of a rare head in bounds. `scores` (n, h) float32 calibrated.
    """
    heads = {}
    for number, head in enumerate(HEAD_ORDER):
        rule = rules[head]
        usable = labels[:, number] != NOT_ANNOTATED
        if rule.corpora:
            usable &= np.isin(np.asarray(corpora), list(rule.corpora))
        heads[head] = _best_threshold(scores[usable, number], labels[usable, number] == 1, rule.maximise)
    return {"schema_version": 1, "heads": heads}


def _best_threshold(scores: NDArray[np.float32], positive: NDArray[np.bool_], maximise: str) -> float:
    if min(positive.sum(), (~positive).sum()) < LEAST_EXAMPLES:
        return 0.5
    recall = np.array([(scores[positive] >= t).mean() for t in CANDIDATES])
    if maximise == "balanced_accuracy":
        specificity = np.array([(scores[~positive] < t).mean() for t in CANDIDATES])
        return float(CANDIDATES[int(np.argmax(recall + specificity))])
    flagged = np.array([(scores >= t).sum() for t in CANDIDATES])
    f1 = 2 * recall * positive.sum() / (flagged + positive.sum())
    return float(CANDIDATES[int(np.argmax(f1))])
