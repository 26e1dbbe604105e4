"""A person's own authenticator app and recovery codes: set up, replace, turn off."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from model.errors import BadInput, Conflict, NotSignedIn, TooMany, WrongCode
from serve.console.account_pages import CheckCsrf, Myself
from serve.console.form_errors import FormError, sentence
from serve.console.frame import frame_of
from serve.console.qr import qr_code
from serve.hub import hub_of
from serve.people import own_account, second_factor, totp
from serve.people.access import SignedIn
from serve.people.recovery_codes import codes_left
from serve.people.secret_box import open_secret_box
from serve.people.sessions import check_password
from serve.people.sign_in_steps import totp_is_required
from serve.problems import status_of
from serve.storage.identifiers import utc_now
from serve.storage.tables import Officer

router = APIRouter(prefix="/account", include_in_schema=False)

HOME = "/account/authenticator"
SET_UP = "/account/authenticator/set-up"
Proof = Annotated[str, Form()]
"""A code of the app that is in use; without one, the password: whoever finds a browser open has neither."""


@router.get("/authenticator")
def authenticator_page(request: Request, person: Myself) -> Response:
    """Whether there is an authenticator, and the way to another one."""
    return _home(request, person)


@router.post("/authenticator", dependencies=[CheckCsrf])
def begin(request: Request, person: Myself, proof: Proof = "") -> Response:
    """Offers a new secret to somebody who proves who they are."""
    errors = _proven(request, person, proof)
    if errors:
        return _home(request, person, errors)
    hub = hub_of(request)
    with hub.database.write() as session:
        second_factor.withdraw_offer(session, person.officer_id)
        second_factor.offered_secret(session, open_secret_box(hub.settings), person.officer_id)
    return RedirectResponse(SET_UP, status_code=HTTPStatus.SEE_OTHER)


@router.get("/authenticator/set-up")
def set_up_page(request: Request, person: Myself) -> Response:
    """The QR code of the secret that is offered; without an offer, back to where one is asked for."""
    return _set_up(request, person)


@router.post("/authenticator/set-up", dependencies=[CheckCsrf])
def set_up(request: Request, person: Myself, code: Annotated[str, Form()] = "") -> Response:
    """Takes the new app into use and shows its recovery codes, this once; or the form again."""
    hub = hub_of(request)
    if not code.strip():
        return _set_up(request, person, [FormError("Enter the code", "code")])
    try:
        codes = second_factor.confirm(
            hub.database,
            open_secret_box(hub.settings),
            officer_id=person.officer_id,
            code=code,
            at=utc_now(),
        )
    except (WrongCode, TooMany) as fault:
        return _set_up(request, person, [FormError(sentence(fault.message), "code")], status_of(type(fault)))
    return _codes_page(request, person, codes, "/account?done=authenticator")


@router.post("/authenticator/off", dependencies=[CheckCsrf])
def turn_off(request: Request, person: Myself, proof: Proof = "") -> Response:
    """Turns the authenticator off. Raises: Conflict where the person's role must have one."""
    hub = hub_of(request)
    if totp_is_required(person.role, hub.settings):
        raise Conflict("Your role must have an authenticator.")
    errors = _proven(request, person, proof)
    if errors:
        return _home(request, person, errors)
    with hub.database.write() as session:
        second_factor.turn_off(session, officer_id=person.officer_id, at=utc_now())
    return RedirectResponse("/account?done=off", status_code=HTTPStatus.SEE_OTHER)


@router.get("/recovery-codes")
def recovery_codes_page(request: Request, person: Myself) -> Response:
    """How many codes are left, and the way to ten new ones."""
    return _recovery(request, person)


@router.post("/recovery-codes", dependencies=[CheckCsrf])
def make_recovery_codes(request: Request, person: Myself, proof: Proof = "") -> Response:
    """Ten new codes in place of the old ones, shown this once. Raises: Conflict without an authenticator."""
    hub, now = hub_of(request), utc_now()
    with hub.database.read() as session:
        if session.get_one(Officer, person.officer_id).totp_enrolled_at is None:
            raise Conflict("There are recovery codes only with an authenticator.")
    errors = _proven(request, person, proof)
    if errors:
        return _recovery(request, person, errors)
    with hub.database.write() as session:
        codes = second_factor.new_recovery_codes(session, officer_id=person.officer_id, at=now)
    return _codes_page(request, person, codes, "/account")


def _proven(request: Request, person: SignedIn, proof: str) -> list[FormError]:
    """What is wrong with the proof; nothing, if it is right or there is nothing to prove with."""
    hub, now = hub_of(request), utc_now()
    with hub.database.read() as session:
        account = session.get_one(Officer, person.officer_id)
    if account.totp_enrolled_at is not None:
        box = open_secret_box(hub.settings)
        return _tried(
            proof,
            "Enter a code from your app",
            lambda: second_factor.check_code(
                hub.database, box, officer_id=person.officer_id, code=proof, at=now
            ),
        )
    if not own_account.has_password(account):
        return []
    return _tried(
        proof,
        "Enter your password",
        lambda: check_password(hub.database, name=account.name, password=proof, at=now),
    )


def _tried(proof: str, missing: str, attempt: Callable[[], object]) -> list[FormError]:
    if not proof.strip():
        return [FormError(missing, "proof")]
    try:
        attempt()
    except WrongCode as fault:
        return [FormError(sentence(fault.message), "proof")]
    except NotSignedIn:
        return [FormError("The password is wrong", "proof")]
    except TooMany as fault:
        return [FormError(sentence(fault.message), "proof")]
    return []


def _home(request: Request, person: SignedIn, errors: list[FormError] | None = None) -> Response:
    hub = hub_of(request)
    with hub.database.read() as session:
        account = session.get_one(Officer, person.officer_id)
    return frame_of(request).render(
        request,
        "account_authenticator.html",
        person=person,
        status=status_of(BadInput) if errors else HTTPStatus.OK,
        errors=errors or [],
        enrolled_at=account.totp_enrolled_at,
        has_password=own_account.has_password(account),
        is_required=totp_is_required(person.role, hub.settings),
    )


def _set_up(
    request: Request,
    person: SignedIn,
    errors: list[FormError] | None = None,
    status: int = status_of(BadInput),
) -> Response:
    hub = hub_of(request)
    box = open_secret_box(hub.settings)
    with hub.database.read() as session:
        account = session.get_one(Officer, person.officer_id)
    if account.totp_offered is None:
        return RedirectResponse(HOME, status_code=HTTPStatus.SEE_OTHER)
    secret = box.unseal(account.totp_offered, owner=person.officer_id)
    return frame_of(request).render(
        request,
        "authenticator.html",
        person=person,
        status=status if errors else HTTPStatus.OK,
        errors=errors or [],
        csrf_token=person.csrf_token,
        qr=qr_code(totp.app_address(secret, person.name)),
        secret=totp.spaced(secret),
        action=SET_UP,
        back=("Back to your account", "/account"),
        is_required=False,
    )


def _recovery(request: Request, person: SignedIn, errors: list[FormError] | None = None) -> Response:
    with hub_of(request).database.read() as session:
        account = session.get_one(Officer, person.officer_id)
        left = codes_left(session, person.officer_id)
    return frame_of(request).render(
        request,
        "account_recovery.html",
        person=person,
        status=status_of(BadInput) if errors else HTTPStatus.OK,
        errors=errors or [],
        enrolled_at=account.totp_enrolled_at,
        left=left,
    )


def _codes_page(request: Request, person: SignedIn, codes: list[str], next_address: str) -> Response:
    return frame_of(request).render(
        request, "recovery_codes.html", person=person, codes=codes, next_address=next_address
    )
