"""Labels that were made in another tool become labels of the hub: texts as tasks, each label in a slot.

Nothing is dropped silently: every entry of the file becomes a label, a task, or a line in the quarantine.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from labelling.codebook import Codebook
from labelling.hub_records import IMPORTED, Origin, row_of
from labelling.interchange.annotations import Annotation, Item, Prediction
from labelling.interchange.quarantine import Quarantined
from labelling.task_sources import TaskRow
from labelling.tasks import add_tasks, slots_of
from serve.audit.events import Event
from serve.audit.log import Detail, record
from serve.storage.tables import LabelRow, Task, TaskSlot

UNKNOWN: Final = f"{IMPORTED}unknown"
"""Whoever the file does not name; on one text the second is `-2`. The firewall takes all of them for one
person, for nobody can say that they are two."""


@dataclass(slots=True)
class Imported:
    """What became of a file's records. Predictions are counted and left out: a label is made blind."""

    tasks: int = 0
    labels: int = 0
    skips: int = 0
    known_texts: int = 0
    known_labels: int = 0
    predictions: int = 0
    refused: list[Quarantined] = field(default_factory=list)

    def sentence(self) -> str:
        """What to tell whoever imports."""
        return (
            f"{self.tasks} tasks and {self.labels} labels added, {self.skips} skips; "
            f"{self.known_texts} texts and {self.known_labels} labels were there already; "
            f"{self.predictions} predictions left out"
        )


def import_records(
    session: Session,
    codebook: Codebook,
    found: Iterable[Item | Annotation | Prediction | Quarantined],
    *,
    batch: str,
    origin: Origin,
    source: str,
    actor: str,
    now: datetime,
) -> Imported:
    """Adds a file's texts and labels to a batch that stands, and counts them.

    An item comes before what was said of it, as `Collector.sorted_out` has them. A label of somebody who has
    labelled that text in this batch is there already. `source` is who brought the texts: the file's name.

    Raises: NotFound if there is no such batch.
    """
    counts = Imported()
    tasks: dict[str, Task] = {}
    for one in found:
        match one:
            case Quarantined():
                counts.refused.append(one)
            case Prediction():
                counts.predictions += 1
            case Item():
                tasks[one.item_id] = _task(session, one, batch, source, actor, now, counts)
            case Annotation():
                _label(session, codebook, one, tasks[one.item_id], origin, now, counts)
    details: dict[str, Detail] = {
        "tasks": counts.tasks,
        "labels": counts.labels,
        "skips": counts.skips,
        "known_labels": counts.known_labels,
        "quarantined": len(counts.refused),
        "file": source[:200],
        "format": origin.format,
    }
    record(session, actor=actor, event=Event.LABELS_IMPORTED, subject=batch, details=details, at=now)
    return counts


def _task(
    session: Session, item: Item, batch: str, source: str, actor: str, now: datetime, counts: Imported
) -> Task:
    row = TaskRow(item.item_id, item.text, place=counts.tasks, about=dict(item.metadata))
    added = add_tasks(session, batch=batch, rows=[row], source=source, actor=actor, now=now, tell=False)
    counts.tasks += added.added
    counts.known_texts += added.duplicates
    query = select(Task).where(Task.batch == batch, Task.text_sha256 == item.text_sha256)
    return session.scalars(query).one()


def _label(
    session: Session,
    codebook: Codebook,
    one: Annotation,
    task: Task,
    origin: Origin,
    now: datetime,
    counts: Imported,
) -> None:
    who = _who(session, one, task, origin)
    if who is None:
        counts.known_labels += 1
        return
    is_skip = one.skipped_because is not None
    slot = _slot(session, task, who, "skipped" if is_skip else "labelled")
    session.add(row_of(one, task, codebook, actor=who, slot=slot, origin=origin, now=now))
    session.flush()
    counts.skips += is_skip
    counts.labels += not is_skip


def _who(session: Session, one: Annotation, task: Task, origin: Origin) -> str | None:
    """The actor of a label; None if it is there already: by its annotator, or by its id if it has none."""
    rows = session.execute(
        select(LabelRow.annotator, LabelRow.imported_from).where(LabelRow.task_id == task.task_id)
    ).all()
    actors = {row[0] for row in rows}
    if one.annotator is not None:
        named = f"{IMPORTED}{one.annotator}"
        return None if named in actors else named
    if origin.of_label(one.label_id) in {row[1] for row in rows}:
        return None
    unnamed = sum(actor.startswith(UNKNOWN) for actor in actors)
    return f"{UNKNOWN}-{unnamed + 1}" if unnamed else UNKNOWN


def _slot(session: Session, task: Task, who: str, state: str) -> int:
    """The number of the slot that is filled: the first open one, else one more."""
    slots = slots_of(session, task.task_id)
    free = next((slot for slot in slots if slot.state == "open"), None)
    if free is None:
        free = TaskSlot(
            task_id=task.task_id,
            slot=len(slots) + 1,
            batch=task.batch,
            place=task.place,
            severity_expected=task.severity_expected,
            lease_number=0,
        )
        session.add(free)
    free.state, free.annotator = state, who
    return free.slot
