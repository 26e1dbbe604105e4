"""Leases: who holds a case, until when, and the number that fences out whoever has lost it.

What is claimable and what has expired are two questions on two partial indexes, never one OR.
Source: PROMISES.md section 0, findings 4 and 5.

The clock is the server's (`now`, UTC, passed in by the caller), on both databases alike, so that a test
can move it. Servers whose clocks differ can only end a lease early or late by the difference: a decision
also needs the lease number, which the database alone hands out, so no skew lets two decisions through.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Text,
    and_,
    case,
    literal_column,
    select,
    text,
    update,
)
from sqlalchemy.orm import Session

from model.errors import CaseDecided, Fault, LeaseLost, NotFound
from serve.audit.events import Event
from serve.audit.log import Detail, record
from serve.cases.workflow.guards import DECIDED
from serve.cases.workflow.states import CaseAction
from serve.cases.workflow.table import EDGES
from serve.storage.tables import HELD, Case, Decision, Judgement

REAPER = "system:reaper"
REAPER_BATCH = 500
"""Most leases ended by one statement, so that other writers get their turn."""

# Spelled out, not bound: with a parameter in its place neither database may use the partial index.
IS_LEASED = text("cases.lease_expires_at IS NOT NULL")
IS_HELD: Final = Case.state.in_([literal_column(f"'{state}'", Text) for state in HELD])

TAKEN: Final[Mapping[str, str]] = MappingProxyType(
    {edge.before.value: edge.after.value for edge in EDGES if edge.action is CaseAction.CLAIM}
)
"""A waiting state -> the state in which somebody holds the case."""

GIVEN_BACK: Final[Mapping[str, str]] = MappingProxyType({held: waits for waits, held in TAKEN.items()})
"""The other way round."""

IS_DECIDED: Final = frozenset(state.value for state in DECIDED)


@dataclass(frozen=True, slots=True)
class ClaimedCase:
    """A live lease on a case. `lease_number` has to come back with everything its holder does."""

    case_id: str
    actor: str
    lease_number: int
    lease_expires_at: datetime
    state: str


def held_by(session: Session, actor: str, now: datetime) -> ClaimedCase | None:
    """The live lease that `actor` already has, the one that ends soonest; None if there is none."""
    row = session.execute(
        select(*LEASE_COLUMNS)
        .where(text("cases.leased_by IS NOT NULL"), Case.leased_by == actor, Case.lease_expires_at > now)
        .order_by(Case.lease_expires_at, Case.case_id)
        .limit(1)
    ).first()
    return None if row is None else claimed_case(row)


def heartbeat(
    session: Session, *, case_id: str, lease_number: int, actor: str, now: datetime, lease_seconds: float
) -> ClaimedCase:
    """The same lease, now ending `lease_seconds` from `now`.

    Raises: LeaseLost, CaseDecided, NotFound.
    """
    row = session.execute(
        update(Case)
        .where(*live_lease(case_id, lease_number, actor, now))
        .values(lease_expires_at=now + timedelta(seconds=lease_seconds))
        .returning(*LEASE_COLUMNS)
        .execution_options(synchronize_session=False)
    ).first()
    if row is None:
        raise why_lost(session, case_id, lease_number, actor)
    claimed = claimed_case(row)
    record_lease(session, claimed, Event.LEASE_RENEWED, now)
    return claimed


def release(session: Session, *, case_id: str, lease_number: int, actor: str, now: datetime) -> str:
    """Puts the case back where it waited, at its old place, and returns that state.

    Raises: LeaseLost, CaseDecided, NotFound.
    """
    row = session.execute(
        update(Case)
        .where(*live_lease(case_id, lease_number, actor, now))
        .values(**given_back())
        .returning(Case.state)
        .execution_options(synchronize_session=False)
    ).first()
    if row is None:
        raise why_lost(session, case_id, lease_number, actor)
    details = {"lease_number": lease_number}
    record(session, actor=actor, event=Event.LEASE_RELEASED, subject=case_id, details=details, at=now)
    return str(row.state)


def any_expired(session: Session, now: datetime) -> bool:
    """Whether some lease has run out: a look at one end of the lease index, without a write lock."""
    row = session.execute(
        select(Case.case_id).where(IS_LEASED, Case.lease_expires_at <= now).limit(1)
    ).first()
    return row is not None


def requeue_expired(session: Session, now: datetime) -> int:
    """Puts cases whose lease has run out back where they waited, oldest first, and returns how many.

    Whoever held one has lost it from the instant it ran out; this only lets others have it.
    """
    expired = session.execute(
        select(*LEASE_COLUMNS)
        .where(IS_LEASED, Case.lease_expires_at <= now)
        .order_by(Case.lease_expires_at)
        .limit(REAPER_BATCH)
        .with_for_update(skip_locked=True)
    ).all()
    if not expired:
        return 0
    session.execute(
        update(Case)
        .where(Case.case_id.in_([row.case_id for row in expired]))
        .values(**given_back())
        .execution_options(synchronize_session=False)
    )
    for row in expired:
        details = {
            "lease_number": row.lease_number,
            "leased_by": row.leased_by,
            "lease_expires_at": row.lease_expires_at.isoformat(),
        }
        record(session, actor=REAPER, event=Event.LEASE_EXPIRED, subject=row.case_id, details=details, at=now)
    return len(expired)


def live_lease(
    case_id: str | BindParameter[str],
    lease_number: int | BindParameter[int],
    actor: str | BindParameter[str],
    now: datetime | BindParameter[datetime],
) -> tuple[ColumnElement[bool], ...]:
    """The fence: conditions that hold for this holder's lease alone, and only until it runs out."""
    return (
        Case.case_id == case_id,
        IS_HELD,
        Case.lease_number == lease_number,
        Case.leased_by == actor,
        Case.lease_expires_at > now,
    )


def why_lost(session: Session, case_id: str, lease_number: int, actor: str) -> Fault:
    """The fault to raise after the fence held: no such case, decided already, or the lease is not live.

    A caller whose own judgement went through, and who lost the answer, finds `judgement_id` in the fault, and
    `decision_id` if it made a decision.
    """
    state = session.execute(select(Case.state).where(Case.case_id == case_id)).scalar()
    if state is None:
        return NotFound("there is no such case")
    own = session.execute(
        select(Judgement.judgement_id, Decision.decision_id)
        .outerjoin(
            Decision,
            and_(Decision.case_id == Judgement.case_id, Decision.lease_number == Judgement.lease_number),
        )
        .where(Judgement.case_id == case_id, Judgement.lease_number == lease_number, Judgement.actor == actor)
    ).first()
    members: dict[str, object] = {}
    if own is not None:
        members["judgement_id"] = own.judgement_id
        if own.decision_id is not None:
            members["decision_id"] = own.decision_id
    if state in IS_DECIDED:
        return CaseDecided("the case has been decided already", members=members)
    return LeaseLost("this lease on the case has ended; claim again", field="lease", members=members)


def given_back() -> dict[str, Any]:
    """What an UPDATE sets to take a case out of its holder's hands and back where it waited."""
    return {
        "state": case(*((Case.state == held, waits) for held, waits in GIVEN_BACK.items()), else_=Case.state),
        "waiting": True,
        "leased_by": None,
        "leased_at": None,
        "lease_expires_at": None,
    }


LEASE_COLUMNS: Final = (
    Case.case_id, Case.leased_by, Case.lease_number, Case.lease_expires_at, Case.state
)  # fmt: skip


def claimed_case(row: Any) -> ClaimedCase:
    """The lease that a row of `LEASE_COLUMNS` describes."""
    return ClaimedCase(
        case_id=row.case_id,
        actor=row.leased_by,
        lease_number=row.lease_number,
        lease_expires_at=row.lease_expires_at,
        state=row.state,
    )


def record_lease(session: Session, claimed: ClaimedCase, event: Event, now: datetime) -> None:
    """One audit event about a live lease."""
    details: dict[str, Detail] = {
        "lease_number": claimed.lease_number,
        "lease_expires_at": claimed.lease_expires_at.isoformat(),
        "state": claimed.state,
    }
    record(session, actor=claimed.actor, event=event, subject=claimed.case_id, details=details, at=now)
