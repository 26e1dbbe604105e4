"""Where a new post belongs: into a case of the same text, beside a decided one, or into one of its own. Pure.

Three rules stand above nearness. Nobody's judgement is stretched over words that they never read: once a
case has been judged, only exact copies join it. What a person has called different never meets again: a text
is checked against every text of a case, so a third one cannot bring the two together. And a report of
immediate danger waits behind no link, no parking and no question: it joins only what somebody can take now.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from serve.cases.leases import IS_DECIDED
from serve.storage.tables import HELD

NOT_DECIDED: Final = frozenset(
    {
        *("triage", "in_triage", "needs_info", "captured", "in_review", "second_review", "in_second_review"),
        *("adjudication", "in_adjudication", "duplicate_linked"),
    }
)
"""States of a case that copies may still join. A case that was found out of scope is read anew."""
BEING_JUDGED: Final = frozenset({"second_review", "in_second_review", "adjudication", "in_adjudication"})
"""Somebody has judged the case and is done with it."""
LINKED: Final = "duplicate_linked"


class How(StrEnum):
    """What becomes of a post."""

    OPENED = "opened"
    JOINED = "joined"
    LINKED = "linked"


@dataclass(frozen=True, slots=True)
class KnownCase:
    """A case that has the text, or one near it, as far as matching needs it.

    `linked_to`: the campaign's case, also once it was followed. `waits_for_anybody`: it can be claimed.
    """

    case_id: str
    state: str
    linked_to: str | None = None
    waits_for_anybody: bool = False
    cycle: int = 0

    @property
    def is_decided(self) -> bool:
        """Whether a person's decision stands."""
        return self.state in IS_DECIDED

    @property
    def campaign(self) -> str:
        """The case whose decision holds for this one: itself, if it followed another and was reopened."""
        return self.linked_to if self.linked_to and not self.cycle else self.case_id


@dataclass(frozen=True, slots=True)
class Copy:
    """A post to be placed, with its text's key.

    `case_id`: the id of the case that it gets if it gets one. `in_danger`: somebody who reported it said so.
    """

    post_id: str
    case_id: str
    key: str
    in_danger: bool = False
    opens_in: str = "captured"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a post belongs. `near`: 1.0 for an exact copy, None for a case of its own."""

    copy: Copy
    how: How
    case_id: str
    linked_to: str | None = None
    near: float | None = None


@dataclass(slots=True)
class Matcher:
    """Places posts one after the other; a case that one opens is there for the next.

    `cases`: cases that have a text, by its key. `near`: texts near a text, by key, with how near each is.
    `apart`: texts that a text is kept apart from. `texts`: those of them that a case has, by its id.
    """

    cases: Mapping[str, Sequence[KnownCase]]
    near: Mapping[str, Mapping[str, float]]
    apart: Mapping[str, frozenset[str]]
    texts: Mapping[str, frozenset[str]]
    _here: dict[str, list[KnownCase]] = field(default_factory=dict)
    _texts_here: dict[str, set[str]] = field(default_factory=dict)

    def place(self, copy: Copy) -> Place:
        """Where the post belongs; what follows knows that it is there."""
        place, case = self._best(copy)
        here = self._here.setdefault(copy.key, [])
        if case not in here:
            here.append(case)
        self._texts_here.setdefault(case.case_id, set()).add(copy.key)
        return place

    def _best(self, copy: Copy) -> tuple[Place, KnownCase]:
        found = list(self._options(copy.key))
        joined = [(case, near) for case, near in found if self._may_join(copy, case, near)]
        if joined:
            case, near = min(joined, key=lambda one: (-one[1], one[0].case_id))
            return Place(copy, How.JOINED, case.case_id, near=near), case
        linked = [(case, near) for case, near in found if self._may_link(copy, case, near)]
        if linked:
            case, near = max(linked, key=lambda one: (one[1], one[0].case_id))
            place = Place(copy, How.LINKED, copy.case_id, linked_to=case.campaign, near=near)
            return place, KnownCase(copy.case_id, LINKED, linked_to=case.campaign)
        place = Place(copy, How.OPENED, copy.case_id)
        return place, KnownCase(copy.case_id, copy.opens_in, waits_for_anybody=True)

    def _options(self, key: str) -> Iterable[tuple[KnownCase, float]]:
        """Every case with this text or one near it, the exact ones first, each once."""
        met: set[str] = set()
        for other, near in {key: 1.0, **self.near.get(key, {})}.items():
            for case in (*self.cases.get(other, ()), *self._here.get(other, ())):
                if case.case_id not in met:
                    met.add(case.case_id)
                    yield case, near

    def _may_join(self, copy: Copy, case: KnownCase, near: float) -> bool:
        if case.state not in NOT_DECIDED:
            return False
        # An exact copy brings nothing new together: its text is there already.
        if near < 1 and (case.state in BEING_JUDGED or self._is_apart(copy.key, case)):
            return False
        return not copy.in_danger or case.waits_for_anybody or case.state in HELD

    def _may_link(self, copy: Copy, case: KnownCase, near: float) -> bool:
        if copy.in_danger or self._is_apart(copy.key, case):
            return False
        return case.is_decided or (case.state in BEING_JUDGED and near < 1)

    def _is_apart(self, key: str, case: KnownCase) -> bool:
        apart = self.apart.get(key)
        if not apart:
            return False
        return any(
            apart & self.texts.get(case_id, frozenset()) or apart & self._texts_here.get(case_id, set())
            for case_id in {case.case_id, case.campaign}
        )
