"""A file of posts and labels as arrays: who said what of one head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.post_labels import AnnotatorLabel, PostLabels

NO_LABEL = -1
"""A tie, or a post of which nobody said anything about the head."""


@dataclass(frozen=True, slots=True)
class Votes:
    """One head over n posts and m annotators.

    `values` is (n, m), NaN for no answer; `given` (n,) the label as it stands: adjudicated, else the
    majority, else NO_LABEL; `adjudicated` (n,) where the first of these decided.
    """

    head: str
    annotators: tuple[str, ...]
    values: NDArray[np.float64]
    given: NDArray[np.int64]
    adjudicated: NDArray[np.bool_]

    def of(self, place: int) -> dict[str, int]:
        """The votes on one post, by annotator."""
        row = self.values[place]
        return {self.annotators[who]: int(row[who]) for who in np.flatnonzero(~np.isnan(row))}

    @property
    def counts(self) -> NDArray[np.int64]:
        """How many annotators answered each post, (n,)."""
        answered: NDArray[np.int64] = (~np.isnan(self.values)).sum(axis=1)
        return answered


def votes_of(posts: Sequence[PostLabels], head: str) -> Votes:
    """The votes on a head (one of HEAD_ORDER) in the order of the posts."""
    annotators = sorted({label.annotator for post in posts for label in post.labels})
    columns = {annotator: column for column, annotator in enumerate(annotators)}
    values = np.full((len(posts), len(annotators)), np.nan)
    given = np.full(len(posts), NO_LABEL, dtype=np.int64)
    adjudicated = np.zeros(len(posts), dtype=np.bool_)
    for place, post in enumerate(posts):
        for label in post.labels:
            if (said := _said(label, head)) is not None:
                values[place, columns[label.annotator]] = said
        decided = _said(post.adjudicated, head) if post.adjudicated else None
        adjudicated[place] = decided is not None
        given[place] = _majority(values[place]) if decided is None else decided
    return Votes(head, tuple(annotators), values, given, adjudicated)


def _said(label: AnnotatorLabel, head: str) -> int | None:
    said: int | None = getattr(label, head)
    return said


def _majority(row: NDArray[np.float64]) -> int:
    ones, zeros = int((row == 1).sum()), int((row == 0).sum())
    return NO_LABEL if ones == zeros else int(ones > zeros)
