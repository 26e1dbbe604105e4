"""What the simulation asks of a sampler. It is handed in: training knows nothing of the labelling tool."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from training.simulation.vectors import Vectors


@dataclass(frozen=True, slots=True)
class DeskView:
    """What is known of a pool (n) before a batch: never a label that nobody has given yet.

    `scores` and `other_scores` (n, 4) float64: the chances of the baseline and of the one before, 0 for a
    head that nobody answers in this stream. `units` (n,): what reading a post is expected to weigh.
    `labelled` (n,): what has been chosen already. `anchors`: places labelled positive that may train, and
    each one's head.
    """

    scores: NDArray[np.float64]
    other_scores: NDArray[np.float64]
    vectors: Vectors
    units: NDArray[np.float64]
    labelled: NDArray[np.bool_]
    anchors: Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class DeskChoice:
    """A place in the pool that is labelled next, and whether its label may train."""

    place: int
    may_train: bool


class Chosen(Protocol):
    """What a desk of the labelling tool chooses: `DeskChoice` in its own words."""

    @property
    def place(self) -> int: ...  # noqa: D102 - the class says what it is
    @property
    def may_train(self) -> bool: ...  # noqa: D102 - the class says what it is


class Desk(Protocol):
    """A sampler at work on one pool."""

    def choose(self, view: DeskView, /) -> Sequence[Chosen]:
        """The next batch; shorter at the end of the pool."""
        ...


class OpenDesk(Protocol):
    """Opens a desk for `labels` labels of a pool, `batch_posts` at a time; the same for a seed."""

    def __call__(self, view: DeskView, /, *, labels: int, batch_posts: int, seed: int) -> Desk:
        """The desk, its audit drawn."""
        ...
