"""The figures of the supervisor's board: each with what it is of and as of when. None is about a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, TextClause, and_, func, select
from sqlalchemy.orm import Session, aliased

from serve.cases.agreement import Agreement, agreement_of
from serve.cases.claiming import IS_CASE_WAITING
from serve.cases.leases import TAKEN
from serve.cases.ordering import DueClass
from serve.cases.workflow.steps import SecondReviewCause
from serve.storage.tables import CLAIMABLE, HELD, Case, Decision, Judgement

HELD_LONG: Final = timedelta(minutes=45)
"""From then on a case in hand is listed: four leases and more. Ours."""
LISTED: Final = 50


@dataclass(frozen=True, slots=True)
class StageFigures:
    """One stage. `held` counts live leases; `oldest_at`, `median_at`: when those that wait came in (UTC)."""

    stage: str
    waiting: int
    held: int
    set_aside: int
    overdue: int
    oldest_at: datetime | None
    median_at: datetime | None


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """One due class over all stages that wait or are held."""

    due_class: str
    open: int
    overdue: int


@dataclass(frozen=True, slots=True)
class OutcomeFigures:
    """How many decisions of a period have an outcome."""

    outcome: str
    decisions: int


@dataclass(frozen=True, slots=True)
class Readings:
    """The agreement of second readings, in outcome with severity, and in outcome alone.

    `drawn`: only the cases that were drawn by lot; the others were chosen for being hard.
    """

    both: Agreement
    outcome: Agreement
    drawn: Agreement


def stage_figures(session: Session, now: datetime) -> list[StageFigures]:
    """Every stage in the order of a case's way."""
    return [_stage(session, stage, now) for stage in CLAIMABLE]


def class_figures(session: Session, now: datetime) -> list[ClassFigures]:
    """Every due class, those without a case too."""
    rows = session.execute(
        select(Case.due_class, func.count(), func.count().filter(Case.due_at < now))
        .where(Case.state.in_((*CLAIMABLE, *HELD)))
        .group_by(Case.due_class)
    ).all()
    found = {row[0]: (row[1], row[2]) for row in rows}
    known: Sequence[str] = DueClass.__args__  # type: ignore[attr-defined]  # typing does not say so of Literal
    return [ClassFigures(name, *found.get(name, (0, 0))) for name in known]


def decisions_since(session: Session, instant: datetime) -> list[OutcomeFigures]:
    """How often each outcome was decided since then, the most frequent first."""
    rows = session.execute(
        select(Decision.outcome, func.count().label("decisions"))
        .where(Decision.decided_at >= instant)
        .group_by(Decision.outcome)
        .order_by(func.count().desc(), Decision.outcome)
    ).all()
    return [OutcomeFigures(row.outcome, row.decisions) for row in rows]


def second_readings(session: Session, since: datetime) -> Readings:
    """How first and second readers of the same case agree, for second readings since then."""
    first, second = aliased(Judgement), aliased(Judgement)
    rows = session.execute(
        select(first.outcome, first.severity, second.outcome, second.severity, first.second_review_causes)
        .join(
            second,
            and_(second.case_id == first.case_id, second.cycle == first.cycle, second.round == 2),
        )
        .where(first.round == 1, second.judged_at >= since)
    ).all()
    drawn = SecondReviewCause.RANDOM_SAMPLE.value
    return Readings(
        agreement_of([((row[0], row[1]), (row[2], row[3])) for row in rows]),
        agreement_of([(row[0], row[2]) for row in rows]),
        # Drawn, and for no other reason: whatever else was a cause chose it.
        agreement_of([((row[0], row[1]), (row[2], row[3])) for row in rows if row[4] == [drawn]]),
    )


def held_long(session: Session, now: datetime) -> Sequence[Case]:
    """Cases that somebody has had in hand for long, the longest first."""
    return session.scalars(
        select(Case)
        .where(Case.state.in_(HELD), Case.lease_expires_at > now, Case.leased_at < now - HELD_LONG)
        .order_by(Case.leased_at)
        .limit(LISTED)
    ).all()


def set_aside(session: Session) -> Sequence[Case]:
    """Cases that wait for one person, parked or handed over, the oldest first."""
    return session.scalars(
        select(Case)
        .where(Case.reserved_for.is_not(None), Case.state.in_(CLAIMABLE))
        .order_by(Case.case_id)
        .limit(LISTED)
    ).all()


def _stage(session: Session, stage: str, now: datetime) -> StageFigures:
    is_there = Case.state == stage
    waiting = _count(session, IS_CASE_WAITING, is_there)
    held = _count(session, Case.state == TAKEN[stage], Case.lease_expires_at > now)
    return StageFigures(
        stage,
        waiting,
        held,
        _count(session, is_there, Case.reserved_for.is_not(None)),
        _count(session, Case.state.in_((stage, TAKEN[stage])), Case.due_at < now),
        _came_in(session, stage, 0) if waiting else None,
        _came_in(session, stage, waiting // 2) if waiting else None,
    )


def _came_in(session: Session, stage: str, place: int) -> datetime | None:
    """When the case at this place of those that wait came in, the oldest first: ids sort by time."""
    return session.scalar(
        select(Case.created_at)
        .where(IS_CASE_WAITING, Case.state == stage)
        .order_by(Case.case_id)
        .offset(place)
        .limit(1)
    )


def _count(session: Session, *conditions: ColumnElement[bool] | TextClause) -> int:
    return session.scalar(select(func.count()).select_from(Case).where(*conditions)) or 0
