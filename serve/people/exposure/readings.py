"""What people read: a row for each text of a shift, another when they have judged it. Rows never change."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from sqlalchemy import ColumnElement, SQLColumnExpression, delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from model.taxonomy import SEVERITIES
from serve.people.exposure.budget import is_new_shift
from serve.people.exposure.forgetting import forget_before
from serve.people.exposure.people import is_person, take_turn
from serve.people.exposure.policy import ExposurePolicy, ExposureRules
from serve.people.exposure.shift import TextRead
from serve.storage.tables import Reading

FIRST: Final = 0
"""The version of a row that says that a text was read; later ones say how it was judged."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What was read: a post of a case, or the text of a labelling task."""

    kind: Literal["post", "task"]
    id: str


def record_reading(
    session: Session,
    policy: ExposurePolicy,
    *,
    actor: str,
    at: datetime,
    subject: Subject,
    text_sha256: str,
    severity_expected: int,
) -> bool:
    """Whether the text is new to this person's shift; only then is it counted. For a key: never.

    `severity_expected`: 0 to 4, what is expected of it before this person has judged it. No audit event: the
    log is read by others.

    Raises: BadConfig if no profile of the policy is in force.
    """
    rules = policy.in_force(at)
    if not is_person(actor):
        return False
    take_turn(session, actor)
    began_at = running_shift(session, rules, actor=actor, at=at)
    if began_at is None:
        began_at = at
        forget_before(session, at - timedelta(days=rules.keep_days))
    row = {
        "reading_id": secrets.token_hex(16),
        "version": FIRST,
        "actor": actor,
        "shift_began_at": began_at,
        "recorded_at": at,
        "subject_kind": subject.kind,
        "subject_id": subject.id,
        "text_sha256": text_sha256,
        "severity_expected": _checked(severity_expected),
        "units": rules.units[severity_expected],
        "policy_sha256": policy.sha256,
    }
    # The unique index says what is the same text, also when two pages are opened at once.
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    statement = insert(Reading).values(row).on_conflict_do_nothing().returning(Reading.reading_id)
    return session.execute(statement).first() is not None


def correct_reading(
    session: Session,
    policy: ExposurePolicy,
    *,
    actor: str,
    at: datetime,
    subject: Subject,
    text_sha256: str,
    severity_judged: int,
) -> None:
    """Counts the text at the severity (0 to 4) that this person judged, in the shift in which they read it.

    A text that they were not known to have read is counted now. Each other judgement is a further row.

    Raises: BadConfig if no profile of the policy is in force.
    """
    rules = policy.in_force(at)
    if not is_person(actor):
        return
    take_turn(session, actor)
    if _newest(session, actor, text_sha256) is None:
        record_reading(
            session,
            policy,
            actor=actor,
            at=at,
            subject=subject,
            text_sha256=text_sha256,
            severity_expected=severity_judged,
        )
    newest = _newest(session, actor, text_sha256)
    if newest is None or newest.severity_judged == _checked(severity_judged):
        return
    session.add(
        Reading(
            reading_id=newest.reading_id,
            version=newest.version + 1,
            actor=actor,
            shift_began_at=newest.shift_began_at,
            recorded_at=at,
            subject_kind=subject.kind,
            subject_id=subject.id,
            text_sha256=text_sha256,
            severity_expected=newest.severity_expected,
            severity_judged=severity_judged,
            units=rules.units[severity_judged],
            policy_sha256=policy.sha256,
        )
    )
    session.flush()


def unname_reading(session: Session, *, actor: str, text_sha256: str) -> None:
    """Keeps what a text counted, and not which text it was nor when it was read.

    For a text that was set aside as too much: nobody may find out by whom, and the time of the reading is
    that of the claim in the audit log. It counts at the beginning of the shift.
    """
    take_turn(session, actor)
    newest = _newest(session, actor, text_sha256)
    if newest is None:
        return
    session.execute(
        delete(Reading)
        .where(Reading.reading_id == newest.reading_id)
        .execution_options(synchronize_session=False)
    )
    session.add(
        Reading(
            reading_id=secrets.token_hex(16),
            version=FIRST,
            actor=actor,
            shift_began_at=newest.shift_began_at,
            recorded_at=newest.shift_began_at,
            severity_expected=newest.severity_expected,
            severity_judged=newest.severity_judged,
            units=newest.units,
            policy_sha256=newest.policy_sha256,
        )
    )
    session.flush()


def texts_to_correct(session: Session, policy: ExposurePolicy, *, actor: str, at: datetime) -> frozenset[str]:
    """The SHA-256 of every text that this person has read on the shift that they are on; empty for a key.

    Raises: BadConfig if no profile of the policy is in force.
    """
    rules = policy.in_force(at)
    began_at = running_shift(session, rules, actor=actor, at=at) if is_person(actor) else None
    if began_at is None:
        return frozenset()
    found = session.scalars(
        select(Reading.text_sha256).where(
            Reading.actor == actor, Reading.shift_began_at == began_at, Reading.version == FIRST
        )
    )
    return frozenset(text for text in found if text is not None)


def running_shift(session: Session, rules: ExposureRules, *, actor: str, at: datetime) -> datetime | None:
    """When the shift began that this person is on at `at`; None if a text read now would begin one."""
    last = session.execute(
        select(Reading.shift_began_at, Reading.recorded_at)
        .where(Reading.actor == actor, Reading.version == FIRST)
        .order_by(Reading.shift_began_at.desc(), Reading.recorded_at.desc())
        .limit(1)
    ).first()
    if last is None:
        return None
    is_over = is_new_shift(rules, began_at=last.shift_began_at, last_read_at=last.recorded_at, at=at)
    return None if is_over else last.shift_began_at


def texts_of_shift(session: Session, *, actor: str, began_at: datetime) -> tuple[TextRead, ...]:
    """The texts of that shift in order of reading, each at its newest severity."""
    rows = session.scalars(select(Reading).where(Reading.actor == actor, Reading.shift_began_at == began_at))
    return texts_read(rows)


def texts_read(rows: Iterable[Reading]) -> tuple[TextRead, ...]:
    """The texts that rows of one shift are about, in order of reading, each at its newest severity."""
    first: dict[str, Reading] = {}
    newest: dict[str, Reading] = {}
    for row in sorted(rows, key=lambda row: row.version):
        first.setdefault(row.reading_id, row)
        newest[row.reading_id] = row
    texts = [_text(first[reading_id], row) for reading_id, row in newest.items()]
    return tuple(sorted(texts, key=lambda text: text.read_at))


def _text(first: Reading, newest: Reading) -> TextRead:
    judged = newest.severity_judged
    severity = newest.severity_expected if judged is None else judged
    return TextRead(read_at=first.recorded_at, severity=severity, units=newest.units)


def _newest(session: Session, actor: str, text_sha256: str) -> Reading | None:
    """The newest row about this text, of the newest shift in which this person read it."""
    return session.scalars(
        select(Reading)
        .where(Reading.actor == actor, Reading.text_sha256 == text_sha256)
        .order_by(Reading.shift_began_at.desc(), Reading.version.desc())
        .limit(1)
    ).first()


def _checked(severity: int) -> int:
    if severity not in SEVERITIES:
        raise ValueError("a severity is 0 to 4")
    return severity


def read_on_the_shift(
    subject_id: SQLColumnExpression[Any],
    actor: SQLColumnExpression[Any],
    shift_began_at: SQLColumnExpression[Any],
) -> tuple[ColumnElement[bool], ...]:
    """Conditions that hold where this person has read the text since their shift began, for `exists`.

    For a claim by the very person: nobody else's reading may be asked about.
    """
    return (
        Reading.subject_id == subject_id,
        Reading.actor == actor,
        Reading.shift_began_at == shift_began_at,
    )
