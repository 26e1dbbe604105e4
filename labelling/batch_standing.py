"""Where every batch stands, in counts: what it is for, what was chosen for it, and how many labels it has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from labelling.batches import BatchProgress, progress
from serve.storage.tables import BatchRow, LabelRow, Task, TaskSlot


@dataclass(frozen=True, slots=True)
class BatchStanding:
    """One batch. `people` have a standing label in it; `quiet` slots were put aside without a name.

    `done_by_reason` counts texts and standing labels by why they were chosen.
    """

    row: BatchRow
    progress: BatchProgress
    people: int
    quiet: int
    texts: int
    done_by_reason: Mapping[str, tuple[int, int]]


def standings(session: Session) -> list[BatchStanding]:
    """Every batch, newest first."""
    done = {one.batch: one for one in progress(session)}
    people = _counted(
        session,
        select(Task.batch, func.count(func.distinct(LabelRow.annotator)))
        .join(LabelRow, LabelRow.task_id == Task.task_id)
        .where(LabelRow.undone_at.is_(None), LabelRow.skipped_because.is_(None))
        .group_by(Task.batch),
    )
    quiet = _counted(
        session,
        select(TaskSlot.batch, func.count())
        .where(TaskSlot.state == "skipped", TaskSlot.annotator.is_(None))
        .group_by(TaskSlot.batch),
    )
    reasons: dict[str, dict[str, tuple[int, int]]] = {}
    labelled = func.sum(case((TaskSlot.state == "labelled", 1), else_=0))
    query = (
        select(Task.batch, Task.sample_reason, func.count(func.distinct(Task.task_id)), labelled)
        .join(TaskSlot, TaskSlot.task_id == Task.task_id)
        .group_by(Task.batch, Task.sample_reason)
        .order_by(Task.batch, Task.sample_reason)
    )
    for batch, reason, texts, labels in session.execute(query):
        reasons.setdefault(batch, {})[reason] = (texts, int(labels or 0))
    rows = session.scalars(select(BatchRow).order_by(BatchRow.made_at.desc(), BatchRow.batch))
    return [
        BatchStanding(
            row=row,
            progress=done.get(row.batch, BatchProgress(row.batch, 0, 0, 0)),
            people=people.get(row.batch, 0),
            quiet=quiet.get(row.batch, 0),
            texts=sum(texts for texts, _ in reasons.get(row.batch, {}).values()),
            done_by_reason=reasons.get(row.batch, {}),
        )
        for row in rows
    ]


def _counted(session: Session, query: object) -> dict[str, int]:
    return {name: int(count) for name, count in session.execute(query)}  # type: ignore[call-overload] # two columns, whichever
