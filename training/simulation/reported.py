"""Which of the reported posts the desk labels: those that the sampler chooses, or a draw by chance."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from model.taxonomy import HEAD_ORDER
from training.simulation.baseline import Line
from training.simulation.desk import DeskChoice, DeskView, OpenDesk
from training.simulation.plan import SimulationPlan
from training.simulation.streams import Stream

DrawReported = Callable[[Sequence[int], int, int], Sequence[DeskChoice]]
"""Of places of the pool that were reported, in rising order, a number of them, by a seed."""


def by_chance(reported: Sequence[int], count: int, seed: int) -> list[DeskChoice]:
    """A draw in which each is as likely as any other, and may train."""
    order = np.random.default_rng([seed, 1]).permutation(reported)
    return [DeskChoice(int(place), may_train=True) for place in order[:count]]


def by_desk(
    open_desk: OpenDesk, streams: SimulationPlan, stream: Stream, start: Line, head: int
) -> DrawReported:
    """Batches of the sampler out of what was reported, by the scores of `start`, the baseline before them."""

    def draw(reported: Sequence[int], count: int, seed: int) -> list[DeskChoice]:
        places = np.asarray(reported, dtype=np.intp)
        vectors = stream.posts.vectors[stream.pool[places]]
        scores = np.zeros((len(places), len(HEAD_ORDER)))
        scores[:, head] = start.chances(vectors)
        units = streams.units_if_hateful * scores[:, head]
        labelled = np.zeros(len(places), dtype=np.bool_)

        def view() -> DeskView:
            return DeskView(scores, scores, vectors, units, labelled.copy(), [])

        desk = open_desk(view(), labels=count, batch_posts=streams.batch_posts, seed=seed)
        found: list[DeskChoice] = []
        while len(found) < count and (batch := desk.choose(view())):
            labelled[[choice.place for choice in batch]] = True
            found += [DeskChoice(int(places[choice.place]), choice.may_train) for choice in batch]
        return found[:count]

    return draw
