"""One person, for administrators: role, skills, sign-in, and the end of the account."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy.orm import Session

from model.errors import BadInput, Conflict
from model.taxonomy import STRAND_ORDER
from serve.console.form_errors import FormError, sentence
from serve.console.frame import frame_of
from serve.console.people_pages import CheckCsrf, PeopleManager
from serve.console.people_words import ROLE_MEANINGS
from serve.field_text import known_shape
from serve.hub import hub_of
from serve.oidc_settings import OidcSettings
from serve.people import identities, managing, own_account, role_grants, second_factor
from serve.people.access import SignedIn
from serve.people.roles import TWO_ADMINS, Role, role_named
from serve.problems import status_of
from serve.storage.identifiers import utc_now
from serve.storage.tables import Officer

router = APIRouter(prefix="/people/{officer_id}", include_in_schema=False)

NOTICES: Final = {
    "role": "The role is changed. They have to sign in again.",
    "asked": "Asked. Another administrator has to give the role; until then it stays as it is.",
    "skills": "Strands and queues are set.",
    "reset": "The authenticator is reset and every browser signed out. They sign in with the password alone.",
    "disabled": "The account is ended, and with it every session.",
    "enabled": "The account is open again.",
    "linked": "They can sign in elsewhere as this subject.",
    "unlinked": "They can no longer sign in elsewhere.",
}


@router.get("")
def person_page(request: Request, officer_id: str, person: PeopleManager, done: str = "") -> Response:
    """What the hub knows of one account, and what can be changed. Raises: NotFound."""
    hub = hub_of(request)
    with hub.database.read() as session:
        found = _person(session, officer_id)
        return frame_of(request).render(
            request,
            "person.html",
            person=person,
            found=found,
            has_password=own_account.has_password(found),
            provider=hub.settings.oidc.label if hub.settings.oidc else None,
            waiting=role_grants.waiting_for(session, found.officer_id),
            notice=NOTICES.get(done),
        )


@router.get("/role")
def role_page(request: Request, officer_id: str, person: PeopleManager) -> Response:
    """The form for another role. Raises: NotFound."""
    return _role_form(request, person, officer_id)


@router.post("/role", dependencies=[CheckCsrf])
def change_role(
    request: Request, officer_id: str, person: PeopleManager, role: Annotated[str, Form()] = ""
) -> Response:
    """Gives the role, or asks another administrator to. Raises: NotFound, LastAdministrator."""
    try:
        chosen = role_named(role)
        with hub_of(request).database.write() as session:
            found = _person(session, officer_id)
            given = role_grants.ask_for_role(
                session, officer_id=found.officer_id, role=chosen, actor=person.actor, at=utc_now()
            )
    except (BadInput, Conflict) as fault:
        words = sentence(fault.message) if role else "Choose a role"
        return _role_form(request, person, officer_id, [FormError(words, "role")])
    return _back(officer_id, "role" if given else "asked")


@router.get("/skills")
def skills_page(request: Request, officer_id: str, person: PeopleManager) -> Response:
    """The form for strands and closed queues. Raises: NotFound."""
    with hub_of(request).database.read() as session:
        found = _person(session, officer_id)
    return _skills_form(
        request, person, found, managing.strands_of(found), "\n".join(found.need_to_know or [])
    )


@router.post("/skills", dependencies=[CheckCsrf])
def set_skills(
    request: Request,
    officer_id: str,
    person: PeopleManager,
    strands: Annotated[list[str] | None, Form()] = None,
    queues: Annotated[str, Form()] = "",
) -> Response:
    """Sets both, or shows the form again. Raises: NotFound."""
    chosen = strands or []
    with hub_of(request).database.read() as session:
        found = _person(session, officer_id)
    try:
        with hub_of(request).database.write() as session:
            managing.set_skills(
                session,
                officer_id=officer_id,
                strands=chosen,
                queues=queues.split(),
                actor=person.actor,
                at=utc_now(),
            )
    except BadInput as fault:
        words = sentence(fault.message) if chosen else "Choose at least one strand"
        return _skills_form(request, person, found, chosen, queues, [FormError(words, fault.field)])
    return _back(officer_id, "skills")


@router.get("/identity")
def identity_page(request: Request, officer_id: str, person: PeopleManager) -> Response:
    """The form for the subject that a person is elsewhere. Raises: NotFound, Conflict without a provider."""
    with hub_of(request).database.read() as session:
        found = _person(session, officer_id)
    return _identity_form(request, person, found, found.oidc_subject or "")


@router.post("/identity", dependencies=[CheckCsrf])
def set_identity(
    request: Request, officer_id: str, person: PeopleManager, subject: Annotated[str, Form()] = ""
) -> Response:
    """Links the account to a subject of the provider; an empty one ends that. Raises: NotFound."""
    hub, now = hub_of(request), utc_now()
    oidc = _oidc(request)
    with hub.database.read() as session:
        found = _person(session, officer_id)
    try:
        with hub.database.write() as session:
            if not subject.strip():
                identities.unlink(session, officer_id=officer_id, actor=person.actor, at=now)
                return _back(officer_id, "unlinked")
            identities.link(
                session,
                officer_id=officer_id,
                issuer=oidc.issuer,
                subject=subject,
                actor=person.actor,
                at=now,
            )
    except (BadInput, Conflict) as fault:
        return _identity_form(
            request, person, found, subject, [FormError(sentence(fault.message), "subject")]
        )
    return _back(officer_id, "linked")


@router.get("/reset-authenticator")
def reset_page(request: Request, officer_id: str, person: PeopleManager) -> Response:
    """Asks once more before a second factor is taken away. Raises: NotFound."""
    words = [
        "Make sure that it is really them who ask: call them back on a number that you know.",
        "Their authenticator and recovery codes stop working, and every browser of theirs is signed out.",
    ]
    return _confirm(request, person, officer_id, "Reset the authenticator of {}?", words, "Reset it")


@router.post("/reset-authenticator", dependencies=[CheckCsrf])
def reset_authenticator(request: Request, officer_id: str, person: PeopleManager) -> Response:
    """Takes the second factor away. Raises: NotFound, Conflict."""
    with hub_of(request).database.write() as session:
        found = _person(session, officer_id)
        second_factor.reset(session, officer_id=found.officer_id, actor=person.actor, at=utc_now())
    return _back(officer_id, "reset")


@router.get("/disable")
def disable_page(request: Request, officer_id: str, person: PeopleManager) -> Response:
    """Asks once more before an account is ended. Raises: NotFound."""
    words = ["They are signed out at once and cannot sign in again. What they decided and labelled stays."]
    return _confirm(request, person, officer_id, "End the account of {}?", words, "End the account")


@router.post("/disable", dependencies=[CheckCsrf])
def disable(request: Request, officer_id: str, person: PeopleManager) -> Response:
    """Ends the account and its sessions. Raises: NotFound, LastAdministrator."""
    with hub_of(request).database.write() as session:
        found = _person(session, officer_id)
        managing.disable_person(session, officer_id=found.officer_id, actor=person.actor, at=utc_now())
    return _back(officer_id, "disabled")


@router.post("/enable", dependencies=[CheckCsrf])
def enable(request: Request, officer_id: str, person: PeopleManager) -> Response:
    """Opens an ended account again. Raises: NotFound, Conflict."""
    with hub_of(request).database.write() as session:
        found = _person(session, officer_id)
        managing.enable_person(session, officer_id=found.officer_id, actor=person.actor, at=utc_now())
    return _back(officer_id, "enabled")


def _person(session: Session, officer_id: str) -> Officer:
    return managing.find_person(session, known_shape(officer_id, "person"))


def _back(officer_id: str, done: str) -> Response:
    return RedirectResponse(f"/people/{officer_id}?done={done}", status_code=HTTPStatus.SEE_OTHER)


def _oidc(request: Request) -> OidcSettings:
    oidc = hub_of(request).settings.oidc
    if oidc is None:
        raise Conflict("This hub has no sign-in service.")
    return oidc


def _confirm(
    request: Request, person: SignedIn, officer_id: str, heading: str, words: list[str], button: str
) -> Response:
    with hub_of(request).database.read() as session:
        found = _person(session, officer_id)
    return frame_of(request).render(
        request,
        "confirm.html",
        person=person,
        heading=heading.format(found.name),
        paragraphs=words,
        action=request.url.path,
        button=button,
        back=("Back", f"/people/{officer_id}"),
    )


def _role_form(
    request: Request, person: SignedIn, officer_id: str, errors: list[FormError] | None = None
) -> Response:
    with hub_of(request).database.read() as session:
        found = _person(session, officer_id)
        is_only_admin = len(managing.administrators(session)) == 1
    return frame_of(request).render(
        request,
        "person_role.html",
        person=person,
        status=status_of(BadInput) if errors else HTTPStatus.OK,
        errors=errors or [],
        found=found,
        roles=[(one, ROLE_MEANINGS[one]) for one in Role],
        two_admins=TWO_ADMINS,
        is_only_admin=is_only_admin,
    )


def _skills_form(
    request: Request,
    person: SignedIn,
    found: Officer,
    strands: list[str],
    queues: str,
    errors: list[FormError] | None = None,
) -> Response:
    return frame_of(request).render(
        request,
        "person_skills.html",
        person=person,
        status=status_of(BadInput) if errors else HTTPStatus.OK,
        errors=errors or [],
        found=found,
        every_strand=STRAND_ORDER,
        strands=strands,
        queues=queues,
    )


def _identity_form(
    request: Request,
    person: SignedIn,
    found: Officer,
    subject: str,
    errors: list[FormError] | None = None,
) -> Response:
    return frame_of(request).render(
        request,
        "person_identity.html",
        person=person,
        status=status_of(BadInput) if errors else HTTPStatus.OK,
        errors=errors or [],
        found=found,
        subject=subject,
        provider=_oidc(request).label,
    )
