"""Texts that people read outside a case, such as labelling tasks: what a desk calls, and when.

Before it claims: `standings.standing`, and `where_to_go` of serve/console/reading_pause.py. Once the text
is on the page: `text_was_shown`. When it was answered: `text_was_labelled`. When it was set aside as too
much: `text_was_too_much`.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from model.configuration import sha256_of
from serve.people.exposure.policy import ExposurePolicy
from serve.people.exposure.readings import Subject, correct_reading, record_reading, unname_reading


def text_was_shown(
    session: Session,
    policy: ExposurePolicy,
    *,
    actor: str,
    at: datetime,
    task_id: str,
    text: str,
    severity_expected: int | None = None,
    score: float | None = None,
) -> None:
    """Counts the text for whoever has just been shown it, once a shift; for a key, nothing.

    `severity_expected` (0 to 4) is what the task says; where it says nothing, `score`, the highest of its
    scores (0 to 1), does; None: not known.

    Raises: BadConfig if no profile of the policy is in force.
    """
    record_reading(
        session,
        policy,
        actor=actor,
        at=at,
        subject=Subject("task", task_id),
        text_sha256=sha256_of(text.encode()),
        severity_expected=(
            policy.in_force(at).expected(score) if severity_expected is None else severity_expected
        ),
    )


def text_was_labelled(
    session: Session,
    policy: ExposurePolicy,
    *,
    actor: str,
    at: datetime,
    task_id: str,
    text: str,
    severity: int | None,
) -> None:
    """Counts the text at the severity (0 to 4) that this person gave it; None: they gave it none.

    Raises: BadConfig if no profile of the policy is in force.
    """
    if severity is None:
        return
    correct_reading(
        session,
        policy,
        actor=actor,
        at=at,
        subject=Subject("task", task_id),
        text_sha256=sha256_of(text.encode()),
        severity_judged=severity,
    )


def text_was_too_much(session: Session, *, actor: str, text: str) -> None:
    """Keeps what the text counted, and not which it was nor when this person read it."""
    unname_reading(session, actor=actor, text_sha256=sha256_of(text.encode()))
