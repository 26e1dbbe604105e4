"""The second step of signing in: a code from the app, a recovery code, or setting the app up first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse

from model.errors import BadInput, NotSignedIn, TooMany, WrongCode
from serve.console import sign_in_cookies
from serve.console.form_errors import FormError, sentence
from serve.console.frame import frame_of
from serve.console.qr import qr_code
from serve.console.sign_in_cookies import Cookie, check_form_token, form_token
from serve.console.signing_in import go_on, remember
from serve.hub import hub_of
from serve.people import second_factor, totp
from serve.people.access import PUBLIC, check_same_origin
from serve.people.recovery_codes import codes_left
from serve.people.secret_box import open_secret_box
from serve.people.sign_in_steps import who_owes
from serve.problems import status_of
from serve.storage.identifiers import utc_now
from serve.storage.tables import Officer

router = APIRouter(prefix="/sign-in", include_in_schema=False, dependencies=[PUBLIC])

FEW_CODES: Final = 3
OVER: Final = "The sign-in took too long, or was ended. Start again."
SameOrigin = Depends(check_same_origin)


def person_who_owes(request: Request) -> Officer:
    """A dependency that gives the person whose second step this browser has to pass. Raises: NotSignedIn."""
    with hub_of(request).database.read() as session:
        found = who_owes(session, sign_in_cookies.read(request, Cookie.STEP), utc_now())
    if found is None:
        raise NotSignedIn(OVER)
    return found


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of a code: what is wrong with it, for the page, and the status of that page."""

    errors: list[FormError]
    status: int


RIGHT: Final = Tried([], HTTPStatus.OK)
Owing = Annotated[Officer, Depends(person_who_owes)]
Code = Annotated[str, Form()]


@router.get("/code")
def code_page(request: Request, person: Owing) -> Response:
    """The form for the six digits."""
    return _code_form(request, "code")


@router.post("/code", dependencies=[SameOrigin])
def pass_code(request: Request, person: Owing, code: Code = "", csrf_token: Code = "") -> Response:
    """A session for a right code; else the form again."""
    check_form_token(request, csrf_token)
    hub, now = hub_of(request), utc_now()
    box = open_secret_box(hub.settings)
    tried = _tried(
        code,
        lambda: second_factor.check_code(hub.database, box, officer_id=person.officer_id, code=code, at=now),
    )
    return _code_form(request, "code", tried) if tried.errors else _finish(request)


@router.get("/recovery-code")
def recovery_page(request: Request, person: Owing) -> Response:
    """The form for a recovery code."""
    return _code_form(request, "recovery-code")


@router.post("/recovery-code", dependencies=[SameOrigin])
def pass_recovery_code(request: Request, person: Owing, code: Code = "", csrf_token: Code = "") -> Response:
    """A session for a code that was never used; else the form again."""
    check_form_token(request, csrf_token)
    hub, now = hub_of(request), utc_now()
    tried = _tried(
        code,
        lambda: second_factor.check_recovery_code(
            hub.database, officer_id=person.officer_id, code=code, at=now
        ),
    )
    if tried.errors:
        return _code_form(request, "recovery-code", tried)
    with hub.database.read() as session:
        few = codes_left(session, person.officer_id) <= FEW_CODES
    return _finish(request, "/account" if few else "/")


@router.get("/authenticator")
def enrolment_page(request: Request, person: Owing) -> Response:
    """The QR code to set up, for somebody who must have an authenticator and has none yet."""
    if person.totp_enrolled_at is not None:
        return RedirectResponse("/sign-in/code", status_code=HTTPStatus.SEE_OTHER)
    return _enrolment_form(request, person)


@router.post("/authenticator", dependencies=[SameOrigin])
def enrol(request: Request, person: Owing, code: Code = "", csrf_token: Code = "") -> Response:
    """The ten recovery codes and a session for a code of the new app; else the form again."""
    check_form_token(request, csrf_token)
    if person.totp_enrolled_at is not None:
        return RedirectResponse("/sign-in/code", status_code=HTTPStatus.SEE_OTHER)
    hub, now = hub_of(request), utc_now()
    box = open_secret_box(hub.settings)
    codes: list[str] = []
    tried = _tried(
        code,
        lambda: codes.extend(
            second_factor.confirm(hub.database, box, officer_id=person.officer_id, code=code, at=now)
        ),
    )
    if tried.errors:
        return _enrolment_form(request, person, tried)
    opened = second_factor.finish_sign_in(
        hub.database, hub.settings, token=sign_in_cookies.read(request, Cookie.STEP), at=now
    )
    page = frame_of(request).render(request, "recovery_codes.html", codes=codes, next_address="/")
    return remember(request, page, opened)


def _tried(code: str, attempt: Callable[[], None]) -> Tried:
    if not code.strip():
        return Tried([FormError("Enter the code", "code")], status_of(BadInput))
    try:
        attempt()
    except (WrongCode, TooMany) as fault:
        return Tried([FormError(sentence(fault.message), "code")], status_of(type(fault)))
    return RIGHT


def _finish(request: Request, address: str = "/") -> Response:
    hub = hub_of(request)
    token = sign_in_cookies.read(request, Cookie.STEP)
    opened = second_factor.finish_sign_in(hub.database, hub.settings, token=token, at=utc_now())
    return go_on(request, opened, address)


def _code_form(request: Request, kind: str, tried: Tried = RIGHT) -> Response:
    return _page(request, "second_step.html", tried, kind=kind)


def _enrolment_form(request: Request, person: Officer, tried: Tried = RIGHT) -> Response:
    hub = hub_of(request)
    with hub.database.write() as session:
        secret = second_factor.offered_secret(session, open_secret_box(hub.settings), person.officer_id)
    return _page(
        request,
        "authenticator.html",
        tried,
        qr=qr_code(totp.app_address(secret, person.name)),
        secret=totp.spaced(secret),
        action="/sign-in/authenticator",
        back=("Start again", "/sign-in"),
        is_required=True,
    )


def _page(request: Request, template: str, tried: Tried, **context: Any) -> Response:
    token = form_token(request)
    answer = frame_of(request).render(
        request, template, status=tried.status, errors=tried.errors, csrf_token=token, **context
    )
    sign_in_cookies.put(request, answer, Cookie.FORM, token)
    return answer
