"""Labels of the hub as the canonical records of the interchange, and those records as rows of the hub.

A field that a row has no column for is kept in `extra`, so that whatever came from another tool leaves again
as it came.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from labelling.batches import check_batch
from labelling.codebook import Codebook
from labelling.export import pseudonym
from labelling.interchange.annotations import Annotation, Item, Labelled
from labelling.interchange.mapping import Mapping
from model.configuration import sha256_of
from model.taxonomy import STRAND_ORDER
from serve.storage.identifiers import new_id
from serve.storage.tables import LabelRow, Task

IMPORTED: Final = "imported:"
"""Before the pseudonym of somebody who labelled in another tool."""

CONFIDENCE: Final = {"high": 1.0, "medium": 0.5, "low": 0.0}

TOOLS: Final = ("argilla", "doccano", "label-studio", "lewidi")
"""Tools of which more than one format is read or written, each format's name beginning with the tool's."""

_OF_THE_ROW = {"item_id", "label_id", "schema_version"}


@dataclass(frozen=True, slots=True)
class Origin:
    """Where imported labels come from, and what stands on those that name no codebook: the mapping."""

    format: str
    codebook: str
    codebook_sha256: str

    @classmethod
    def of(cls, format: str, mapping: Mapping) -> Origin:
        """The origin of a file that was read under a mapping."""
        return cls(format, f"mapping {mapping.version}", sha256_of(mapping.model_dump_json().encode()))

    def of_label(self, label_id: str) -> str:
        """What is kept of where one label comes from: the format, and the label's id there."""
        return f"{self.format} {label_id}"


def records(session: Session, batch: str | None = None, *, ids_of: str | None = None) -> Iterator[Labelled]:
    """Every task that somebody labelled or skipped under a name, with all standing labels; oldest task first.

    With `ids_of`, a format, whatever came in a file of that tool has the ids that it had there; of two texts
    or labels that had the same one in two files, the later has the hub's own.

    Raises: BadInput for the batch's name.
    """
    query = (
        select(LabelRow, Task)
        .join(Task, Task.task_id == LabelRow.task_id)
        .where(LabelRow.undone_at.is_(None))
        .order_by(Task.task_id, LabelRow.labelled_at, LabelRow.label_id)
    )
    if batch is not None:
        query = query.where(Task.batch == check_batch(batch))
    rows = session.execute(query).all()
    items, labels = _foreign_ids([(row[0], row[1]) for row in rows], ids_of)
    for _, of_task in groupby(rows, key=lambda row: row[1].task_id):
        pairs = list(of_task)
        item = item_of(pairs[0][1])
        item_id = items.get(item.item_id, item.item_id)
        said = (
            annotation_of(label, task).model_copy(
                update={"item_id": item_id, "label_id": labels.get(label.label_id, label.label_id)}
            )
            for label, task in pairs
        )
        yield Labelled(item.model_copy(update={"item_id": item_id}), tuple(said))


def _foreign_ids(
    rows: Sequence[tuple[LabelRow, Task]], format: str | None
) -> tuple[dict[str, str], dict[str, str]]:
    """The ids of tasks and of labels in the file of that format's tool that they came in, by our own."""
    taken_items = {task.task_id for _, task in rows}
    taken_labels = {label.label_id for label, _ in rows}
    items: dict[str, str] = {}
    labels: dict[str, str] = {}
    for label, task in rows:
        came_in, _, label_id = (label.imported_from or "").partition(" ")
        if format is None or not label_id or _tool_of(came_in) != _tool_of(format):
            continue
        if label_id not in taken_labels:
            taken_labels.add(label_id)
            labels[label.label_id] = label_id
        if task.task_id not in items and task.external_id and task.external_id not in taken_items:
            taken_items.add(task.external_id)
            items[task.task_id] = task.external_id
    return items, labels


def _tool_of(format: str) -> str:
    """The tool that a format is of: its formats have the same ids."""
    return next((tool for tool in TOOLS if format.startswith(tool)), format)


def item_of(task: Task) -> Item:
    """The task's text. What its source said of it is as it came; a text of the hub's own says where it is."""
    own: dict[str, Any] = {"batch": task.batch, "source": task.source, "external_id": task.external_id}
    about = own if task.about is None else task.about
    return Item(item_id=task.task_id, text=task.text, text_sha256=task.text_sha256, metadata=about)


def annotation_of(label: LabelRow, task: Task) -> Annotation:
    """One label or skip, its annotator under a pseudonym."""
    is_skip = label.skipped_because is not None
    asked = STRAND_ORDER if label.strands_asked is None else tuple(label.strands_asked)
    fields: dict[str, Any] = {
        "label_id": label.label_id,
        "item_id": task.task_id,
        "annotator": name_outside(label.annotator),
        "cohort": label.cohort,
        "labelled_at": label.labelled_at,
        "hate": label.hate,
        "strands": label.strands,
        "strands_asked": () if is_skip else asked,
        "codes": label.codes,
        "severity": label.severity,
        "speech_act": label.speech_act,
        "context_flags": label.context_flags,
        "rationale": [(start, end) for start, end in label.rationale] or None,
        "confidence": None if label.confidence is None else CONFIDENCE[label.confidence],
        "personal_disagree": None if is_skip else label.disagrees,
        "personal_disagree_text": label.disagreement,
        "note": label.note,
        "skipped_because": label.skipped_because,
        "assisted": label.assisted,
        "saw_model_score": label.saw_scores,
        "seconds_spent": label.seconds_spent,
        "codebook": label.codebook,
        "codebook_sha256": label.codebook_sha256,
        "definition_profiles": [label.profiles[strand] for strand in sorted(label.profiles)],
        "sample_reason": task.sample_reason,
        "inclusion_probability": task.inclusion_probability,
    }
    return Annotation.model_validate(fields | (label.extra or {}))


def name_outside(actor: str) -> str:
    """What an actor is called in a file: the pseudonym that another tool's import gave, or ours."""
    return actor.removeprefix(IMPORTED) if actor.startswith(IMPORTED) else pseudonym(actor)


def row_of(
    one: Annotation, task: Task, codebook: Codebook, *, actor: str, slot: int, origin: Origin, now: datetime
) -> LabelRow:
    """The row of an imported label. One without a codebook was made under the mapping that read it.

    What the row cannot say is in its `extra`, so that `annotation_of` gives the label back field by field.
    """
    strand_of = {profile.value: profile.strand for profile in codebook.definition_profiles}
    profiles = {strand_of[name]: name for name in one.definition_profiles if name in strand_of}
    row = LabelRow(
        label_id=new_id(),
        task_id=task.task_id,
        slot=slot,
        annotator=actor,
        cohort=one.cohort,
        labelled_at=one.labelled_at or now,
        skipped_because=one.skipped_because,
        strands=list(one.strands),
        strands_asked=None if one.strands_asked == STRAND_ORDER else list(one.strands_asked),
        codes=list(one.codes),
        hate=one.hate,
        severity=one.severity,
        speech_act=one.speech_act,
        context_flags=list(one.context_flags),
        rationale=[list(span) for span in one.rationale or ()],
        confidence=_confidence(one.confidence),
        disagrees=bool(one.personal_disagree),
        disagreement=one.personal_disagree_text,
        note=one.note,
        assisted=one.assisted,
        saw_scores=bool(one.saw_model_score),
        seconds_spent=one.seconds_spent,
        profiles=profiles,
        codebook=one.codebook or origin.codebook,
        codebook_sha256=one.codebook_sha256 or origin.codebook_sha256,
        imported_from=origin.of_label(one.label_id),
        extra=None,
    )
    said, held = one.model_dump(mode="json"), annotation_of(row, task).model_dump(mode="json")
    row.extra = {
        name: value for name, value in said.items() if name not in _OF_THE_ROW and held[name] != value
    }
    return row


def _confidence(share: float | None) -> str | None:
    if share is None:
        return None
    return min(CONFIDENCE, key=lambda word: abs(CONFIDENCE[word] - share))
