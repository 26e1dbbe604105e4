"""Claiming: the next case for one person, of those that wait for somebody like them.

A claim looks at the top of the queues that its claimant may take from, through one partial index, and
takes the first that nobody else is taking. On PostgreSQL rows that another claim has locked are skipped; on
SQLite `Database.write` has said BEGIN IMMEDIATE, so claims take turns. What a person may not have (their
own earlier judgement, what they skipped, what their reading budget leaves out) is looked for among these
few alone, and further down only if nothing of the top is left: the claim does not slow down as the
queue grows. Source: PROMISES.md section 0, findings 4 and 5.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final, cast

from sqlalchemy import (
    ColumnElement,
    Executable,
    FromClause,
    Integer,
    Select,
    Table,
    Text,
    and_,
    bindparam,
    case,
    exists,
    literal_column,
    or_,
    select,
    text,
    union_all,
    update,
)
from sqlalchemy import cast as sql_cast
from sqlalchemy.orm import Session

from model.taxonomy import STRAND_ORDER
from serve.audit.events import Event
from serve.cases.leases import LEASE_COLUMNS, TAKEN, ClaimedCase, claimed_case, record_lease, requeue_expired
from serve.cases.ordering import QUEUES
from serve.cases.setting_aside import free_overdue, wake_parked
from serve.cases.workflow.states import State
from serve.people.exposure.readings import read_on_the_shift
from serve.storage.tables import CLAIMABLE, Case, CasePost, CaseSkip, Judgement, UtcDateTime

# Spelled out, not bound: with a parameter in its place neither database may use the partial index.
IS_CASE_WAITING = text("cases.waiting")
IS_RESERVED = text("cases.reserved_for IS NOT NULL")
IS_EMERGENCY = text(f"cases.emergency = '{State.EMERGENCY_ESCALATED.value}'")
CASES: Final = cast("Table", Case.__table__)
CLAIMED_BY: Final = bindparam("claimed_by", type_=Text)

LOOKS: Final = (16, 128, 1024)
"""How many cases of each queue a claim looks at, and then if nothing was to be had. The first is more than
claims that usually run at once on one database; after the last it goes through the whole queue."""


@dataclass(frozen=True, slots=True)
class Claimant:
    """Who claims, and what may come to them.

    `stages`: states they work in. `queues`: whose skill they have. `severity_at_most`: what their reading
    budget still allows; a case of which they have read a text on their shift (`shift_began_at`, UTC), such as
    one that they have just triaged, comes all the same: it is nothing new to them. `strands_left_out`: what
    they would rather not read; a case that was kept for them by name comes all the same. `emergencies_only`:
    they have chosen to take an emergency; then none of these counts. Source: DOMAIN.md sections 6 and 9.
    """

    actor: str
    stages: tuple[str, ...] = CLAIMABLE
    queues: tuple[str, ...] = QUEUES
    severity_at_most: int | None = None
    strands_left_out: tuple[str, ...] = ()
    emergencies_only: bool = False
    shift_began_at: datetime | None = None


def claim(session: Session, claimant: Claimant, *, now: datetime, lease_seconds: float) -> ClaimedCase | None:
    """The case that comes first for this claimant, leased to them; None if nothing waits for them.

    What was handed over to them comes before the rest. Leases, parkings and reservations that ran out are
    ended first when nothing else waits.
    """
    session.flush()  # what was skipped in this very transaction is not to come again
    claimed = _take(session, claimant, now, lease_seconds)
    if claimed is None and _end_what_ran_out(session, now):
        claimed = _take(session, claimant, now, lease_seconds)
    if claimed is not None:
        record_lease(session, claimed, Event.CASE_CLAIMED, now)
    return claimed


def anything_for(session: Session, claimant: Claimant) -> bool:
    """Whether a case waits that this claimant could have now. Takes and locks nothing."""
    session.flush()
    return any(
        session.connection().execute(_first_case(kind, locks=False), _limits(claimant)).first() is not None
        for kind in _kinds(claimant)
    )


@dataclass(frozen=True, slots=True)
class Kind:
    """What a claim's statement depends on: all of a claimant but who it is, and how deep it looks.

    `look`: cases of each queue; None: all of them.
    """

    stages: tuple[str, ...]
    queues: tuple[str, ...]
    look: int | None
    has_limit: bool = False
    left_out: tuple[str, ...] = ()
    emergencies_only: bool = False


@lru_cache(maxsize=256)
def claim_statement(kind: Kind) -> Executable:
    """Leases the first case of this kind; for `claim_parameters`.

    The top of each queue is read off the index as it stands. The row itself, once locked, is asked again
    whether it still waits, since another claim may have had it in between. Kept: to put it
    together takes longer than to run it.
    """
    first = _first_case(kind, locks=True)
    taken = case(*((CASES.c.state == waits, held) for waits, held in TAKEN.items()), else_=CASES.c.state)
    return (
        update(CASES)
        .where(CASES.c.case_id == first.scalar_subquery())
        .values(
            state=taken,
            waiting=False,
            reserved_for=None,
            reserved_until=None,
            lease_number=CASES.c.lease_number + 1,
            leased_by=CLAIMED_BY,
            leased_at=bindparam("claimed_at", type_=UtcDateTime),
            lease_expires_at=bindparam("claimed_until", type_=UtcDateTime),
        )
        .returning(*LEASE_COLUMNS)
    )


def claim_parameters(claimant: Claimant, *, now: datetime, lease_seconds: float) -> dict[str, Any]:
    """What `claim_statement` is run with."""
    ends = now + timedelta(seconds=lease_seconds)
    return {**_limits(claimant), "claimed_at": now, "claimed_until": ends}


def _limits(claimant: Claimant) -> dict[str, Any]:
    values: dict[str, Any] = {"claimed_by": claimant.actor}
    if claimant.severity_at_most is not None and not claimant.emergencies_only:
        values["severity_limit"] = claimant.severity_at_most
        values["shift_began_at"] = claimant.shift_began_at
    return values


def _kinds(claimant: Claimant) -> Iterator[Kind]:
    """The statements that look for a case for them, one after the other; none for who works at no stage."""
    if not claimant.stages:
        return
    if claimant.emergencies_only:
        yield Kind(claimant.stages, claimant.queues, None, emergencies_only=True)
        return
    left_out = tuple(sorted(claimant.strands_left_out))
    queues = tuple(queue for queue in claimant.queues if queue not in left_out)
    for look in (*LOOKS, None):
        yield Kind(claimant.stages, queues, look, claimant.severity_at_most is not None, left_out)


def _take(session: Session, claimant: Claimant, now: datetime, lease_seconds: float) -> ClaimedCase | None:
    parameters = claim_parameters(claimant, now=now, lease_seconds=lease_seconds)
    for kind in _kinds(claimant):
        row = session.connection().execute(claim_statement(kind), parameters).first()
        if row is not None:
            return claimed_case(row)
    return None


def _end_what_ran_out(session: Session, now: datetime) -> bool:
    return requeue_expired(session, now) + wake_parked(session, now) + free_overdue(session, now) > 0


def _first_case(kind: Kind, *, locks: bool) -> Select[Any]:
    """Finds, and on PostgreSQL locks if so wanted, the case to take."""
    row = CASES.alias("cases")
    if kind.emergencies_only:
        candidates = [_emergencies(kind)]
    else:
        candidates = [_reserved(kind)]
        if kind.queues:
            candidates.append(_tops(kind))
    first = (
        select(row.c.case_id)
        .where(
            row.c.case_id.in_(union_all(*candidates)),
            or_(IS_CASE_WAITING, row.c.reserved_for == CLAIMED_BY),
            row.c.parked_until.is_(None),
            *_may_have(row, kind),
        )
        .order_by(row.c.reserved_for.is_not(None).desc(), row.c.rank.desc(), row.c.case_id)
        .limit(literal_column("1"))
    )
    return first.with_for_update(skip_locked=True, of=row) if locks else first


def _reserved(kind: Kind) -> Select[Any]:
    """What was kept for this person, and is not parked."""
    row = CASES.alias("cases")
    return select(row.c.case_id).where(
        IS_RESERVED,
        row.c.reserved_for == CLAIMED_BY,
        row.c.parked_until.is_(None),
        row.c.state.in_([_spelled_out(stage, CLAIMABLE) for stage in kind.stages]),
    )


def _emergencies(kind: Kind) -> Select[Any]:
    """The cases with an emergency that nobody has passed on: few, and all of them looked at."""
    row = CASES.alias("cases")
    return select(row.c.case_id).where(
        IS_EMERGENCY,
        row.c.state.in_([_spelled_out(stage, CLAIMABLE) for stage in kind.stages]),
        row.c.queue.in_([_spelled_out(queue, QUEUES) for queue in kind.queues]),
    )


def _tops(kind: Kind) -> Select[Any]:
    """The first of the tops of all queues, merged."""
    tops = [_top(stage, queue, kind) for stage in kind.stages for queue in kind.queues]
    merged = union_all(*(select(top.subquery()) for top in tops)).subquery()
    first = select(merged.c.case_id).order_by(merged.c.rank.desc(), merged.c.case_id)
    return select(first.limit(_number(kind.look or LOOKS[0])).subquery())


def _top(stage: str, queue: str, kind: Kind) -> Select[Any]:
    """The top of one queue in one stage."""
    row = CASES.alias("cases")
    top = select(row.c.case_id, row.c.rank).where(
        IS_CASE_WAITING,
        row.c.state == _spelled_out(stage, CLAIMABLE),
        row.c.queue == _spelled_out(queue, QUEUES),
    )
    if kind.look is None:  # the whole queue, so what they may not have is left out on the way
        top = top.where(*_may_have(row, kind))
    return top.order_by(row.c.rank.desc(), row.c.case_id).limit(_number(kind.look or LOOKS[0]))


def _may_have(row: FromClause, kind: Kind) -> list[Any]:
    """What keeps a case from a person: they judged it, they skipped it, it is more than they may read now
    and new to them, it is of a strand that they would rather not read.
    """
    judged = exists().where(Judgement.case_id == row.c.case_id, Judgement.actor == CLAIMED_BY)
    skipped = exists().where(CaseSkip.case_id == row.c.case_id, CaseSkip.actor == CLAIMED_BY)
    conditions: list[Any] = [~judged, ~skipped]
    if kind.has_limit:
        limit = bindparam("severity_limit", type_=Integer)
        conditions.append(or_(row.c.severity_expected <= limit, _was_read_on_the_shift(row)))
    if kind.left_out:
        # A JSON array of our own words: as text on both databases, and only on the few rows at the top.
        strands = sql_cast(row.c.strands, Text)
        free = [strands.not_like(f'%"{_known(strand, STRAND_ORDER)}"%') for strand in kind.left_out]
        conditions.append(or_(row.c.reserved_for.is_not(None), and_(*free)))
    return conditions


def _was_read_on_the_shift(row: FromClause) -> ColumnElement[bool]:
    """Whether the claimant has read a text of the case since their shift began."""
    return exists().where(
        CasePost.case_id == row.c.case_id,
        *read_on_the_shift(CasePost.post_id, CLAIMED_BY, bindparam("shift_began_at", type_=UtcDateTime)),
    )


def _spelled_out(word: str, known: tuple[str, ...]) -> ColumnElement[str]:
    """A word of ours as it stands in the SQL: with a parameter instead, a kept plan would not know how few
    rows it is about. Raises: ValueError for any other word.
    """
    return literal_column(f"'{_known(word, known)}'", Text)


def _known(word: str, known: tuple[str, ...]) -> str:
    if word not in known:
        raise ValueError(f"one of {', '.join(known)}")
    return word


def _number(number: int) -> ColumnElement[int]:
    return literal_column(str(int(number)), Integer)
