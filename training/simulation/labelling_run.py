"""One stream labelled twice, by the sampler and by chance, with the average precision after each batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

from model.taxonomy import HEAD_ORDER
from training.corpora.pack import NOT_ANNOTATED
from training.simulation.baseline import Line, adapted
from training.simulation.desk import DeskView, OpenDesk
from training.simulation.plan import SimulationPlan
from training.simulation.streams import Places, Posts, Stream

Lines = tuple[Line | None, ...]

RANDOM_STEP = 250
"""Labels between two points of the random curve, from where the sampler's ends."""


@dataclass(slots=True)
class Curve:
    """One arm of one stream: labels given so far, and the average precision of each head then.

    `hateful` is the share of what was read that was hateful, `positives` per head those that may train.
    """

    labels: list[int] = field(default_factory=list)
    precision: dict[int, list[float]] = field(default_factory=dict)
    hateful: float = 0.0
    positives: dict[int, int] = field(default_factory=dict)

    def add(self, labels: int, precision: dict[int, float]) -> None:
        """Adds a point."""
        self.labels.append(labels)
        for head, value in precision.items():
            self.precision.setdefault(head, []).append(value)


def run_stream(
    plan: SimulationPlan, stream: Stream, start: Lines, open_desk: OpenDesk, seed: int
) -> list[dict[str, Any]]:
    """A row for each head of the stream, with both arms' curves; the same for a seed."""
    run = _Run(plan, stream, start, stream.posts.only(stream.pool))
    heads = [head for head in stream.heads if start[head] is not None]
    if not heads:
        return []
    random, sampled = run.at_random(heads, seed), run.by_desk(heads, open_desk, seed)
    return [
        {
            "stream": stream.kind,
            "corpus": stream.corpus,
            "head": HEAD_ORDER[head],
            "seed": seed,
            "test_positives": int((stream.posts.labels[stream.test, head] == 1).sum()),
            "test_posts": int((stream.posts.labels[stream.test, head] != NOT_ANNOTATED).sum()),
            "pool_posts": len(stream.pool),
            **{name: _arm(curve, head) for name, curve in (("random", random), ("sampler", sampled))},
        }
        for head in heads
    ]


def _arm(curve: Curve, head: int) -> dict[str, Any]:
    return {
        "labels": curve.labels,
        "average_precision": [round(value, 4) for value in curve.precision[head]],
        "positives": curve.positives[head],
        "hateful": round(curve.hateful, 4),
    }


@dataclass(frozen=True, slots=True)
class _Run:
    """A stream and the baseline's start on it."""

    plan: SimulationPlan
    stream: Stream
    start: Lines
    pool: Posts

    def at_random(self, heads: Sequence[int], seed: int) -> Curve:
        """Labels in an order by chance; all of them train."""
        order = self.stream.pool[np.random.default_rng([seed, 1]).permutation(len(self.stream.pool))]
        step, end = self.plan.batch_posts, min(self.plan.random_labels, len(order))
        shared = min(self.plan.sampled_labels, end)
        counts = [*range(0, shared + 1, step), *range(shared + RANDOM_STEP, end + 1, RANDOM_STEP)]
        curve, lines = Curve(), self.start
        for count in counts:
            lines = self._fitted(order[:count], heads, lines)
            curve.add(count, self._measured(lines, heads))
        self._tell(curve, order[: counts[-1]], order[: counts[-1]], heads)
        return curve

    def by_desk(self, heads: Sequence[int], open_desk: OpenDesk, seed: int) -> Curve:
        """Labels in the order of the sampler; those of its audit are read and do not train."""
        pool = self.stream.pool
        lines = before = self.start
        labelled = np.zeros(len(pool), dtype=np.bool_)
        train: list[int] = []
        wanted, step = self.plan.sampled_labels, self.plan.batch_posts
        desk = open_desk(
            self._view(lines, before, heads, labelled, train), labels=wanted, batch_posts=step, seed=seed
        )
        curve = Curve()
        curve.add(0, self._measured(lines, heads))
        while labelled.sum() < wanted:
            # A short batch before leaves the last one with more than is wanted.
            left = wanted - int(labelled.sum())
            chosen = desk.choose(self._view(lines, before, heads, labelled, train))[:left]
            if not chosen:
                break
            labelled[[choice.place for choice in chosen]] = True
            train += [choice.place for choice in chosen if choice.may_train]
            before, lines = lines, self._fitted(pool[train], heads, lines)
            curve.add(int(labelled.sum()), self._measured(lines, heads))
        self._tell(curve, pool[labelled], pool[train], heads)
        return curve

    def _view(
        self,
        lines: Lines,
        before: Lines,
        heads: Sequence[int],
        labelled: NDArray[np.bool_],
        train: Sequence[int],
    ) -> DeskView:
        pool = self.pool
        scores, others = (self._scores(each, heads) for each in (lines, before))
        anchors = [(place, head) for place in train for head in heads if pool.labels[place, head] == 1]
        units = self.plan.units_if_hateful * scores.max(axis=1)
        return DeskView(scores, others, pool.vectors, units, labelled.copy(), anchors)

    def _scores(self, lines: Lines, heads: Sequence[int]) -> NDArray[np.float64]:
        found = np.zeros((len(self.stream.pool), len(HEAD_ORDER)))
        for head in heads:
            line = lines[head]
            if line is not None:
                found[:, head] = line.chances(self.pool.vectors)
        return found

    def _fitted(self, places: Places, heads: Sequence[int], begin: Lines) -> Lines:
        found = list(self.start)
        for head in heads:
            start, known = self.start[head], self.stream.posts.labels[places, head] != NOT_ANNOTATED
            if start is not None and known.any():
                positive = self.stream.posts.labels[places[known], head] == 1
                vectors = self.stream.posts.vectors[places[known]]
                found[head] = adapted(vectors, positive, start, self.plan.penalty, begin[head])
        return tuple(found)

    def _measured(self, lines: Lines, heads: Sequence[int]) -> dict[int, float]:
        found = {}
        for head in heads:
            known = self.stream.test[self.stream.posts.labels[self.stream.test, head] != NOT_ANNOTATED]
            line = lines[head]
            if line is not None:
                positive = self.stream.posts.labels[known, head] == 1
                chances = line.chances(self.stream.posts.vectors[known])
                found[head] = float(average_precision_score(positive, chances))
        return found

    def _tell(self, curve: Curve, read: Places, train: Places, heads: Sequence[int]) -> None:
        labels = self.stream.posts.labels
        curve.hateful = float((labels[read] == 1).any(axis=1).mean()) if len(read) else 0.0
        curve.positives = {head: int((labels[train, head] == 1).sum()) for head in heads}
