"""The dev posts that calibration has not seen: figures per head and corpus, intervals for the strands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.taxonomy import HEAD_ORDER, STRAND_ORDER
from training.corpora.mixture import MixturePost
from training.corpora.pack import NOT_ANNOTATED
from training.evaluation.bootstrap import Measured, bootstrap
from training.evaluation.metrics import auc_statistic, ece_statistic, head_figures, reliability

HATE = HEAD_ORDER.index("hate")


def dev_figures(
    posts: list[MixturePost], scores: NDArray[np.float32], thresholds: Mapping[str, float]
) -> dict[str, Any]:
    """Figures per head over all dev posts, and ROC-AUC of `hate` within each corpus that has both kinds."""
    corpora = np.asarray([post.corpus for post in posts])
    heads, bins = {}, {}
    for head in HEAD_ORDER:
        head_scores, labels = annotated(posts, scores, head)
        heads[head] = head_figures(head_scores, labels, thresholds[head])
        bins[head] = reliability(head_scores, labels)
    labels = label_table(posts)
    within = {}
    for corpus in sorted(set(corpora)):
        inside = (corpora == corpus) & (labels[:, HATE] != NOT_ANNOTATED)
        figures = head_figures(scores[inside, HATE], labels[inside, HATE], thresholds["hate"])
        if figures["roc_auc"] is not None:
            within[corpus] = figures
    return {"heads": heads, "hate_by_corpus": within, "reliability": bins}


def dev_measures(posts: list[MixturePost], scores: NDArray[np.float32]) -> dict[str, Measured | None]:
    """ROC-AUC and calibration error per strand, with intervals."""
    found: dict[str, Measured | None] = {}
    for strand in STRAND_ORDER:
        head_scores, labels = annotated(posts, scores, strand)
        positive = labels == 1
        both = bool(positive.any() and not positive.all())
        auc, ece = auc_statistic(head_scores, positive), ece_statistic(head_scores, positive)
        found[f"dev_auc_{strand}"] = bootstrap(auc, len(labels)) if both else None
        found[f"ece_{strand}"] = bootstrap(ece, len(labels)) if both else None
    return found


def annotated(
    posts: list[MixturePost], scores: NDArray[np.float32], head: str
) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
    """Scores and labels (n,) of the posts that are annotated for `head`."""
    number = HEAD_ORDER.index(head)
    labels = label_table(posts)[:, number]
    known = labels != NOT_ANNOTATED
    return scores[known, number], labels[known]


def label_table(posts: list[MixturePost]) -> NDArray[np.int8]:
    """Labels (n, 4) int8 in `HEAD_ORDER`."""
    return np.asarray([post.labels for post in posts], dtype=np.int8).reshape(len(posts), len(HEAD_ORDER))
