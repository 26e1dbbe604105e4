"""Unlabelled traffic: how often nothing in particular is taken for hate, and what a review budget finds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.taxonomy import HEAD_ORDER
from training.corpora.mixture import MixturePost
from training.corpora.pack import CorpusPost

HATE = HEAD_ORDER.index("hate")
TWEETS = "background_tweeteval"
BACKGROUNDS = {TWEETS: "test", "bold_religion_politics": None}
"""Corpus and the split that is measured on; None takes all of it."""

BACKGROUND_POSTS = 10_000

BUDGETS = (0.01, 0.05)
"""Shares of traffic that people can review. Source: CLASSIFIER.md section 4."""


def background_posts(posts: list[CorpusPost], split: str | None) -> list[CorpusPost]:
    """At most 10,000 posts of the split, evenly spread over the file, the first and the last among them."""
    chosen = [post for post in posts if split in (None, post.split)]
    if len(chosen) <= BACKGROUND_POSTS:
        return chosen
    # The places are more than 1 apart, so that no two of them are cut to the same row.
    places = np.linspace(0, len(chosen) - 1, BACKGROUND_POSTS).astype(np.int64)
    return [chosen[place] for place in places.tolist()]


def background_figures(scores: NDArray[np.float32], thresholds: Mapping[str, float]) -> dict[str, Any]:
    """The share of unlabelled traffic at or above each head's threshold, and above 0.5 on `hate`."""
    shares = {
        head: round(float((scores[:, number] >= thresholds[head]).mean()), 5)
        for number, head in enumerate(HEAD_ORDER)
    }
    return {
        "posts": len(scores),
        "share_at_threshold": shares,
        "hate_share_at_half": round(float((scores[:, HATE] >= 0.5).mean()), 5),
    }


def recall_at_budget(
    dev: list[MixturePost], dev_scores: NDArray[np.float32], traffic: NDArray[np.float32]
) -> dict[str, dict[str, float]]:
    """Per head, the share of its dev positives found if the top 1 % (5 %) of traffic scores is reviewed."""
    labels = np.asarray([post.labels for post in dev], dtype=np.int8)
    found: dict[str, dict[str, float]] = {}
    for number, head in enumerate(HEAD_ORDER):
        positive = labels[:, number] == 1
        if positive.any() and len(traffic):
            cuts = np.quantile(traffic[:, number], [1 - budget for budget in BUDGETS])
            found[head] = {
                f"{budget:.0%}": round(float((dev_scores[positive, number] > cut).mean()), 4)
                for budget, cut in zip(BUDGETS, cuts, strict=True)
            }
    return found
