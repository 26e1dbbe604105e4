"""One batch of labelling tasks: the audit's share, then what teaches most, within a limit on exposure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from labelling.sampling.audit import AuditPost, plan_audit
from labelling.sampling.pool import Flags, Floats, Pool
from labelling.sampling.reading_order import interleaved
from labelling.sampling.rules import AUDIT, LoadedRules, Reason
from labelling.sampling.strategies import (
    Anchors,
    coded,
    disagreement,
    in_turns,
    most_unlike,
    neighbours,
    uncertainty,
)
from model.errors import BadInput
from model.taxonomy import HEAD_ORDER

TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class ChosenPost:
    """A post of a batch, why it is there, and what its label may be used for.

    `inclusion_probability` and `stratum` are of the audit alone: what a model chooses has no chance that is
    known. `why` is the reason in words, for the post's file and never for whoever labels it.
    """

    id: str
    text_sha256: str
    sample_reason: Reason
    why: str
    severity_units: float
    inclusion_probability: float | None = None
    stratum: int | None = None

    @property
    def may_gate(self) -> bool:
        """Whether its label may judge a bundle: of the audit alone."""
        return self.sample_reason == AUDIT

    @property
    def may_train(self) -> bool:
        """Whether its label may train a bundle now: not while it may judge one."""
        return not self.may_gate


@dataclass(frozen=True, slots=True)
class Batch:
    """The chosen posts in reading order. Fewer than `asked` where the pool or the limit held no more.

    `severity_units` is what reading it is expected to weigh. `audit_waiting` are posts of the audit that come
    in later batches: drawn is drawn, whatever they are.
    """

    posts: tuple[ChosenPost, ...]
    asked: int
    severity_units: float
    audit_waiting: tuple[AuditPost, ...]
    seed: int
    rules_sha256: str

    @property
    def reasons(self) -> Counter[Reason]:
        """How many posts each reason brought."""
        return Counter(post.sample_reason for post in self.posts)


def choose_batch(
    pool: Pool,
    loaded: LoadedRules,
    *,
    seed: int,
    posts: int | None = None,
    audit: Sequence[AuditPost] | None = None,
    anchors: Anchors | None = None,
    known: Collection[str] = (),
) -> Batch:
    """A batch of `posts` posts (None: the rules' own number), the same for the same pool and seed.

    `audit` are the posts of the frame's plan that still wait (`waiting`); None draws an audit from this
    pool, which is right where the pool is a frame of its own and serves one batch. `known` holds the
    SHA-256 of texts that have been labelled or are being: none is chosen again. A post that nearly repeats
    one of the audit is not chosen to train. Raises: BadInput.
    """
    rules = loaded.rules
    asked = rules.batch_posts if posts is None else posts
    random = np.random.default_rng(seed)
    places = rules.places(asked)
    known = set(known)
    if max((post.severity_units for post in audit or ()), default=0.0) > rules.exposure.units_per_batch or (
        pool.severity_units.max(initial=0.0) > rules.exposure.gravest_post_units
    ):
        raise BadInput("severity_units: more than the gravest post has", field="severity_units")
    if audit is None:
        fresh = np.asarray([digest not in known for digest in pool.text_sha256], dtype=np.bool_)
        audit = plan_audit(pool.only(fresh), places["audit"], rules.audit, seed=seed).posts
    choosing = _Choosing.start(pool, asked, rules.exposure.units_per_batch, known, audit)
    still_waiting = choosing.take_audit(audit, places["audit"])
    choosing.reserve()
    unsure = uncertainty(pool.scores)
    apart = disagreement(pool)
    head = np.argmax(unsure, axis=1) if len(pool) else np.zeros(0, dtype=np.intp)

    def why_uncertain(place: int) -> str:
        return f"{HEAD_ORDER[head[place]]} at {pool.scores[place, head[place]]:.2f}"

    by_disagreement = np.argsort(-apart, kind="stable")
    choosing.take(
        (int(place) for place in by_disagreement if apart[place] >= rules.disagreement_from),
        places["disagreement"],
        "disagreement",
        lambda place: "a person decided otherwise" if pool.overturned[place] else f"{apart[place]:.2f} apart",
    )
    choosing.take(
        coded(pool, rules.coded_terms, random),
        places["coded_term"],
        "coded_term",
        lambda place: ", ".join(term.term for term in pool.terms[place]),
    )
    choosing.take(
        neighbours(pool, anchors, choosing.free, rules.neighbours_looked_at, random),
        places["anchor_neighbour"],
        "anchor_neighbour",
        lambda _place: "near a post known to be hate",
    )
    # The rest of all places: where a source is empty, uncertainty has its share.
    wanted = asked - len(choosing.chosen)
    by_doubt = in_turns(unsure)
    by_doubt = by_doubt[choosing.free[by_doubt]]
    order = list(most_unlike(by_doubt, pool.vectors, wanted, rules.uncertain_among))
    choosing.take(order, wanted, "uncertainty", why_uncertain)
    # Near-duplicates may have closed posts that room was kept for: what is left of it is for whoever fits.
    choosing.release()
    choosing.take(order, asked - len(choosing.chosen), "uncertainty", why_uncertain)
    heavy = [post.severity_units >= rules.exposure.heavy_from_units for post in choosing.chosen]
    return Batch(
        posts=tuple(interleaved(choosing.chosen, heavy, random)),
        asked=asked,
        severity_units=choosing.units,
        audit_waiting=tuple(still_waiting),
        seed=seed,
        rules_sha256=loaded.sha256,
    )


@dataclass(slots=True)
class _Choosing:
    """A batch in the making: what is chosen, what it weighs, and which posts are still free (n,)."""

    pool: Pool
    asked: int
    most_units: float
    free: Flags
    by_cluster: dict[str, list[int]]
    chosen: list[ChosenPost] = field(default_factory=list)
    units: float = 0.0
    lightest: Floats = field(default_factory=lambda: np.zeros(1))
    """What the lightest 0, 1, 2, ... free posts weigh together: held in reserve for the places to come."""
    most_posts: int = 0
    """How many posts the batch can have at most: as many as asked for, or as the limit holds of the
    lightest."""

    @classmethod
    def start(
        cls, pool: Pool, asked: int, most_units: float, known: Collection[str], audit: Iterable[AuditPost]
    ) -> _Choosing:
        """Nothing chosen; known texts, the audit's posts and what nearly repeats one of them are not free."""
        by_cluster: dict[str, list[int]] = {}
        for place, cluster in enumerate(pool.clusters):
            if cluster is not None:
                by_cluster.setdefault(cluster, []).append(place)
        protected = {post.text_sha256 for post in audit}
        barred = protected | set(known)
        free = np.asarray([digest not in barred for digest in pool.text_sha256], dtype=np.bool_)
        for post in audit:
            free[by_cluster.get(post.cluster or "", [])] = False
        return cls(pool, asked, most_units, free, by_cluster)

    def take_audit(self, audit: Sequence[AuditPost], places: int) -> Sequence[AuditPost]:
        """Takes the first of the audit that fit, in their order, and returns the others, which wait."""
        for number, post in enumerate(audit):
            too_heavy = self.units + post.severity_units > self.most_units + TOLERANCE
            if number == places or too_heavy:
                return audit[number:]
            self.units += post.severity_units
            self.chosen.append(
                ChosenPost(
                    post.id,
                    post.text_sha256,
                    AUDIT,
                    f"drawn from stratum {post.stratum}",
                    post.severity_units,
                    post.inclusion_probability,
                    post.stratum,
                )
            )
        return ()

    def reserve(self) -> None:
        """Keeps room for the lightest posts in the places that are still open."""
        self._weigh()
        room = self.most_units - self.units + TOLERANCE
        fitting = int(np.searchsorted(self.lightest, room, side="right")) - 1
        self.most_posts = min(self.asked, len(self.chosen) + fitting)

    def release(self) -> None:
        """Keeps no room any more."""
        self.most_posts = 0

    def take(self, order: Iterable[int], places: int, reason: Reason, why: Callable[[int], str]) -> None:
        """Takes the first `places` posts of `order` that are free and leave the limit whole."""
        taken = 0
        if places <= 0:
            return
        for place in order:
            if not self.free[place] or not self._fits(float(self.pool.severity_units[place])):
                continue
            self._close(place)
            self._weigh()
            self.units += float(self.pool.severity_units[place])
            self.chosen.append(
                ChosenPost(
                    self.pool.ids[place],
                    self.pool.text_sha256[place],
                    reason,
                    why(place),
                    float(self.pool.severity_units[place]),
                )
            )
            taken += 1
            if taken == places:
                return

    def _fits(self, units: float) -> bool:
        """Whether the limit holds the post, and with it the lightest others for the places that are left."""
        left = min(max(self.most_posts - len(self.chosen) - 1, 0), len(self.lightest) - 2)
        # The post itself may be one of the lightest: with it they are then the lightest `left + 1`.
        together = max(units + float(self.lightest[left]), float(self.lightest[left + 1]))
        alone = units if left == 0 else together
        return self.units + alone <= self.most_units + TOLERANCE

    def _weigh(self) -> None:
        units = self.pool.severity_units[self.free]
        if len(units) > self.asked + 1:
            units = np.partition(units, self.asked)[: self.asked + 1]
        self.lightest = np.concatenate([[0.0], np.cumsum(np.sort(units))])

    def _close(self, place: int) -> None:
        self.free[place] = False
        cluster = self.pool.clusters[place] if self.pool.clusters else None
        if cluster is not None:
            self.free[self.by_cluster[cluster]] = False
