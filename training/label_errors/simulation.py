"""How many of the first suspects are errors, measured on errors that were planted.

`python -m training.label_errors.simulation` prints the table that docs/agreement.md quotes; with `--data
DIR` it plants errors in posts of a corpus too. A corpus has errors of its own, which count against the list
here although it may be right about them: its figures are lower bounds.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from model.errors import BadConfig
from model.post_labels import AnnotatorLabel, PostLabels
from model.taxonomy import HEAD_ORDER
from training.corpora.pack import NOT_ANNOTATED, read_corpus, read_manifest
from training.label_errors.command import SEED, label_errors_of

SHARE = 0.05
"""Labels that are turned round. Source: issue 6, part 4."""

POSTS = 4000
HEAD = "hate"

# Two topics with words in common. What is labelled 1 is only "about the harbour": nothing hateful is needed.
_TOWN = ("council", "library", "station", "market", "garden", "bus", "window", "street", "school", "bakery")
_HARBOUR = ("boat", "tide", "anchor", "harbour", "sail", "rope", "gull", "pier", "cargo", "lighthouse")
_BOTH = (
    *("the", "a", "our", "new", "old", "near", "today", "morning", "people", "went", "saw", "quiet", "busy"),
    *("after", "before", "long", "again", "with", "and", "of"),
)


@dataclass(frozen=True, slots=True)
class Found:
    """The list against the planted errors: the share that are errors of the first k, for each k.

    `listed` of the `planted` errors are somewhere in the list of `suspects`.
    """

    posts: int
    planted: int
    suspects: int
    listed: int
    precision_at: dict[int, float]

    @property
    def recall(self) -> float:
        """The share of the planted errors that are in the list."""
        return self.listed / self.planted


def made_up_posts(
    count: int = POSTS, *, rare: float = 1 / 8, seed: int = SEED, annotators: int = 6
) -> list[PostLabels]:
    """Neutral posts about two topics, a share `rare` about the second, rightly labelled by one person."""
    draw = np.random.default_rng(seed)
    posts = []
    for number in range(count):
        label = int(draw.random() < rare)
        topic, other = (_HARBOUR, _TOWN) if label else (_TOWN, _HARBOUR)
        words = list(draw.choice(_BOTH, draw.integers(6, 16)))
        words += list(draw.choice(topic, draw.integers(1, 5))) + list(draw.choice(other, draw.integers(0, 2)))
        draw.shuffle(words)
        said = AnnotatorLabel(annotator=f"annotator-{draw.integers(annotators)}", hate=_bit(label))
        text = f"{' '.join(words)} {number}"
        posts.append(PostLabels(id=f"made-up-{number}", text=text, source="made-up", labels=(said,)))
    return posts


def _bit(label: int) -> Literal[0, 1]:
    return 1 if label else 0


def corpus_posts(data: Path, corpus: str, *, most: int = POSTS, seed: int = SEED) -> list[PostLabels]:
    """Some posts of a corpus that have a label of HEAD, drawn by a seed. Raises: BadConfig."""
    place = HEAD_ORDER.index(HEAD)
    manifest = read_manifest(data)
    if corpus not in manifest:
        raise BadConfig(f"{corpus}: no such corpus in the manifest")
    labelled = [post for post in read_corpus(manifest[corpus]) if post.labels[place] != NOT_ANNOTATED]
    order = np.random.default_rng(seed).permutation(len(labelled))[:most]
    return [
        PostLabels(
            id=labelled[at].id,
            text=labelled[at].text,
            source=corpus,
            labels=(AnnotatorLabel(annotator="corpus", hate=_bit(labelled[at].labels[place])),),
        )
        for at in sorted(order)
    ]


def plant(
    posts: Sequence[PostLabels], *, share: float = SHARE, seed: int = SEED
) -> tuple[list[PostLabels], set[str]]:
    """The posts with a share of the labels of HEAD turned round, and the ids of those."""
    chosen = np.random.default_rng(seed).permutation(len(posts))[: round(share * len(posts))]
    wrong = {posts[place].id for place in chosen}
    return [_turned(post) if post.id in wrong else post for post in posts], wrong


def _turned(post: PostLabels) -> PostLabels:
    labels = tuple(
        label.model_copy(update={"hate": None if label.hate is None else 1 - label.hate})
        for label in post.labels
    )
    return post.model_copy(update={"labels": labels})


def measure(posts: Sequence[PostLabels], *, at: Sequence[int] = (20, 50, 100), seed: int = SEED) -> Found:
    """Plants errors, makes the list, and says how much of its top is errors."""
    planted, wrong = plant(posts, seed=seed)
    suspects = [row for row in label_errors_of(planted, seed=seed).suspects if row.head == HEAD]
    right = [suspect.post_id in wrong for suspect in suspects]
    precision = {k: sum(right[:k]) / k for k in (*at, len(wrong))}
    return Found(len(posts), len(wrong), len(suspects), sum(right), precision)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="data folder")
    parser.add_argument("--corpus", action="append", default=[], help="a corpus of it; repeatable")
    asked = parser.parse_args()
    rows = [("made-up posts", made_up_posts())]
    rows += [(name, corpus_posts(asked.data, name)) for name in asked.corpus if asked.data]
    sys.stdout.write(
        "| posts of | posts | planted | suspects | P@20 | P@50 | P@100 | P@planted | planted ones listed |\n"
    )
    sys.stdout.write("|---|---|---|---|---|---|---|---|---|\n")
    for name, posts in rows:
        found = measure(posts)
        shares = " | ".join(f"{value:.2f}" for value in found.precision_at.values())
        counts = f"{found.posts:,} | {found.planted} | {found.suspects}"
        sys.stdout.write(f"| {name} | {counts} | {shares} | {found.recall:.0%} |\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
