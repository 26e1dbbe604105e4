"""What a label of each post would teach: orders of the pool, one for each reason, best first.

All take the pool's columns and give places into it. None looks at labels, beyond the anchors' vectors.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labelling.sampling.pool import CodedTerm, Flags, Floats, Places, Pool
from labelling.sampling.rules import CodedTermRules


@dataclass(frozen=True, slots=True)
class Anchors:
    """Known positives that may train: their vectors (m, d), and the head (m,) that each is positive for.

    Never posts of an audit: their neighbours would lead training to them.
    """

    vectors: Floats
    head: NDArray[np.intp]


def uncertainty(scores: Floats) -> Floats:
    """How little each head (n, 4) knows of each post, in [0, 1]: 1 at a chance of one half.

    One less the distance between the two answers. Source: Luo et al. 2005, Journal of Machine Learning
    Research 6:589 (breaking ties).
    """
    unsure: Floats = 1 - np.abs(2 * scores - 1)
    return unsure


def in_turns(unsure: Floats) -> Places:
    """All posts in order of doubt (n, 4), the heads taking turns: each one's most uncertain before any's
    second.

    The best of a post's ranks over the heads, not the highest of its uncertainties: where one head doubts
    many posts, as `hate` does, the rare strands would have no label from the highest alone. A head that
    doubts nothing has no turn.
    """
    asking = unsure[:, unsure.max(axis=0, initial=0.0) > 0]
    if not asking.size:
        return np.arange(len(unsure))
    rank = np.argsort(np.argsort(-asking, axis=0, kind="stable"), axis=0, kind="stable")
    return np.lexsort((-unsure.max(axis=1), rank.min(axis=1)))


def disagreement(pool: Pool) -> Floats:
    """The largest difference (n,) between the two bundles over the heads; 1 where a person has overturned."""
    apart = np.nan_to_num(np.abs(pool.scores - pool.other_scores), nan=0.0).max(axis=1, initial=0.0)
    found: Floats = np.where(pool.overturned, 1.0, apart)
    return found


def most_unlike(order: Places, vectors: Floats | None, wanted: int, among: int) -> Iterator[int]:
    """`order`, the first `wanted` of which are the most unlike one another of its first `wanted * among`.

    Starts at the best, then takes in turn what is farthest from all taken. Source: Zhdanov 2019, "Diverse
    mini-batch active learning" (first by informativeness, then by diversity); Gonzalez 1985 (farthest
    first).
    """
    head, rest = order[: wanted * among], order[wanted * among :]
    if vectors is None or not len(head):
        yield from order.tolist()
        return
    rows = vectors[head]
    nearness = np.full(len(head), -np.inf)
    left = np.ones(len(head), dtype=np.bool_)
    place = 0
    for _ in range(len(head)):
        left[place] = False
        yield int(head[place])
        nearness = np.maximum(nearness, rows @ rows[place])
        place = int(np.argmin(np.where(left, nearness, np.inf)))
    yield from rest.tolist()


def neighbours(
    pool: Pool, anchors: Anchors | None, free: Flags, looked_at: int, random: np.random.Generator
) -> Iterator[int]:
    """Of one anchor after another its nearest free posts' most uncertain one; heads take turns.

    `free` (n,) is read anew for each anchor. Source: Lesci and Vlachos, NAACL 2024 (AnchorAL: uncertainty
    within what is near to known posts of the rare class).
    """
    if anchors is None or pool.vectors is None or not len(anchors.head):
        return
    turns = [random.permutation(np.flatnonzero(anchors.head == head)) for head in np.unique(anchors.head)]
    unsure = uncertainty(pool.scores)
    for turn in range(max(len(places) for places in turns)):
        for places in turns:
            if turn >= len(places):
                continue
            anchor = places[turn]
            near = np.where(free, pool.vectors @ anchors.vectors[anchor], -np.inf)
            nearest = np.argpartition(-near, min(looked_at, len(near) - 1))[:looked_at]
            nearest = nearest[np.isfinite(near[nearest])]
            if len(nearest):
                yield int(nearest[np.argmax(unsure[nearest, anchors.head[anchor]])])


def coded(pool: Pool, rules: CodedTermRules, random: np.random.Generator) -> Iterator[int]:
    """Posts that hold a live coded term, terms in turn, the least reviewed first; within a term by chance.

    By chance, because the labels are to measure the term's precision on all its posts.
    """
    by_term: dict[CodedTerm, list[int]] = {}
    for place, terms in enumerate(pool.terms):
        for term in terms:
            if not suspended(term, rules):
                by_term.setdefault(term, []).append(place)
    live = sorted(by_term, key=lambda term: (term.reviews, term.term))
    turns: list[Sequence[int]] = [random.permutation(by_term[term]).tolist() for term in live]
    for turn in range(max((len(places) for places in turns), default=0)):
        yield from (places[turn] for places in turns if turn < len(places))


def suspended(term: CodedTerm, rules: CodedTermRules) -> bool:
    """Whether enough reviews have shown that a term mostly stands in harmless posts."""
    reviewed = term.reviews >= rules.suspended_from_reviews
    return reviewed and term.precision is not None and term.precision < rules.suspended_below
