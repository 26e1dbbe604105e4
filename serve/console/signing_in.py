"""Signing in and out: `/sign-in`, `/sign-out`. The second step stands in second_step_pages.py."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse

from model.errors import BadInput, NotSignedIn, TooMany
from serve.cases import leases
from serve.console import sign_in_cookies
from serve.console.form_errors import FormError, sentence
from serve.console.frame import frame_of
from serve.console.sign_in_cookies import Cookie, check_form_token, form_token
from serve.console.turns import take_turn
from serve.hub import hub_of
from serve.people import sessions
from serve.people.access import (
    PUBLIC,
    CurrentSession,
    SignedIn,
    allowed,
    check_csrf,
    check_same_origin,
    clear_session_cookie,
    session_cookie_name,
    set_session_cookie,
)
from serve.people.roles import Action
from serve.people.sessions import OpenedSession
from serve.people.sign_in_steps import Owes, StepDue
from serve.problems import status_of
from serve.storage.identifiers import utc_now

router = APIRouter(include_in_schema=False)

STEPS: Final = {Owes.CODE: "/sign-in/code", Owes.ENROLMENT: "/sign-in/authenticator"}
"""Where each second step is."""


@router.get("/sign-in", dependencies=[PUBLIC])
def sign_in_page(request: Request, live: CurrentSession) -> Response:
    """The form; somebody who is signed in already goes on to the queue."""
    if live is not None:
        return RedirectResponse("/", status_code=HTTPStatus.SEE_OTHER)
    return _form(request)


@router.post("/sign-in", dependencies=[PUBLIC, Depends(check_same_origin)])
def sign_in(
    request: Request,
    name: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    csrf_token: Annotated[str, Form()] = "",
) -> Response:
    """A session and the way to the queue, the second step, or the form again with what was wrong."""
    check_form_token(request, csrf_token)
    missing = []
    if not name.strip():
        missing.append(FormError("Enter your name", "name"))
    if not password:
        missing.append(FormError("Enter your password", "password"))
    if missing:
        return _form(request, name=name, errors=missing, status=status_of(BadInput))
    hub = hub_of(request)
    try:
        entered = sessions.sign_in(hub.database, hub.settings, name=name, password=password, at=utc_now())
    except NotSignedIn:
        # Which of the two was wrong is not for a stranger to know.
        wrong = [FormError("The name or the password is wrong", "name")]
        return _form(request, name=name, errors=wrong, status=status_of(NotSignedIn))
    except TooMany as fault:
        wait = [FormError(sentence(fault.message), fault.field)]
        return _form(request, name=name, errors=wait, status=status_of(TooMany))
    return go_on(request, entered)


@router.post("/sign-out", dependencies=[Depends(check_csrf)])
def sign_out(request: Request, person: Annotated[SignedIn, Depends(allowed(Action.OPEN_HUB))]) -> Response:
    """Ends the session; what is still held goes back to the queue."""
    hub = hub_of(request)
    with hub.database.write() as session:
        take_turn(session, person.actor)
        now = utc_now()
        while (held := leases.held_by(session, person.actor, now)) is not None:
            leases.release(
                session, case_id=held.case_id, lease_number=held.lease_number, actor=person.actor, now=now
            )
        sessions.sign_out(session, token=request.cookies[session_cookie_name(hub.settings)], at=now)
    answer = RedirectResponse("/sign-in", status_code=HTTPStatus.SEE_OTHER)
    clear_session_cookie(answer, hub.settings)
    return answer


def go_on(request: Request, entered: OpenedSession | StepDue, address: str = "/") -> Response:
    """The way on from a step that was right: to `address` as a signed-in person, or to the second step."""
    next_address = STEPS[entered.owes] if isinstance(entered, StepDue) else address
    return remember(request, RedirectResponse(next_address, status_code=HTTPStatus.SEE_OTHER), entered)


def remember(request: Request, answer: Response, entered: OpenedSession | StepDue) -> Response:
    """The same answer with the cookie of the session or the second step, without those that it replaces."""
    if isinstance(entered, StepDue):
        sign_in_cookies.put(request, answer, Cookie.STEP, entered.token)
        sign_in_cookies.drop(request, answer, Cookie.ERRAND)
    else:
        set_session_cookie(answer, entered.token, hub_of(request).settings)
        sign_in_cookies.drop(request, answer, Cookie.FORM, Cookie.STEP, Cookie.ERRAND)
    return answer


def _form(
    request: Request, *, name: str = "", errors: list[FormError] | None = None, status: int = HTTPStatus.OK
) -> Response:
    oidc = hub_of(request).settings.oidc
    token = form_token(request)
    answer = frame_of(request).render(
        request,
        "sign_in.html",
        status=status,
        name=name,
        errors=errors or [],
        notice=None,
        csrf_token=token,
        elsewhere=oidc.label if oidc else None,
    )
    sign_in_cookies.put(request, answer, Cookie.FORM, token)
    return answer
