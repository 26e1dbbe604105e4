"""A case whose text was decided in another one: what was decided there, and one key to follow it."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.datastructures import FormData

from model.errors import BadInput, Conflict, NotAllowed
from serve.cases.campaigns.case_texts import learn_case
from serve.cases.campaigns.linking import campaign_of_linked, follow_campaign, linked_cases, unlink
from serve.cases.campaigns.matching import LINKED
from serve.cases.campaigns.reading import campaign_line, unread_texts
from serve.cases.capacities import acting_as, capacities
from serve.cases.workflow.states import CaseAction, State
from serve.console.decision_words import outcome_words, severities_of
from serve.console.form_errors import FormError, sentence
from serve.console.frame import frame_of
from serve.console.need_to_know import case_within_reach, queues_of
from serve.console.plain_words import reference
from serve.console.who import CheckCsrf, Claimer, Reader
from serve.field_text import is_identifier
from serve.hub import hub_of
from serve.people.access import SignedIn
from serve.people.roles import Action, may
from serve.problems import status_of
from serve.storage.identifiers import utc_now
from serve.storage.tables import Case, Decision

router = APIRouter(include_in_schema=False)


async def typed(request: Request) -> FormData:
    """The form as it was sent."""
    return await request.form()


Typed = Annotated[FormData, Depends(typed)]


@router.get("/linked")
def next_linked(request: Request, person: Claimer, done: str = "") -> Response:
    """The linked case that has waited longest for somebody to follow its campaign; or a calm page."""
    with hub_of(request).database.read() as session:
        waiting = linked_cases(session, queues_of(person), limit=1)
        notice = _done(session, person, done)
    if waiting:
        address = f"/cases/{waiting[0].case_id}/campaign"
        return RedirectResponse(
            f"{address}?done={done}" if notice else address, status_code=HTTPStatus.SEE_OTHER
        )
    return frame_of(request).render(
        request,
        "message.html",
        person=person,
        heading="No linked case is waiting",
        paragraphs=[
            "Every case whose text was decided elsewhere follows that decision, or was parted from it."
        ],
        typed_reason="",
        may_claim=True,
        links=[("Back to the queue", "/")],
        notice=notice,
    )


@router.get("/cases/{case_id}/campaign")
def linked_page(request: Request, case_id: str, person: Reader, done: str = "") -> Response:
    """What was decided on the campaign's case, for one that is linked to it; else the case's own page."""
    with hub_of(request).database.write() as session:
        case = case_within_reach(session, person, case_id)
        if case.state != LINKED:
            return RedirectResponse(f"/cases/{case_id}", status_code=HTTPStatus.SEE_OTHER)
        learn_case(session, case_id)
        return _page(request, session, person, case, notice=_done(session, person, done))


@router.post("/cases/{case_id}/follow", dependencies=[CheckCsrf])
def follow(request: Request, case_id: str, person: Claimer, form: Typed) -> Response:
    """Decides the case as its campaign was decided, and goes on to the next linked one. Raises: NotFound."""
    hub = hub_of(request)
    reason = _text(form, "reason")
    try:
        with hub.database.write() as session:
            case = case_within_reach(session, person, case_id)
            learn_case(session, case_id)
            follow_campaign(
                session,
                hub,
                case_id=case_id,
                actor=person.actor,
                role=acting_as(capacities(person.role), State(case.state), CaseAction.FOLLOW_CAMPAIGN),
                now=utc_now(),
                reason=reason,
            )
    except (BadInput, Conflict, NotAllowed) as fault:
        return _again(request, person, case_id, fault, "reason", reason)
    return RedirectResponse(f"/linked?done={case_id}", status_code=HTTPStatus.SEE_OTHER)


@router.post("/cases/{case_id}/unlink", dependencies=[CheckCsrf])
def part_from_campaign(request: Request, case_id: str, person: Claimer, form: Typed) -> Response:
    """Parts the case from its campaign: it is triaged and judged by itself. Raises: NotFound."""
    hub = hub_of(request)
    reason = _text(form, "why")
    try:
        with hub.database.write() as session:
            case = case_within_reach(session, person, case_id)
            unlink(
                session,
                hub,
                case_id=case_id,
                actor=person.actor,
                role=acting_as(capacities(person.role), State(case.state), CaseAction.UNLINK),
                reason=reason,
                now=utc_now(),
                never_again=_text(form, "never_again") == "yes",
            )
    except (BadInput, Conflict, NotAllowed) as fault:
        return _again(request, person, case_id, fault, "why", reason)
    return RedirectResponse("/linked", status_code=HTTPStatus.SEE_OTHER)


def _again(
    request: Request,
    person: SignedIn,
    case_id: str,
    fault: BadInput | Conflict | NotAllowed,
    field: str,
    reason: str,
) -> Response:
    """The page with what was typed and what is wrong with it; the case's own page if it is not linked."""
    with hub_of(request).database.read() as session:
        case = case_within_reach(session, person, case_id)
        if case.state != LINKED:
            return RedirectResponse(f"/cases/{case_id}", status_code=HTTPStatus.SEE_OTHER)
        named = field if fault.field == "reason" else {"never_again": "never-again"}.get(fault.field or "")
        errors = [FormError(f"{sentence(fault.message)}.", named)]
        return _page(request, session, person, case, errors=errors, typed={field: reason})


def _page(
    request: Request,
    session: Session,
    person: SignedIn,
    case: Case,
    *,
    errors: list[FormError] | None = None,
    typed: dict[str, str] | None = None,
    notice: str | None = None,
) -> Response:
    campaign = campaign_of_linked(session, case)
    if campaign is None:
        raise TypeError("a linked case has a campaign (constraint ck_cases_linked)")
    decision = campaign.decision
    return frame_of(request).render(
        request,
        "linked.html",
        person=person,
        status=status_of(BadInput) if errors else HTTPStatus.OK,
        case=case,
        campaign=campaign.case,
        decision=decision,
        decided=None if decision is None else _in_words(request, decision),
        line=campaign_line(session, case),
        of_campaign=campaign_line(session, campaign.case),
        unread=len(unread_texts(session, case.case_id, person.actor)),
        may_act=may(person.role, Action.CLAIM_CASES),
        errors=errors or [],
        typed={"reason": "", "why": "", **(typed or {})},
        notice=notice,
    )


def _in_words(request: Request, decision: Decision) -> dict[str, object]:
    """The decision's codes as titles of the day on which it was made."""
    outcome, detail = outcome_words(
        hub_of(request), decision.outcome, decision.outcome_detail, decision.decided_at.date()
    )
    severity = severities_of(request).step(decision.severity)
    return {"outcome": outcome, "detail": detail, "severity": severity}


def _done(session: Session, person: SignedIn, case_id: str) -> str | None:
    """The message after following; only for a decision that this person really made."""
    if not is_identifier(case_id):
        return None
    case = session.get(Case, case_id)
    if case is None or case.linked_to is None:
        return None
    found = session.scalar(
        select(Decision.case_id).where(Decision.case_id == case_id, Decision.decided_by == person.actor)
    )
    return f"Case {reference(case_id)} follows its campaign's decision." if found else None


def _text(form: FormData, name: str) -> str:
    value = form.get(name)
    return value.replace("\r\n", "\n") if isinstance(value, str) else ""
