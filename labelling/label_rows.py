"""The hub's standing labels as the statistics take them: no names, texts by their hash."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, exists, select
from sqlalchemy.orm import Session, aliased

from labelling.export import pseudonym
from labelling.quality.entries import LabelEntry
from serve.storage.tables import Adjudication, GoldItem, LabelRow, Task

FETCHED_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class GoldAnswer:
    """What is known of a gold text, and since when: labels from before are no answers to it."""

    answer: LabelEntry
    since: datetime


def entries_of(
    session: Session, *, batch: str | None = None, annotator: str | None = None
) -> list[LabelEntry]:
    """Every standing label, oldest first; of one batch, or of one annotator's actor, if named."""
    query = (
        select(LabelRow, Task.text, Task.text_sha256)
        .join(Task, Task.task_id == LabelRow.task_id)
        .where(LabelRow.undone_at.is_(None), LabelRow.skipped_because.is_(None))
        .order_by(LabelRow.labelled_at, LabelRow.label_id)
    )
    if batch is not None:
        query = query.where(Task.batch == batch)
    if annotator is not None:
        query = query.where(LabelRow.annotator == annotator)
    rows = session.execute(query.execution_options(yield_per=FETCHED_AT_ONCE))
    return [entry_of(label, text, sha256) for label, text, sha256 in rows]


def entry_of(label: LabelRow, text: str, text_sha256: str) -> LabelEntry:
    """One label as the statistics take it.

    An import without codes or flags gives None for them: whether its tool asked, nobody knows.
    """
    asked = label.imported_from is None
    return LabelEntry(
        annotator=pseudonym(label.annotator),
        text=text_sha256,
        labelled_at=label.labelled_at,
        codebook=label.codebook,
        codebook_sha256=label.codebook_sha256,
        strands=frozenset(label.strands),
        codes=frozenset(label.codes) if asked or label.codes else None,
        flags=frozenset(label.context_flags) if asked or label.context_flags else None,
        severity=label.severity,
        speech_act=label.speech_act,
        hate=label.hate,
        cohort=label.cohort,
        words=text,
        spans=tuple((start, end) for start, end in label.rationale) or None,
        seconds=label.seconds_spent,
        asked=None if label.strands_asked is None else frozenset(label.strands_asked),
        assisted=label.assisted != "none",
    )


def adjudicated_of(session: Session) -> dict[str, LabelEntry]:
    """What adjudicators decided, by the text's hash; texts whose votes were kept as they are have none."""
    query = (
        standing_adjudications()
        .where(Adjudication.hate.is_not(None))
        .order_by(Adjudication.adjudicated_at, Adjudication.adjudication_id)
    )
    return {task.text_sha256: _decided(row, task.text_sha256) for row, task in session.execute(query)}


def standing_adjudications() -> Select[Adjudication, Task]:
    """A query for the adjudications that no later one corrects, each with its task."""
    later = aliased(Adjudication)
    return (
        select(Adjudication, Task)
        .join(Task, Task.task_id == Adjudication.task_id)
        .where(~exists().where(later.supersedes == Adjudication.adjudication_id))
    )


def gold_of(session: Session) -> dict[str, GoldAnswer]:
    """The gold texts that are hidden among tasks now, by the text's hash, each with its known answer."""
    query = (
        select(GoldItem, Adjudication)
        .join(Adjudication, Adjudication.adjudication_id == GoldItem.adjudication_id)
        .where(GoldItem.use == "seed", GoldItem.retired_at.is_(None), Adjudication.hate.is_not(None))
        .order_by(GoldItem.made_at)
    )
    return {
        gold.text_sha256: GoldAnswer(_decided(row, gold.text_sha256), gold.made_at)
        for gold, row in session.execute(query)
    }


def without_gold(entries: Iterable[LabelEntry], gold: Mapping[str, GoldAnswer]) -> list[LabelEntry]:
    """The entries that are no answers to gold: to agree there is no more than to be right twice."""
    return [entry for entry in entries if not is_gold_answer(entry, gold)]


def is_gold_answer(entry: LabelEntry, gold: Mapping[str, GoldAnswer]) -> bool:
    """Whether the entry answers a text whose answer was known when it was given."""
    known = gold.get(entry.text)
    return known is not None and entry.labelled_at > known.since


def _decided(row: Adjudication, text_sha256: str) -> LabelEntry:
    return LabelEntry(
        annotator="adjudicated",
        text=text_sha256,
        labelled_at=row.adjudicated_at,
        codebook=row.codebook,
        codebook_sha256=row.codebook_sha256,
        strands=frozenset(row.strands),
        codes=frozenset(row.codes),
        flags=frozenset(row.context_flags),
        severity=row.severity,
        speech_act=row.speech_act,
        hate=row.hate,
    )
