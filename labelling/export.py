"""Standing labels as labelled posts: the file that training reads."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import select
from sqlalchemy.orm import Session

from labelling.batches import check_batch
from model.configuration import sha256_of
from model.records import Label, LabelledPost
from serve.storage.tables import LabelRow, Task

FETCHED_AT_ONCE = 500


def export(session: Session, batch: str | None = None) -> Iterator[LabelledPost]:
    """One labelled post for every standing label, oldest first; of one batch if named.

    Skipped tasks have no label and are left out. A text that several people labelled gives one record
    each: no majority is taken here. A rationale that nobody marked is null, never "no rationale".

    Raises: BadInput for the batch's name.
    """
    query = (
        select(LabelRow, Task)
        .join(Task, Task.task_id == LabelRow.task_id)
        .where(LabelRow.undone_at.is_(None), LabelRow.skipped_because.is_(None))
        .order_by(LabelRow.labelled_at, LabelRow.label_id)
    )
    if batch is not None:
        query = query.where(Task.batch == check_batch(batch))
    for label, task in session.execute(query.execution_options(yield_per=FETCHED_AT_ONCE)):
        yield labelled_post(label, task)


def pseudonym(actor: str) -> str:
    """The name of an annotator outside the hub. Officer ids are random, so the hash needs no salt.

    >>> pseudonym("officer:01") == pseudonym("officer:01") != pseudonym("officer:02")
    True
    """
    return f"annotator-{sha256_of(actor.encode())[:12]}"


def labelled_post(label: LabelRow, task: Task) -> LabelledPost:
    """One label of a task as a labelled post; a head that it says nothing of is null."""
    return LabelledPost(
        id=label.label_id,
        text=task.text,
        source="hub",
        hate=None if label.hate is None else _flag(label.hate),
        antisemitic=_strand(label, "antisemitic"),
        islamophobic=_strand(label, "islamophobic"),
        far_right=_far_right(label),
        severity=label.severity,
        speech_act=label.speech_act,
        rationale=tuple((start, end) for start, end in label.rationale) or None,
        annotator=pseudonym(label.annotator),
        codebook=label.codebook,
        codebook_sha256=label.codebook_sha256,
        labelled_at=label.labelled_at.isoformat(),
        note=label.note,
        sample_reason=task.sample_reason,
        inclusion_probability=task.inclusion_probability,
    )


def _strand(label: LabelRow, strand: str) -> Label:
    """1 only for hate with the strand ticked; null where nobody asked about it.

    Source: `hate_rule` of the codebook that made the label.
    """
    asked = label.strands_asked is None or strand in label.strands_asked
    return None if label.hate is None or not asked else _flag(label.hate and strand in label.strands)


def _far_right(label: LabelRow) -> Label:
    """As the other strands, but far-right content that is not hate is no negative: it has no label.

    Source: CLASSIFIER.md section 2 (hate=0 never implies far_right=0).
    """
    if label.hate is False and "far_right" in label.strands:
        return None
    return _strand(label, "far_right")


def _flag(value: bool) -> Label:
    return 1 if value else 0
