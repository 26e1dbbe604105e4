"""Opening a case: every post becomes one, or joins one; the machine orders it and never closes it."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from model.policy import Routed
from serve.cases.ordering import Weighed, queue_of
from serve.cases.placing import place
from serve.cases.progress import step_row, store_steps
from serve.cases.workflow.advance import advance, begin
from serve.cases.workflow.states import CaseAction, CaseRole, State
from serve.cases.workflow.steps import Circumstances, Step
from serve.hub import Hub
from serve.storage.tables import CLAIMABLE, Case, CasePost, Report

_SAMPLING: Final = random.SystemRandom()
"""Nobody can foresee which cases are read twice."""


@dataclass(frozen=True, slots=True)
class NewCase:
    """What a case is opened with: its post, and what the machine and the policy made of it.

    `received_at`: when its post was received, which is since when it waits; None: just now.
    """

    case_id: str
    post_id: str
    routed: Routed
    probability: float | None
    received_at: datetime | None = None


def open_cases(
    session: Session, hub: Hub, new: Sequence[NewCase], *, actor: str, now: datetime
) -> list[Case]:
    """A case for each post, with the first lines of its history; posts of which nobody told us go to review.

    A post that somebody reported is triaged first. The caller records the audit events.
    """
    reports = _reports(session, [one.post_id for one in new])
    opened = [_case(hub, one, reports.get(one.post_id, ()), now) for one in new]
    session.add_all(opened)
    session.flush()  # cases before the rows that point at them
    session.add_all(CasePost(post_id=one.post_id, case_id=one.case_id) for one in new)
    if opened:
        store_steps(session, [row for case in opened for row in _first_steps(hub, case, actor, now)])
    return opened


def _case(hub: Hub, new: NewCase, reports: Sequence[Report], now: datetime) -> Case:
    rules = hub.queue_rules
    profile = hub.workflow.in_force(now.astimezone(UTC).date())
    severity = rules.severity_expected[new.routed.route]  # type: ignore[index]  # a StrEnum's value is its key
    if any(report.immediate_danger for report in reports):
        severity = max(severity, rules.severity_if_danger)
    since = min(new.received_at or now, now)
    weighed = Weighed(severity, new.probability, len(reports), since)
    state = State.TRIAGE if reports else State.CAPTURED
    return Case(
        case_id=new.case_id,
        state=state.value,
        emergency=State.NO_EMERGENCY.value,
        platform=State.NOT_NOTIFIED.value,
        support=State.NOT_OFFERED.value,
        retention=State.HELD.value,
        cycle=0,
        route=new.routed.route,
        strands=list(new.routed.strands),
        queue=queue_of(new.routed.strands),
        priority=new.routed.priority,
        severity_expected=severity,
        probability=new.probability,
        report_count=len(reports),
        created_at=now,
        waits_since=since,
        victim_update_due=begin(since, profile).victim_update_due,
        sampled=_SAMPLING.random() < rules.second_reading_share,
        lease_number=0,
        waiting=state.value in CLAIMABLE,
        **place(hub, weighed, new.routed.route),
    )


def _first_steps(hub: Hub, case: Case, actor: str, now: datetime) -> list[dict[str, Any]]:
    """Received, scored, and to where it waits: each step asked of the table, like any other."""
    profile = hub.workflow.in_force(now.astimezone(UTC).date())
    goes_to_triage = case.state == State.TRIAGE.value
    progress = begin(now, profile)
    for action, role in (
        (CaseAction.SCORE, CaseRole.CLASSIFIER),
        (CaseAction.ENQUEUE if goes_to_triage else CaseAction.ADMIT_TO_REVIEW, CaseRole.SYSTEM),
    ):
        step = Step(action=action, actor=actor, role=role, at=now)
        progress = advance(progress, step, Circumstances(evidence_sealed=True), profile)
    return [step_row(case, entry, {}) for entry in progress.history]


def _reports(session: Session, post_ids: Sequence[str]) -> Mapping[str, Sequence[Report]]:
    found: dict[str, list[Report]] = {}
    for report in session.scalars(select(Report).where(Report.post_id.in_(post_ids))):
        found.setdefault(report.post_id, []).append(report)
    return MappingProxyType(found)
