"""The measures of ERASER over the words of one post. Pure.

Source: DeYoung et al. 2020, "ERASER: A Benchmark to Evaluate Rationalized NLP Models", and the authors' own
`rationale_benchmark/metrics.py`, which these follow where the paper leaves room; Mathew et al. 2021
(HateXplain) report the same measures.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import auc, average_precision_score, precision_recall_curve

from training.evaluation.bootstrap import Statistic, Values, Weights

IOU_MATCH: Final = 0.5
"""A predicted span matches from this overlap on. Source: DeYoung et al. 2020, section 5.1."""

BINS: Final = (0.01, 0.05, 0.1, 0.2, 0.5)
"""Shares of words whose removal is averaged into AOPC. Source: DeYoung et al. 2020, section 5.2."""

Marks = NDArray[np.bool_]
"""(words,) bool: which words of a post are in a rationale."""


def token_f1(gold: Marks, predicted: Marks) -> float:
    """F1 of predicted words against gold words, in [0, 1]; 0 where none is predicted."""
    both = int((gold & predicted).sum())
    return 2 * both / int(gold.sum() + predicted.sum()) if both else 0.0


def iou_precision_recall(gold: Marks, predicted: Marks) -> tuple[float, float]:
    """Shares in [0, 1] of predicted spans that match, and of gold spans so matched; NaN without any span.

    A span is a run of marked words. It matches if its words in common with some gold span are at least
    half of the words of both together.
    """
    gold_runs, predicted_runs = _runs(gold), _runs(predicted)
    matches = sum(
        max((_iou(run, other) for other in gold_runs), default=0.0) >= IOU_MATCH for run in predicted_runs
    )
    return (
        matches / len(predicted_runs) if predicted_runs else math.nan,
        matches / len(gold_runs) if gold_runs else math.nan,
    )


def iou_f1_statistic(precision_recall: NDArray[np.float64]) -> Statistic:
    """F1 of the mean precision and the mean recall of posts: (n, 2) float64 of `iou_precision_recall`.

    As the authors do, posts without a predicted span count for recall only. A statistic for `bootstrap`.
    """
    known = (~np.isnan(precision_recall)).astype(np.float64)
    values = np.nan_to_num(precision_recall)

    def iou_f1(weights: Weights) -> Values:
        # (draws, 2): precision and recall. Without any predicted span the mean precision counts as 0.
        means = (weights @ values) / np.maximum(weights @ known, 1)
        both = means.sum(axis=1)
        found: Values = np.divide(2 * means.prod(axis=1), both, out=np.zeros(len(both)), where=both > 0)
        return found

    return iou_f1


def auprc(gold: Marks, scores: NDArray[np.float64]) -> float:
    """The area under the precision-recall curve of the word scores, by trapezia, as the authors take it.

    `gold` must mark at least one word. It lies above average precision; the published figures for
    HateXplain are this one.
    """
    precision, recall, _ = precision_recall_curve(gold, scores)
    return float(auc(recall, precision))


def average_precision(gold: Marks, scores: NDArray[np.float64]) -> float:
    """Average precision of the word scores; NaN where gold marks all words or none, as any order is right."""
    if gold.all() or not gold.any():
        return math.nan
    return float(average_precision_score(gold, scores))


def top_words(scores: NDArray[np.float64], count: int) -> Marks:
    """Marks for the `count` highest scores; of equal scores the earlier word goes first."""
    marks = np.zeros(len(scores), dtype=np.bool_)
    marks[np.argsort(-scores, kind="stable")[:count]] = True
    return marks


def bin_sizes(word_count: int) -> list[int]:
    """How many words each of `BINS` is in a post of `word_count` words, rounded up: at least one."""
    return [math.ceil(share * word_count) for share in BINS]


def _runs(marks: Marks) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate(([False], marks, [False])).astype(np.int8)))
    return [(int(start), int(end)) for start, end in edges.reshape(-1, 2)]


def _iou(run: tuple[int, int], other: tuple[int, int]) -> float:
    common = min(run[1], other[1]) - max(run[0], other[0])
    return max(0, common) / (max(run[1], other[1]) - min(run[0], other[0])) if common > 0 else 0.0
