"""Between the first and the second step of signing in: a browser that has shown a password and nothing else.

What it holds opens no page but that of the second step, ends after ten minutes, and is good for one session.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from model.configuration import sha256_of
from serve.settings import Settings
from serve.storage.tables import Officer, SignInStep

STEP_LASTS: Final = timedelta(minutes=10)


class Owes(StrEnum):
    """What the second step is."""

    CODE = "code"
    ENROLMENT = "enrolment"


@dataclass(frozen=True, slots=True)
class StepDue:
    """The first step was right: the token for the cookie (nowhere else is it kept), and what comes next."""

    token: str
    owes: Owes


def step_due(person: Officer, settings: Settings) -> Owes | None:
    """What this person owes after the first step; None: nothing."""
    if person.totp_enrolled_at is not None:
        return Owes.CODE
    return Owes.ENROLMENT if totp_is_required(person.role, settings) else None


def totp_is_required(role: str, settings: Settings) -> bool:
    """Whether people of this role must have an authenticator."""
    return settings.require_totp and role in settings.totp_roles


def open_step(session: Session, *, officer_id: str, owes: Owes, at: datetime) -> StepDue:
    """A new second step for this person; steps that are over are dropped."""
    session.execute(delete(SignInStep).where(SignInStep.expires_at <= at))
    due = StepDue(token=secrets.token_urlsafe(32), owes=owes)
    session.add(
        SignInStep(
            token_sha256=_hash(due.token), officer_id=officer_id, created_at=at, expires_at=at + STEP_LASTS
        )
    )
    return due


def who_owes(session: Session, token: str, at: datetime) -> Officer | None:
    """The person whose second step this cookie is; None: unknown, over, or they are disabled."""
    return session.scalar(
        select(Officer)
        .join(SignInStep, SignInStep.officer_id == Officer.officer_id)
        .where(
            SignInStep.token_sha256 == _hash(token),
            SignInStep.expires_at > at,
            Officer.disabled_at.is_(None),
        )
    )


def close_step(session: Session, token: str) -> None:
    """Ends the step of this cookie: it was passed."""
    session.execute(delete(SignInStep).where(SignInStep.token_sha256 == _hash(token)))


def drop_steps(session: Session, officer_id: str) -> None:
    """Ends every second step of a person that is under way."""
    session.execute(delete(SignInStep).where(SignInStep.officer_id == officer_id))


def _hash(token: str) -> str:
    return sha256_of(token.encode("utf-8", "replace"))
