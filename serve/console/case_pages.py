"""A case at its address: in hand, or how it stands; its posts shown one by one, its lease kept."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from sqlalchemy.orm import Session

from model.errors import LeaseLost, NotFound
from serve.audit.events import Event
from serve.audit.log import record
from serve.cases import leases
from serve.console.case_on_page import uncovered
from serve.console.decision_form import DecisionForm, typed_decision
from serve.console.decision_pages import hold_page
from serve.console.drafting import form_to_begin, keep_typed
from serve.console.holding import case_at, holds
from serve.console.notices import notice_of
from serve.console.plain_words import clock
from serve.console.standing_pages import may_read, not_held, standing_page
from serve.console.who import CheckCsrf, Claimer, Reader
from serve.hub import hub_of
from serve.people.access import SignedIn
from serve.storage.identifiers import utc_now
from serve.storage.tables import Case, CasePost, Post

router = APIRouter(prefix="/cases/{case_id}", include_in_schema=False)

LEAVING_SECONDS: Final = 45.0
"""What is left of a lease when its page is closed. More than a beat, so that a page that is only
loaded again takes the case back instead of losing it."""

Typed = Annotated[DecisionForm, Depends(typed_decision)]
ASIDE: Final = {"park": "park", "hand-over": "hand-over", "skip": "skip", "emergency": "do/escalate"}
"""Pages that somebody goes to from the form, by the last part of the address that keeps what was typed."""


@router.get("")
def case_page(request: Request, case_id: str, person: Reader, done: str = "", draft: str = "") -> Response:
    """The case in hand, if this person holds it; else how it stands, and what they may do with it."""
    database = hub_of(request).database
    with database.read() as session:
        case = case_at(session, case_id)
        if holds(case, person, utc_now()):
            form = form_to_begin(session, case, person, wants_draft=bool(draft))
            notice = notice_of(session, person, done)
            return hold_page(request, session, person, case, form, notice=notice)
    with database.write() as session:
        case = case_at(session, case_id)
        _record_reading(session, case, person)
        return standing_page(request, session, person, case, notice=notice_of(session, person, done))


@router.post("/posts/{post_id}/reveal", dependencies=[CheckCsrf])
def reveal(request: Request, case_id: str, post_id: str, person: Reader, form: Typed) -> Response:
    """Uncovers one post: its text for the script, or the page with it when there is no script.

    Raises: NotFound, LeaseLost.
    """
    hub, now = hub_of(request), utc_now()
    with hub.database.write() as session:
        case = case_at(session, case_id)
        in_case = session.get(CasePost, post_id)
        post = session.get(Post, post_id)
        if in_case is None or post is None or in_case.case_id != case_id:
            raise NotFound("there is no such post in this case")
        is_held = holds(case, person, now)
        if not is_held and not may_read(case):
            if _wants_json(request):
                raise LeaseLost("this lease on the case has ended; claim again", field="lease")
            is_kept = keep_typed(session, case, person, form, now)
            return not_held(request, session, person, case, typed_reason=form.reason, is_kept=is_kept)
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
        if is_held:
            return hold_page(request, session, person, case, form)
        return standing_page(request, session, person, case, revealed=form.revealed)


@router.post("/heartbeat", dependencies=[CheckCsrf])
def heartbeat(request: Request, case_id: str, person: Claimer, form: Typed) -> Response:
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
def leaving(request: Request, case_id: str, person: Claimer, form: Typed) -> Response:
    """Cuts the lease short when its page is closed. Raises: LeaseLost, CaseDecided, NotFound."""
    _renew(request, case_id, person, form, min(LEAVING_SECONDS, hub_of(request).settings.lease_seconds))
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.post("/release", dependencies=[CheckCsrf])
def release(request: Request, case_id: str, person: Claimer, form: Typed) -> Response:
    """Puts the case back in the queue; if it was lost already, that is as well. What was typed is kept."""
    now = utc_now()
    with hub_of(request).database.write() as session:
        case = case_at(session, case_id)
        keep_typed(session, case, person, form, now)
        if not holds(case, person, now) or case.lease_number != form.lease_number:
            return RedirectResponse("/", status_code=HTTPStatus.SEE_OTHER)
        leases.release(session, case_id=case_id, lease_number=form.lease_number, actor=person.actor, now=now)
    return RedirectResponse("/?put_back=yes", status_code=HTTPStatus.SEE_OTHER)


@router.post("/put-by/{page}", dependencies=[CheckCsrf])
def put_by(request: Request, case_id: str, page: str, person: Claimer, form: Typed) -> Response:
    """Keeps what was typed as a draft and goes on to a page that sets the case aside or raises an emergency.

    Raises: NotFound.
    """
    if page not in ASIDE:
        raise NotFound("there is no such page")
    with hub_of(request).database.write() as session:
        keep_typed(session, case_at(session, case_id), person, form, utc_now())
    return RedirectResponse(f"/cases/{case_id}/{ASIDE[page]}", status_code=HTTPStatus.SEE_OTHER)


def _record_reading(session: Session, case: Case, person: SignedIn) -> None:
    """Whoever looks into a case that they do not hold leaves a line in the log.

    Source: Data Protection Act 2018 s.62 (consultation is logged); DOMAIN.md section 12, item 1.
    """
    record(
        session,
        actor=person.actor,
        event=Event.CASE_OPENED_TO_READ,
        subject=case.case_id,
        details={"state": case.state},
        at=utc_now(),
    )


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


def _wants_json(request: Request) -> bool:
    return "application/json" in request.headers.get("accept", "")
