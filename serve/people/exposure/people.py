"""Whose reading counts: people, by their actor; a key is a tool and reads nothing."""

from __future__ import annotations

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from serve.people.officers import officer_actor
from serve.storage.tables import Officer

_PERSON = officer_actor("")


def is_person(actor: str) -> bool:
    """Whether the actor is somebody who signs in.

    >>> is_person("officer:01J"), is_person("key:01J")
    (True, False)
    """
    return actor.startswith(_PERSON)


def role_of(session: Session, actor: str) -> str | None:
    """The person's role; None for an actor that is nobody."""
    officer_id = actor.removeprefix(_PERSON)
    return session.scalar(select(Officer.role).where(Officer.officer_id == officer_id))


def take_turn(session: Session, actor: str) -> None:
    """Waits until no other transaction works on this person's exposure; SQLite's write() is alone already.

    A turn of its own, not that of `serve/console/turns.py`: whoever holds a case or a task comes here last,
    so two tabs never wait for each other.
    """
    if session.get_bind().dialect.name == "postgresql":
        turn = f"exposure:{actor}"
        session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:turn, 0))"), {"turn": turn})
