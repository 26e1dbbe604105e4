"""Opening a case: every post becomes one, or joins one; the machine orders it and never closes it."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from model.policy import Routed
from serve.cases.ordering import Weighed, due_at, due_class_of, queue_of, rank_of
from serve.cases.progress import store_step
from serve.cases.workflow.advance import advance, begin
from serve.cases.workflow.states import CaseAction, CaseRole, State, Track
from serve.cases.workflow.steps import Circumstances, Step
from serve.hub import Hub
from serve.storage.tables import CLAIMABLE, Case, CasePost, Report

_SAMPLING: Final = random.SystemRandom()
"""Nobody can foresee which cases are read twice."""


@dataclass(frozen=True, slots=True)
class NewCase:
    """What a case is opened with: its post, and what the machine and the policy made of it."""

    case_id: str
    post_id: str
    routed: Routed
    probability: float | None


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
    for case in opened:
        _store_first_steps(session, hub, case, actor, now)
    return opened


def _case(hub: Hub, new: NewCase, reports: Sequence[Report], now: datetime) -> Case:
    rules = hub.queue_rules
    profile = hub.workflow.in_force(now.astimezone(UTC).date())
    severity = rules.severity_expected[new.routed.route]  # type: ignore[index]  # a StrEnum's value is its key
    if any(report.immediate_danger for report in reports):
        severity = max(severity, rules.severity_if_danger)
    weighed = Weighed(severity, new.probability, len(reports), now)
    due_class = due_class_of(new.routed.route, reports=len(reports), is_emergency=False)
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
        rank=rank_of(weighed, rules),
        due_class=due_class,
        due_at=due_at(due_class, now, rules, profile),
        created_at=now,
        victim_update_due=begin(now, profile).victim_update_due,
        sampled=_SAMPLING.random() < rules.second_reading_share,
        lease_number=0,
        waiting=state.value in CLAIMABLE,
    )


def _store_first_steps(session: Session, hub: Hub, case: Case, actor: str, now: datetime) -> None:
    """Received, scored, and to where it waits: each step asked of the table, like any other."""
    profile = hub.workflow.in_force(now.astimezone(UTC).date())
    goes_to_triage = case.state == State.TRIAGE.value
    known = Circumstances(evidence_sealed=True)
    progress = begin(now, profile)
    for action, role in (
        (CaseAction.SCORE, CaseRole.CLASSIFIER),
        (CaseAction.ENQUEUE if goes_to_triage else CaseAction.ADMIT_TO_REVIEW, CaseRole.SYSTEM),
    ):
        step = Step(action=action, actor=actor, role=role, at=now)
        before = progress.position[Track.CASE]
        progress = advance(progress, step, known, profile)
        after = progress.position[Track.CASE]
        store_step(session, case, step, before=before, after=after, details={})


def _reports(session: Session, post_ids: Sequence[str]) -> Mapping[str, Sequence[Report]]:
    found: dict[str, list[Report]] = {}
    for report in session.scalars(select(Report).where(Report.post_id.in_(post_ids))):
        found.setdefault(report.post_id, []).append(report)
    return MappingProxyType(found)
