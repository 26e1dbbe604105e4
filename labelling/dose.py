"""The one place where the desk meets the exposure budget: may this person read on, and what have they read.

The desk asks before it claims a text and tells what was read; what is counted, and against which limit,
is the business of whoever stands behind `Dose`. Nothing here says to anybody else how much somebody read.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from fastapi import Request
from sqlalchemy.orm import Session

from model.configuration import sha256_of
from serve.console.reading_pause import where_to_go
from serve.people.access import SignedIn
from serve.people.exposure.outside_cases import text_was_labelled, text_was_shown, text_was_too_much
from serve.people.exposure.policy import ExposurePolicy
from serve.people.exposure.shift import ANY_SEVERITY
from serve.people.exposure.standings import standing

HERE: Final = "/labelling"
ID_CHARACTERS: Final = 26


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a person may read next: up to which severity (None: any), or the page that they see instead."""

    severity_at_most: int | None = None
    go_to: str | None = None


class Dose(Protocol):
    """Counts what people read at the desk. Every call is part of the caller's transaction."""

    def may_read(self, session: Session, *, person: SignedIn, now: datetime) -> Allowance:
        """What the person may read next; asked before a text is claimed."""

    def was_read(
        self,
        session: Session,
        *,
        person: SignedIn,
        now: datetime,
        task_id: str,
        text: str,
        severity_expected: int,
    ) -> None:
        """The text is about to be on the person's page; told again when they come back to it."""

    def was_judged(
        self, session: Session, *, person: SignedIn, now: datetime, task_id: str, text: str, severity: int
    ) -> None:
        """The person gave the text this severity (0 to 4)."""

    def was_too_much(self, session: Session, *, person: SignedIn, text: str) -> None:
        """The person put the text aside without their name: what it weighed may stay, not which it was."""


class HubBudget:
    """The hub's own exposure budget: what is read at the desk and in practice counts as what cases show."""

    def __init__(self, policy: ExposurePolicy) -> None:
        self._policy = policy

    def may_read(self, session: Session, *, person: SignedIn, now: datetime) -> Allowance:
        """Anything up to the ceiling of the moment, or the pause page where a stop stands before it."""
        stands = standing(session, self._policy, person.actor, now)
        ceiling = stands.may_read.severity_ceiling
        return Allowance(
            severity_at_most=None if ceiling == ANY_SEVERITY else ceiling,
            go_to=where_to_go(stands, back=HERE),
        )

    def was_read(
        self,
        session: Session,
        *,
        person: SignedIn,
        now: datetime,
        task_id: str,
        text: str,
        severity_expected: int,
    ) -> None:
        """Counts the text once a shift, at what is expected of it."""
        text_was_shown(
            session,
            self._policy,
            actor=person.actor,
            at=now,
            task_id=_subject(task_id),
            text=text,
            severity_expected=severity_expected,
        )

    def was_judged(
        self, session: Session, *, person: SignedIn, now: datetime, task_id: str, text: str, severity: int
    ) -> None:
        """Counts the text at what this person said of it."""
        text_was_labelled(
            session,
            self._policy,
            actor=person.actor,
            at=now,
            task_id=_subject(task_id),
            text=text,
            severity=severity,
        )

    def was_too_much(self, session: Session, *, person: SignedIn, text: str) -> None:
        """Keeps what the text weighed, and not which it was."""
        text_was_too_much(session, actor=person.actor, text=text)


def _subject(task_id: str) -> str:
    """The id as the column holds it: a practice text is named by more than that."""
    return task_id if len(task_id) <= ID_CHARACTERS else sha256_of(task_id.encode())[:ID_CHARACTERS]


def dose_of(request: Request) -> Dose:
    """What counts the reading of this hub's people."""
    dose: Dose = request.app.state.dose
    return dose
