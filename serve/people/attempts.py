"""Failed attempts to sign in: counted before they are judged, and one audit event for all of a window."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, func, select, text
from sqlalchemy.orm import Session

from model.configuration import sha256_of
from model.errors import TooMany
from serve.audit.events import Event
from serve.audit.log import record
from serve.storage.tables import AuditEvent, SignInAttempt

ATTEMPT_WINDOW: Final = timedelta(minutes=5)
ACTOR: Final = "system:sign-in"


def count_attempt(session: Session, what: str, *, most: int, refusal: TooMany, at: datetime) -> None:
    """Counts one more attempt at `what` (a name, or a person's second step); many at once count too.

    Raises: `refusal`, once there were `most` in the last five minutes.
    """
    key = _key(what)
    take_turns(session, key)
    session.execute(delete(SignInAttempt).where(SignInAttempt.attempted_at <= at - ATTEMPT_WINDOW))
    recent = session.scalar(
        select(func.count()).select_from(SignInAttempt).where(SignInAttempt.name_sha256 == key)
    )
    if (recent or 0) >= most:
        raise refusal
    session.add(SignInAttempt(name_sha256=key, attempted_at=at))


def forget_attempts(session: Session, what: str) -> None:
    """Starts the count anew: this one was right."""
    session.execute(delete(SignInAttempt).where(SignInAttempt.name_sha256 == _key(what)))


def record_refusal(session: Session, event: Event, subject: str, at: datetime) -> None:
    """One event for all refusals of a window: strangers must not fill a log that is never emptied.

    How many there were, the attempts table counts.
    """
    take_turns(session, subject)
    newest = session.scalar(
        select(AuditEvent.happened_at)
        .where(AuditEvent.subject == subject, AuditEvent.event == event.value)
        .order_by(AuditEvent.event_id.desc())
        .limit(1)
    )
    if newest is None or newest <= at - ATTEMPT_WINDOW:
        record(session, actor=ACTOR, event=event, subject=subject, details={}, at=at)


def take_turns(session: Session, what: str) -> None:
    """Waits until no other transaction works on `what`, and keeps the turn to the end of this one."""
    if session.get_bind().dialect.name == "postgresql":
        # SQLite's write() is alone already; here work on one name takes turns, replicas included.
        session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:what, 0))"), {"what": what})


def _key(what: str) -> str:
    return sha256_of(what.encode("utf-8", "replace"))
