"""The case that an address names, and whether the person in front of the page holds it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from model.errors import NotFound
from serve.field_text import is_identifier
from serve.hub import Hub
from serve.people.access import SignedIn
from serve.storage.tables import HELD, Case

BEAT_SECONDS: Final = 30.0
"""How often an open, visible page renews its lease; three times a lease at least."""


@dataclass(frozen=True, slots=True)
class LeaseOnPage:
    """The lease as the bar at the top of a page shows it and its script renews it."""

    number: int
    expires_at: datetime
    seconds_left: float
    beat_seconds: float


def case_at(session: Session, case_id: str) -> Case:
    """The case of an address. Raises: NotFound."""
    case = session.get(Case, case_id) if is_identifier(case_id) else None
    if case is None:
        raise NotFound("there is no such case")
    return case


def holds(case: Case, person: SignedIn, now: datetime) -> bool:
    """Whether this person has a live lease on the case."""
    return (
        case.state in HELD
        and case.leased_by == person.actor
        and case.lease_expires_at is not None
        and case.lease_expires_at > now
    )


def lease_on_page(hub: Hub, case: Case, now: datetime) -> LeaseOnPage:
    """The lease of a case that is held."""
    if case.lease_expires_at is None:
        raise TypeError("a held case has an end of its lease (constraint ck_cases_lease)")
    return LeaseOnPage(
        number=case.lease_number,
        expires_at=case.lease_expires_at,
        seconds_left=round((case.lease_expires_at - now).total_seconds(), 1),
        beat_seconds=min(BEAT_SECONDS, hub.settings.lease_seconds / 3),
    )
