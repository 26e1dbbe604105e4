"""Accounts of people: made by an administrator, known elsewhere by `officer_id` only."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from model.errors import BadInput, DuplicateName, NotFound
from model.normalise import check_text
from serve.audit.events import Event
from serve.audit.log import record
from serve.people.passwords import NO_PASSWORD, hash_password
from serve.people.roles import role_named
from serve.people.sign_in_steps import drop_steps
from serve.storage.identifiers import new_id
from serve.storage.tables import Officer
from serve.storage.tables import Session as SessionRow

MAX_NAME_CHARACTERS: Final = 100


def officer_actor(officer_id: str) -> str:
    """How the audit log and the tables name this person."""
    return f"officer:{officer_id}"


def create_officer(
    session: Session, *, name: str, role: str, password: str | None, actor: str, at: datetime
) -> Officer:
    """The new account; without a password it signs in elsewhere only.

    Raises: BadInput (name, role, password), DuplicateName.
    """
    shown = check_text(name).strip()
    if len(shown) > MAX_NAME_CHARACTERS or not shown.isprintable():
        raise BadInput(f"name: printable, at most {MAX_NAME_CHARACTERS} characters", field="name")
    chosen = role_named(role)
    password_hash = NO_PASSWORD if password is None else hash_password(password)
    if officer_named(session, shown) is not None:
        raise DuplicateName("name: there is an officer of that name", field="name")
    made = Officer(
        officer_id=new_id(), name=shown, role=chosen.value, password_hash=password_hash, created_at=at
    )
    session.add(made)
    session.flush()
    record(
        session,
        actor=actor,
        event=Event.OFFICER_CREATED,
        subject=made.officer_id,
        details={"role": chosen.value},
        at=at,
    )
    return made


def officer_named(session: Session, name: str) -> Officer | None:
    """The account of that name, disabled or not."""
    if not name.isprintable():
        return None  # NUL and lone surrogates are not, and no database takes them
    return session.scalar(select(Officer).where(Officer.name == name))


def disable_officer(session: Session, *, officer_id: str, actor: str, at: datetime) -> None:
    """Ends an account and every session of it, at once. Raises: NotFound."""
    found = session.get(Officer, officer_id)
    if found is None or found.disabled_at is not None:
        raise NotFound("officer_id: there is no such officer who can sign in", field="officer_id")
    found.disabled_at = at
    end_sessions(session, officer_id)
    record(session, actor=actor, event=Event.OFFICER_DISABLED, subject=officer_id, details={}, at=at)


def end_sessions(session: Session, officer_id: str, *, but: str | None = None) -> None:
    """Ends every session of a person but the one of that hash, and every sign-in that is half done."""
    drop_steps(session, officer_id)
    ended = delete(SessionRow).where(SessionRow.officer_id == officer_id)
    session.execute(ended if but is None else ended.where(SessionRow.token_sha256 != but))
