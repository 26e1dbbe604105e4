"""The one place where the desk meets the exposure budget: may this person read on, and what have they read.

The desk asks before it claims a text and tells what was read; what is counted, and against which limit,
is the business of whoever stands behind `Dose`. Nothing here says to anybody else how much somebody read.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from fastapi import Request
from sqlalchemy.orm import Session

from serve.people.access import SignedIn


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


class NoBudget:
    """Lets everybody read on and keeps nothing: a hub without an exposure budget."""

    def may_read(self, session: Session, *, person: SignedIn, now: datetime) -> Allowance:
        """Anything."""
        return Allowance()

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
        """Keeps nothing."""

    def was_judged(
        self, session: Session, *, person: SignedIn, now: datetime, task_id: str, text: str, severity: int
    ) -> None:
        """Keeps nothing."""

    def was_too_much(self, session: Session, *, person: SignedIn, text: str) -> None:
        """Keeps nothing."""


def dose_of(request: Request) -> Dose:
    """What counts the reading of this hub's people."""
    dose: Dose = request.app.state.dose
    return dose
