"""HateXplain's test posts: does `hate` order them, and does naming a community move it?

The published test split is never trained on (`training.corpora.mixture`). Source: Mathew et al. 2021.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.corpora.pack import CorpusPost
from training.evaluation.bias import KINDS, Mask, bias_figures
from training.evaluation.bootstrap import Measured, bootstrap
from training.evaluation.metrics import auc_statistic

COMMUNITIES = (
    "African",
    "Islam",
    "Jewish",
    "Homosexual",
    "Women",
    "Refugee",
    "Arab",
    "Caucasian",
    "Asian",
    "Hispanic",
)
"""The ten most frequent target communities. Source: the authors' Bias_Calculation_NB.ipynb."""

HATEFUL, OFFENSIVE, NORMAL = "hatespeech", "offensive", "normal"

CHOICE = (
    "A community belongs to a post if at least one of its three annotators names it. The authors want two, "
    "but the data folder says how many named a community only for hateful posts, and one rule has to hold "
    "for all. As in the authors' notebook, posts without any of the ten communities are left out, and the "
    "background of a community are the posts that name others."
)


def published_test(posts: list[CorpusPost]) -> list[CorpusPost]:
    """The published test split, less the posts on which the annotators did not agree."""
    return [post for post in posts if post.split == "test" and post.kind in (HATEFUL, OFFENSIVE, NORMAL)]


def communities_of(posts: list[CorpusPost]) -> dict[str, Mask]:
    """Per community the posts (n,) that at least one annotator saw it named in."""
    named = [frozenset((post.target or "").split(";")) for post in posts]
    return {name: np.asarray([name in names for names in named], dtype=bool) for name in COMMUNITIES}


def hatexplain_figures(
    posts: list[CorpusPost], hate: NDArray[np.float32], threshold: float
) -> tuple[dict[str, Any], dict[str, Measured | None]]:
    """AUROCs of the `hate` score, and the bias AUCs with toxic (hateful or offensive) against normal."""
    kinds = np.asarray([post.kind for post in posts])
    plain = kinds != OFFENSIVE
    communities = communities_of(posts)
    anywhere: Mask = np.any(np.stack(list(communities.values())), axis=0)
    inside = {name: mask[anywhere] for name, mask in communities.items()}
    bias, means = bias_figures(hate[anywhere], kinds[anywhere] != NORMAL, inside, threshold)
    measures: dict[str, Measured | None] = {
        "hatexplain_hate_auc": bootstrap(
            auc_statistic(hate[plain], kinds[plain] == HATEFUL), int(plain.sum())
        ),
        "hatexplain_toxic_auc": bootstrap(auc_statistic(hate, kinds != NORMAL), len(posts)),
        **{f"hatexplain_gmb_{kind}": means[kind] for kind in KINDS},
    }
    figures = {
        "posts": len(posts),
        "posts_with_a_community": int(anywhere.sum()),
        "kinds": {kind: int((kinds == kind).sum()) for kind in (HATEFUL, OFFENSIVE, NORMAL)},
        "score": "hate",
        "choice": CHOICE,
        **bias,
    }
    return figures, measures
