"""Unlabelled traffic as presumed negatives."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from model.taxonomy import HEAD_ORDER
from training.corpora.pack import CorpusPost
from training.recipe import BackgroundUse


def presumed_negatives(
    posts: Sequence[CorpusPost], use: BackgroundUse, seed: int, mentions: Callable[[str], bool]
) -> list[CorpusPost]:
    """A seeded draw of the posts, labelled 0 on every head; as many as asked for name an identity."""
    drawn = [post for post in posts if post.split in use.splits]
    random.Random(f"{seed}:{use.name}").shuffle(drawn)  # noqa: S311 - a reproducible draw, not a secret
    naming = [post for post in drawn if mentions(post.text)][: use.mentions] if use.mentions else []
    named = {id(post) for post in naming}
    rest = [post for post in drawn if id(post) not in named]
    chosen = [*naming, *rest[: max(0, use.posts - len(naming))]]
    for post in chosen:
        post.labels = [0] * len(HEAD_ORDER)
        post.split = "train"
    return chosen
