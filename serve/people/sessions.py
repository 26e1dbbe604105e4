"""Signed-in browsers: a random token in a cookie, everything else on our side."""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from model.configuration import sha256_of
from model.errors import NotSignedIn, TooMany
from serve.audit.events import Event
from serve.audit.log import record
from serve.people.attempts import count_attempt, forget_attempts, record_refusal
from serve.people.officers import officer_actor, officer_named
from serve.people.passwords import password_matches
from serve.people.sign_in_steps import StepDue, open_step, step_due
from serve.settings import Settings
from serve.storage.engine import Database
from serve.storage.tables import Officer
from serve.storage.tables import Session as SessionRow

MAX_ATTEMPTS: Final = 10
"""Ten wrong passwords in five minutes, then a name waits. Source: PROMISES.md section 2, S9."""

MAX_SIGN_INS_IN_HAND: Final = 6
"""Two are verified at once (serve/people/passwords.py) and a few may wait; more would hold the threads that
answer everybody else."""

_IN_HAND = threading.BoundedSemaphore(MAX_SIGN_INS_IN_HAND)

TOO_MANY: Final = "Too many attempts with this name; try again in five minutes."

NOBODY: Final = "name:unknown"
"""The audit log's subject for a name that nobody has: people type passwords into the wrong box, so neither
the name nor a hash of it may stay in a log that cannot be deleted."""

TOUCH_EVERY = timedelta(seconds=60)
"""How stale `last_seen_at` may get before it is written: one write a minute, not one a request."""


@dataclass(frozen=True, slots=True)
class OpenedSession:
    """A new session: the token for the cookie (nowhere else is it kept) and the CSRF token for forms."""

    token: str
    csrf_token: str
    officer_id: str
    role: str


@dataclass(frozen=True, slots=True)
class LiveSession:
    """Who a request's cookie belongs to."""

    officer_id: str
    name: str
    role: str
    csrf_token: str
    token_sha256: str


def sign_in(
    database: Database, settings: Settings, *, name: str, password: str, at: datetime
) -> OpenedSession | StepDue:
    """A fresh session for the person with this name and password, or the step that they still owe.

    An attempt is counted before the password is looked at, so that many at once count too.

    Raises: TooMany after ten failures in five minutes, or at once while six others sign in;
        NotSignedIn, the same for a wrong name and a wrong password.
    """
    found = check_password(database, name=name, password=password, at=at)
    with database.write() as session:
        return let_in(session, settings, officer_id=found.officer_id, at=at)


def check_password(database: Database, *, name: str, password: str, at: datetime) -> Officer:
    """The person with this name and password; nothing is opened. Raises: as `sign_in`."""
    if not _IN_HAND.acquire(blocking=False):
        raise TooMany("Many people are signing in at this moment; try again in a few seconds.")
    try:
        return _check_password(database, name.strip(), password, at)
    finally:
        _IN_HAND.release()


def _check_password(database: Database, name: str, password: str, at: datetime) -> Officer:
    with database.write() as session:
        count_attempt(session, name, most=MAX_ATTEMPTS, refusal=TooMany(TOO_MANY, field="name"), at=at)
        found = officer_named(session, name)
        known = found is not None and found.disabled_at is None
    right = password_matches(password, found.password_hash if found is not None and known else None)
    with database.write() as session:
        if found is not None and right:
            forget_attempts(session, name)
            return found
        subject = NOBODY if found is None else found.officer_id
        record_refusal(session, Event.SIGN_IN_REFUSED, subject, at)
    raise NotSignedIn("The name or the password is wrong.")


def let_in(
    session: Session, settings: Settings, *, officer_id: str, at: datetime, has_second_factor: bool = False
) -> OpenedSession | StepDue:
    """A session for somebody whose first step was right, or the second step where one is due.

    `has_second_factor`: whoever answers for the first step has asked for a second factor already.
    """
    due = step_due(session.get_one(Officer, officer_id), settings)
    if due is None or has_second_factor:
        return open_session(session, settings, officer_id=officer_id, at=at)
    return open_step(session, officer_id=officer_id, owes=due, at=at)


def open_session(session: Session, settings: Settings, *, officer_id: str, at: datetime) -> OpenedSession:
    """A new session of this person, with a token that none had before; sessions that are over are dropped."""
    person = session.get_one(Officer, officer_id)
    person.last_signed_in_at = at
    session.execute(delete(SessionRow).where(SessionRow.expires_at <= at))
    opened = OpenedSession(
        token=secrets.token_urlsafe(32),
        csrf_token=secrets.token_urlsafe(32),
        officer_id=officer_id,
        role=person.role,
    )
    session.add(
        SessionRow(
            token_sha256=_hash(opened.token),
            officer_id=officer_id,
            csrf_token=opened.csrf_token,
            created_at=at,
            last_seen_at=at,
            expires_at=at + timedelta(hours=settings.session_hours),
        )
    )
    session.flush()
    actor = officer_actor(officer_id)
    record(session, actor=actor, event=Event.SIGNED_IN, subject=officer_id, details={}, at=at)
    return opened


def find_session(database: Database, settings: Settings, token: str, at: datetime) -> LiveSession | None:
    """The live session of this cookie; None: unknown, idle too long, over, or its person is disabled."""
    with database.read() as session:
        found = session.execute(
            select(SessionRow, Officer)
            .join(Officer, Officer.officer_id == SessionRow.officer_id)
            .where(SessionRow.token_sha256 == _hash(token), Officer.disabled_at.is_(None))
        ).one_or_none()
    if found is None:
        return None
    row, person = found
    idle_until = row.last_seen_at + timedelta(minutes=settings.session_idle_minutes)
    if at >= min(row.expires_at, idle_until):
        return None
    if at - row.last_seen_at >= TOUCH_EVERY:
        with database.write() as session:
            touched = session.get(SessionRow, row.token_sha256)
            if touched is not None:
                touched.last_seen_at = at
    return LiveSession(
        officer_id=person.officer_id,
        name=person.name,
        role=person.role,
        csrf_token=row.csrf_token,
        token_sha256=row.token_sha256,
    )


def sign_out(session: Session, *, token: str, at: datetime) -> None:
    """Ends the session of this cookie, if there is one."""
    found = session.get(SessionRow, _hash(token))
    if found is None:
        return
    actor = officer_actor(found.officer_id)
    record(session, actor=actor, event=Event.SIGNED_OUT, subject=found.officer_id, details={}, at=at)
    session.delete(found)


def _hash(token: str) -> str:
    return sha256_of(token.encode("utf-8", "replace"))
