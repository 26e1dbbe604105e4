"""Setting a case aside: park it for a while, hand it to somebody, skip it, keep what was written.

Each ends the lease of whoever holds it. A parked case comes back by itself, to the person who parked it; a
case that was handed over waits for that person; a skip is remembered, and the case does not come again.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from model.errors import BadInput
from serve.audit.events import Event
from serve.audit.log import Detail, record
from serve.cases.leases import REAPER, REAPER_BATCH, given_back, live_lease, why_lost
from serve.cases.ordering import QueueRules, Reason
from serve.storage.tables import Case, CaseSkip, Draft

IS_PARKED = text("cases.parked_until IS NOT NULL")


def park(
    session: Session,
    rules: QueueRules,
    *,
    case_id: str,
    lease_number: int,
    actor: str,
    now: datetime,
    reason: str,
    until: datetime,
) -> None:
    """Sets a case aside until a day; then it comes back to this person before anything else.

    Raises: BadInput (reason, until), LeaseLost, CaseDecided, NotFound.
    """
    chosen = _chosen(rules.park_reasons, reason)
    if not now < until <= now + timedelta(days=rules.park_days_at_most):
        raise BadInput(f"until: within {rules.park_days_at_most} days from now", field="until")
    values = {**given_back(), "waiting": False, "parked_until": until, "parked_because": chosen}
    values["reserved_for"] = actor
    _set_aside(session, case_id, lease_number, actor, now, values)
    details: dict[str, Detail] = {"lease_number": lease_number, "until": until.isoformat(), "reason": chosen}
    record(session, actor=actor, event=Event.CASE_PARKED, subject=case_id, details=details, at=now)


def hand_over(
    session: Session, *, case_id: str, lease_number: int, actor: str, now: datetime, to: str, reason: str
) -> None:
    """Gives the case to a named officer, for whom it waits from now on.

    Raises: BadInput, LeaseLost, CaseDecided, NotFound.
    """
    if to == actor:
        raise BadInput("to: somebody else", field="to")
    if not reason.strip():
        raise BadInput("reason: must be written", field="reason")
    values = {**given_back(), "waiting": False, "reserved_for": to}
    _set_aside(session, case_id, lease_number, actor, now, values)
    details: dict[str, Detail] = {"lease_number": lease_number, "to": to}
    record(session, actor=actor, event=Event.CASE_HANDED_OVER, subject=case_id, details=details, at=now)


def skip(
    session: Session,
    rules: QueueRules,
    *,
    case_id: str,
    lease_number: int,
    actor: str,
    now: datetime,
    reason: str,
) -> None:
    """Puts the case back for others and remembers that it is not to come to this person again.

    Raises: BadInput, LeaseLost, CaseDecided, NotFound.
    """
    chosen = _chosen(rules.skip_reasons, reason)
    _set_aside(session, case_id, lease_number, actor, now, given_back())
    if session.get(CaseSkip, (case_id, actor)) is None:
        session.add(CaseSkip(case_id=case_id, actor=actor, reason=chosen, skipped_at=now))
    details: dict[str, Detail] = {"lease_number": lease_number, "reason": chosen}
    record(session, actor=actor, event=Event.CASE_SKIPPED, subject=case_id, details=details, at=now)


def free_reserved(session: Session, *, case_id: str, actor: str, now: datetime) -> None:
    """Lets anybody have a case that waits for one person, parked or not; for a senior.

    Raises: BadInput if it waits for nobody in particular.
    """
    row = session.execute(
        update(Case)
        .where(Case.case_id == case_id, Case.reserved_for.is_not(None))
        .values(waiting=True, reserved_for=None, parked_until=None, parked_because=None)
        .returning(Case.case_id)
        .execution_options(synchronize_session=False)
    ).first()
    if row is None:
        raise BadInput("case: it waits for nobody in particular", field="case")
    record(session, actor=actor, event=Event.CASE_FREED, subject=case_id, details={}, at=now)


def any_to_wake(session: Session, now: datetime) -> bool:
    """Whether some parked case is due back: a look at one end of an index, without a write lock."""
    row = session.execute(select(Case.case_id).where(IS_PARKED, Case.parked_until <= now).limit(1)).first()
    return row is not None


def wake_parked(session: Session, now: datetime) -> int:
    """Lets parked cases whose day has come be claimed again by whoever parked them; how many."""
    due = session.scalars(
        select(Case.case_id)
        .where(IS_PARKED, Case.parked_until <= now)
        .order_by(Case.parked_until)
        .limit(REAPER_BATCH)
        .with_for_update(skip_locked=True)
    ).all()
    if not due:
        return 0
    session.execute(
        update(Case)
        .where(Case.case_id.in_(due))
        .values(parked_until=None, parked_because=None)
        .execution_options(synchronize_session=False)
    )
    for case_id in due:
        record(session, actor=REAPER, event=Event.CASE_WOKEN, subject=case_id, details={}, at=now)
    return len(due)


def keep_draft(
    session: Session, *, case_id: str, actor: str, now: datetime, why: str, content: Mapping[str, Any]
) -> None:
    """Keeps what somebody had written: a later draft of theirs on the case takes an earlier one's place."""
    kept = session.get(Draft, (case_id, actor))
    if kept is None:
        session.add(Draft(case_id=case_id, actor=actor, kept_at=now, why=why, content=dict(content)))
    else:
        kept.kept_at, kept.why, kept.content = now, why, dict(content)
    record(session, actor=actor, event=Event.DRAFT_KEPT, subject=case_id, details={"why": why}, at=now)


def draft_of(session: Session, *, case_id: str, actor: str) -> Draft | None:
    """What this person had written about the case, if it was kept."""
    return session.get(Draft, (case_id, actor))


def _set_aside(
    session: Session, case_id: str, lease_number: int, actor: str, now: datetime, values: dict[str, Any]
) -> None:
    row = session.execute(
        update(Case)
        .where(*live_lease(case_id, lease_number, actor, now))
        .values(**values)
        .returning(Case.case_id)
        .execution_options(synchronize_session=False)
    ).first()
    if row is None:
        raise why_lost(session, case_id, lease_number, actor)


def _chosen(reasons: tuple[Reason, ...], code: str) -> str:
    if code not in {reason.code for reason in reasons}:
        raise BadInput(f"reason: one of {', '.join(reason.code for reason in reasons)}", field="reason")
    return code
