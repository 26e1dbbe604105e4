"""Labelling tasks and who holds them: made once per text and batch, claimed under a lease with a fence.

A claim does not say in the audit log who made it: the label does. Whoever skips a text as too much
must not be found through the claim that came before.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from labelling.task_sources import BadRow, TaskRow
from model.configuration import sha256_of
from model.errors import BadInput, LeaseLost
from serve.audit.events import Event
from serve.audit.log import record
from serve.storage.identifiers import new_id
from serve.storage.tables import Task

DESK: Final = "system:labelling"
"""The actor of events that must not name a person."""

_BATCH = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,79}")


@dataclass(frozen=True, slots=True)
class AddedTasks:
    """What became of the rows: every row is counted in exactly one of the three."""

    added: int
    duplicates: int
    bad: tuple[BadRow, ...]


@dataclass(frozen=True, slots=True)
class ClaimedTask:
    """A task that one annotator holds until `lease_expires_at` (UTC)."""

    task_id: str
    batch: str
    text: str
    lease_number: int
    lease_expires_at: datetime


@dataclass(frozen=True, slots=True)
class BatchProgress:
    """How far one batch is: tasks by what became of them."""

    batch: str
    waiting: int
    labelled: int
    skipped: int

    @property
    def total(self) -> int:
        """All tasks of the batch."""
        return self.waiting + self.labelled + self.skipped


def check_batch(batch: str) -> str:
    """The name of a batch, if it can be one. Raises: BadInput."""
    if not _BATCH.fullmatch(batch):
        raise BadInput(
            "batch: 1 to 80 letters, digits, spaces, dots, dashes or underscores, a letter or digit first",
            field="batch",
        )
    return batch


def add_tasks(
    session: Session, *, batch: str, rows: Iterable[TaskRow | BadRow], source: str, actor: str, now: datetime
) -> AddedTasks:
    """Makes one open task of every text that the batch does not have yet, and counts the rest.

    Raises: BadInput for the batch's name.
    """
    check_batch(batch)
    added = duplicates = 0
    bad: list[BadRow] = []
    task_id = ""
    for row in rows:
        if isinstance(row, BadRow):
            bad.append(row)
            continue
        task_id = _id_after(task_id)
        if _insert(session, task_id, batch, row, source, now):
            added += 1
        else:
            duplicates += 1
    record(
        session,
        actor=actor,
        event=Event.TASK_ADDED,
        subject=batch,
        details={"added": added, "duplicates": duplicates, "bad": len(bad), "source": source[:200]},
        at=now,
    )
    return AddedTasks(added, duplicates, tuple(bad))


def _id_after(last: str) -> str:
    """A fresh id that sorts after `last`: ids of one millisecond sort at random, rows keep their order."""
    task_id = new_id()
    while task_id <= last:
        task_id = new_id()
    return task_id


def _insert(session: Session, task_id: str, batch: str, row: TaskRow, source: str, now: datetime) -> bool:
    # The unique constraint decides what a duplicate is, also when two people add to a batch at once.
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    statement = insert(Task).values(
        task_id=task_id,
        batch=batch,
        external_id=row.external_id,
        text=row.text,
        text_sha256=sha256_of(row.text.encode()),
        source=source,
        created_at=now,
        state="open",
        lease_number=0,
    )
    made = session.execute(statement.on_conflict_do_nothing().returning(Task.task_id)).first()
    return made is not None


def claim(
    session: Session, *, actor: str, now: datetime, lease_seconds: float, batch: str | None = None
) -> ClaimedTask | None:
    """The annotator's next task under a fresh lease, or None when nothing waits.

    What the annotator holds already comes first, the newest lease before older ones (so undone tasks
    come back in the reverse order of undoing); then tasks whose lease has run out; then open ones.
    """
    held = held_by(session, actor=actor, now=now, batch=batch)
    if held is not None:
        return held
    task = _first_free(session, now, batch)
    if task is None:
        return None
    if task.state == "leased":
        ended = {"lease": task.lease_number}
        record(
            session, actor=DESK, event=Event.TASK_LEASE_EXPIRED, subject=task.task_id, details=ended, at=now
        )
    claimed = give_lease(session, task.task_id, actor=actor, now=now, lease_seconds=lease_seconds)
    number = {"lease": claimed.lease_number}
    record(session, actor=DESK, event=Event.TASK_CLAIMED, subject=task.task_id, details=number, at=now)
    return claimed


def _first_free(session: Session, now: datetime, batch: str | None) -> Task | None:
    # Two questions, never one OR over both: see serve/storage/tables/cases.py.
    # On PostgreSQL rows that another claim looks at are passed over; SQLite has one writer at a time.
    base = select(Task).limit(1).with_for_update(skip_locked=True)
    if batch is not None:
        base = base.where(Task.batch == batch)
    expired = base.where(Task.state == "leased", Task.lease_expires_at <= now).order_by(Task.lease_expires_at)
    waiting = base.where(Task.state == "open").order_by(Task.task_id)
    return session.scalars(expired).first() or session.scalars(waiting).first()


def give_lease(
    session: Session, task_id: str, *, actor: str, now: datetime, lease_seconds: float
) -> ClaimedTask:
    """Leases a task that the caller has locked or found free, under the next fencing number."""
    expires_at = now + timedelta(seconds=lease_seconds)
    batch, text, number = session.execute(
        update(Task)
        .where(Task.task_id == task_id)
        .values(
            state="leased", leased_by=actor, lease_number=Task.lease_number + 1, lease_expires_at=expires_at
        )
        .returning(Task.batch, Task.text, Task.lease_number)
        .execution_options(synchronize_session=False)
    ).one()
    return ClaimedTask(task_id, batch, text, number, expires_at)


def held_by(
    session: Session, *, actor: str, now: datetime, batch: str | None = None, task_id: str | None = None
) -> ClaimedTask | None:
    """The task that the annotator holds with the newest lease, if any; of one batch or one id if given."""
    query = select(Task).where(Task.state == "leased", Task.leased_by == actor, Task.lease_expires_at > now)
    if batch is not None:
        query = query.where(Task.batch == batch)
    if task_id is not None:
        query = query.where(Task.task_id == task_id)
    task = session.scalars(query.order_by(Task.lease_expires_at.desc()).limit(1)).first()
    if task is None or task.lease_expires_at is None:
        return None
    return ClaimedTask(task.task_id, task.batch, task.text, task.lease_number, task.lease_expires_at)


def close_leased(
    session: Session, *, task_id: str, lease_number: int, actor: str, now: datetime, state: str
) -> ClaimedTask:
    """Ends the annotator's live lease with the task in `state`, and returns what was held.

    Raises: LeaseLost when the lease is not the live one.
    """
    held = held_by(session, actor=actor, now=now, task_id=task_id)
    closed = (
        held is not None
        and session.scalars(
            update(Task)
            .where(*_live(task_id, lease_number, actor, now))
            .values(state=state, leased_by=None, lease_expires_at=None)
            .returning(Task.task_id)
            .execution_options(synchronize_session=False)
        ).first()
    )
    if held is None or not closed:
        raise LeaseLost("the hold on this text has ended; nothing was saved", field="lease")
    return held


def heartbeat(
    session: Session, *, task_id: str, lease_number: int, actor: str, now: datetime, lease_seconds: float
) -> datetime:
    """Prolongs a live lease and returns its new end (UTC). Raises: LeaseLost."""
    expires_at = now + timedelta(seconds=lease_seconds)
    renewed = session.scalars(
        update(Task)
        .where(*_live(task_id, lease_number, actor, now))
        .values(lease_expires_at=expires_at)
        .returning(Task.task_id)
        .execution_options(synchronize_session=False)
    ).first()
    if renewed is None:
        raise LeaseLost("the hold on this text has ended", field="lease")
    details = {"lease": lease_number}
    record(session, actor=DESK, event=Event.TASK_LEASE_RENEWED, subject=task_id, details=details, at=now)
    return expires_at


def _live(task_id: str, lease_number: int, actor: str, now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        Task.task_id == task_id,
        Task.state == "leased",
        Task.leased_by == actor,
        Task.lease_number == lease_number,
        Task.lease_expires_at > now,
    )


def progress(session: Session, batch: str | None = None) -> list[BatchProgress]:
    """Every batch with its counts, by name; or the one that is named."""
    counts: dict[str, dict[str, int]] = {}
    query = select(Task.batch, Task.state, func.count()).group_by(Task.batch, Task.state).order_by(Task.batch)
    if batch is not None:
        query = query.where(Task.batch == batch)
    for name, state, count in session.execute(query):
        counts.setdefault(name, {})[state] = count
    return [
        BatchProgress(
            name,
            waiting=by_state.get("open", 0) + by_state.get("leased", 0),
            labelled=by_state.get("labelled", 0),
            skipped=by_state.get("skipped", 0),
        )
        for name, by_state in counts.items()
    ]
