"""What a person may read without holding it: cases of their queues that nobody is to read alone."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from model.errors import NotFound
from serve.cases.workflow.states import State
from serve.console.queue_pages import claimant_of
from serve.field_text import is_identifier
from serve.people.access import SignedIn
from serve.storage.tables import CLAIMABLE, HELD, Case

READ_BY_THEIR_HOLDER: Final = frozenset({*CLAIMABLE, *HELD, State.RECEIVED.value, State.SCORED.value})
"""While a case waits for a reader or has one, nobody else reads it."""


def queues_of(person: SignedIn) -> tuple[str, ...]:
    """The queues whose cases this person may find and read: those that they may take cases from."""
    return claimant_of(person).queues


def case_within_reach(session: Session, person: SignedIn, case_id: str) -> Case:
    """The case, if it is of this person's queues or in their hands.

    Raises: NotFound, for a case out of reach as for one that there is not.
    """
    case = session.get(Case, case_id) if is_identifier(case_id) else None
    if case is None or (case.queue not in queues_of(person) and case.leased_by != person.actor):
        raise NotFound("there is no such case")
    return case


def may_read_texts(case: Case, person: SignedIn, now: datetime) -> bool:
    """Whether the posts of the case may be shown to this person: its holder, or anybody once it is at rest.

    An emergency is passed on by whoever sees it, and needs its text.
    """
    if case.state in HELD and case.leased_by == person.actor:
        return case.lease_expires_at is not None and case.lease_expires_at > now
    return case.emergency == State.EMERGENCY_ESCALATED.value or case.state not in READ_BY_THEIR_HOLDER
