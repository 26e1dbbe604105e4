"""Work on cases as tests do it: claim, judge and step, each in a transaction of its own."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select

from serve.cases.claiming import Claimant, claim
from serve.cases.judging import Judged, judge
from serve.cases.leases import ClaimedCase, heartbeat, release
from serve.cases.said import Said
from serve.cases.stepping import take_step
from serve.cases.workflow.states import CaseAction, CaseRole, State
from serve.cases.workflow.steps import Step
from serve.hub import Hub
from serve.storage.tables import AuditEvent, Case, CaseStep

ADA, BEN, CLEO, DORA = "officer:ada", "officer:ben", "officer:cleo", "officer:dora"
LEASE = 60.0
ANSWER: dict[str, Any] = {
    "outcome": "platform_notice",
    "strands": ["far_right", "antisemitic", "far_right"],
    "severity": "S2",
    "proportionality": "Two lines on a public page; a notice is the least that can be done.",
    "reason": "Two tropes, aimed at a named congregation.",
}
NOTHING: dict[str, Any] = {
    "outcome": "no_action",
    "outcome_detail": "not_hate",
    "severity": 0,
    "reason": "A fair.",
}
"""Leads to an end by itself: `no_action`."""


def take(hub: Hub, actor: str, now: datetime, **limits: Any) -> ClaimedCase | None:
    with hub.database.write() as session:
        return claim(session, Claimant(actor, **limits), now=now, lease_seconds=LEASE)


def taken(hub: Hub, actor: str, now: datetime, **limits: Any) -> ClaimedCase:
    claimed = take(hub, actor, now, **limits)
    assert claimed is not None
    return claimed


def beat(hub: Hub, lease: ClaimedCase, now: datetime, *, actor: str | None = None) -> ClaimedCase:
    with hub.database.write() as session:
        return heartbeat(
            session,
            case_id=lease.case_id,
            lease_number=lease.lease_number,
            actor=actor or lease.actor,
            now=now,
            lease_seconds=LEASE,
        )


def give_back(hub: Hub, lease: ClaimedCase, now: datetime) -> str:
    with hub.database.write() as session:
        return release(
            session, case_id=lease.case_id, lease_number=lease.lease_number, actor=lease.actor, now=now
        )


def settle(
    hub: Hub,
    lease: ClaimedCase,
    at: datetime,
    *,
    actor: str | None = None,
    role: CaseRole = CaseRole.REVIEW_OFFICER,
    **changes: Any,
) -> Judged:
    """The holder's judgement: ANSWER with changes."""
    with hub.database.write() as session:
        return judge(
            session,
            hub,
            case_id=lease.case_id,
            lease_number=lease.lease_number,
            actor=actor or lease.actor,
            role=role,
            now=at,
            said=Said(**{**ANSWER, **changes}),
        )


def read_by(hub: Hub, actor: str, now: datetime, **changes: Any) -> Judged:
    """Claims the next case and judges it."""
    return settle(hub, taken(hub, actor, now), now, **changes)


def step_on(
    hub: Hub,
    case_id: str,
    action: CaseAction,
    actor: str,
    at: datetime,
    *,
    role: CaseRole = CaseRole.REVIEW_OFFICER,
    lease_number: int | None = None,
    linked_to: str | None = None,
    **brings: Any,
) -> State:
    step = Step(action=action, actor=actor, role=role, at=at, **{"reason": "A stated reason.", **brings})
    with hub.database.write() as session:
        return take_step(session, hub, case_id, step, lease_number=lease_number, linked_to=linked_to)


def row_of(hub: Hub, case_id: str) -> Case:
    with hub.database.read() as session:
        return session.get_one(Case, case_id)


def state_of(hub: Hub, case_id: str) -> str:
    return row_of(hub, case_id).state


def steps_of(hub: Hub, case_id: str) -> list[CaseStep]:
    with hub.database.read() as session:
        query = select(CaseStep).where(CaseStep.case_id == case_id).order_by(CaseStep.step_id)
        return list(session.scalars(query))


def events(hub: Hub, subject: str) -> list[tuple[str, str]]:
    """Event and actor of everything that the audit log says of it, in order."""
    with hub.database.read() as session:
        rows = session.execute(
            select(AuditEvent.event, AuditEvent.actor)
            .where(AuditEvent.subject == subject)
            .order_by(AuditEvent.event_id)
        )
        return [(row.event, row.actor) for row in rows]
