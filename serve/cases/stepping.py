"""Every other step on a case: triage, what follows a decision, referrals, emergencies, reopening, retention.

One function for all of them: the workflow's table says what is allowed and what it needs, the
history grows by one line, and the audit log by one event, in the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from model.errors import BadInput, Conflict, NotFound
from serve.audit.events import Event
from serve.audit.log import Detail, record
from serve.cases.deciding import standing_decision
from serve.cases.leases import live_lease, why_lost
from serve.cases.placing import place, weighed
from serve.cases.progress import (
    TRACK_COLUMNS,
    circumstances_of,
    not_before,
    progress_of,
    step_row,
    store_steps,
)
from serve.cases.said import check_written
from serve.cases.workflow.advance import advance
from serve.cases.workflow.states import CaseAction, State, Track
from serve.cases.workflow.steps import Entry, Step
from serve.cases.workflow.table import TRACK_OF
from serve.hub import Hub
from serve.storage.identifiers import new_id
from serve.storage.tables import CLAIMABLE, HELD, Appeal, Case

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

APPELLANTS = ("reporter", "victim", "author", "platform", "partner")
NOT_LEASED = {"leased_by": None, "leased_at": None, "lease_expires_at": None}
NOT_RESERVED = {"reserved_for": None, "reserved_until": None, "parked_until": None, "parked_because": None}


def take_step(
    session: Session,
    hub: Hub,
    case_id: str,
    step: Step,
    *,
    lease_number: int | None = None,
    linked_to: str | None = None,
) -> State:
    """Takes the step and returns the state of its track after it.

    `lease_number`: needed where the case is held, which is where the table asks for its holder. `linked_to`:
    the campaign's case, for LINK_DUPLICATE, unless the row says it already.

    Raises: Conflict, NotAllowed, BadInput (the table's and its guards'); LeaseLost and its kin; NotFound.
    """
    if step.action in JUDGED_ELSEWHERE:
        raise BadInput("action: this is no plain step", field="action")
    step = _clean(step)
    case = _locked(session, case_id, lease_number, step)
    progress = progress_of(session, case)
    step = replace(step, at=not_before(progress, step.at))
    profile = hub.workflow.in_force(step.at.astimezone(UTC).date())
    moved = advance(progress, step, circumstances_of(session, case), profile)
    entry = moved.history[-1]
    values = {
        TRACK_COLUMNS[entry.after.track]: entry.after.value,
        "victim_update_due": moved.victim_update_due,
        **_moved_case(hub, case, entry),
        **_emergency(hub, case, entry),
    }
    if step.action is CaseAction.LINK_DUPLICATE:
        values["linked_to"] = _link(session, case, linked_to)
    elif step.action is CaseAction.UNLINK:
        values["linked_to"] = None
    store_steps(session, [step_row(case, entry, _brought(step))])
    session.execute(
        update(Case)
        .where(Case.case_id == case_id)
        .values(**values)
        .execution_options(synchronize_session=False)
    )
    details: dict[str, Detail] = {
        "action": step.action.value,
        "before": entry.before.value,
        "after": entry.after.value,
    }
    record(session, actor=step.actor, event=Event.CASE_STEPPED, subject=case_id, details=details, at=step.at)
    session.flush()
    session.expire(case)
    return entry.after


def appeal(session: Session, hub: Hub, *, case_id: str, step: Step, made_by: str, grounds: str) -> Appeal:
    """Reopens a decided case because somebody says that its decision is wrong; `step` is the reopening.

    Nobody who has judged the case can judge it again (the table of judgements refuses it), so the appeal is
    read by other eyes.

    Raises: BadInput (made_by, grounds), Conflict (no decision stands; appealed before), NotAllowed.
    """
    if made_by not in APPELLANTS:
        raise BadInput(f"made_by: one of {', '.join(APPELLANTS)}", field="made_by")
    grounds = check_written("grounds", grounds)
    standing = standing_decision(session, case_id)
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


def _moved_case(hub: Hub, case: Case, entry: Entry) -> dict[str, Any]:
    """What changes with the state of the case itself: whoever had it has it no longer."""
    if entry.after.track is not Track.CASE or entry.after is entry.before:
        return {}
    values: dict[str, Any] = {
        **NOT_LEASED,
        **NOT_RESERVED,
        "waiting": entry.after.value in CLAIMABLE,
    }
    if entry.after is State.DECIDED:
        values["decided_at"] = entry.step.at
    if entry.step.action is CaseAction.REOPEN:
        since = entry.step.at
        values |= {"cycle": case.cycle + 1, "decided_at": None, "waits_since": since}
        emergency_due = case.due_at if case.emergency == State.EMERGENCY_ESCALATED.value else None
        values |= place(hub, replace(weighed(case), created_at=since), case.route)
        values |= {} if emergency_due is None else {"due_at": emergency_due}
    return values


def _emergency(hub: Hub, case: Case, entry: Entry) -> dict[str, Any]:
    """What changes with an emergency: the case's place, and that it waits for nobody in particular."""
    if entry.after.track is not Track.EMERGENCY:
        return {}
    is_emergency = entry.after is State.EMERGENCY_ESCALATED
    values = place(
        hub,
        replace(weighed(case), is_emergency=is_emergency),
        case.route,
        raised_at=entry.step.at if is_emergency else None,
    )
    if is_emergency and case.reserved_for is not None:
        values |= {**NOT_RESERVED, "waiting": True}
    return values


def _link(session: Session, case: Case, linked_to: str | None) -> str:
    """The campaign's case, known to be one that a case can be linked to. Raises: BadInput."""
    chosen = linked_to or case.linked_to
    found = None if chosen in (None, case.case_id) else session.get(Case, chosen)
    if found is None or found.linked_to is not None:
        raise BadInput("linked_to: another case, which is not linked itself", field="linked_to")
    return found.case_id


def _clean(step: Step) -> Step:
    """The step, every text in it known to be one that can be stored. Raises: BadInput naming the field."""

    def clean(name: str, text: str) -> str:
        return check_written(name, text) if text.strip() else ""

    return replace(
        step,
        reason=clean("reason", step.reason),
        rationale=clean("rationale", step.rationale),
        owner=clean("owner", step.owner),
        certificate=clean("certificate", step.certificate),
        law_elements=tuple(clean("law_elements", one) for one in step.law_elements),
    )


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
