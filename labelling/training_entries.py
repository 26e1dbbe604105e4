"""What people said of texts, as the firewall takes it: who said it, who brought the text, what may not train.

A report is never among these entries, and neither is a decision: only labels and adjudications are read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from labelling.batches import AUDIT, GOLD, RELIEF
from labelling.export import labelled_post
from labelling.firewall import ADJUDICATION, GoldRecord, LabelEntry
from labelling.hub_records import IMPORTED
from labelling.importing import UNKNOWN
from labelling.sampling.rules import REASONS
from model.configuration import sha256_of
from model.normalise import normalise_text
from model.taxonomy import HEAD_ORDER
from serve.storage.identifiers import made_at
from serve.storage.tables import (
    Adjudication,
    BatchRow,
    GoldItem,
    LabelRow,
    Post,
    Quarantined,
    Report,
    Task,
)

FROM_CASES = "cases"
IS_AUDIT = or_(BatchRow.purpose == AUDIT, Task.sample_reason == AUDIT)
"""A whole batch of audit, or the audit's share of a batch that a sampler has drawn."""

IS_GOLD = or_(BatchRow.purpose == GOLD, Task.sample_reason == GOLD)
"""A whole batch of gold, or what was hidden as gold in another one."""

DRAWN: Final = frozenset({*REASONS, RELIEF})
"""Why a text is in a batch if our own sampler drew it, so that nobody brought it."""


@dataclass(frozen=True, slots=True)
class Said:
    """An entry with the rows it is made of."""

    entry: LabelEntry
    text: str
    label: LabelRow | None = None


def said_of_texts(session: Session) -> list[Said]:
    """Every standing label that is no skip, and every adjudication that no later one supersedes."""
    facts = _Facts.gathered(session)
    found = [
        _of_label(label, task, facts)
        for label, task in session.execute(
            select(LabelRow, Task)
            .join(Task, Task.task_id == LabelRow.task_id)
            .where(LabelRow.undone_at.is_(None), LabelRow.skipped_because.is_(None))
            .order_by(LabelRow.labelled_at, LabelRow.label_id)
        )
    ]
    later = select(Adjudication.supersedes).where(Adjudication.supersedes.is_not(None))
    query = (
        select(Adjudication, Task)
        .join(Task, Task.task_id == Adjudication.task_id)
        .where(Adjudication.adjudication_id.not_in(later))
        .order_by(Adjudication.adjudicated_at, Adjudication.adjudication_id)
    )
    return found + [_of_adjudication(one, task, facts) for one, task in session.execute(query)]


def text_key(text: str) -> str:
    """One key for a text and its disguises: a protected text is protected under each of them."""
    return sha256_of(normalise_text(text).casefold().encode())


def gold_records(session: Session) -> dict[str, GoldRecord]:
    """How many gold posts each person has answered, and how many right: hate and strands as adjudicated.

    A label from before the text was gold is no answer to it: gold was made of such labels.
    """
    truth = {
        item.text_sha256: (one.hate, set(one.strands), item.made_at)
        for item, one in session.execute(
            select(GoldItem, Adjudication)
            .join(Adjudication, Adjudication.adjudication_id == GoldItem.adjudication_id)
            .where(GoldItem.use == "seed", GoldItem.retired_at.is_(None))
        )
        if one.hate is not None
    }
    answered: dict[str, list[bool]] = defaultdict(list)
    query = (
        select(LabelRow, Task.text_sha256)
        .join(Task, Task.task_id == LabelRow.task_id)
        .where(LabelRow.undone_at.is_(None), LabelRow.skipped_because.is_(None))
        .where(Task.text_sha256.in_(truth))
    )
    for label, digest in session.execute(query):
        hate, strands, since = truth[digest]
        if label.labelled_at >= since:
            answered[label.annotator].append((label.hate, set(label.strands)) == (hate, strands))
    return {person: GoldRecord(len(given), sum(given)) for person, given in answered.items()}


@dataclass(frozen=True, slots=True)
class _Facts:
    """Who reported which text, which texts judge bundles or people, and which labels somebody let go."""

    reporters: Mapping[str, frozenset[str]]
    brought_by: Mapping[str, str]
    audit: frozenset[str]
    gold: frozenset[str]
    released: frozenset[str]

    @classmethod
    def gathered(cls, session: Session) -> _Facts:
        reporters: dict[str, set[str]] = defaultdict(set)
        reports = select(Report.received_from, Post.text_sha256).join(Post, Post.post_id == Report.post_id)
        for person, digest in session.execute(reports):
            reporters[digest].add(person)
        posts = select(Post.text_sha256, Post.received_from).join(Task, Task.external_id == Post.post_id)
        audits = (
            select(Task.text)
            .join(BatchRow, BatchRow.batch == Task.batch)
            .where(IS_AUDIT, BatchRow.released_at.is_(None))
        )
        golden = select(GoldItem.text)  # corrected ones too: some have seen the answer
        asked = select(Task.text).join(BatchRow, BatchRow.batch == Task.batch).where(IS_GOLD).distinct()
        let_go = select(Quarantined.label_id).where(Quarantined.released_at.is_not(None))
        return cls(
            reporters={digest: frozenset(people) for digest, people in reporters.items()},
            brought_by={row[0]: row[1] for row in session.execute(posts.where(Task.source == FROM_CASES))},
            audit=_keys(session.scalars(audits)),
            gold=_keys(session.scalars(golden)) | _keys(session.scalars(asked)),
            released=frozenset(session.scalars(let_go)),
        )

    def purpose_of(self, task: Task) -> str:
        """Why the text was chosen; `audit` or `gold` if it judges, in whichever batch it was labelled."""
        key = text_key(task.text)
        if key in self.audit:
            return AUDIT
        if key in self.gold:
            return GOLD
        # An audit that was released trains: its own reason would still protect it.
        return "released audit" if task.sample_reason == AUDIT else task.sample_reason

    def source_of(self, task: Task) -> str | None:
        """Who brought the text: who reported it, who sent it, or the file; None where our sampler drew it."""
        if task.sample_reason in DRAWN:
            return None
        reporters = self.reporters.get(task.text_sha256)
        if reporters:
            return min(reporters)
        if task.source == FROM_CASES:
            return self.brought_by.get(task.text_sha256, FROM_CASES)
        return f"file:{task.source}"


def _keys(texts: Iterable[str]) -> frozenset[str]:
    return frozenset(text_key(text) for text in texts)


def _of_label(label: LabelRow, task: Task, facts: _Facts) -> Said:
    post = labelled_post(label, task)
    # A file may say that its labels are old; here they are as old as their import.
    said_at = made_at(label.label_id) if label.annotator.startswith(IMPORTED) else label.labelled_at
    entry = LabelEntry(
        id=label.label_id,
        text_sha256=task.text_sha256,
        origin="label",
        person=UNKNOWN if label.annotator.startswith(UNKNOWN) else label.annotator,
        answers={head: answer for head in HEAD_ORDER if (answer := getattr(post, head)) is not None},
        made_at=said_at,
        source=facts.source_of(task),
        sample_reason=facts.purpose_of(task),
        reporters=facts.reporters.get(task.text_sha256, frozenset()),
        released=label.label_id in facts.released,
    )
    return Said(entry, task.text, label)


def _of_adjudication(one: Adjudication, task: Task, facts: _Facts) -> Said:
    answers: dict[str, int] = {}
    if one.hate is not None:
        answers = {"hate": int(one.hate)}
        answers |= {strand: int(one.hate and strand in one.strands) for strand in HEAD_ORDER[1:]}
        if not one.hate and "far_right" in one.strands:
            del answers["far_right"]  # far-right content that is not hate is no negative
    entry = LabelEntry(
        id=one.adjudication_id,
        text_sha256=task.text_sha256,
        origin=ADJUDICATION,
        person=one.adjudicator,
        answers=answers,
        made_at=one.adjudicated_at,
        source=facts.source_of(task),
        sample_reason=facts.purpose_of(task),
        reporters=facts.reporters.get(task.text_sha256, frozenset()),
    )
    return Said(entry, task.text)
