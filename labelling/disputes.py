"""Texts on which blind annotators differ, who may judge between them, and what they made of it.

Whoever labelled a text never adjudicates it, in whichever batch it was. In a descriptive batch disagreement
is the result and not a fault, so nothing of it is adjudicated.
Source: LABELLING.md section 6 (prescriptive and descriptive) and section 7, point 8.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import ColumnElement, Integer, Select, Text, and_, cast, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from labelling.codebook import Codebook
from labelling.label_rows import entry_of, standing_adjudications
from labelling.quality.adjudication_rules import AdjudicationRules
from labelling.quality.annotators import Share, share
from labelling.quality.disagreement import Suggestion, suggest
from labelling.quality.entries import LabelEntry
from labelling.quality.signs import QUESTIONS, Dispute, votes
from model.configuration import sha256_of
from model.errors import NotFound
from serve.storage.tables import Adjudication, BatchRow, LabelRow, Task, TaskSlot

NO_SUCH: Final = "there is no such text"
"""The words of `person.check_may` for what is missing: the two must not differ."""

MOST_ORDERED: Final = 2_000
"""How many waiting texts the router looks at to find the first; of more, the oldest."""


@dataclass(frozen=True, slots=True)
class Disputed:
    """A text that waits for an adjudicator, with what the router says of it. `labels` are in random order."""

    task: Task
    labels: tuple[LabelRow, ...]
    suggestion: Suggestion


def waiting(session: Session, codebook: Codebook, rules: AdjudicationRules, sha256: str) -> list[Disputed]:
    """Texts whose labels are all in and differ, that nobody has adjudicated, in the router's order.

    First those that differ in the weightiest question (hate before strands before severity), among them those
    whose signs speak most clearly; then the oldest.
    """
    tasks = list(session.scalars(_waiting().order_by(Task.task_id).limit(MOST_ORDERED)))
    labels = labels_of(session, [task.task_id for task in tasks])
    before = _disputed_before(session)
    context = _context_missed(session, [task.task_id for task in tasks])
    found = []
    for task in tasks:
        dispute = _dispute(task, labels[task.task_id], codebook, before, context[task.task_id])
        suggestion = suggest(dispute, rules, sha256)
        if suggestion is not None:
            found.append(Disputed(task, tuple(labels[task.task_id]), suggestion))
    return sorted(found, key=_urgency)


def _urgency(one: Disputed) -> tuple[int, int, str]:
    weight = list(QUESTIONS).index(one.suggestion.differs[0])
    return weight, -max(one.suggestion.points.values()), one.task.task_id


def count_waiting(session: Session) -> int:
    """How many texts wait for an adjudicator."""
    return session.scalar(select(func.count()).select_from(_waiting().subquery())) or 0


def count_descriptive(session: Session) -> int:
    """How many texts of descriptive batches were answered differently; they are not adjudicated."""
    return session.scalar(select(func.count()).select_from(_differing("descriptive").subquery())) or 0


def find_disputed(
    session: Session, task_id: str, codebook: Codebook, rules: AdjudicationRules, sha256: str
) -> Disputed:
    """One text on which annotators differ, adjudicated already or not. Raises: NotFound."""
    task = session.get(Task, task_id)
    if task is None or not is_disputed(session, task_id):
        raise NotFound(NO_SUCH)
    labels = labels_of(session, [task_id])[task_id]
    context = _context_missed(session, [task_id])[task_id]
    suggestion = suggest(_dispute(task, labels, codebook, _disputed_before(session), context), rules, sha256)
    if suggestion is None:
        raise NotFound(NO_SUCH)
    return Disputed(task, tuple(labels), suggestion)


def is_disputed(session: Session, task_id: str) -> bool:
    """Whether a text's labels are all in and differ, in a batch where that is adjudicated."""
    query = _differing("prescriptive").where(Task.task_id == task_id)
    return session.scalars(query).first() is not None


def has_labelled(session: Session, *, task_id: str, actor: str) -> bool:
    """Whether the person answered or skipped this text under their name, in any batch, undone or not."""
    this = aliased(Task)
    query = (
        select(LabelRow.label_id)
        .join(Task, Task.task_id == LabelRow.task_id)
        .join(this, this.text_sha256 == Task.text_sha256)
        .where(this.task_id == task_id, LabelRow.annotator == actor)
        .limit(1)
    )
    return session.scalars(query).first() is not None


def newest_adjudication(session: Session, task_id: str) -> Adjudication | None:
    """What was decided last of a text, if anything was."""
    return session.scalars(standing_adjudications().where(Adjudication.task_id == task_id)).first()


def lately(session: Session, limit: int) -> list[tuple[Adjudication, Task]]:
    """The adjudications that stand, newest first, with their texts' tasks."""
    query = standing_adjudications().order_by(
        Adjudication.adjudicated_at.desc(), Adjudication.adjudication_id.desc()
    )
    return [(row[0], row[1]) for row in session.execute(query.limit(limit))]


@dataclass(frozen=True, slots=True)
class KindsTaken:
    """How often adjudicators chose each kind, and how often the one that the signs had suggested."""

    by_kind: Counter[str]
    as_suggested: Share


def kinds_taken(session: Session) -> KindsTaken:
    """Over all adjudications that stand; those without a suggestion are no answer to one."""
    by_kind: Counter[str] = Counter()
    right = of = 0
    for row in session.scalars(standing_adjudications()):
        by_kind[row.kind] += 1
        if row.suggested_kind is not None:
            of += 1
            right += row.suggested_kind == row.kind
    return KindsTaken(by_kind, share(right, of))


def _standing() -> ColumnElement[bool]:
    return and_(LabelRow.undone_at.is_(None), LabelRow.skipped_because.is_(None), LabelRow.assisted == "none")


def _differing(paradigm: str) -> Select[Task]:
    """Tasks of batches of this paradigm with all labels in, of which two or more differ.

    Lists are kept in the codebook's order, so that equal ones are equal as text. Assisted labels are no
    second opinion.
    """
    answers = (
        cast(LabelRow.hate, Integer),
        LabelRow.severity,
        LabelRow.speech_act,
        cast(LabelRow.strands, Text),
        cast(LabelRow.codes, Text),
    )
    differ = (
        select(LabelRow.task_id)
        .where(_standing())
        .group_by(LabelRow.task_id)
        .having(func.count() >= 2, or_(*(func.min(answer) != func.max(answer) for answer in answers)))
    )
    # Of a closed batch no more labels come in than those that somebody is at.
    offered = and_(TaskSlot.state == "open", BatchRow.closed_at.is_(None))
    wanted = exists().where(TaskSlot.task_id == Task.task_id, or_(TaskSlot.state == "leased", offered))
    return (
        select(Task)
        .join(BatchRow, BatchRow.batch == Task.batch)
        .where(Task.task_id.in_(differ), ~wanted, BatchRow.paradigm == paradigm)
    )


def _waiting() -> Select[Task]:
    return _differing("prescriptive").where(~exists().where(Adjudication.task_id == Task.task_id))


def labels_of(session: Session, task_ids: Sequence[str]) -> defaultdict[str, list[LabelRow]]:
    """The standing labels of each task, in an order that does not tell who was first."""
    found: defaultdict[str, list[LabelRow]] = defaultdict(list)
    for start in range(0, len(task_ids), 500):
        part = task_ids[start : start + 500]
        query = select(LabelRow).where(LabelRow.task_id.in_(part), _standing())
        for label in sorted(session.scalars(query), key=lambda one: sha256_of(one.label_id.encode())):
            found[label.task_id].append(label)
    return found


def _context_missed(session: Session, task_ids: Sequence[str]) -> Counter[str]:
    found: Counter[str] = Counter()
    for start in range(0, len(task_ids), 500):
        query = select(LabelRow.task_id).where(
            LabelRow.task_id.in_(task_ids[start : start + 500]),
            LabelRow.skipped_because == "insufficient_context",
            LabelRow.undone_at.is_(None),
        )
        found.update(session.scalars(query))
    return found


Pattern = tuple[tuple[str, int], ...]


def _disputed_before(session: Session) -> Counter[Pattern]:
    """How often the same answers have stood against each other on texts that were adjudicated."""
    rows = session.execute(select(Adjudication.task_id).distinct().limit(MOST_ORDERED)).scalars().all()
    labels = labels_of(session, rows)
    return Counter(_pattern([entry_of(row, "", task_id) for row in labels[task_id]]) for task_id in rows)


def _pattern(entries: Sequence[LabelEntry]) -> Pattern:
    counted = votes(entries)
    return tuple(
        sorted((repr(sorted(key) if isinstance(key, frozenset) else key), n) for key, n in counted.items())
    )


def _dispute(
    task: Task, labels: Sequence[LabelRow], codebook: Codebook, before: Counter[Pattern], context: int
) -> Dispute:
    entries = [replace(entry_of(label, task.text, task.text_sha256), words=None) for label in labels]
    sensitive = [code.code for strand in codebook.strands for code in strand.codes if code.sensitive]
    return Dispute(entries, sensitive, context, before[_pattern(entries)])
