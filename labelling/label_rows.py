"""Labels as the statistics take them, the hub's own and those of a file: no names, texts by their hash."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from sqlalchemy import Select, exists, select
from sqlalchemy.orm import Session, aliased

from labelling.hub_records import name_outside
from labelling.importing import UNKNOWN
from labelling.interchange.annotations import Annotation, Item, Labelled
from labelling.quality.entries import LabelEntry
from model.taxonomy import STRAND_ORDER
from serve.storage.tables import Adjudication, GoldItem, LabelRow, Task

FETCHED_AT_ONCE = 500

NO_TIME: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""Of a label whose file does not say when it was made: older than every label that says."""

NO_CODEBOOK: Final = "no codebook"


@dataclass(frozen=True, slots=True)
class GoldAnswer:
    """What is known of a gold text, and since when: labels from before are no answers to it."""

    answer: LabelEntry
    since: datetime


class Answered(Protocol):
    """What a label says and every one of them has, be it a row of the hub or a record of a file."""

    @property
    def strands(self) -> Collection[str]: ...  # noqa: D102 - the class says what it is
    @property
    def codes(self) -> Collection[str]: ...  # noqa: D102 - the class says what it is
    @property
    def context_flags(self) -> Collection[str]: ...  # noqa: D102 - the class says what it is
    @property
    def severity(self) -> int | None: ...  # noqa: D102 - the class says what it is
    @property
    def speech_act(self) -> str | None: ...  # noqa: D102 - the class says what it is
    @property
    def hate(self) -> bool | None: ...  # noqa: D102 - the class says what it is
    @property
    def cohort(self) -> str | None: ...  # noqa: D102 - the class says what it is
    @property
    def seconds_spent(self) -> float | None: ...  # noqa: D102 - the class says what it is
    @property
    def assisted(self) -> str: ...  # noqa: D102 - the class says what it is


def entries_of(
    session: Session, *, batch: str | None = None, annotator: str | None = None
) -> list[LabelEntry]:
    """Every standing label, oldest first; of one batch, or of one annotator's actor, if named.

    Labels that an import could put no name to are left out: which of them one person made, nobody knows.
    """
    query = (
        select(LabelRow, Task.text, Task.text_sha256)
        .join(Task, Task.task_id == LabelRow.task_id)
        .where(LabelRow.undone_at.is_(None), LabelRow.skipped_because.is_(None))
        .where(~LabelRow.annotator.startswith(UNKNOWN, autoescape=True))
        .order_by(LabelRow.labelled_at, LabelRow.label_id)
    )
    if batch is not None:
        query = query.where(Task.batch == batch)
    if annotator is not None:
        query = query.where(LabelRow.annotator == annotator)
    rows = session.execute(query.execution_options(yield_per=FETCHED_AT_ONCE))
    return [entry_of(label, text, sha256) for label, text, sha256 in rows]


def entry_of(label: LabelRow, text: str, text_sha256: str) -> LabelEntry:
    """One label of the hub as the statistics take it."""
    # What an imported label did not say has a stand-in in its row, and its `extra` knows that it has.
    unsaid = label.extra or {}
    unmarked = not label.rationale and "rationale" not in unsaid
    return LabelEntry(
        annotator=name_outside(label.annotator),
        text=text_sha256,
        labelled_at=NO_TIME if "labelled_at" in unsaid else label.labelled_at,
        codebook=label.codebook,
        codebook_sha256=label.codebook_sha256,
        words=text,
        spans=None if unmarked else tuple((start, end) for start, end in label.rationale),
        asked=None if label.strands_asked is None else frozenset(label.strands_asked),
        **_answers(label, foreign="codebook" in unsaid),
    )


def entries_of_file(labelled: Iterable[Labelled]) -> Iterator[LabelEntry]:
    """An entry for each label that is no skip and names who made it; one text is one, whatever its task."""
    for one in labelled:
        for annotation in one.annotations:
            if annotation.annotator is not None and annotation.skipped_because is None:
                yield _of_record(annotation, annotation.annotator, one.item)


def _of_record(one: Annotation, annotator: str, item: Item) -> LabelEntry:
    return LabelEntry(
        annotator=annotator,
        text=item.text_sha256,
        labelled_at=one.labelled_at or NO_TIME,
        codebook=one.codebook or NO_CODEBOOK,
        codebook_sha256=one.codebook_sha256 or "",
        words=item.text,
        spans=one.rationale,
        asked=None if one.strands_asked == STRAND_ORDER else frozenset(one.strands_asked),
        **_answers(one, foreign=one.codebook is None),
    )


def _answers(said: Answered, *, foreign: bool) -> dict[str, Any]:
    """The fields that are answers. Another tool's project has no codes of ours to give, so that it gave none
    is no answer."""
    knows_codes = not foreign or bool(said.codes or said.context_flags)
    return {
        "strands": frozenset(said.strands),
        "codes": frozenset(said.codes) if knows_codes else None,
        "flags": frozenset(said.context_flags) if knows_codes else None,
        "severity": said.severity,
        "speech_act": said.speech_act,
        "hate": said.hate,
        "cohort": said.cohort,
        "seconds": said.seconds_spent,
        "assisted": said.assisted != "none",
    }


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
