"""The second factor of a person: an authenticator app, and recovery codes for when it is lost.

A code counts once: the counter of the newest one used is kept, and no older one is taken again. Tries are
counted before they are judged: five in five minutes, then the person waits.
Source: PROMISES.md section 2, S9.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final, TypeVar

from sqlalchemy.orm import Session

from model.errors import Conflict, NotSignedIn, TooMany, WrongCode
from serve.audit.events import Event
from serve.audit.log import record
from serve.people.attempts import count_attempt, forget_attempts, record_refusal, take_turns
from serve.people.officers import end_sessions, officer_actor
from serve.people.recovery_codes import forget_codes, make_codes, use_code
from serve.people.secret_box import SecretBox
from serve.people.sessions import OpenedSession, open_session
from serve.people.sign_in_steps import close_step, who_owes
from serve.people.totp import counter_of, new_secret
from serve.settings import Settings
from serve.storage.engine import Database
from serve.storage.tables import Officer

MAX_TRIES: Final = 5
TOO_MANY: Final = "Too many codes; try again in five minutes."
WRONG: Final = "The code is wrong, or was used before."

FoundT = TypeVar("FoundT")


def offered_secret(session: Session, box: SecretBox, officer_id: str) -> str:
    """The secret to show this person for their app; the same one until it is confirmed."""
    take_turns(session, _tries(officer_id))
    person = session.get_one(Officer, officer_id)
    if person.totp_offered is not None:
        return box.unseal(person.totp_offered, owner=officer_id)
    secret = new_secret()
    person.totp_offered = box.seal(secret, owner=officer_id)
    return secret


def withdraw_offer(session: Session, officer_id: str) -> None:
    """Forgets a secret that was shown and not confirmed; the next one is new."""
    session.get_one(Officer, officer_id).totp_offered = None


def confirm(database: Database, box: SecretBox, *, officer_id: str, code: str, at: datetime) -> list[str]:
    """Takes the offered secret into use, and gives ten new recovery codes, to be shown this once.

    Raises: TooMany, WrongCode, Conflict if nothing is offered.
    """

    def judge(session: Session, person: Officer) -> list[str] | None:
        if person.totp_offered is None:
            raise Conflict("code: no authenticator is waiting to be confirmed", field="code")
        counter = counter_of(box.unseal(person.totp_offered, owner=officer_id), code, at)
        if counter is None:
            return None
        person.totp_secret, person.totp_offered = person.totp_offered, None
        person.totp_enrolled_at, person.totp_last_counter = at, counter
        record(
            session,
            actor=officer_actor(officer_id),
            event=Event.TOTP_ENROLLED,
            subject=officer_id,
            details={},
            at=at,
        )
        return new_recovery_codes(session, officer_id=officer_id, at=at)

    return _judged(database, officer_id, at, judge)


def check_code(database: Database, box: SecretBox, *, officer_id: str, code: str, at: datetime) -> None:
    """Passes for a code of this person's app that was never used. Raises: TooMany, WrongCode."""

    def judge(_session: Session, person: Officer) -> bool | None:
        if person.totp_secret is None or person.totp_enrolled_at is None:
            return None
        counter = counter_of(box.unseal(person.totp_secret, owner=officer_id), code, at)
        if counter is None or counter <= (person.totp_last_counter or 0):
            return None
        person.totp_last_counter = counter
        return True

    _judged(database, officer_id, at, judge)


def check_recovery_code(database: Database, *, officer_id: str, code: str, at: datetime) -> None:
    """Passes for a recovery code of this person that was never used. Raises: TooMany, WrongCode."""

    def judge(session: Session, _person: Officer) -> bool | None:
        if not use_code(session, officer_id=officer_id, code=code, at=at):
            return None
        record(
            session,
            actor=officer_actor(officer_id),
            event=Event.RECOVERY_CODE_USED,
            subject=officer_id,
            details={},
            at=at,
        )
        return True

    _judged(database, officer_id, at, judge)


def finish_sign_in(database: Database, settings: Settings, *, token: str, at: datetime) -> OpenedSession:
    """The session of somebody whose second step was right just now. Raises: NotSignedIn if it is over."""
    with database.write() as session:
        person = who_owes(session, token, at)
        if person is None:
            raise NotSignedIn("The sign-in took too long, or was ended. Start again.")
        close_step(session, token)
        return open_session(session, settings, officer_id=person.officer_id, at=at)


def new_recovery_codes(session: Session, *, officer_id: str, at: datetime) -> list[str]:
    """Ten new codes in place of those that there were, to be shown this once."""
    codes = make_codes(session, officer_id=officer_id, at=at)
    record(
        session,
        actor=officer_actor(officer_id),
        event=Event.RECOVERY_CODES_MADE,
        subject=officer_id,
        details={"codes": len(codes)},
        at=at,
    )
    return codes


def turn_off(session: Session, *, officer_id: str, at: datetime) -> None:
    """Takes a person's own second factor away, as they asked."""
    _take_away(session, officer_id)
    record(
        session,
        actor=officer_actor(officer_id),
        event=Event.TOTP_TURNED_OFF,
        subject=officer_id,
        details={},
        at=at,
    )


def reset(session: Session, *, officer_id: str, actor: str, at: datetime) -> None:
    """Takes somebody's second factor away because it is lost, and ends their sessions.

    Raises: Conflict if there is none.
    """
    if session.get_one(Officer, officer_id).totp_enrolled_at is None:
        raise Conflict("officer_id: this person has no authenticator", field="officer_id")
    _take_away(session, officer_id)
    end_sessions(session, officer_id)
    record(session, actor=actor, event=Event.TOTP_RESET, subject=officer_id, details={}, at=at)


def _take_away(session: Session, officer_id: str) -> None:
    person = session.get_one(Officer, officer_id)
    person.totp_secret = person.totp_offered = person.totp_enrolled_at = person.totp_last_counter = None
    forget_codes(session, officer_id=officer_id)


def _judged(
    database: Database, officer_id: str, at: datetime, judge: Callable[[Session, Officer], FoundT | None]
) -> FoundT:
    """What `judge` finds of one try; None is a wrong one. Each try counts, also where many come at once."""
    with database.write() as session:
        count_attempt(
            session, _tries(officer_id), most=MAX_TRIES, refusal=TooMany(TOO_MANY, field="code"), at=at
        )
    with database.write() as session:
        take_turns(session, _tries(officer_id))
        found = judge(session, session.get_one(Officer, officer_id))
        if found is not None:
            forget_attempts(session, _tries(officer_id))
            return found
        record_refusal(session, Event.SECOND_STEP_REFUSED, officer_id, at)
    raise WrongCode(WRONG, field="code")


def _tries(officer_id: str) -> str:
    return f"totp:{officer_id}"
