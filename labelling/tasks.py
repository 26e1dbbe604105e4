"""Labelling tasks and who holds them: a slot for each label that a text wants, claimed under a lease.

Nobody has two slots of one task: the database refuses it. A claim does not say in the audit log who made it:
the label does. Whoever skips a text as too much must not be found through the claim that came before.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, exists, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, aliased

from labelling.batches import check_batch, labels_wanted
from labelling.task_sources import BadRow, TaskRow
from model.configuration import sha256_of
from model.errors import Conflict, LeaseLost, NotFound
from serve.audit.events import Event
from serve.audit.log import Detail, record
from serve.storage.identifiers import new_id
from serve.storage.tables import BatchRow, LabelRow, Task, TaskSlot

DESK: Final = "system:labelling"
"""The actor of events that must not name a person."""

MOST_SLOTS_FACTOR: Final = 2
"""A skipped slot is offered anew, up to so many times the labels that a text wants."""


LEAVING_SECONDS: Final = 20.0
"""How long a text that somebody has left waits for them: long enough to load a page anew."""


@dataclass(frozen=True, slots=True)
class AddedTasks:
    """What became of the rows: every row is counted in exactly one of the three."""

    added: int
    duplicates: int
    bad: tuple[BadRow, ...]


@dataclass(frozen=True, slots=True)
class ClaimedTask:
    """A slot of a task that one annotator holds until `lease_expires_at` (UTC)."""

    task_id: str
    slot: int
    batch: str
    text: str
    lease_number: int
    lease_expires_at: datetime
    severity_expected: int


def add_tasks(
    session: Session,
    *,
    batch: str,
    rows: Iterable[TaskRow | BadRow],
    source: str,
    actor: str,
    now: datetime,
    tell: bool = True,
) -> AddedTasks:
    """Makes one task, with its slots, of every text that the batch does not have yet, and counts the rest.

    With `tell` false no event says so: whoever adds row by row tells it once for all of them.

    Raises: BadInput for the batch's name, NotFound if there is no such batch (`batches.make_batch`), Conflict
    if it is closed.
    """
    found = session.get(BatchRow, check_batch(batch))
    if found is None:
        raise NotFound("batch: there is no such batch", field="batch")
    if found.closed_at is not None:
        raise Conflict("batch: it is closed", field="batch")
    added = duplicates = 0
    bad: list[BadRow] = []
    task_id = ""
    for row in rows:
        if isinstance(row, BadRow):
            bad.append(row)
            continue
        task_id = _id_after(task_id)
        if _insert(session, task_id, found, row, source, now):
            added += 1
        else:
            duplicates += 1
    if tell:
        told: dict[str, Detail] = {"added": added, "duplicates": duplicates, "bad": len(bad)}
        told["source"] = source[:200]
        record(session, actor=actor, event=Event.TASK_ADDED, subject=batch, details=told, at=now)
    return AddedTasks(added, duplicates, tuple(bad))


def slots_of(session: Session, task_id: str) -> list[TaskSlot]:
    """The slots of a task in their order, locked until the transaction ends."""
    query = select(TaskSlot).where(TaskSlot.task_id == task_id).order_by(TaskSlot.slot).with_for_update()
    return list(session.scalars(query))


def _id_after(last: str) -> str:
    """A fresh id that sorts after `last`: ids of one millisecond sort at random, rows keep their order."""
    task_id = new_id()
    while task_id <= last:
        task_id = new_id()
    return task_id


def _insert(
    session: Session, task_id: str, batch: BatchRow, row: TaskRow, source: str, now: datetime
) -> bool:
    # The unique constraint decides what a duplicate is, also when two people add to a batch at once.
    dialect = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    statement = dialect(Task).values(
        task_id=task_id,
        batch=batch.batch,
        external_id=row.external_id,
        text=row.text,
        text_sha256=sha256_of(row.text.encode()),
        source=source,
        created_at=now,
        sample_reason=row.sample_reason,
        inclusion_probability=row.inclusion_probability,
        severity_expected=row.severity_expected,
        place=row.place,
        about=row.about,
    )
    made = session.execute(statement.on_conflict_do_nothing().returning(Task.task_id)).first()
    if made is None:
        return False
    wanted = labels_wanted(batch, row.sample_reason)
    slots = [_slot(task_id, number, batch.batch, row) for number in range(1, wanted + 1)]
    session.execute(insert(TaskSlot), slots)
    return True


def _slot(task_id: str, number: int, batch: str, row: TaskRow) -> dict[str, Any]:
    return {
        "task_id": task_id,
        "slot": number,
        "batch": batch,
        "place": row.place,
        "severity_expected": row.severity_expected,
        "state": "open",
        "lease_number": 0,
    }


def claim(
    session: Session,
    *,
    actor: str,
    now: datetime,
    lease_seconds: float,
    batch: str | None = None,
    severity_at_most: int | None = None,
) -> ClaimedTask | None:
    """The annotator's next task under a fresh lease, or None when nothing waits for them.

    What the annotator holds already comes first, the newest lease before older ones (so undone tasks
    come back in the reverse order of undoing); then slots whose lease has run out; then open ones.
    `severity_at_most` is what their reading budget still allows.
    """
    held = held_by(session, actor=actor, now=now, batch=batch)
    if held is not None:
        return held
    slot = _first_free(session, actor, now, batch, severity_at_most)
    if slot is None:
        return None
    if slot.state == "leased":
        details = {"lease": slot.lease_number, "slot": slot.slot}
        record(
            session, actor=DESK, event=Event.TASK_LEASE_EXPIRED, subject=slot.task_id, details=details, at=now
        )
    claimed = give_lease(session, slot.task_id, slot.slot, actor=actor, now=now, lease_seconds=lease_seconds)
    details = {"lease": claimed.lease_number, "slot": claimed.slot}
    record(session, actor=DESK, event=Event.TASK_CLAIMED, subject=slot.task_id, details=details, at=now)
    return claimed


def _first_free(
    session: Session, actor: str, now: datetime, batch: str | None, severity_at_most: int | None
) -> TaskSlot | None:
    # Two questions, never one OR over both: see serve/storage/tables/cases.py.
    # On PostgreSQL rows that another claim looks at are passed over; SQLite has one writer at a time.
    other = aliased(TaskSlot)
    theirs = exists().where(other.task_id == TaskSlot.task_id, other.annotator == actor)
    answered = exists().where(
        LabelRow.task_id == TaskSlot.task_id, LabelRow.annotator == actor, LabelRow.undone_at.is_(None)
    )
    closed = select(BatchRow.batch).where(BatchRow.closed_at.is_not(None))
    base: Select[Any] = select(TaskSlot).where(~answered, TaskSlot.batch.not_in(closed)).limit(1)
    if batch is not None:
        base = base.where(TaskSlot.batch == batch)
    if severity_at_most is not None:
        base = base.where(TaskSlot.severity_expected <= severity_at_most)
    # One's own lease that has run out comes back to oneself; of others' tasks, no second slot.
    mine_or_free = or_(TaskSlot.annotator == actor, ~theirs)
    expired = (
        base.where(and_(TaskSlot.state == "leased", TaskSlot.lease_expires_at <= now), mine_or_free)
        .order_by(TaskSlot.lease_expires_at)
        .with_for_update(skip_locked=True, of=TaskSlot)
    )
    waiting = (
        base.where(TaskSlot.state == "open", ~theirs)
        .order_by(TaskSlot.place, TaskSlot.task_id, TaskSlot.slot)
        .with_for_update(skip_locked=True, of=TaskSlot)
    )
    return session.scalars(expired).first() or session.scalars(waiting).first()


def give_lease(
    session: Session, task_id: str, slot: int, *, actor: str, now: datetime, lease_seconds: float
) -> ClaimedTask:
    """Leases a slot that the caller has locked or found free, under the next fencing number."""
    session.execute(
        update(TaskSlot)
        .where(TaskSlot.task_id == task_id, TaskSlot.slot == slot)
        .values(
            state="leased",
            annotator=actor,
            lease_number=TaskSlot.lease_number + 1,
            lease_expires_at=now + timedelta(seconds=lease_seconds),
        )
        .execution_options(synchronize_session=False)
    )
    return _claimed(session.execute(_held().where(TaskSlot.task_id == task_id, TaskSlot.slot == slot)).one())


def held_by(
    session: Session, *, actor: str, now: datetime, batch: str | None = None, task_id: str | None = None
) -> ClaimedTask | None:
    """The task that the annotator holds with the newest lease, if any; of one batch or one id if given."""
    query = _held().where(
        TaskSlot.state == "leased", TaskSlot.annotator == actor, TaskSlot.lease_expires_at > now
    )
    if batch is not None:
        query = query.where(TaskSlot.batch == batch)
    if task_id is not None:
        query = query.where(TaskSlot.task_id == task_id)
    row = session.execute(query.order_by(TaskSlot.lease_expires_at.desc()).limit(1)).first()
    return None if row is None else _claimed(row)


def close_leased(
    session: Session,
    *,
    task_id: str,
    lease_number: int,
    actor: str,
    now: datetime,
    state: str,
    keep_annotator: bool = True,
) -> ClaimedTask:
    """Ends the annotator's live lease with the slot in `state`, and returns what was held.

    Raises: LeaseLost when the lease is not the live one.
    """
    held = held_by(session, actor=actor, now=now, task_id=task_id)
    closed = (
        held is not None
        and session.scalars(
            update(TaskSlot)
            .where(*_live(task_id, lease_number, actor, now))
            .values(state=state, annotator=actor if keep_annotator else None, lease_expires_at=None)
            .returning(TaskSlot.slot)
            .execution_options(synchronize_session=False)
        ).first()
    )
    if held is None or not closed:
        raise LeaseLost("the hold on this text has ended; nothing was saved", field="lease")
    return held


def offer_anew(session: Session, task_id: str) -> bool:
    """Opens one more slot of a task of which one was skipped, unless it was offered often enough."""
    task = session.get_one(Task, task_id)
    batch = session.get_one(BatchRow, task.batch)
    slots = session.scalar(select(func.count()).select_from(TaskSlot).where(TaskSlot.task_id == task_id)) or 0
    if slots >= MOST_SLOTS_FACTOR * labels_wanted(batch, task.sample_reason):
        return False
    row = TaskRow(task.external_id, task.text, place=task.place, severity_expected=task.severity_expected)
    session.execute(insert(TaskSlot), [_slot(task_id, slots + 1, task.batch, row)])
    return True


def offer_again(session: Session, *, batch: str, actor: str, now: datetime) -> int:
    """Opens the slots of a batch that were skipped without a name, for whoever comes; how many.

    Raises: Conflict for a closed batch.
    """
    row = session.get(BatchRow, batch)
    if row is not None and row.closed_at is not None:
        raise Conflict("batch: it is closed", field="batch")
    reopened = session.scalars(
        update(TaskSlot)
        .where(TaskSlot.batch == batch, TaskSlot.state == "skipped", TaskSlot.annotator.is_(None))
        .values(state="open")
        .returning(TaskSlot.task_id)
        .execution_options(synchronize_session=False)
    ).all()
    if reopened:
        details = {"slots": len(reopened)}
        record(session, actor=actor, event=Event.SKIPPED_OFFERED, subject=batch, details=details, at=now)
    return len(reopened)


def heartbeat(
    session: Session, *, task_id: str, lease_number: int, actor: str, now: datetime, lease_seconds: float
) -> datetime:
    """Prolongs a live lease and returns its new end (UTC). Raises: LeaseLost."""
    expires_at = now + timedelta(seconds=lease_seconds)
    renewed = session.scalars(
        update(TaskSlot)
        .where(*_live(task_id, lease_number, actor, now))
        .values(lease_expires_at=expires_at)
        .returning(TaskSlot.task_id)
        .execution_options(synchronize_session=False)
    ).first()
    if renewed is None:
        raise LeaseLost("the hold on this text has ended", field="lease")
    details = {"lease": lease_number}
    record(session, actor=DESK, event=Event.TASK_LEASE_RENEWED, subject=task_id, details=details, at=now)
    return expires_at


def leave(session: Session, *, task_id: str, lease_number: int, actor: str, now: datetime) -> None:
    """Cuts a live lease short: who comes back within `LEAVING_SECONDS` takes it up again, else anybody may.

    Nothing is released at once, because a page that is loaded anew leaves too. A lease that has ended
    stays as it is.
    """
    ends_at = now + timedelta(seconds=LEAVING_SECONDS)
    left = session.scalars(
        update(TaskSlot)
        .where(*_live(task_id, lease_number, actor, now), TaskSlot.lease_expires_at > ends_at)
        .values(lease_expires_at=ends_at)
        .returning(TaskSlot.task_id)
        .execution_options(synchronize_session=False)
    ).first()
    if left is not None:
        details = {"lease": lease_number}
        record(session, actor=DESK, event=Event.TASK_LEASE_RELEASED, subject=task_id, details=details, at=now)


def _live(task_id: str, lease_number: int, actor: str, now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        TaskSlot.task_id == task_id,
        TaskSlot.state == "leased",
        TaskSlot.annotator == actor,
        TaskSlot.lease_number == lease_number,
        TaskSlot.lease_expires_at > now,
    )


def _held() -> Select[*tuple[Any, ...]]:
    query: Select[*tuple[Any, ...]] = select(
        TaskSlot.task_id,
        TaskSlot.slot,
        TaskSlot.batch,
        Task.text,
        TaskSlot.lease_number,
        TaskSlot.lease_expires_at,
        TaskSlot.severity_expected,
    ).join(Task, Task.task_id == TaskSlot.task_id)
    return query


def _claimed(row: Any) -> ClaimedTask:
    return ClaimedTask(
        task_id=row.task_id,
        slot=row.slot,
        batch=row.batch,
        text=row.text,
        lease_number=row.lease_number,
        lease_expires_at=row.lease_expires_at,
        severity_expected=row.severity_expected,
    )
