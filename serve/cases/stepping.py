"""Every other step on a case: triage, what follows a decision, referrals, emergencies, reopening, retention.

One function for all of them: the workflow's table says what is allowed and what it needs, the
history grows by one line, and the audit log by one event, in the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from model.errors import BadInput, Conflict, NotFound
from serve.audit.events import Event
from serve.audit.log import Detail, record
from serve.cases.leases import live_lease, why_lost
from serve.cases.ordering import Weighed, due_at, due_class_of, rank_of
from serve.cases.progress import TRACK_COLUMNS, circumstances_of, progress_of, store_step
from serve.cases.workflow.advance import advance
from serve.cases.workflow.states import CaseAction, State, Track
from serve.cases.workflow.steps import Progress, Step
from serve.cases.workflow.table import TRACK_OF
from serve.hub import Hub
from serve.storage.identifiers import new_id
from serve.storage.tables import CLAIMABLE, HELD, Appeal, Case, CasePost, Decision, Report

JUDGED_ELSEWHERE = frozenset(
    {
        CaseAction.DECIDE,
        CaseAction.SEND_TO_SECOND_REVIEW,
        CaseAction.AGREE,
        CaseAction.DISAGREE,
        CaseAction.ADJUDICATE,
        CaseAction.CLAIM,
        CaseAction.RELEASE,
        CaseAction.EXPIRE_LEASE,
    }
)
"""Actions with a function of their own: serve/cases/judging.py and serve/cases/leases.py."""


def take_step(
    session: Session, hub: Hub, case_id: str, step: Step, *, lease_number: int | None = None
) -> State:
    """Takes the step and returns the state of its track after it.

    `lease_number`: needed where the case is held, which is where the table asks for its holder.

    Raises: Conflict, NotAllowed, BadInput (the table's and its guards'); LeaseLost and its kin; NotFound.
    """
    if step.action in JUDGED_ELSEWHERE:
        raise BadInput("action: this is no plain step", field="action")
    case = _locked(session, case_id, lease_number, step)
    track = TRACK_OF[step.action]
    before = State(getattr(case, TRACK_COLUMNS[track]))
    profile = hub.workflow.in_force(step.at.astimezone(UTC).date())
    step = replace(step, at=_not_before(session, case, step.at))
    progress = progress_of(session, case)
    moved = advance(progress, step, circumstances_of(session, case), profile)
    after = moved.position[track]
    store_step(session, case, step, before=before, after=after, details=_brought(step))
    session.execute(
        update(Case)
        .where(Case.case_id == case_id)
        .values(**_values(hub, case, track, before, after, moved, step))
        .execution_options(synchronize_session=False)
    )
    details: dict[str, Detail] = {"action": step.action.value, "before": before.value, "after": after.value}
    record(session, actor=step.actor, event=Event.CASE_STEPPED, subject=case_id, details=details, at=step.at)
    session.flush()
    session.expire(case)
    return after


def appeal(session: Session, hub: Hub, *, case_id: str, step: Step, made_by: str, grounds: str) -> Appeal:
    """Reopens a decided case because somebody says that its decision is wrong; `step` is the reopening.

    Nobody who has judged the case can judge it again (the table of judgements refuses it), so the appeal is
    read by other eyes.

    Raises: BadInput (made_by, grounds), Conflict (no decision stands; appealed before), NotAllowed.
    """
    if made_by not in APPELLANTS:
        raise BadInput(f"made_by: one of {', '.join(APPELLANTS)}", field="made_by")
    if not grounds.strip():
        raise BadInput("grounds: must be written", field="grounds")
    standing = session.scalars(
        select(Decision).where(Decision.case_id == case_id).order_by(Decision.cycle.desc()).limit(1)
    ).first()
    if standing is None:
        raise Conflict("nothing stands on this case that could be appealed")
    if session.scalar(select(Appeal.appeal_id).where(Appeal.decision_id == standing.decision_id)) is not None:
        raise Conflict("this decision was appealed before")
    take_step(session, hub, case_id, replace(step, action=CaseAction.REOPEN))
    made = Appeal(
        appeal_id=new_id(),
        case_id=case_id,
        decision_id=standing.decision_id,
        made_by=made_by,
        grounds=grounds,
        received_at=step.at,
        taken_by=step.actor,
        cycle=standing.cycle + 1,
    )
    session.add(made)
    details: dict[str, Detail] = {"appeal_id": made.appeal_id, "made_by": made_by}
    record(session, actor=step.actor, event=Event.CASE_APPEALED, subject=case_id, details=details, at=step.at)
    session.flush()
    return made


APPELLANTS = ("reporter", "victim", "author", "platform", "partner")


def weigh_again(session: Session, hub: Hub, case: Case) -> None:
    """Works out the case's place anew, after a report, a danger or an emergency has come to be known."""
    reports = session.execute(
        select(Report.immediate_danger)
        .join(CasePost, CasePost.post_id == Report.post_id)
        .where(CasePost.case_id == case.case_id)
    ).all()
    rules = hub.queue_rules
    if any(row.immediate_danger for row in reports):
        case.severity_expected = max(case.severity_expected, rules.severity_if_danger)
    case.report_count = len(reports)
    is_emergency = case.emergency == State.EMERGENCY_ESCALATED.value
    weighed = Weighed(
        case.severity_expected, case.probability, case.report_count, case.created_at, is_emergency
    )
    case.rank = rank_of(weighed, rules)
    due_class = due_class_of(case.route, reports=case.report_count, is_emergency=is_emergency)
    case.due_class = due_class
    profile = hub.workflow.in_force(case.created_at.astimezone(UTC).date())
    case.due_at = due_at(due_class, case.created_at, rules, profile)


def _locked(session: Session, case_id: str, lease_number: int | None, step: Step) -> Case:
    case = session.scalars(
        select(Case)
        .where(Case.case_id == case_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).first()
    if case is None:
        raise NotFound("there is no such case")
    if lease_number is not None:
        held = session.scalar(
            select(Case.case_id).where(*live_lease(case_id, lease_number, step.actor, step.at))
        )
        if held is None:
            raise why_lost(session, case_id, lease_number, step.actor)
    elif case.state in HELD and TRACK_OF[step.action] is Track.CASE and not _stays(step.action):
        raise why_lost(session, case_id, -1, step.actor)
    return case


def _stays(action: CaseAction) -> bool:
    return action in (CaseAction.ACKNOWLEDGE_REPORT, CaseAction.UPDATE_VICTIM)


def _not_before(session: Session, case: Case, at: datetime) -> datetime:
    """Two servers' clocks may differ by a little; a history does not go back in time."""
    progress = progress_of(session, case)
    last = progress.history[-1].step.at if progress.history else progress.received_at
    return max(at, last)


def _values(
    hub: Hub, case: Case, track: Track, before: State, after: State, moved: Progress, step: Step
) -> dict[str, Any]:
    values: dict[str, Any] = {
        TRACK_COLUMNS[track]: after.value,
        "victim_update_due": moved.victim_update_due,
    }
    if track is Track.CASE and after is not before:
        values |= {"leased_by": None, "leased_at": None, "lease_expires_at": None}
        values["waiting"] = after.value in CLAIMABLE
        values |= {"parked_until": None, "parked_because": None, "reserved_for": None}
        if step.action is CaseAction.REOPEN:
            values |= {"cycle": case.cycle + 1, "decided_at": None}
    if track is Track.EMERGENCY:
        is_emergency = after is State.EMERGENCY_ESCALATED
        weighed = Weighed(
            case.severity_expected, case.probability, case.report_count, case.created_at, is_emergency
        )
        due_class = due_class_of(case.route, reports=case.report_count, is_emergency=is_emergency)
        start = step.at if is_emergency else case.created_at
        profile = hub.workflow.in_force(step.at.astimezone(UTC).date())
        values |= {
            "rank": rank_of(weighed, hub.queue_rules),
            "due_class": due_class,
            "due_at": due_at(due_class, start, hub.queue_rules, profile),
        }
    return values


def _brought(step: Step) -> Mapping[str, Any]:
    """What the step brought along, for the history; what it did not bring is left out."""
    brought = {
        "rationale": step.rationale,
        "law_elements": list(step.law_elements),
        "owner": step.owner,
        "keeps_subject_identity": step.keeps_subject_identity,
        "additional_threshold_met": step.additional_threshold_met,
        "danger_to_life": step.danger_to_life,
        "certificate": step.certificate,
    }
    return {name: value for name, value in brought.items() if value}
