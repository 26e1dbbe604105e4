"""API keys: which there are, a new one (shown once), and the end of one."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy.orm import Session

from model.errors import BadInput
from serve.console.form_errors import FormError, sentence
from serve.console.frame import frame_of
from serve.console.people_words import SCOPE_MEANINGS
from serve.field_text import known_shape
from serve.hub import hub_of
from serve.people import keys
from serve.people.access import SignedIn, allowed, check_csrf, no_such
from serve.people.roles import Action
from serve.problems import status_of
from serve.storage.identifiers import utc_now
from serve.storage.tables import ApiKey

router = APIRouter(prefix="/keys", include_in_schema=False)

KeyManager = Annotated[SignedIn, Depends(allowed(Action.MANAGE_KEYS))]
CheckCsrf = Depends(check_csrf)


@router.get("")
def keys_page(request: Request, person: KeyManager, revoked: str = "") -> Response:
    """Every key, the newest first: never the key itself."""
    with hub_of(request).database.read() as session:
        listed = list(reversed(keys.every_key(session)))
    return frame_of(request).render(
        request,
        "keys.html",
        person=person,
        keys=listed,
        notice="The key is revoked. The next request that comes with it is refused." if revoked else None,
    )


@router.get("/new")
def new_key_page(request: Request, person: KeyManager) -> Response:
    """The form for a new key."""
    return _form(request, person)


@router.post("/new", dependencies=[CheckCsrf])
def create_key(
    request: Request,
    person: KeyManager,
    label: Annotated[str, Form()] = "",
    scopes: Annotated[list[str] | None, Form()] = None,
) -> Response:
    """The new key, shown this once; or the form again with what is missing."""
    chosen = scopes or []
    errors = []
    if not label.strip():
        errors.append(FormError("Say what the key is for", "label"))
    if not chosen:
        errors.append(FormError("Choose what the key may do", "scopes"))
    if errors:
        return _form(request, person, label=label, chosen=chosen, errors=errors)
    try:
        with hub_of(request).database.write() as session:
            made = keys.create_key(
                session, scopes=chosen, label=label.strip(), actor=person.actor, at=utc_now()
            )
    except BadInput as fault:
        wrong = [FormError(sentence(fault.message), fault.field)]
        return _form(request, person, label=label, chosen=chosen, errors=wrong)
    return frame_of(request).render(
        request, "key_created.html", person=person, key=made.key, key_id=made.key_id, label=label.strip()
    )


@router.get("/{key_id}/revoke")
def revoke_page(request: Request, key_id: str, person: KeyManager) -> Response:
    """Asks once more before a key is ended. Raises: NotFound."""
    with hub_of(request).database.read() as session:
        key = _live_key(session, key_id)
    return frame_of(request).render(
        request,
        "confirm.html",
        person=person,
        heading="Revoke this key?",
        paragraphs=[key.label, "Whatever uses it is refused from the next request on. There is no way back."],
        action=f"/keys/{key.key_id}/revoke",
        button="Revoke the key",
        back=("Back to the keys", "/keys"),
    )


@router.post("/{key_id}/revoke", dependencies=[CheckCsrf])
def revoke_key(request: Request, key_id: str, person: KeyManager) -> Response:
    """Ends a key at once. Raises: NotFound."""
    with hub_of(request).database.write() as session:
        keys.revoke_key(session, key_id=_live_key(session, key_id).key_id, actor=person.actor, at=utc_now())
    return RedirectResponse("/keys?revoked=yes", status_code=HTTPStatus.SEE_OTHER)


def _live_key(session: Session, key_id: str) -> ApiKey:
    found = session.get(ApiKey, known_shape(key_id, "key"))
    if found is None or found.revoked_at is not None:
        raise no_such("key")
    return found


def _form(
    request: Request,
    person: SignedIn,
    *,
    label: str = "",
    chosen: list[str] | None = None,
    errors: list[FormError] | None = None,
) -> Response:
    return frame_of(request).render(
        request,
        "key_new.html",
        person=person,
        status=status_of(BadInput) if errors else HTTPStatus.OK,
        label=label,
        chosen=chosen or [],
        scopes=[(scope, SCOPE_MEANINGS.get(scope, "")) for scope in keys.SCOPES],
        errors=errors or [],
    )
