"""Where a person stands: their shift, as the tables have it, under the rules of the day."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from serve.people.exposure.budget import assess
from serve.people.exposure.people import role_of
from serve.people.exposure.policy import ExposurePolicy
from serve.people.exposure.preferences import preferences
from serve.people.exposure.readings import running_shift, texts_of_shift
from serve.people.exposure.shift import Because, BreakKind, BreakTaken, Shift, Standing, WentOnPast
from serve.storage.tables import Break, WentOn


def standing(session: Session, policy: ExposurePolicy, actor: str, now: datetime) -> Standing:
    """The standing of one person, for that person alone: what they have read and what may come next.

    Raises: BadConfig if no profile of the policy is in force.
    """
    rules = policy.in_force(now)
    began_at = running_shift(session, rules, actor=actor, at=now)
    shift = Shift(
        began_at=began_at,
        texts=() if began_at is None else texts_of_shift(session, actor=actor, began_at=began_at),
        breaks=_breaks(session, actor, began_at),
        went_on=() if began_at is None else _went_on(session, actor, began_at),
    )
    return assess(
        rules,
        role=role_of(session, actor),
        preferences=preferences(session, actor),
        shift=shift,
        now=now,
    )


def _breaks(session: Session, actor: str, began_at: datetime | None) -> tuple[BreakTaken, ...]:
    """The breaks of a shift, and one that runs; of no shift, only that."""
    runs = Break.ended_at.is_(None)
    of_shift = runs if began_at is None else or_(runs, Break.began_at >= began_at)
    rows = session.scalars(select(Break).where(Break.actor == actor, of_shift).order_by(Break.began_at))
    return tuple(
        BreakTaken(BreakKind(row.kind), row.began_at, row.ended_at, row.least_minutes) for row in rows
    )


def _went_on(session: Session, actor: str, began_at: datetime) -> tuple[WentOnPast, ...]:
    rows = session.scalars(
        select(WentOn).where(WentOn.actor == actor, WentOn.went_on_at >= began_at).order_by(WentOn.went_on_at)
    )
    return tuple(WentOnPast(row.went_on_at, Because(row.because), row.dose_units) for row in rows)
