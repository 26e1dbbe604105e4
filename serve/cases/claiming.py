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

from sqlalchemy import Select, case, exists, select, text, union_all, update
from sqlalchemy.orm import Session, aliased

from serve.audit.events import Event
from serve.cases.leases import LEASE_COLUMNS, TAKEN, ClaimedCase, claimed_case, record_lease, requeue_expired
from serve.cases.ordering import QUEUES
from serve.cases.setting_aside import wake_parked
from serve.storage.tables import CLAIMABLE, Case, CaseSkip, Judgement

# Spelled out, not bound: with a parameter in its place neither database may use the partial index.
IS_CASE_WAITING = text("cases.waiting")

FIRST_LOOK: Final = 16
"""Cases of each queue that a claim looks at first; more than claims that run at once on one database."""
LOOK_FURTHER: Final = 8
"""How many times more, each time that nothing was to be had."""
LOOKS: Final = 4


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

    What was handed over to them comes before the rest. Leases and parkings that ran out are ended first when
    nothing else waits.
    """
    claimed = _take(session, claimant, now, lease_seconds)
    if claimed is None and (requeue_expired(session, now) + wake_parked(session, now)):
        claimed = _take(session, claimant, now, lease_seconds)
    if claimed is not None:
        record_lease(session, claimed, Event.CASE_CLAIMED, now)
    return claimed


def _take(session: Session, claimant: Claimant, now: datetime, lease_seconds: float) -> ClaimedCase | None:
    if not claimant.stages or not claimant.queues:
        return None
    case_id = session.execute(reserved_statement(claimant)).scalar()
    look = FIRST_LOOK
    for _ in range(LOOKS):
        if case_id is not None:
            break
        case_id = session.execute(first_statement(claimant, look)).scalar()
        look *= LOOK_FURTHER
    if case_id is None:
        return None
    row = session.execute(take_statement(case_id, claimant.actor, now, lease_seconds)).first()
    return None if row is None else claimed_case(row)


def first_statement(claimant: Claimant, look: int) -> Select[Any]:
    """Finds, and on PostgreSQL locks, the first case that this claimant may have among the top `look`.

    The top of each queue is read off the index as it stands; the row itself is then asked again whether
    it still waits, since another claim may have had it in between.
    """
    tops = [_top(stage, queue, look) for stage in claimant.stages for queue in claimant.queues]
    candidates = union_all(*(select(top.subquery()) for top in tops)).subquery()
    return (
        select(Case.case_id)
        .where(IS_CASE_WAITING, Case.case_id.in_(select(candidates.c.case_id)), *_may_have(claimant))
        .order_by(Case.rank.desc(), Case.case_id)
        .limit(1)
        .with_for_update(skip_locked=True, of=Case)
    )


def reserved_statement(claimant: Claimant) -> Select[Any]:
    """Finds the first case that was handed over to this claimant and is not parked."""
    return (
        select(Case.case_id)
        .where(
            text("cases.reserved_for IS NOT NULL"),
            Case.reserved_for == claimant.actor,
            Case.parked_until.is_(None),
            Case.state.in_(claimant.stages),
            *_may_have(claimant),
        )
        .order_by(Case.rank.desc(), Case.case_id)
        .limit(1)
        .with_for_update(skip_locked=True, of=Case)
    )


def take_statement(case_id: str, actor: str, now: datetime, lease_seconds: float) -> Any:
    """Leases one case that waits, for anybody or for this actor; no row if it no longer does."""
    return (
        update(Case)
        .where(
            Case.case_id == case_id,
            Case.state.in_(CLAIMABLE),
            Case.parked_until.is_(None),
            (Case.reserved_for.is_(None)) | (Case.reserved_for == actor),
        )
        .values(
            state=case(*((Case.state == waits, held) for waits, held in TAKEN.items()), else_=Case.state),
            waiting=False,
            reserved_for=None,
            lease_number=Case.lease_number + 1,
            leased_by=actor,
            leased_at=now,
            lease_expires_at=now + timedelta(seconds=lease_seconds),
        )
        .returning(*LEASE_COLUMNS)
        .execution_options(synchronize_session=False)
    )


def _top(stage: str, queue: str, look: int) -> Select[Any]:
    top = aliased(Case, name="cases")
    return (
        select(top.case_id)
        .where(IS_CASE_WAITING, top.state == stage, top.queue == queue)
        .order_by(top.rank.desc(), top.case_id)
        .limit(look)
    )


def _may_have(claimant: Claimant) -> Sequence[Any]:
    """What keeps a case from a person: they judged it, they skipped it, it is more than they may read."""
    judged = exists().where(Judgement.case_id == Case.case_id, Judgement.actor == claimant.actor)
    skipped = exists().where(CaseSkip.case_id == Case.case_id, CaseSkip.actor == claimant.actor)
    conditions: list[Any] = [~judged, ~skipped]
    if claimant.severity_at_most is not None:
        conditions.append(Case.severity_expected <= claimant.severity_at_most)
    return conditions
