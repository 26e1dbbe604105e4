"""Claiming: the next case for one person, of those that wait for somebody like them.

A claim looks at the top of the queues that its claimant may take from, through one partial index, and
takes the first that nobody else is taking. On PostgreSQL rows that another claim has locked are skipped; on
SQLite `Database.write` has said BEGIN IMMEDIATE, so claims take turns. What a person may not have (their
own earlier judgement, what they skipped, what their reading budget leaves out) is looked for among these
few alone, and further down only if nothing of the top is left: the claim does not slow down as the
queue grows. Source: PROMISES.md section 0, findings 4 and 5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Select, Subquery, case, exists, or_, select, text, union_all, update
from sqlalchemy.orm import Session, aliased

from serve.audit.events import Event
from serve.cases.leases import LEASE_COLUMNS, TAKEN, ClaimedCase, claimed_case, record_lease, requeue_expired
from serve.cases.ordering import QUEUES
from serve.cases.setting_aside import free_overdue, wake_parked
from serve.storage.tables import CLAIMABLE, Case, CaseSkip, Judgement

# Spelled out, not bound: with a parameter in its place neither database may use the partial index.
IS_CASE_WAITING = text("cases.waiting")
IS_RESERVED = text("cases.reserved_for IS NOT NULL")

LOOKS: Final = (16, 128, 1024)
"""How many cases of each queue a claim looks at, and then if nothing was to be had. The first is more than
claims that usually run at once on one database; after the last it goes through the whole queue."""


@dataclass(frozen=True, slots=True)
class Claimant:
    """Who claims, and what may come to them.

    `stages`: states they work in. `queues`: whose skill they have. `severity_at_most`: what their reading
    budget still allows. Source: DOMAIN.md sections 6 and 9.
    """

    actor: str
    stages: tuple[str, ...] = CLAIMABLE
    queues: tuple[str, ...] = QUEUES
    severity_at_most: int | None = None


def claim(session: Session, claimant: Claimant, *, now: datetime, lease_seconds: float) -> ClaimedCase | None:
    """The case that comes first for this claimant, leased to them; None if nothing waits for them.

    What was handed over to them comes before the rest. Leases, parkings and reservations that ran out are
    ended first when nothing else waits.
    """
    claimed = _take(session, claimant, now, lease_seconds)
    if claimed is None and _end_what_ran_out(session, now):
        claimed = _take(session, claimant, now, lease_seconds)
    if claimed is not None:
        record_lease(session, claimed, Event.CASE_CLAIMED, now)
    return claimed


def claim_statement(claimant: Claimant, look: int | None, *, now: datetime, lease_seconds: float) -> Any:
    """Leases the first case that this claimant may have among the top `look` of each queue (None: of all).

    The top of each queue is read off the index as it stands. The row itself, once locked, is asked again
    whether it still waits, since another claim may have had it in between.
    """
    return (
        update(Case)
        .where(Case.case_id == first_case(claimant, look).scalar_subquery())
        .values(
            state=case(*((Case.state == waits, held) for waits, held in TAKEN.items()), else_=Case.state),
            waiting=False,
            reserved_for=None,
            reserved_until=None,
            lease_number=Case.lease_number + 1,
            leased_by=claimant.actor,
            leased_at=now,
            lease_expires_at=now + timedelta(seconds=lease_seconds),
        )
        .returning(*LEASE_COLUMNS)
        .execution_options(synchronize_session=False)
    )


def first_case(claimant: Claimant, look: int | None) -> Select[Any]:
    """Finds, and on PostgreSQL locks, the case that `claim_statement` takes."""
    row = aliased(Case, name="cases")
    mine = row.reserved_for == claimant.actor
    return (
        select(row.case_id)
        .where(
            row.case_id.in_(select(_candidates(claimant, look).c.case_id)),
            or_(IS_CASE_WAITING, mine),
            row.parked_until.is_(None),
            *_may_have(row, claimant),
        )
        .order_by(row.reserved_for.is_not(None).desc(), row.rank.desc(), row.case_id)
        .limit(1)
        .with_for_update(skip_locked=True, of=row)
    )


def _take(session: Session, claimant: Claimant, now: datetime, lease_seconds: float) -> ClaimedCase | None:
    if not claimant.stages:
        return None
    for look in (*LOOKS, None):
        statement = claim_statement(claimant, look, now=now, lease_seconds=lease_seconds)
        row = session.execute(statement).first()
        if row is not None:
            return claimed_case(row)
    return None


def _end_what_ran_out(session: Session, now: datetime) -> bool:
    return requeue_expired(session, now) + wake_parked(session, now) + free_overdue(session, now) > 0


def _candidates(claimant: Claimant, look: int | None) -> Subquery:
    """The cases to choose from: those kept for this person, and the top of each queue they may take from."""
    tops = [_reserved(claimant)]
    tops += [_top(claimant, stage, queue, look) for stage in claimant.stages for queue in claimant.queues]
    return union_all(*(select(top.subquery()) for top in tops)).subquery()


def _reserved(claimant: Claimant) -> Select[Any]:
    row = aliased(Case, name="cases")
    return select(row.case_id).where(
        IS_RESERVED,
        row.reserved_for == claimant.actor,
        row.parked_until.is_(None),
        row.state.in_(claimant.stages),
    )


def _top(claimant: Claimant, stage: str, queue: str, look: int | None) -> Select[Any]:
    row = aliased(Case, name="cases")
    top = select(row.case_id).where(IS_CASE_WAITING, row.state == stage, row.queue == queue)
    if look is None:  # the whole queue, so what they may not have is left out on the way
        top, look = top.where(*_may_have(row, claimant)), LOOKS[0]
    return top.order_by(row.rank.desc(), row.case_id).limit(look)


def _may_have(row: type[Case], claimant: Claimant) -> Sequence[Any]:
    """What keeps a case from a person: they judged it, they skipped it, it is more than they may read."""
    judged = exists().where(Judgement.case_id == row.case_id, Judgement.actor == claimant.actor)
    skipped = exists().where(CaseSkip.case_id == row.case_id, CaseSkip.actor == claimant.actor)
    conditions: list[Any] = [~judged, ~skipped]
    if claimant.severity_at_most is not None:
        conditions.append(row.severity_expected <= claimant.severity_at_most)
    return conditions
