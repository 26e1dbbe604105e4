"""A case in hand: read it, judge it, hear what came of it. Every reader has the same form."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from model.errors import BadInput, CaseDecided, LeaseLost
from serve.cases.campaigns.reading import campaign_line, samples, unread_samples
from serve.cases.capacities import acting_as, capacities
from serve.cases.deciding import standing_decision
from serve.cases.drafts import draft_of, drop_draft
from serve.cases.judging import Judged, held_case, judge
from serve.cases.notes import write_note
from serve.cases.placing import scores_hidden, why_this_place
from serve.cases.workflow.states import CaseAction, State
from serve.console.blindness import open_judgements
from serve.console.case_facts import appeals_of, judgements_of, notes_for, reports_of
from serve.console.case_on_page import posts_on_page, seen_by
from serve.console.compared import compared
from serve.console.decision_form import DecisionForm, keep_reason, typed_decision
from serve.console.decision_offer import missing, offer_for
from serve.console.decision_words import decision_words, severities_of
from serve.console.drafting import has_judged, keep_typed
from serve.console.form_errors import FormError, sentence
from serve.console.frame import frame_of
from serve.console.holding import case_at, holds, lease_on_page
from serve.console.next_case import claim_next
from serve.console.standing_pages import not_held
from serve.console.triage_pages import triage_page
from serve.console.who import CheckCsrf, Claimer
from serve.hub import Hub, hub_of
from serve.people.access import SignedIn, check_same_origin
from serve.problems import status_of
from serve.storage.identifiers import utc_now
from serve.storage.tables import Case, CaseStep

router = APIRouter(prefix="/cases/{case_id}", include_in_schema=False)
Typed = Annotated[DecisionForm, Depends(typed_decision)]

JUDGES = {
    State.IN_REVIEW.value: CaseAction.DECIDE,
    State.IN_SECOND_REVIEW.value: CaseAction.AGREE,
    State.IN_ADJUDICATION.value: CaseAction.ADJUDICATE,
}
STAGE_HEADINGS = {
    State.IN_REVIEW.value: "Your decision",
    State.IN_SECOND_REVIEW.value: "Your judgement, as the second reader",
    State.IN_ADJUDICATION.value: "Your decision between the two readers",
}

WHAT_CAME_OF_IT = {
    CaseAction.DECIDE: ("The case is decided", "Your judgement is recorded."),
    CaseAction.SEND_TO_SECOND_REVIEW: (
        "Your judgement is recorded",
        "Somebody else reads the case before it is decided. They do not see what you said.",
    ),
    CaseAction.AGREE: ("The two of you agree", "Your judgement is recorded, and the case is decided."),
    CaseAction.DISAGREE: (
        "The two of you differ",
        "Your judgement is recorded. A senior who is neither of you reads the case and decides.",
    ),
    CaseAction.ADJUDICATE: (
        "The case is decided",
        "Your judgement is recorded; it decides between the two readers.",
    ),
}


def hold_page(
    request: Request,
    session: Session,
    person: SignedIn,
    case: Case,
    form: DecisionForm,
    *,
    notice: str | None = None,
) -> Response:
    """The page of a case that this person holds: that of its stage."""
    if case.state == State.IN_TRIAGE.value:
        return triage_page(
            request,
            session,
            person,
            case,
            revealed=form.revealed,
            note=form.note,
            errors=form.errors,
            notice=notice,
        )
    hub, now = hub_of(request), utc_now()
    # Only what this person has asked to see before, whatever the form says.
    revealed = seen_by(session, person.actor, form.revealed)
    shows_scores = not scores_hidden(case, hub.queue_rules)
    judgements = open_judgements(case, judgements_of(session, case), person.actor)
    notes, hidden_notes = notes_for(session, case, person)
    offer = offer_for(session, hub, severities_of(request), case, now)
    return frame_of(request).render(
        request,
        "case.html",
        person=person,
        status=status_of(BadInput) if form.errors else HTTPStatus.OK,
        case=case,
        heading=STAGE_HEADINGS[case.state],
        lease=lease_on_page(hub, case, now),
        posts=posts_on_page(
            session,
            case,
            revealed=revealed,
            unread=unread_samples(session, case.case_id, person.actor),
            shows_scores=shows_scores,
        ),
        line=campaign_line(session, case),
        reports=reports_of(session, case),
        notes=notes,
        hidden_notes=hidden_notes,
        why=why_this_place(case, hub.queue_rules, now),
        offer=offer,
        form=form,
        readers=compared(hub, [one for one in judgements if one.cycle == case.cycle])
        if case.state == State.IN_ADJUDICATION.value
        else None,
        before=_decided_before(request, session, case),
        appeals=appeals_of(session, case),
        draft=None
        if form.is_kept or form.is_begun
        else draft_of(session, case_id=case.case_id, actor=person.actor),
        notice=notice,
    )


# In this order: whatever refuses the form after `keep_reason`, the written reason is shown for copying, but
# never the text of another site's form.
@router.post("/decide", dependencies=[Depends(check_same_origin), Depends(keep_reason), CheckCsrf])
def decide(request: Request, case_id: str, person: Claimer, form: Typed) -> Response:
    """Records the judgement and goes on; or shows what is missing; or keeps it all as a draft."""
    hub = hub_of(request)
    read = _look(request, hub, person, case_id, form)
    if read is None:
        return _too_late(request, hub, person, case_id, form)
    errors = read.errors
    try:
        if not errors:
            judged = _judge(hub, case_id, read, person, form)
            return _go_on(hub, person, case_id, judged)
    except BadInput as fault:
        errors = [FormError(sentence(fault.message), fault.field)]
    except (LeaseLost, CaseDecided):
        return _too_late(request, hub, person, case_id, form)
    with hub.database.read() as session:
        case = case_at(session, case_id)
        if holds(case, person, utc_now()):
            return hold_page(request, session, person, case, form.with_errors(errors))
    return _too_late(request, hub, person, case_id, form)


@router.get("/judged")
def judged_page(request: Request, case_id: str, person: Claimer) -> Response:
    """After a second reading: whether the two agreed, or a senior decides. It names nobody.

    For somebody who has not judged the case: the way to its own page.

    Raises: NotFound.
    """
    with hub_of(request).database.read() as session:
        case = case_at(session, case_id)
        own = session.scalars(
            select(CaseStep).where(
                CaseStep.case_id == case_id,
                CaseStep.actor == person.actor,
                CaseStep.cycle == case.cycle,
                CaseStep.action.in_(WHAT_CAME_OF_IT),
            )
        ).first()
        if own is None:
            return RedirectResponse(f"/cases/{case_id}", status_code=HTTPStatus.SEE_OTHER)
        heading, words = WHAT_CAME_OF_IT[CaseAction(own.action)]
    return frame_of(request).render(
        request,
        "message.html",
        person=person,
        heading=heading,
        paragraphs=[words],
        typed_reason="",
        may_claim=True,
        links=[("Back to the queue", "/")],
        notice=None,
    )


@dataclass(frozen=True, slots=True)
class _Read:
    """What the case was when the form came in: its stage, what the form misses, what the reader saw."""

    state: str
    errors: list[FormError]
    saw_scores: bool


def _look(request: Request, hub: Hub, person: SignedIn, case_id: str, form: DecisionForm) -> _Read | None:
    """None if the person does not hold the case."""
    now = utc_now()
    with hub.database.read() as session:
        case = case_at(session, case_id)
        if not holds(case, person, now):
            return None
        offer = offer_for(session, hub, severities_of(request), case, now)
        covered = unread_samples(session, case.case_id, person.actor)
        errors = missing(form, offer, hub.outcomes.in_force(now.date()), covered=covered)
        if covered and covered[0] not in {one.post.post_id for one in samples(session, case_id)}:
            errors[0] = FormError("Read every wording before you decide", "further-wordings")
        return _Read(case.state, errors, not scores_hidden(case, hub.queue_rules))


def _judge(hub: Hub, case_id: str, read: _Read, person: SignedIn, form: DecisionForm) -> Judged:
    now = utc_now()
    with hub.database.write() as session:
        if form.note.strip():  # typed and not sent: it goes along
            write_note(session, case_id=case_id, author=person.actor, text=form.note, now=now)
        held_case(session, case_id, form.lease_number, person.actor, now)
        if unread_samples(session, case_id, person.actor):  # it joined since the form was looked at
            raise BadInput("posts: Another wording has just joined the case. Read it first")
        judged = judge(
            session,
            hub,
            case_id=case_id,
            lease_number=form.lease_number,
            actor=person.actor,
            role=acting_as(capacities(person.role), State(read.state), JUDGES[read.state]),
            now=now,
            said=form.said(saw_scores=read.saw_scores),
        )
        drop_draft(session, case_id=case_id, actor=person.actor, now=now)
    return judged


def _go_on(hub: Hub, person: SignedIn, case_id: str, judged: Judged) -> Response:
    if judged.judgement.round == 2:  # a second reader hears first what came of it
        address = f"/cases/{case_id}/judged"
    else:
        address = claim_next(hub, person, done=case_id)
    return RedirectResponse(address, status_code=HTTPStatus.SEE_OTHER)


def _too_late(request: Request, hub: Hub, person: SignedIn, case_id: str, form: DecisionForm) -> Response:
    """Keeps what came too late as a draft, unless this very lease has judged already, and says so."""
    with hub.database.write() as session:
        case = case_at(session, case_id)
        is_kept = keep_typed(session, case, person, form, utc_now())
        session.flush()
        return not_held(
            request,
            session,
            person,
            case,
            typed_reason=form.reason,
            is_kept=is_kept,
            has_judged=has_judged(session, case, person, form.lease_number),
        )


def _decided_before(request: Request, session: Session, case: Case) -> dict[str, Any] | None:
    """What stood before the case was reopened: its reader knows what was decided, and judges afresh."""
    standing = standing_decision(session, case.case_id) if case.cycle else None
    return None if standing is None else decision_words(request, standing)
