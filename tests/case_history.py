"""A case's whole history as the pure workflow knows it: steps off the table, and claims off the log."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from serve.audit.events import Event
from serve.cases.leases import GIVEN_BACK, TAKEN
from serve.cases.progress import TRACK_COLUMNS
from serve.cases.workflow.states import CaseAction, CaseRole, State, Track
from serve.cases.workflow.steps import Entry, Progress, Step
from serve.storage.tables import AuditEvent, Case, CaseStep

STEPS_BEHIND: Final = {Event.CASE_OPENED: 2, Event.CASE_JUDGED: 1, Event.CASE_STEPPED: 1}
"""How many lines of the history stand behind an event; what follows a decision by itself comes besides."""
LEAVES: Final = {
    Event.LEASE_RELEASED: CaseAction.RELEASE,
    Event.CASE_PARKED: CaseAction.RELEASE,
    Event.CASE_HANDED_OVER: CaseAction.RELEASE,
    Event.CASE_SKIPPED: CaseAction.RELEASE,
    Event.LEASE_EXPIRED: CaseAction.EXPIRE_LEASE,
}
CLOCK: Final = "system:clock"
FOLLOWING: Final = {"close_no_action", "record_non_crime", "request_crime_record"}


def whole_history(session: Session, case: Case) -> Progress:
    """The case's progress with every claim and everything that ended one, in the order of the log."""
    rows = list(
        session.scalars(select(CaseStep).where(CaseStep.case_id == case.case_id).order_by(CaseStep.step_id))
    )
    steps = iter(rows)
    log = session.scalars(
        select(AuditEvent).where(AuditEvent.subject == case.case_id).order_by(AuditEvent.event_id)
    )
    history: list[Entry] = []
    here = State.RECEIVED
    for event in log:
        for entry in _entries(event, here, steps):
            history.append(entry)
            if entry.after.track is Track.CASE:
                here = entry.after
    assert next(steps, None) is None, "a step without its audit event"
    position = {track: State(getattr(case, column)) for track, column in TRACK_COLUMNS.items()}
    return Progress(case.created_at, MappingProxyType(position), case.victim_update_due, tuple(history))


def _entries(event: AuditEvent, here: State, steps: Iterator[CaseStep]) -> Iterator[Entry]:
    name = Event(event.event)
    if name is Event.CASE_CLAIMED:
        yield _lease_entry(CaseAction.CLAIM, event.actor, event.happened_at, here, State(TAKEN[here.value]))
    elif name in LEAVES:
        actor = CLOCK if name is Event.LEASE_EXPIRED else event.actor
        yield _lease_entry(LEAVES[name], actor, event.happened_at, here, State(GIVEN_BACK[here.value]))
    elif name is Event.CASE_DECIDED:
        if event.details["outcome"] in ("no_action", "non_crime_record", "intel_only", "refer_force"):
            following = next(steps)
            assert following.action in FOLLOWING
            yield _entry(following)
    else:
        for _ in range(STEPS_BEHIND.get(name, 0)):
            yield _entry(next(steps))


def _lease_entry(action: CaseAction, actor: str, at: datetime, before: State, after: State) -> Entry:
    role = CaseRole.SYSTEM if actor == CLOCK else CaseRole.REVIEW_OFFICER
    return Entry(Step(action=action, actor=actor, role=role, at=at), before, after)


def _entry(row: CaseStep) -> Entry:
    brought: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in row.details.items()
        if name != "judgement_id"
    }
    step = Step(
        action=CaseAction(row.action), actor=row.actor, role=CaseRole(row.role), at=row.taken_at,
        reason=row.reason, outcome=row.outcome, severity=row.severity, **brought,
    )  # fmt: skip
    return Entry(step, State(row.before), State(row.after))
