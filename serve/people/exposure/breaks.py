"""Breaks, and going on without one. What a person does here is kept for them alone: no audit event."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from model.errors import BadInput, BreakRuns
from serve.people.exposure.people import take_turn
from serve.people.exposure.policy import ExposurePolicy
from serve.people.exposure.shift import Because, BreakKind, Lighter, Standing, Stop
from serve.people.exposure.standings import standing
from serve.storage.identifiers import new_id
from serve.storage.tables import Break, WentOn


def begin_break(session: Session, policy: ExposurePolicy, *, actor: str, now: datetime) -> None:
    """Begins a break: forced past the hard limit, offered at a soft stop, else the person's own.

    Nothing happens while one runs. Raises: BadConfig if no profile of the policy is in force.
    """
    take_turn(session, actor)
    stands = standing(session, policy, actor, now)
    if stands.running_break is not None:
        return
    _end(session, actor, now)  # one that was forgotten over the night
    rules = policy.in_force(now).breaks
    kind = _kind(stands)
    least_minutes = rules.forced_minutes if kind is BreakKind.FORCED else rules.minutes
    session.add(
        Break(break_id=new_id(), actor=actor, kind=kind.value, began_at=now, least_minutes=least_minutes)
    )
    session.flush()


def end_break(session: Session, policy: ExposurePolicy, *, actor: str, now: datetime) -> None:
    """Ends the break that runs, if one does.

    Raises: BreakRuns while a forced one is not over; BadConfig if no profile of the policy is in force.
    """
    take_turn(session, actor)
    if standing(session, policy, actor, now).may_read.break_until is not None:
        raise BreakRuns("This break cannot be cut short.")
    _end(session, actor, now)


def go_on(session: Session, policy: ExposurePolicy, *, actor: str, now: datetime, reason: str) -> None:
    """Lets the person go on past the stop they stand before, for as long as the policy says.

    Nothing happens where nothing stops them.

    Raises: BadInput for a reason that the policy does not have; BreakRuns where only a break helps;
        BadConfig if no profile of the policy is in force.
    """
    reasons = policy.in_force(now).go_on.reasons
    if reason not in {offered.code for offered in reasons}:
        raise BadInput("reason: choose why you go on", field="reason")
    take_turn(session, actor)
    stands = standing(session, policy, actor, now)
    if stands.may_read.stop is Stop.BREAK:
        raise BreakRuns("Only a break helps now.")
    because = liftable(stands)
    if because is None:
        return
    session.add(
        WentOn(
            went_on_id=new_id(),
            actor=actor,
            went_on_at=now,
            because=because.value,
            reason=reason,
            dose_units=stands.dose_units,
        )
    )
    session.flush()


def liftable(stands: Standing) -> Because | None:
    """What the person may lift by going on: a soft stop, else the lighter texts at the end of a shift."""
    if stands.may_read.stop is Stop.SOFT_STOP:
        return stands.may_read.because
    if stands.may_read.stop < Stop.SOFT_STOP and stands.may_read.lighter is Lighter.END_OF_SHIFT:
        return Because.END_OF_SHIFT
    return None


def _kind(stands: Standing) -> BreakKind:
    if stands.may_read.because is Because.HARD_LIMIT:
        return BreakKind.FORCED
    return BreakKind.OFFERED if stands.may_read.stop is Stop.SOFT_STOP else BreakKind.OWN


def _end(session: Session, actor: str, now: datetime) -> None:
    session.execute(
        update(Break)
        .where(Break.actor == actor, Break.ended_at.is_(None))
        .values(ended_at=now)
        .execution_options(synchronize_session=False)
    )
