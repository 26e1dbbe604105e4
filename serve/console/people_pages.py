"""The people of the hub, for administrators: who there is, who waits for a role, and a new account."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy.orm import Session

from model.errors import BadInput, Conflict, DuplicateName
from serve.console.form_errors import FormError, sentence
from serve.console.frame import frame_of
from serve.console.people_words import ROLE_MEANINGS
from serve.field_text import known_shape
from serve.hub import hub_of
from serve.people import identities, managing, role_grants
from serve.people.access import SignedIn, allowed, check_csrf
from serve.people.officers import officer_actor
from serve.people.passwords import readable_password
from serve.people.roles import TWO_ADMINS, Action, Role, role_named
from serve.problems import status_of
from serve.storage.identifiers import utc_now
from serve.storage.tables import Officer, RoleGrant

router = APIRouter(prefix="/people", include_in_schema=False)

PeopleManager = Annotated[SignedIn, Depends(allowed(Action.MANAGE_PEOPLE))]
RoleApprover = Annotated[SignedIn, Depends(allowed(Action.APPROVE_ROLES))]
CheckCsrf = Depends(check_csrf)

FIRST_PASSWORD_WORDS: Final = 6
"""74 random bits: it may lie in a letter for a while before it is changed."""

NOTICES: Final = {
    "given": "The role is given. The person signs in again to use it.",
    "refused": "The request is ended. The role stays as it was.",
}


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request for a role as the list shows it."""

    grant: RoleGrant
    name: str
    asked_by: str
    is_mine: bool


@router.get("")
def people_page(
    request: Request, person: PeopleManager, name: str = "", role: str = "", done: str = ""
) -> Response:
    """Everybody, or those whom the search finds; above them the requests that wait."""
    wanted = next((known for known in Role if known.value == role), None)
    with hub_of(request).database.read() as session:
        return frame_of(request).render(
            request,
            "people.html",
            person=person,
            people=managing.find_people(session, name=name[:200], role=wanted),
            name=name[:200],
            role=role if wanted else "",
            roles=list(Role),
            waiting=[_waiting(session, grant, person) for grant in role_grants.every_waiting(session)],
            is_only_admin=len(managing.administrators(session)) == 1,
            notice=NOTICES.get(done),
        )


@router.get("/new")
def new_person_page(request: Request, person: PeopleManager) -> Response:
    """The form for a new account."""
    return _form(request, person)


@router.post("/new", dependencies=[CheckCsrf])
def create_person(
    request: Request,
    person: PeopleManager,
    name: Annotated[str, Form()] = "",
    role: Annotated[str, Form()] = "",
    subject: Annotated[str, Form()] = "",
) -> Response:
    """The new account with its first password, shown this once; or the form again with what is missing."""
    hub, now = hub_of(request), utc_now()
    errors = []
    if not name.strip():
        errors.append(FormError("Enter a name", "name"))
    if not role:
        errors.append(FormError("Choose a role", "role"))
    if errors:
        return _form(request, person, name=name, role=role, subject=subject, errors=errors)
    elsewhere = hub.settings.oidc if subject.strip() else None
    password = None if elsewhere else readable_password(FIRST_PASSWORD_WORDS)
    try:
        with hub.database.write() as session:
            made = role_grants.make_person(
                session, name=name, role=role_named(role), password=password, actor=person.actor, at=now
            )
            if elsewhere:
                identities.link(
                    session,
                    officer_id=made.officer_id,
                    issuer=elsewhere.issuer,
                    subject=subject,
                    actor=person.actor,
                    at=now,
                )
    except (BadInput, DuplicateName, Conflict) as fault:
        wrong = [FormError(sentence(fault.message), fault.field)]
        return _form(request, person, name=name, role=role, subject=subject, errors=wrong)
    return frame_of(request).render(
        request, "person_created.html", person=person, made=made, password=password
    )


@router.post("/requests/{grant_id}/give", dependencies=[CheckCsrf])
def give_role(request: Request, grant_id: str, person: RoleApprover) -> Response:
    """Gives a role that another administrator asked for. Raises: NotFound, Conflict."""
    with hub_of(request).database.write() as session:
        grant = role_grants.find_waiting(session, known_shape(grant_id, "request"))
        person.check_may(Action.APPROVE_ROLES, own=grant.requested_by == person.actor, what="request")
        role_grants.give_role(session, grant=grant, actor=person.actor, at=utc_now())
    return RedirectResponse("/people?done=given", status_code=HTTPStatus.SEE_OTHER)


@router.post("/requests/{grant_id}/refuse", dependencies=[CheckCsrf])
def refuse_role(request: Request, grant_id: str, person: PeopleManager) -> Response:
    """Ends a request; whoever asked may take it back. Raises: NotFound."""
    with hub_of(request).database.write() as session:
        grant = role_grants.find_waiting(session, known_shape(grant_id, "request"))
        role_grants.refuse_role(session, grant=grant, actor=person.actor, at=utc_now())
    return RedirectResponse("/people?done=refused", status_code=HTTPStatus.SEE_OTHER)


def _waiting(session: Session, grant: RoleGrant, person: SignedIn) -> Waiting:
    asked_by = session.get(Officer, grant.requested_by.removeprefix("officer:"))
    return Waiting(
        grant=grant,
        name=session.get_one(Officer, grant.officer_id).name,
        asked_by=asked_by.name if asked_by else grant.requested_by,
        is_mine=grant.requested_by == officer_actor(person.officer_id),
    )


def _form(
    request: Request,
    person: SignedIn,
    *,
    name: str = "",
    role: str = "",
    subject: str = "",
    errors: list[FormError] | None = None,
) -> Response:
    hub = hub_of(request)
    with hub.database.read() as session:
        is_only_admin = len(managing.administrators(session)) == 1
    return frame_of(request).render(
        request,
        "person_new.html",
        person=person,
        status=status_of(BadInput) if errors else HTTPStatus.OK,
        name=name,
        role=role,
        subject=subject,
        provider=hub.settings.oidc.label if hub.settings.oidc else None,
        roles=[(one, ROLE_MEANINGS[one]) for one in Role if is_only_admin or one not in TWO_ADMINS],
        is_only_admin=is_only_admin,
        errors=errors or [],
    )
