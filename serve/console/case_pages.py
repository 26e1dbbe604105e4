"""The case in hand: read it, decide it, put it back."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from sqlalchemy.orm import Session

from model.errors import BadInput, CaseDecided, LeaseLost, NotFound
from serve.audit.events import Event
from serve.audit.log import record
from serve.cases import leases
from serve.cases.campaigns.matching import LINKED
from serve.cases.capacities import acting_as, capacities
from serve.cases.deciding import standing_decision
from serve.cases.judging import judge
from serve.cases.said import Said
from serve.cases.workflow.states import CaseAction, State
from serve.console.case_on_page import posts_on_page, seen_by, still_covered, uncovered
from serve.console.decision_form import (
    STRAND_KEYS,
    DecisionForm,
    choices,
    keep_reason,
    missing,
    typed_decision,
)
from serve.console.form_errors import FormError, sentence
from serve.console.frame import frame_of
from serve.console.plain_words import clock, reference
from serve.console.queue_pages import Decider, claim_next, decision_notice
from serve.console.severities import SeverityScale
from serve.hub import Hub, hub_of
from serve.people.access import SignedIn, check_csrf, check_same_origin
from serve.problems import status_of
from serve.storage.identifiers import utc_now
from serve.storage.tables import HELD, Case, CasePost, Decision, Post

router = APIRouter(prefix="/cases/{case_id}", include_in_schema=False)

BEAT_SECONDS: Final = 30.0
"""How often an open, visible page renews its lease; three times a lease at least."""

LEAVING_SECONDS: Final = 45.0
"""What is left of a lease when its page is closed. More than a beat, so that a page that is only
loaded again takes the case back instead of losing it."""

Typed = Annotated[DecisionForm, Depends(typed_decision)]
CheckCsrf = Depends(check_csrf)


@router.get("")
def case_page(request: Request, case_id: str, person: Decider, decided: str = "") -> Response:
    """The case, if this person holds it; else a page that says how it stands."""
    with hub_of(request).database.read() as session:
        case = _case(session, case_id)
        if case.state == LINKED:
            return RedirectResponse(f"/cases/{case_id}/campaign", status_code=HTTPStatus.SEE_OTHER)
        if not _holds(case, person, utc_now()):
            return _not_held(request, session, person, case)
        notice = decision_notice(session, person, decided)
        return _held_page(request, session, person, case, DecisionForm(), notice=notice)


@router.post("/posts/{post_id}/reveal", dependencies=[CheckCsrf])
def reveal(request: Request, case_id: str, post_id: str, person: Decider, form: Typed) -> Response:
    """Uncovers one post: its text for the script, or the page with it when there is no script.

    Raises: NotFound, LeaseLost.
    """
    hub, now = hub_of(request), utc_now()
    with hub.database.write() as session:
        case = _case(session, case_id)
        in_case = session.get(CasePost, post_id)
        post = session.get(Post, post_id)
        if in_case is None or post is None or in_case.case_id != case_id:
            raise NotFound("there is no such post in this case")
        if not _holds(case, person, now):
            if _wants_json(request):
                raise LeaseLost("this lease on the case has ended; claim again", field="lease")
            return _not_held(request, session, person, case, typed_reason=form.reason)
        record(
            session,
            actor=person.actor,
            event=Event.POST_REVEALED,
            subject=post_id,
            details={"case_id": case_id, "lease_number": case.lease_number},
            at=now,
        )
        session.flush()
        if _wants_json(request):
            return JSONResponse(uncovered(post))
        form = replace(form, revealed=form.revealed | {post_id})
        return _held_page(request, session, person, case, form)


# In this order: whatever refuses the form after `keep_reason`, the written reason is shown for copying, but
# never the text of another site's form.
@router.post("/decide", dependencies=[Depends(check_same_origin), Depends(keep_reason), CheckCsrf])
def decide(request: Request, case_id: str, person: Decider, form: Typed) -> Response:
    """Records the decision and opens the next case; or shows the form again with what is missing."""
    hub, now = hub_of(request), utc_now()
    offered = choices(hub.outcomes.in_force(now.date()))
    with hub.database.read() as session:
        covered = still_covered(session, _case(session, case_id), person.actor)
    errors = missing(form, offered, covered=covered)
    try:
        if not errors:
            with hub.database.write() as session:
                judge(
                    session,
                    hub,
                    case_id=case_id,
                    lease_number=form.lease_number,
                    actor=person.actor,
                    role=acting_as(capacities(person.role), State.CAPTURED, CaseAction.CLAIM),
                    now=now,
                    said=Said(
                        outcome=form.outcome,
                        outcome_detail=form.detail(),
                        strands=form.strands,
                        severity=int(form.severity),
                        reason=form.reason,
                    ),
                )
            return RedirectResponse(
                claim_next(hub, person, decided=case_id), status_code=HTTPStatus.SEE_OTHER
            )
    except BadInput as fault:
        errors = [FormError(sentence(fault.message), fault.field)]
    except (LeaseLost, CaseDecided):
        errors = []
    with hub.database.read() as session:
        case = _case(session, case_id)
        if not errors or not _holds(case, person, now):
            return _not_held(request, session, person, case, typed_reason=form.reason)
        return _held_page(request, session, person, case, form.with_errors(errors))


@router.post("/heartbeat", dependencies=[CheckCsrf])
def heartbeat(request: Request, case_id: str, person: Decider, form: Typed) -> Response:
    """The renewed lease, for the script of an open page. Raises: LeaseLost, CaseDecided, NotFound."""
    renewed = _renew(request, case_id, person, form, hub_of(request).settings.lease_seconds)
    return JSONResponse(
        {
            "until": clock(renewed.lease_expires_at),
            "expires_at": renewed.lease_expires_at.isoformat(),
            "seconds_left": (renewed.lease_expires_at - utc_now()).total_seconds(),
        }
    )


@router.post("/leaving", dependencies=[CheckCsrf])
def leaving(request: Request, case_id: str, person: Decider, form: Typed) -> Response:
    """Cuts the lease short when its page is closed. Raises: LeaseLost, CaseDecided, NotFound."""
    _renew(request, case_id, person, form, min(LEAVING_SECONDS, hub_of(request).settings.lease_seconds))
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.post("/release", dependencies=[CheckCsrf])
def release(request: Request, case_id: str, person: Decider, form: Typed) -> Response:
    """Puts the case back in the queue; if it was lost already, that is just as well."""
    try:
        with hub_of(request).database.write() as session:
            leases.release(
                session, case_id=case_id, lease_number=form.lease_number, actor=person.actor, now=utc_now()
            )
    except (LeaseLost, CaseDecided):
        return RedirectResponse("/", status_code=HTTPStatus.SEE_OTHER)
    return RedirectResponse("/?put_back=yes", status_code=HTTPStatus.SEE_OTHER)


def _renew(
    request: Request, case_id: str, person: SignedIn, form: DecisionForm, seconds: float
) -> leases.ClaimedCase:
    with hub_of(request).database.write() as session:
        return leases.heartbeat(
            session,
            case_id=case_id,
            lease_number=form.lease_number,
            actor=person.actor,
            now=utc_now(),
            lease_seconds=seconds,
        )


def _case(session: Session, case_id: str) -> Case:
    case = session.get(Case, case_id) if case_id.isascii() and case_id.isalnum() else None
    if case is None:
        raise NotFound("there is no such case")
    return case


def _holds(case: Case, person: SignedIn, now: datetime) -> bool:
    return (
        case.state in HELD
        and case.leased_by == person.actor
        and case.lease_expires_at is not None
        and case.lease_expires_at > now
    )


def _held_page(
    request: Request,
    session: Session,
    person: SignedIn,
    case: Case,
    form: DecisionForm,
    *,
    notice: str | None = None,
) -> Response:
    hub, now = hub_of(request), utc_now()
    if case.lease_expires_at is None:
        raise TypeError("a held case has an end of its lease (constraint ck_cases_lease)")
    # Only what this person has asked to see before, whatever the form says.
    revealed = seen_by(session, person.actor, form.revealed)
    status = status_of(BadInput) if form.errors else HTTPStatus.OK
    return frame_of(request).render(
        request,
        "case.html",
        person=person,
        status=status,
        case_id=case.case_id,
        strands=case.strands,
        route=case.route,
        lease_number=case.lease_number,
        lease_expires_at=case.lease_expires_at,
        seconds_left=round((case.lease_expires_at - now).total_seconds(), 1),
        beat_seconds=min(BEAT_SECONDS, hub.settings.lease_seconds / 3),
        posts=posts_on_page(session, case, revealed=revealed),
        choices=choices(hub.outcomes.in_force(now.date())),
        strand_keys=STRAND_KEYS,
        scale=severities_of(request),
        form=form,
        notice=notice,
    )


def _not_held(
    request: Request, session: Session, person: SignedIn, case: Case, *, typed_reason: str = ""
) -> Response:
    """The page for a case that is not this person's: decided, waiting, or somebody else's."""
    decision = standing_decision(session, case.case_id)
    if decision is not None and not typed_reason:
        return _decided_page(request, person, decision)
    heading, words = (
        f"Case {reference(case.case_id)} is no longer yours",
        _how_it_stands(case, person, decision),
    )
    status = status_of(LeaseLost) if request.method == "POST" else HTTPStatus.OK
    return frame_of(request).render(
        request,
        "message.html",
        person=person,
        status=status,
        heading=heading if typed_reason else f"Case {reference(case.case_id)} is not yours",
        paragraphs=words,
        typed_reason=typed_reason,
        may_claim=True,
        links=[("Back to the queue", "/")],
        notice=None,
    )


def _how_it_stands(case: Case, person: SignedIn, decision: Decision | None) -> list[str]:
    if decision is not None and decision.decided_by == person.actor:
        return ["You have decided it already; that decision stands and this one was not recorded."]
    if decision is not None:
        return ["Somebody else has decided it meanwhile. Your decision was not recorded."]
    if case.state in HELD and case.leased_by != person.actor:
        return ["Somebody else is working on it now. Nothing of yours was recorded."]
    return ["Its time ran out and it went back to the queue. Nothing was recorded. You can claim again."]


def _decided_page(request: Request, person: SignedIn, decision: Decision) -> Response:
    hub: Hub = hub_of(request)
    offered: dict[str, Any] = {
        outcome.code: outcome for outcome in hub.outcomes.in_force(decision.decided_at.date())
    }
    outcome = offered.get(decision.outcome)
    details = {detail.code: detail.title for detail in outcome.details} if outcome else {}
    return frame_of(request).render(
        request,
        "decided.html",
        person=person,
        case_id=decision.case_id,
        decision=decision,
        outcome=outcome.title if outcome else decision.outcome,
        detail=details.get(decision.outcome_detail, decision.outcome_detail),
        severity=severities_of(request).step(decision.severity),
        mine=decision.decided_by == person.actor,
    )


def _wants_json(request: Request) -> bool:
    return "application/json" in request.headers.get("accept", "")


def severities_of(request: Request) -> SeverityScale:
    """The severity scale of this hub's codebook."""
    scale: SeverityScale = request.app.state.severities
    return scale
