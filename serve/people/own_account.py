"""What everybody does with their own account: another password, and the browsers they are signed in with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from model.configuration import sha256_of
from model.errors import BadInput, NotFound
from serve.audit.events import Event
from serve.audit.log import record
from serve.people.officers import end_sessions, officer_actor
from serve.people.passwords import NO_PASSWORD, hash_password
from serve.settings import Settings
from serve.storage.tables import Officer
from serve.storage.tables import Session as SessionRow


@dataclass(frozen=True, slots=True)
class OwnSession:
    """A browser that somebody is signed in with. `reference` names it and is of no use as a cookie."""

    reference: str
    created_at: datetime
    last_seen_at: datetime
    is_this_one: bool


def has_password(person: Officer) -> bool:
    """Whether this person signs in with a password; else only elsewhere."""
    return person.password_hash != NO_PASSWORD


def change_password(session: Session, *, officer_id: str, password: str, keep: str, at: datetime) -> None:
    """Stores the new password, and ends every session of the person but the one of the hash `keep`.

    Ask for the old one first (`sessions.check_password`).

    Raises: BadInput (password), NotText.
    """
    person = session.get_one(Officer, officer_id)
    if password.strip().casefold() == person.name.casefold():
        raise BadInput("password: must not be your name", field="password")
    person.password_hash = hash_password(password)
    person.password_changed_at = at
    end_sessions(session, officer_id, but=keep)
    actor = officer_actor(officer_id)
    record(session, actor=actor, event=Event.PASSWORD_CHANGED, subject=officer_id, details={}, at=at)


def own_sessions(
    session: Session, settings: Settings, *, officer_id: str, this: str, at: datetime
) -> list[OwnSession]:
    """The live sessions of a person, the newest first; `this` is the hash of the browser that asks."""
    return [
        OwnSession(
            reference=_reference(row),
            created_at=row.created_at,
            last_seen_at=row.last_seen_at,
            is_this_one=row.token_sha256 == this,
        )
        for row in _live(session, settings, officer_id, at)
    ]


def end_own_session(
    session: Session, settings: Settings, *, officer_id: str, reference: str, at: datetime
) -> None:
    """Signs a person out of one of their own browsers.

    Raises: NotFound, for somebody else's session in the same words as for none.
    """
    found = next(
        (row for row in _live(session, settings, officer_id, at) if _reference(row) == reference), None
    )
    if found is None:
        raise NotFound("there is no such session")
    session.delete(found)
    actor = officer_actor(officer_id)
    record(session, actor=actor, event=Event.SESSION_ENDED, subject=officer_id, details={}, at=at)


def _live(session: Session, settings: Settings, officer_id: str, at: datetime) -> list[SessionRow]:
    idle_since = at - timedelta(minutes=settings.session_idle_minutes)
    return list(
        session.scalars(
            select(SessionRow)
            .where(
                SessionRow.officer_id == officer_id,
                SessionRow.expires_at > at,
                SessionRow.last_seen_at > idle_since,
            )
            .order_by(SessionRow.created_at.desc(), SessionRow.token_sha256)
        )
    )


def _reference(row: SessionRow) -> str:
    return sha256_of(row.token_sha256.encode())[:16]
