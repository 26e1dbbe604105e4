"""What a person may read without holding it: cases of their queues that nobody is to read alone."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from serve.console.holding import case_at, holds
from serve.console.next_case import claimant_of
from serve.console.standing_pages import may_read
from serve.people.access import SignedIn, no_such
from serve.storage.tables import Case


def queues_of(person: SignedIn) -> tuple[str, ...]:
    """The queues whose cases this person may find and read: those that they may take cases from."""
    return claimant_of(person).queues


def case_within_reach(session: Session, person: SignedIn, case_id: str) -> Case:
    """The case, if it is of this person's queues or in their hands.

    Raises: NotFound, for a case out of reach as for one that there is not.
    """
    case = case_at(session, case_id)
    if case.queue not in queues_of(person) and case.leased_by != person.actor:
        raise no_such("case")
    return case


def may_read_texts(case: Case, person: SignedIn, now: datetime) -> bool:
    """Whether the posts of the case may be shown to this person: who holds it, or all once it rests."""
    return holds(case, person, now) or may_read(case)
