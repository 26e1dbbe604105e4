"""Posts that nearly repeat each other, and the labels that contradict each other on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.corpora.overlap import near_pairs
from training.label_errors.votes import NO_LABEL

NEAR = 0.8
"""Jaccard of words from which two posts count as one text. Ours: stricter than the 0.7 at which the recipes
keep posts away from dev, because there one too many costs nothing and here it is somebody's time."""


@dataclass(frozen=True, slots=True)
class Repeats:
    """Near-duplicates among n posts: `neighbours` of each post, and `families` (n,), one number a family.

    A family holds whatever hangs together over neighbours.
    """

    neighbours: tuple[tuple[int, ...], ...]
    families: NDArray[np.int64]


def repeats_among(normalised: Sequence[str], *, near: float = NEAR) -> Repeats:
    """The near-duplicates among texts that the normaliser has been over."""
    neighbours: list[list[int]] = [[] for _ in normalised]
    family = list(range(len(normalised)))

    def head_of(place: int) -> int:
        while family[place] != place:
            family[place] = family[family[place]]
            place = family[place]
        return place

    for first, second in near_pairs(normalised, jaccard=near):
        neighbours[first].append(second)
        neighbours[second].append(first)
        family[head_of(second)] = head_of(first)
    families = np.array([head_of(place) for place in range(len(normalised))], dtype=np.int64)
    return Repeats(tuple(tuple(sorted(near_by)) for near_by in neighbours), families)


def contradicting(repeats: Repeats, given: NDArray[np.int64], place: int) -> tuple[tuple[int, ...], float]:
    """The neighbours of a post with the other label, and their share among its neighbours with a label."""
    labelled = [other for other in repeats.neighbours[place] if given[other] != NO_LABEL]
    if given[place] == NO_LABEL or not labelled:
        return (), 0.0
    against = tuple(other for other in labelled if given[other] != given[place])
    return against, len(against) / len(labelled)
