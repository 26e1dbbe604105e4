"""A person's own account: how they sign in, and the browsers they are signed in with."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse

from model.errors import BadInput, NotFound, NotSignedIn, TooMany
from serve.console.form_errors import FormError, sentence
from serve.console.frame import frame_of
from serve.hub import hub_of
from serve.people import own_account
from serve.people.access import CurrentSession, SignedIn, allowed, check_csrf
from serve.people.passwords import MAX_PASSWORD_CHARACTERS, MIN_PASSWORD_CHARACTERS
from serve.people.recovery_codes import codes_left
from serve.people.roles import Action
from serve.people.sessions import LiveSession, check_password
from serve.people.sign_in_steps import totp_is_required
from serve.problems import status_of
from serve.storage.identifiers import utc_now
from serve.storage.tables import Officer

router = APIRouter(prefix="/account", include_in_schema=False)

NOTICES = {
    "password": "Your password is changed. Every other browser is signed out.",
    "ended": "That browser is signed out.",
    "authenticator": "Your authenticator is set up. From now on you are asked for a code.",
    "off": "Your authenticator is turned off. You are asked for your password alone.",
}


def this_session(live: CurrentSession) -> LiveSession:
    """A dependency that gives the session of this browser. Raises: NotSignedIn."""
    if live is None:
        raise NotSignedIn("Sign in first.")
    return live


Myself = Annotated[SignedIn, Depends(allowed(Action.MANAGE_OWN_ACCOUNT))]
ThisSession = Annotated[LiveSession, Depends(this_session)]
CheckCsrf = Depends(check_csrf)


@router.get("")
def account_page(request: Request, person: Myself, this: ThisSession, done: str = "") -> Response:
    """How this person signs in, and where they are signed in now."""
    hub = hub_of(request)
    with hub.database.read() as session:
        account = session.get_one(Officer, person.officer_id)
        return frame_of(request).render(
            request,
            "account.html",
            person=person,
            account=account,
            has_password=own_account.has_password(account),
            codes_left=codes_left(session, person.officer_id),
            totp_is_required=totp_is_required(person.role, hub.settings),
            sessions=own_account.own_sessions(
                session, hub.settings, officer_id=person.officer_id, this=this.token_sha256, at=utc_now()
            ),
            provider=hub.settings.oidc.label if hub.settings.oidc else None,
            notice=NOTICES.get(done),
        )


@router.get("/password")
def password_page(request: Request, person: Myself) -> Response:
    """The form for another password. Raises: NotFound for somebody who has none."""
    _check_has_password(request, person)
    return _password_form(request, person)


@router.post("/password", dependencies=[CheckCsrf])
def change_password(
    request: Request,
    person: Myself,
    this: ThisSession,
    old: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
) -> Response:
    """Changes the password and signs every other browser out; or the form again. Raises: NotFound."""
    _check_has_password(request, person)
    hub, now = hub_of(request), utc_now()
    missing = [
        FormError(words, field)
        for words, field, value in (
            ("Enter your present password", "old", old),
            ("Enter a new password", "password", password),
        )
        if not value
    ]
    if missing:
        return _password_form(request, person, missing)
    if old == password:
        return _password_form(request, person, [FormError("The new one is the old one", "password")])
    try:
        check_password(hub.database, name=person.name, password=old, at=now)
        with hub.database.write() as session:
            own_account.change_password(
                session, officer_id=person.officer_id, password=password, keep=this.token_sha256, at=now
            )
    except NotSignedIn as fault:
        wrong = [FormError("Your present password is another one", "old")]
        return _password_form(request, person, wrong, status_of(type(fault)))
    except (TooMany, BadInput) as fault:
        field = "password" if isinstance(fault, BadInput) else "old"
        errors = [FormError(sentence(fault.message), field)]
        return _password_form(request, person, errors, status_of(type(fault)))
    return RedirectResponse("/account?done=password", status_code=HTTPStatus.SEE_OTHER)


@router.post("/sessions/{session_reference}/end", dependencies=[CheckCsrf])
def end_session(request: Request, session_reference: str, person: Myself, this: ThisSession) -> Response:
    """Signs one of this person's browsers out. Raises: NotFound."""
    hub = hub_of(request)
    with hub.database.write() as session:
        own_account.end_own_session(
            session,
            hub.settings,
            officer_id=person.officer_id,
            reference=session_reference,
            at=utc_now(),
        )
    return RedirectResponse("/account?done=ended", status_code=HTTPStatus.SEE_OTHER)


def _check_has_password(request: Request, person: SignedIn) -> None:
    with hub_of(request).database.read() as session:
        if not own_account.has_password(session.get_one(Officer, person.officer_id)):
            raise NotFound("You have no password here: you sign in elsewhere.")


def _password_form(
    request: Request,
    person: SignedIn,
    errors: list[FormError] | None = None,
    status: int = status_of(BadInput),
) -> Response:
    return frame_of(request).render(
        request,
        "account_password.html",
        person=person,
        status=status if errors else HTTPStatus.OK,
        errors=errors or [],
        least=MIN_PASSWORD_CHARACTERS,
        most=MAX_PASSWORD_CHARACTERS,
    )
