"""Every other step on a case: one form each, generated from the workflow's table and its guards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from model.errors import BadInput, CaseDecided, Conflict, LeaseLost, NotFound
from serve.cases.capacities import acting_as, capacities
from serve.cases.deciding import standing_decision
from serve.cases.progress import circumstances_of, progress_of
from serve.cases.said import check_written, day_posted
from serve.cases.stepping import APPELLANTS, appeal, take_step
from serve.cases.workflow.states import CaseAction, State
from serve.cases.workflow.steps import Step
from serve.cases.workflow.table import OUTWARD, TRACK_OF, Edge, Guard
from serve.console.action_fields import APPEAL as APPEAL_FIELDS
from serve.console.action_fields import LONGEST, Field, fields_of
from serve.console.action_words import ACTION_WORDS
from serve.console.case_actions import APPEAL, edge_for, may_appeal, why_not
from serve.console.case_facts import reports_of
from serve.console.decision_form import ticked, typed, typed_lease
from serve.console.form_errors import FormError, sentence
from serve.console.frame import frame_of
from serve.console.holding import case_at, holds, lease_on_page
from serve.console.queue_pages import claim_next
from serve.console.standing_pages import not_held
from serve.console.who import CheckCsrf, Reader
from serve.hub import Hub, hub_of
from serve.people.access import SignedIn, check_same_origin
from serve.problems import status_of
from serve.storage.identifiers import utc_now
from serve.storage.tables import Case

router = APIRouter(prefix="/cases/{case_id}/do/{action}", include_in_schema=False)

NOT_NOW = "this step cannot be taken on the case now, or not by you"
WRITE = {
    "reason": "Write why",
    "rationale": "Write why this force",
    "owner": "Write who answers for it there",
    "certificate": "Write the number of the certificate",
    "grounds": "Write the grounds",
}


@dataclass(frozen=True, slots=True)
class Answers:
    """What was typed into a step's form, by field. Nothing is trusted yet."""

    lease_number: int = 0
    words: Mapping[str, str] = field(default_factory=dict)
    ticks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    errors: tuple[FormError, ...] = ()

    def text(self, name: str) -> str:
        """What was typed into a field; empty for nothing."""
        return self.words.get(name, "")

    def is_ticked(self, name: str, value: str = "yes") -> bool:
        """Whether a box was ticked."""
        return value in self.ticks.get(name, ())

    def has_error(self, name: str) -> bool:
        """Whether the error summary leads to this field."""
        return any(error.field == name for error in self.errors)


@dataclass(frozen=True, slots=True)
class StepForm:
    """A step that this person may ask for on this case, with its questions."""

    action: str
    title: str
    hint: str
    fields: tuple[Field, ...]
    needs_lease: bool
    why_not: str
    is_outward: bool
    edge: Edge


async def typed_answers(request: Request) -> Answers:
    """What was typed into the form; a dependency of its POST."""
    form = await request.form()
    names = [name for name, value in form.multi_items() if isinstance(value, str)]
    words = {name: typed(form, name) for name in names}
    # Whatever refuses the form, what was written is shown for copying.
    request.state.typed_reason = words.get("reason", "") or words.get("grounds", "")
    return Answers(typed_lease(form), words, {name: ticked(form, name) for name in names})


@router.get("")
def step_page(request: Request, case_id: str, action: str, person: Reader) -> Response:
    """The form of one step. Raises: NotFound, Conflict for one that the table does not have for them here."""
    with hub_of(request).database.read() as session:
        case = case_at(session, case_id)
        return _page(request, session, person, case, _form(session, case, action, person), Answers())


@router.post("", dependencies=[Depends(check_same_origin), Depends(typed_answers), CheckCsrf])
def take(
    request: Request,
    case_id: str,
    action: str,
    person: Reader,
    answers: Annotated[Answers, Depends(typed_answers)],
) -> Response:
    """Takes the step and goes on; or shows the form again with what is missing.

    Raises: NotFound, Conflict.
    """
    hub, now = hub_of(request), utc_now()
    fault: BadInput | Conflict | None = None
    try:
        with hub.database.write() as session:
            case = case_at(session, case_id)
            form = _form(session, case, action, person)
            held = holds(case, person, now)
            errors = _missing(form, answers)
            if not errors:
                _take(session, hub, case, form, person, answers)
                session.refresh(case)
                ended = held and not holds(case, person, now)
        if not errors:
            address = claim_next(hub, person, done=case_id) if ended else f"/cases/{case_id}?done={case_id}"
            return RedirectResponse(address, status_code=HTTPStatus.SEE_OTHER)
    except (LeaseLost, CaseDecided):
        with hub.database.read() as session:
            case = case_at(session, case_id)
            return not_held(request, session, person, case, typed_reason=request.state.typed_reason)
    except (BadInput, Conflict) as refused:
        fault = refused
    with hub.database.read() as session:
        case = case_at(session, case_id)
        form = _form(session, case, action, person)
        if fault is not None:
            field_name = fault.field if fault.field in {one.name for one in form.fields} else None
            errors = [FormError(sentence(fault.message), field_name)]
        shown = Answers(answers.lease_number, answers.words, answers.ticks, tuple(errors))
        return _page(request, session, person, case, form, shown)


def _form(session: Session, case: Case, action: str, person: SignedIn) -> StepForm:
    if action == APPEAL:
        if not may_appeal(session, case, capacities(person.role)):
            raise Conflict(NOT_NOW)
        edge = edge_for(case, CaseAction.REOPEN, person)
        if edge is None:
            raise Conflict(NOT_NOW)
        hint = "Somebody who has not judged the case reads it afresh. A decision is appealed against once."
        return StepForm(action, "Record an appeal", hint, APPEAL_FIELDS, False, "", False, edge)
    if action not in set(CaseAction):
        raise NotFound("there is no such step")
    edge = edge_for(case, CaseAction(action), person)
    if edge is None or (Guard.HOLDER in edge.guards and not holds(case, person, utc_now())):
        raise Conflict(NOT_NOW)
    words = ACTION_WORDS[edge.action]
    return StepForm(
        action,
        words.title,
        words.hint,
        fields_of(edge),
        Guard.HOLDER in edge.guards,
        _lacks(session, case, edge, person),
        edge.action in OUTWARD,
        edge,
    )


def _lacks(session: Session, case: Case, edge: Edge, person: SignedIn) -> str:
    role = acting_as(capacities(person.role), edge.before, edge.action)
    progress, known = progress_of(session, case), circumstances_of(session, case)
    return why_not(edge, progress, known, actor=person.actor, role=role, at=case.created_at)


def _missing(form: StepForm, answers: Answers) -> list[FormError]:
    """What has still to be answered, in the order of the form."""
    errors = []
    for one in form.fields:
        if one.kind in LONGEST:
            errors += _written(one, answers.text(one.name))
        elif one.kind == "law" and not answers.ticks.get(one.name):
            errors.append(FormError("Tick at least one element that is met", one.name))
        elif one.kind == "case" and not answers.text(one.name).strip():
            errors.append(FormError("Write which case it is linked to", one.name))
        elif one.kind == "appellant" and answers.text(one.name) not in APPELLANTS:
            errors.append(FormError("Choose who appeals", one.name))
    if answers.is_ticked("keeps_subject_identity") and not answers.is_ticked("additional_threshold_met"):
        words = "Without the additional threshold the record does not keep who wrote the post"
        errors.append(FormError(words, "additional_threshold_met"))
    return errors


def _written(one: Field, text: str) -> list[FormError]:
    if not text.strip():
        return [FormError(WRITE[one.name], one.name)]
    try:
        check_written(one.name, text, longest=LONGEST[one.kind])
    except BadInput as fault:
        return [FormError(sentence(fault.message), one.name)]
    return []


def _take(session: Session, hub: Hub, case: Case, form: StepForm, person: SignedIn, answers: Answers) -> None:
    edge = form.edge
    role = acting_as(capacities(person.role), edge.before, edge.action)
    step = Step(action=edge.action, actor=person.actor, role=role, at=utc_now(), **_brought(form, answers))
    if form.action == APPEAL:
        made_by = answers.text("made_by")
        whole = Step(
            action=step.action, actor=step.actor, role=role, at=step.at, reason=f"Appeal by the {made_by}"
        )
        appeal(
            session, hub, case_id=case.case_id, step=whole, made_by=made_by, grounds=answers.text("grounds")
        )
        return
    linked_to = None
    if edge.action is CaseAction.LINK_DUPLICATE:
        linked_to = _case_named(session, answers.text("linked_to"))
    take_step(
        session,
        hub,
        case.case_id,
        step,
        lease_number=answers.lease_number if form.needs_lease else None,
        linked_to=linked_to,
    )


def _brought(form: StepForm, answers: Answers) -> dict[str, Any]:
    """The answers under the names of the step's own fields."""
    brought: dict[str, Any] = {}
    for one in form.fields:
        if one.kind in LONGEST and one.name != "grounds":
            brought[one.name] = answers.text(one.name)
        elif one.kind == "tick":
            brought[one.name] = answers.is_ticked(one.name)
        elif one.kind == "law":
            brought[one.name] = answers.ticks.get(one.name, ())
    return brought


def _case_named(session: Session, typed_reference: str) -> str:
    """The id of the case that a person means by its short reference or by its whole id. Raises: BadInput."""
    wanted = "".join(typed_reference.split()).upper()
    if not (wanted.isascii() and wanted.isalnum() and len(wanted) in (8, 26)):
        raise BadInput("linked_to: a reference such as AB12 CD34", field="linked_to")
    found = session.scalars(select(Case.case_id).where(Case.case_id.endswith(wanted)).limit(2)).all()
    if len(found) != 1:
        words = "there is no such case" if not found else "more than one case ends so: write the whole id"
        raise BadInput(f"linked_to: {words}", field="linked_to")
    return found[0]


def _page(
    request: Request, session: Session, person: SignedIn, case: Case, form: StepForm, answers: Answers
) -> Response:
    hub, now = hub_of(request), utc_now()
    held = holds(case, person, now)
    has_law = any(one.kind == "law" for one in form.fields)
    decision = standing_decision(session, case.case_id)
    met = [(entry["id"], element) for entry in (decision.law if decision else ()) for element in entry["met"]]
    if has_law and not answers.words:
        answers = Answers(ticks={"law_elements": tuple(f"{law}.{element}" for law, element in met)})
    reports = reports_of(session, case)
    return frame_of(request).render(
        request,
        "do.html",
        person=person,
        status=status_of(BadInput) if answers.errors else HTTPStatus.OK,
        case=case,
        state=State(case.state),
        track=TRACK_OF[form.edge.action],
        form=form,
        answers=answers,
        lease=lease_on_page(hub, case, now) if held else None,
        provisions=hub.law.in_force(day_posted(session, case, now.date())) if has_law else (),
        ticked_provisions={law for law, _ in met},
        appellants=APPELLANTS,
        consents=_consents(reports) if form.is_outward else None,
        in_danger=any(report.immediate_danger for report in reports),
    )


def _consents(reports: Sequence[Any]) -> list[str]:
    """What every reporter agreed to."""
    agreed = [set(report.consents) for report in reports]
    return sorted(set.intersection(*agreed)) if agreed else []
