"""From votes to one label, and how it came about: never a label without its provenance.

The ladder: all agree, else an adjudicator decided, else the posterior is sure, else it stays unresolved.
What is unresolved is kept as a soft label for training, and is never judged by: it stays out of the gate
set.
Source: LABELLING.md section 4 and section 6 (disagreement is kept as a distribution, never erased).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np

from labelling.quality.dawid_skene import dawid_skene
from labelling.quality.figures import Values
from labelling.quality.ratings import Ratings

Provenance = Literal["unanimous", "adjudicated", "posterior", "unresolved"]

SURE: Final = 0.9
"""The least posterior that stands for a consensus. Source: LABELLING.md section 4."""

LEAST_SHARED: Final = 30
"""Below so many texts with two or more answers the posterior knows too little of the annotators to decide."""


@dataclass(frozen=True, slots=True)
class Consensus:
    """What a text's votes come to. `value` is None where it is unresolved.

    `votes` counts the answers by value. `soft_label` is the distribution that stands whatever the ladder
    says: the shares of the votes, (classes,), summing to 1; `posterior` what Dawid and Skene (or another
    model of the annotators) make of them, None where it was not asked.
    """

    text: str
    value: int | None
    provenance: Provenance
    votes: Mapping[int, int]
    soft_label: tuple[float, ...]
    posterior: tuple[float, ...] | None

    @property
    def may_gate(self) -> bool:
        """Whether a bundle may be judged by it."""
        return self.provenance != "unresolved"


def majority(votes: Mapping[int, int]) -> int | None:
    """The value with most votes; None of a tie or of nothing."""
    ordered = sorted(votes.items(), key=lambda vote: -vote[1])
    if not ordered or (len(ordered) > 1 and ordered[0][1] == ordered[1][1]):
        return None
    return ordered[0][0]


def consensus(
    text: str,
    votes: Mapping[int, int],
    *,
    classes: int,
    posterior: Sequence[float] | None = None,
    adjudicated: int | None = None,
) -> Consensus:
    """One text's way up the ladder.

    An adjudication stands above unanimity: whoever made it had seen the votes. One vote alone is not
    unanimous; it resolves only by adjudication or by a posterior of SURE or more.
    """
    total = sum(votes.values())
    shares = tuple(votes.get(value, 0) / total if total else 1 / classes for value in range(classes))
    value, provenance = _rung(votes, total, posterior, adjudicated)
    likely = None if posterior is None else tuple(float(share) for share in posterior)
    return Consensus(text, value, provenance, dict(votes), shares, likely)


def _rung(
    votes: Mapping[int, int], total: int, posterior: Sequence[float] | None, adjudicated: int | None
) -> tuple[int | None, Provenance]:
    if adjudicated is not None:
        return adjudicated, "adjudicated"
    given = [value for value, count in votes.items() if count]
    if total >= 2 and len(given) == 1:
        return given[0], "unanimous"
    if total and posterior is not None and max(posterior) >= SURE:
        return int(np.argmax(posterior)), "posterior"
    return None, "unresolved"


def ladder(
    ratings: Ratings,
    classes: int,
    *,
    adjudicated: Mapping[str, int] | None = None,
    posterior: Values | None = None,
) -> list[Consensus]:
    """The consensus of every text, in the table's order; `adjudicated` gives the decided value by text.

    `posterior` (texts, classes) may come from a model that knows more, such as CROWDLAB; else it is that of
    Dawid and Skene. With fewer than LEAST_SHARED shared texts no posterior of theirs decides, though it is
    still given.

    Raises: BadInput as `dawid_skene` does.
    """
    decides = posterior is not None or ratings.shared_texts >= LEAST_SHARED
    likely = dawid_skene(ratings, classes).posterior if posterior is None else posterior
    decided = adjudicated or {}
    found = []
    for place, text in enumerate(ratings.texts):
        votes = _votes(ratings.values[place])
        row = tuple(float(share) for share in likely[place])
        sure_enough = row if decides else None
        one = consensus(text, votes, classes=classes, posterior=sure_enough, adjudicated=decided.get(text))
        found.append(replace(one, posterior=row))
    return found


def _votes(row: Values) -> dict[int, int]:
    values, counts = np.unique(row[~np.isnan(row)], return_counts=True)
    return {int(value): int(count) for value, count in zip(values, counts, strict=True)}
