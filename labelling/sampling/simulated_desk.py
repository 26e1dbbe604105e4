"""The sampler at work on arrays, as the simulation asks for it (`training/simulation/desk.py`).

Neither room imports the other: the front door hands `open_desk` to the simulation, and the two agree by
shape.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from labelling.sampling.audit import AuditPost, plan_audit
from labelling.sampling.batch import choose_batch
from labelling.sampling.pool import Flags, Floats, Pool, unit_rows
from labelling.sampling.rules import LoadedRules, load_sampling_rules
from labelling.sampling.strategies import Anchors
from model.configuration import sha256_of


class ArrayView(Protocol):
    """What is known of a pool (n) before a batch; see `DeskView` of the simulation."""

    @property
    def scores(self) -> Floats: ...  # noqa: D102 - the class says what they are
    @property
    def other_scores(self) -> Floats: ...  # noqa: D102 - the class says what they are
    @property
    def vectors(self) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]: ...  # noqa: D102 - the class says what they are
    @property
    def units(self) -> Floats: ...  # noqa: D102 - the class says what they are
    @property
    def labelled(self) -> Flags: ...  # noqa: D102 - the class says what they are
    @property
    def anchors(self) -> Sequence[tuple[int, int]]: ...  # noqa: D102 - the class says what they are


@dataclass(frozen=True, slots=True)
class ArrayChoice:
    """A place that is labelled next, and whether its label may train."""

    place: int
    may_train: bool


def open_desk(
    view: ArrayView, /, *, labels: int, batch_posts: int, seed: int, loaded: LoadedRules | None = None
) -> SimulatedDesk:
    """A desk for `labels` labels: its audit is drawn from the whole pool now. `loaded` None: the shipped
    rules."""
    rules = loaded or load_sampling_rules()
    share = rules.rules.quotas["audit"].share
    vectors = unit_rows(view.vectors.astype(np.float64))
    plan = plan_audit(_pool(view, vectors), round(labels * share), rules.rules.audit, seed=seed)
    return SimulatedDesk(rules, vectors, plan.posts, batch_posts, seed)


@dataclass(slots=True)
class SimulatedDesk:
    """The sampler with what of its audit still waits."""

    loaded: LoadedRules
    vectors: Floats
    audit: tuple[AuditPost, ...]
    batch_posts: int
    seed: int
    batches: int = 0

    def choose(self, view: ArrayView, /) -> Sequence[ArrayChoice]:
        """The next batch of the pool."""
        pool = _pool(view, self.vectors)
        places, heads = zip(*view.anchors, strict=True) if view.anchors else ((), ())
        batch = choose_batch(
            pool,
            self.loaded,
            seed=self.seed * 1000 + self.batches,
            posts=self.batch_posts,
            audit=self.audit,
            anchors=Anchors(self.vectors[list(places)], np.asarray(heads, dtype=np.intp)),
            known={pool.text_sha256[place] for place in np.flatnonzero(view.labelled)},
        )
        self.batches += 1
        self.audit = batch.audit_waiting
        return [ArrayChoice(int(post.id), post.may_train) for post in batch.posts]


def sampler_hashes(loaded: LoadedRules) -> dict[str, str]:
    """The SHA-256 of the rules and of the sampler's source: all that decides what a desk chooses."""
    source = b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))
    return {"rules": loaded.sha256, "source": sha256_of(source)}


def _pool(view: ArrayView, vectors: Floats) -> Pool:
    """The arrays as a pool: a place is its id, and stands for its text."""
    names = tuple(map(str, range(len(view.scores))))
    return Pool(
        ids=names,
        text_sha256=names,
        scores=view.scores,
        severity_units=view.units,
        other_scores=view.other_scores,
        overturned=np.zeros(len(names), dtype=np.bool_),
        vectors=vectors,
        clusters=(None,) * len(names),
        terms=((),) * len(names),
    )
