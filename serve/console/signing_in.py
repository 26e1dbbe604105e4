"""Signing in and out: `/sign-in`, `/sign-out`."""

from __future__ import annotations

import hmac
import secrets
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse

from model.errors import BadInput, NotAllowed, NotSignedIn, TooMany
from serve.cases import queue
from serve.console.form_errors import FormError, sentence
from serve.console.frame import frame_of
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
from serve.problems import status_of
from serve.storage.identifiers import utc_now

router = APIRouter(include_in_schema=False)

FORM_COOKIE: Final = "watchhouse-form"
"""Holds the token of the sign-in form: there is no session yet that could hold it."""


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
    """A session and the way to the queue, or the form again with what was wrong."""
    _check_form_token(request, csrf_token)
    missing = []
    if not name.strip():
        missing.append(FormError("Enter your name", "name"))
    if not password:
        missing.append(FormError("Enter your password", "password"))
    if missing:
        return _form(request, name=name, errors=missing, status=status_of(BadInput))
    hub = hub_of(request)
    try:
        opened = sessions.sign_in(hub.database, hub.settings, name=name, password=password, at=utc_now())
    except NotSignedIn:
        # Which of the two was wrong is not for a stranger to know.
        wrong = [FormError("The name or the password is wrong", "name")]
        return _form(request, name=name, errors=wrong, status=status_of(NotSignedIn))
    except TooMany as fault:
        wait = [FormError(sentence(fault.message), fault.field)]
        return _form(request, name=name, errors=wait, status=status_of(TooMany))
    answer = RedirectResponse("/", status_code=HTTPStatus.SEE_OTHER)
    set_session_cookie(answer, opened.token, hub.settings)
    answer.delete_cookie(
        _form_cookie(request), path="/", httponly=True, samesite="strict", secure=hub.settings.secure_cookies
    )
    return answer


@router.post("/sign-out", dependencies=[Depends(check_csrf)])
def sign_out(request: Request, person: Annotated[SignedIn, Depends(allowed(Action.OPEN_HUB))]) -> Response:
    """Ends the session; what is still held goes back to the queue."""
    hub = hub_of(request)
    with hub.database.write() as session:
        take_turn(session, person.actor)
        now = utc_now()
        while (held := queue.held_by(session, person.actor, now)) is not None:
            queue.release(
                session, case_id=held.case_id, lease_number=held.lease_number, actor=person.actor, now=now
            )
        sessions.sign_out(session, token=request.cookies[session_cookie_name(hub.settings)], at=now)
    answer = RedirectResponse("/sign-in", status_code=HTTPStatus.SEE_OTHER)
    clear_session_cookie(answer, hub.settings)
    return answer


def _form(
    request: Request, *, name: str = "", errors: list[FormError] | None = None, status: int = HTTPStatus.OK
) -> Response:
    settings = hub_of(request).settings
    token = request.cookies.get(_form_cookie(request)) or secrets.token_urlsafe(32)
    answer = frame_of(request).render(
        request, "sign_in.html", status=status, name=name, errors=errors or [], notice=None, csrf_token=token
    )
    answer.set_cookie(
        _form_cookie(request),
        token,
        path="/",
        httponly=True,
        samesite="strict",
        secure=settings.secure_cookies,
    )
    return answer


def _form_cookie(request: Request) -> str:
    return f"__Host-{FORM_COOKIE}" if hub_of(request).settings.secure_cookies else FORM_COOKIE


def _check_form_token(request: Request, sent: str) -> None:
    ours = request.cookies.get(_form_cookie(request), "")
    if not ours or not hmac.compare_digest(sent.encode("utf-8", "replace"), ours.encode("utf-8", "replace")):
        raise NotAllowed("The page is out of date: load it again.")
