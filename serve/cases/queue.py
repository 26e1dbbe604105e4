"""The queue: a case is claimed under a lease, and a lease has a number that fences out whoever lost it.

A claim is one UPDATE. On PostgreSQL its subselect skips rows that another claim has locked; on SQLite
`Database.write` has said BEGIN IMMEDIATE, so claims take turns. What is claimable and what has expired
are two questions on two partial indexes, never one OR. Source: PROMISES.md section 0, findings 4 and 5.

The clock is the server's (`now`, UTC, passed in by the caller), on both databases alike, so that a test
can move it. Servers whose clocks differ can only end a lease early or late by the difference: a decision
also needs the lease number, which the database alone hands out, so no skew lets two decisions through.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, select, text, update
from sqlalchemy.orm import Session

from model.errors import CaseDecided, Fault, LeaseLost, NotFound
from serve.audit.events import Event
from serve.audit.log import Detail, record
from serve.storage.tables import Case, Decision

REAPER = "system:reaper"
REAPER_BATCH = 500
"""Most leases ended by one statement, so that other writers get their turn."""

# Spelled out, not bound: with a parameter in its place neither database may use the partial index.
IS_QUEUED = text("cases.state = 'queued'")
IS_LEASED = text("cases.state = 'in_review'")


@dataclass(frozen=True, slots=True)
class ClaimedCase:
    """A live lease on a case. `lease_number` has to come back with everything its holder does."""

    case_id: str
    actor: str
    lease_number: int
    lease_expires_at: datetime


def claim(session: Session, *, actor: str, now: datetime, lease_seconds: float) -> ClaimedCase | None:
    """The waiting case with the highest priority (then the oldest), leased to `actor`; None if none waits.

    Leases that ran out are put back first when nothing else waits.
    """
    claimed = _take_first(session, actor, now, lease_seconds)
    if claimed is None and requeue_expired(session, now):
        claimed = _take_first(session, actor, now, lease_seconds)
    if claimed is not None:
        _record(session, claimed, Event.CASE_CLAIMED, now)
    return claimed


def held_by(session: Session, actor: str, now: datetime) -> ClaimedCase | None:
    """The live lease that `actor` already has, the one that ends soonest; None if there is none."""
    row = session.execute(
        select(Case.case_id, Case.leased_by, Case.lease_number, Case.lease_expires_at)
        .where(IS_LEASED, Case.leased_by == actor, Case.lease_expires_at > now)
        .order_by(Case.lease_expires_at, Case.case_id)
        .limit(1)
    ).first()
    return None if row is None else _claimed(row)


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
        .returning(Case.case_id, Case.leased_by, Case.lease_number, Case.lease_expires_at)
        .execution_options(synchronize_session=False)
    ).first()
    if row is None:
        raise why_lost(session, case_id, lease_number, actor)
    claimed = _claimed(row)
    _record(session, claimed, Event.LEASE_RENEWED, now)
    return claimed


def release(session: Session, *, case_id: str, lease_number: int, actor: str, now: datetime) -> None:
    """Puts the case back in the queue at its old place.

    Raises: LeaseLost, CaseDecided, NotFound.
    """
    row = session.execute(
        update(Case)
        .where(*live_lease(case_id, lease_number, actor, now))
        .values(state="queued", leased_by=None, lease_expires_at=None)
        .returning(Case.case_id)
        .execution_options(synchronize_session=False)
    ).first()
    if row is None:
        raise why_lost(session, case_id, lease_number, actor)
    details = {"lease_number": lease_number}
    record(session, actor=actor, event=Event.LEASE_RELEASED, subject=case_id, details=details, at=now)


def any_expired(session: Session, now: datetime) -> bool:
    """Whether some lease has run out: a look at one end of the lease index, without a write lock."""
    row = session.execute(
        select(Case.case_id).where(IS_LEASED, Case.lease_expires_at <= now).limit(1)
    ).first()
    return row is not None


def requeue_expired(session: Session, now: datetime) -> int:
    """Puts cases whose lease has run out back in the queue, oldest first, and returns how many.

    Whoever held one has lost it from the instant it ran out; this only lets others have it.
    """
    expired = session.execute(
        select(Case.case_id, Case.leased_by, Case.lease_number, Case.lease_expires_at)
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
        .values(state="queued", leased_by=None, lease_expires_at=None)
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


def live_lease(case_id: str, lease_number: int, actor: str, now: datetime) -> tuple[ColumnElement[bool], ...]:
    """The fence: conditions that hold for this holder's lease alone, and only until it runs out."""
    return (
        Case.case_id == case_id,
        Case.state == "in_review",
        Case.lease_number == lease_number,
        Case.leased_by == actor,
        Case.lease_expires_at > now,
    )


def why_lost(session: Session, case_id: str, lease_number: int, actor: str) -> Fault:
    """The fault to raise after the fence held: no such case, decided already, or the lease is not live.

    A caller whose own decision went through, and who lost the answer, finds `decision_id` in the fault.
    """
    state = session.execute(select(Case.state).where(Case.case_id == case_id)).scalar()
    if state is None:
        return NotFound("there is no such case")
    if state != "decided":
        return LeaseLost("this lease on the case has ended; claim again", field="lease")
    own = session.execute(
        select(Decision.decision_id).where(
            Decision.case_id == case_id, Decision.lease_number == lease_number, Decision.decided_by == actor
        )
    ).scalar()
    members = {} if own is None else {"decision_id": own}
    return CaseDecided("the case has been decided already", members=members)


def claim_statement(actor: str, expires_at: datetime) -> Any:
    """The one statement that claims: take the first row of the queued index that nobody else is taking."""
    first = (
        select(Case.case_id)
        .where(IS_QUEUED)
        .order_by(Case.priority.desc(), Case.case_id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .correlate(None)
        .scalar_subquery()
    )
    return (
        update(Case)
        .where(Case.case_id == first, Case.state == "queued")
        .values(
            state="in_review",
            lease_number=Case.lease_number + 1,
            leased_by=actor,
            lease_expires_at=expires_at,
        )
        .returning(Case.case_id, Case.leased_by, Case.lease_number, Case.lease_expires_at)
        .execution_options(synchronize_session=False)
    )


def _take_first(session: Session, actor: str, now: datetime, lease_seconds: float) -> ClaimedCase | None:
    row = session.execute(claim_statement(actor, now + timedelta(seconds=lease_seconds))).first()
    return None if row is None else _claimed(row)


def _claimed(row: Any) -> ClaimedCase:
    return ClaimedCase(
        case_id=row.case_id,
        actor=row.leased_by,
        lease_number=row.lease_number,
        lease_expires_at=row.lease_expires_at,
    )


def _record(session: Session, claimed: ClaimedCase, event: Event, now: datetime) -> None:
    details: dict[str, Detail] = {
        "lease_number": claimed.lease_number,
        "lease_expires_at": claimed.lease_expires_at.isoformat(),
    }
    record(session, actor=claimed.actor, event=event, subject=claimed.case_id, details=details, at=now)
