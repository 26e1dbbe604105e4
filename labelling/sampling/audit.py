"""The protected audit: posts drawn by chance, each with its chance, before anything else looks at the pool.

A frame is every post of a period. The audit is drawn from all of it at once and then handed out batch by
batch: drawn anew for each batch from what training has left, it would miss the posts that training took,
and its estimates would be of those that nobody found interesting.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labelling.sampling.pool import Floats, Places, Pool
from labelling.sampling.rules import AuditDesign
from model.errors import BadInput

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class AuditPost:
    """A post of an audit: its stratum in the frame, and the chance (0, 1] with which it was to be drawn."""

    id: str
    text_sha256: str
    severity_units: float
    cluster: str | None
    stratum: int
    inclusion_probability: float


@dataclass(frozen=True, slots=True)
class AuditPlan:
    """An audit drawn from a frame, in the order in which it is to be labelled.

    The order is by chance too, so that whatever has been labelled so far is a random part of each stratum.
    `stratum_posts` counts the frame's posts of each stratum: with the labels, all that an estimate needs.
    """

    posts: tuple[AuditPost, ...]
    stratum_posts: tuple[int, ...]
    seed: int


def plan_audit(frame: Pool, posts: int, design: AuditDesign, *, seed: int) -> AuditPlan:
    """An audit of `posts` posts of the frame; of all of it where it has fewer. The same for a seed.

    Raises: BadInput for a number below 0.
    """
    if posts < 0:
        raise BadInput("posts: a number from 0", field="posts")
    random = np.random.default_rng(seed)
    risk = frame.scores.max(axis=1, initial=0.0)
    stratum = strata(risk, min(posts, len(frame)), design)
    sizes = np.bincount(stratum, minlength=int(stratum.max(initial=0)) + 1)
    places = allocate(risk, stratum, min(posts, len(frame)), design)
    drawn: list[Places] = [
        random.permutation(np.flatnonzero(stratum == number))[:count] for number, count in enumerate(places)
    ]
    order = random.permutation(np.concatenate(drawn)) if drawn else np.zeros(0, dtype=np.intp)
    chance = places / np.maximum(sizes, 1)
    chosen = tuple(
        AuditPost(
            id=frame.ids[place],
            text_sha256=frame.text_sha256[place],
            severity_units=float(frame.severity_units[place]),
            cluster=frame.clusters[place] if frame.clusters else None,
            stratum=int(stratum[place]),
            inclusion_probability=float(chance[stratum[place]]),
        )
        for place in order
    )
    return AuditPlan(chosen, tuple(int(size) for size in sizes), seed)


def strata(risk: Floats, posts: int, design: AuditDesign) -> Places:
    """The stratum of each post (n,), numbered from the lowest scores up, none empty.

    Neighbours are joined, the smaller with the smaller, until each can have its fewest places.
    """
    if design.design == "uniform":
        return np.zeros(len(risk), dtype=np.intp)
    number = np.searchsorted(np.asarray(design.strata_from), risk, side="right")
    _, stratum = np.unique(number, return_inverse=True)
    sizes = np.bincount(stratum).tolist()
    while len(sizes) > 1 and sum(min(design.least_in_stratum, size) for size in sizes) > posts:
        pairs = [sizes[place] + sizes[place + 1] for place in range(len(sizes) - 1)]
        joined = int(np.argmin(pairs))
        stratum = np.where(stratum > joined, stratum - 1, stratum)
        sizes[joined : joined + 2] = [pairs[joined]]
    return np.asarray(stratum, dtype=np.intp)


def allocate(risk: Floats, stratum: Places, posts: int, design: AuditDesign) -> Counts:
    """How many of `posts` places each stratum (h,) has; never more than it holds, never below the fewest.

    A share `by_size` goes by size; the rest by size times the spread sqrt(p (1 - p)) of a label whose
    chance p is the stratum's mean score. Source: Neyman 1934, Journal of the Royal Statistical Society
    97:558.
    """
    sizes = np.bincount(stratum)
    if not len(stratum) or posts == 0:
        return np.zeros(len(sizes), dtype=np.int64)
    mean = np.bincount(stratum, weights=risk) / sizes
    spread = sizes * np.sqrt(mean * (1 - mean))
    by_size = sizes / sizes.sum()
    by_spread = spread / spread.sum() if spread.sum() > 0 else by_size
    wanted = posts * (design.by_size * by_size + (1 - design.by_size) * by_spread)
    places = np.minimum(design.least_in_stratum, sizes).astype(np.int64)
    if places.sum() > posts:  # one stratum is left, smaller than its fewest
        places[:] = np.minimum(posts, sizes)
    for _ in range(posts - int(places.sum())):
        places[int(np.argmax(np.where(places < sizes, wanted - places, -np.inf)))] += 1
    return places


def waiting(plan: AuditPlan, labelled: Sequence[str]) -> tuple[AuditPost, ...]:
    """The posts of a plan that are still to be labelled, in the plan's order; `labelled` are ids."""
    done = set(labelled)
    return tuple(post for post in plan.posts if post.id not in done)
