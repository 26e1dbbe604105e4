"""Setting a case aside: park it for a while, hand it to somebody, skip it.

Each ends the lease of whoever holds it. A parked case comes back by itself, to the person who parked it; a
case that was handed over waits for that person; a skip is remembered, and the case does not come again.
Nothing waits for one person for ever: after `reserved_days`, or once their account is closed, anybody may
have it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, literal, select, text, update
from sqlalchemy.orm import Session

from model.errors import BadInput, NotFound
from serve.audit.events import Event
from serve.audit.log import Detail, record
from serve.cases.capacities import capacities, stages_open_to
from serve.cases.leases import GIVEN_BACK, REAPER, REAPER_BATCH, given_back, live_lease, why_lost
from serve.cases.ordering import QueueRules, Reason
from serve.cases.said import check_written
from serve.people.officers import officer_actor
from serve.storage.identifiers import new_id
from serve.storage.tables import Case, CaseSkip, Judgement, Note, Officer

# Spelled out, not bound: with a parameter in its place neither database may use the partial index.
IS_PARKED = text("cases.parked_until IS NOT NULL")
IS_RESERVED = text("cases.reserved_for IS NOT NULL")
IS_RESERVED_FOR_A_TIME = text("cases.reserved_until IS NOT NULL")


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
    values = {**_kept_for(actor, until, rules), "parked_until": until, "parked_because": chosen}
    _set_aside(session, case_id, lease_number, actor, now, values)
    details: dict[str, Detail] = {"lease_number": lease_number, "until": until.isoformat(), "reason": chosen}
    record(session, actor=actor, event=Event.CASE_PARKED, subject=case_id, details=details, at=now)


def hand_over(
    session: Session,
    rules: QueueRules,
    *,
    case_id: str,
    lease_number: int,
    actor: str,
    now: datetime,
    to: str,
    reason: str,
) -> None:
    """Gives the case to an officer (`to`: their actor), for whom it waits; the reason becomes a note on it.

    Raises: BadInput (reason; to: nobody who could claim it), LeaseLost, CaseDecided, NotFound.
    """
    written = check_written("reason", reason)
    if to == actor:
        raise BadInput("to: somebody else", field="to")
    state = session.scalar(
        select(Case.state).where(*live_lease(case_id, lease_number, actor, now)).with_for_update()
    )
    if state is None:
        raise why_lost(session, case_id, lease_number, actor)
    if not _could_claim(session, case_id, GIVEN_BACK[state], to):
        raise BadInput(
            "to: an officer who may read this case and has neither judged nor skipped it", field="to"
        )
    _set_aside(session, case_id, lease_number, actor, now, _kept_for(to, now, rules))
    session.add(Note(note_id=new_id(), case_id=case_id, author=actor, written_at=now, text=written))
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

    Raises: NotFound, BadInput if it waits for nobody in particular.
    """
    if session.scalar(select(Case.case_id).where(Case.case_id == case_id)) is None:
        raise NotFound("there is no such case")
    if not _free(session, (Case.case_id == case_id, Case.reserved_for.is_not(None))):
        raise BadInput("case: it waits for nobody in particular", field="case")
    record(session, actor=actor, event=Event.CASE_FREED, subject=case_id, details={}, at=now)


def any_to_wake(session: Session, now: datetime) -> bool:
    """Whether some parked case is due back: a look at one end of an index, without a write lock."""
    row = session.execute(select(Case.case_id).where(IS_PARKED, Case.parked_until <= now).limit(1)).first()
    return row is not None


def wake_parked(session: Session, now: datetime) -> int:
    """Lets parked cases whose day has come be claimed again by whoever parked them; how many."""
    due = _locked(session, (IS_PARKED, Case.parked_until <= now))
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


def any_overdue(session: Session, now: datetime) -> bool:
    """Whether some case has waited long enough for one person, or waits for one who cannot come."""
    return any(
        session.execute(select(Case.case_id).where(*conditions).limit(1)).first() is not None
        for conditions in _overdue(now)
    )


def free_overdue(session: Session, now: datetime) -> int:
    """Lets anybody have the cases that have waited long enough for one person; how many."""
    freed: list[str] = []
    for conditions in _overdue(now):
        due = _locked(session, conditions)
        if due:
            freed += _free(session, (Case.case_id.in_(due),))
    for case_id in freed:
        record(session, actor=REAPER, event=Event.CASE_FREED, subject=case_id, details={}, at=now)
    return len(freed)


def _overdue(now: datetime) -> tuple[tuple[ColumnElement[bool], ...], ...]:
    """The two questions: whose time has run out, and who has left. Each has its index."""
    gone = select(literal("officer:") + Officer.officer_id).where(Officer.disabled_at.is_not(None))
    return (
        (IS_RESERVED_FOR_A_TIME, Case.reserved_until <= now),  # type: ignore[return-value]  # text() is a condition too
        (IS_RESERVED, Case.reserved_for.in_(gone)),
    )


def _locked(session: Session, conditions: Sequence[Any]) -> Sequence[str]:
    """The cases of whom this holds, at most a batch, locked to the end of the transaction."""
    return session.scalars(
        select(Case.case_id).where(*conditions).limit(REAPER_BATCH).with_for_update(skip_locked=True)
    ).all()


def _free(session: Session, conditions: Sequence[Any]) -> list[str]:
    freed = session.execute(
        update(Case)
        .where(*conditions)
        .values(waiting=True, reserved_for=None, reserved_until=None, parked_until=None, parked_because=None)
        .returning(Case.case_id)
        .execution_options(synchronize_session=False)
    )
    return list(freed.scalars())


def _kept_for(actor: str, start: datetime, rules: QueueRules) -> dict[str, Any]:
    """What an UPDATE sets to put a case back for one person alone, from an instant on for some days."""
    until = start + timedelta(days=rules.reserved_days)
    return {**given_back(), "waiting": False, "reserved_for": actor, "reserved_until": until}


def _could_claim(session: Session, case_id: str, state: str, actor: str) -> bool:
    """Whether this is an officer to whom a case of this waiting state may come."""
    person = session.scalars(
        select(Officer).where(
            Officer.officer_id == actor.removeprefix("officer:"), Officer.disabled_at.is_(None)
        )
    ).first()
    if person is None or officer_actor(person.officer_id) != actor:
        return False
    judged = select(Judgement.judgement_id).where(Judgement.case_id == case_id, Judgement.actor == actor)
    skipped = session.get(CaseSkip, (case_id, actor)) is not None
    return state in stages_open_to(capacities(person.role)) and not skipped and session.scalar(judged) is None


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
