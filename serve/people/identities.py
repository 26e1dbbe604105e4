"""Whose account an identity from elsewhere is: by issuer and subject, never by name or e-mail address."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from model.configuration import sha256_of
from model.errors import BadInput, Conflict, DuplicateName, IdentityRefused
from serve.audit.events import Event
from serve.audit.log import record
from serve.people.attempts import take_turns
from serve.people.managing import find_person
from serve.people.officers import create_officer
from serve.people.roles import Role
from serve.storage.tables import Officer, UsedState

MAX_SUBJECT_CHARACTERS: Final = 255
"""Source: OpenID Connect Core 1.0, section 2, `sub`."""

ERRAND_LASTS: Final = timedelta(minutes=10)
ACTOR: Final = "system:sign-in"
NO_ACCOUNT: Final = "There is no open account here for you. Ask an administrator of this hub."
STARTED_ELSEWHERE: Final = "This sign-in was not started in this browser, or too long ago. Start again."


@dataclass(frozen=True, slots=True)
class Errand:
    """What a browser was sent out with: kept in its sealed cookie, and compared with what comes back."""

    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom the provider vouches for. `role` is what the claim maps to; None: nothing."""

    issuer: str
    subject: str
    name: str
    role: Role | None
    has_second_factor: bool


def account_of(session: Session, identity: Identity, at: datetime) -> Officer:
    """The account that is linked to this identity; a new one if there is none and the claim maps to a role.

    The role of an account that exists is what administrators made it, whatever the claim says now.

    Raises: IdentityRefused.
    """
    take_turns(session, f"{identity.issuer} {identity.subject}")
    found = _linked(session, identity.issuer, identity.subject)
    if found is not None:
        if found.disabled_at is not None:
            raise IdentityRefused(NO_ACCOUNT)
        return found
    if identity.role is None:
        raise IdentityRefused(NO_ACCOUNT)
    try:
        made = create_officer(
            session, name=identity.name, role=identity.role.value, password=None, actor=ACTOR, at=at
        )
        link(
            session,
            officer_id=made.officer_id,
            issuer=identity.issuer,
            subject=identity.subject,
            actor=ACTOR,
            at=at,
        )
    except DuplicateName:
        raise IdentityRefused("Somebody here has your name. Ask an administrator of this hub.") from None
    except BadInput:
        raise IdentityRefused(NO_ACCOUNT) from None
    return made


def link(session: Session, *, officer_id: str, issuer: str, subject: str, actor: str, at: datetime) -> None:
    """Lets a person sign in as this subject of the provider; it takes the place of one from before.

    Raises: NotFound, BadInput (subject), Conflict if it is somebody else's.
    """
    person = find_person(session, officer_id)
    wanted = subject.strip()
    if not wanted or len(wanted) > MAX_SUBJECT_CHARACTERS or not wanted.isprintable():
        raise BadInput(f"subject: 1 to {MAX_SUBJECT_CHARACTERS} printable characters", field="subject")
    other = _linked(session, issuer, wanted)
    if other is not None and other.officer_id != officer_id:
        raise Conflict("subject: it is another person's", field="subject")
    person.oidc_issuer, person.oidc_subject = issuer, wanted
    session.flush()
    record(session, actor=actor, event=Event.IDENTITY_LINKED, subject=officer_id, details={}, at=at)


def unlink(session: Session, *, officer_id: str, actor: str, at: datetime) -> None:
    """Ends a person's sign-in through the provider. Raises: NotFound, Conflict if there is none."""
    person = find_person(session, officer_id)
    if person.oidc_subject is None:
        raise Conflict("subject: there is none", field="subject")
    person.oidc_issuer = person.oidc_subject = None
    record(session, actor=actor, event=Event.IDENTITY_UNLINKED, subject=officer_id, details={}, at=at)


def use_state(session: Session, state: str, at: datetime) -> None:
    """Passes the first time that this `state` comes back. Raises: IdentityRefused."""
    state_sha256 = sha256_of(state.encode("utf-8", "replace"))
    take_turns(session, state_sha256)
    session.execute(delete(UsedState).where(UsedState.used_at <= at - ERRAND_LASTS))
    if session.get(UsedState, state_sha256) is not None:
        raise IdentityRefused(STARTED_ELSEWHERE)
    session.add(UsedState(state_sha256=state_sha256, used_at=at))


def _linked(session: Session, issuer: str, subject: str) -> Officer | None:
    return session.scalar(
        select(Officer).where(Officer.oidc_issuer == issuer, Officer.oidc_subject == subject)
    )
