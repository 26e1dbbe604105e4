"""The file that may train, and the file that may judge: what the firewall made of everything that was said.

Disagreement is not erased: a row keeps the share of people who said yes, and training learns from that.
Source: LABELLING.md section 6.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from labelling.firewall import (
    AUDIT,
    Admission,
    AdmittedText,
    FirewallRules,
    admit,
    after_drift,
    agreed,
)
from labelling.training_entries import IS_AUDIT, Said, gold_records, said_of_texts
from model.admission import GoldCheck
from model.records import Label, LabelledPost
from model.taxonomy import HEAD_ORDER
from serve.storage.tables import BatchRow, LabelRow, Quarantined, Task

GoldF1 = Callable[[Sequence[LabelledPost]], tuple[float, float, int]]
"""F1 on the gold set of a baseline without the posts and with them, and how many gold posts there are."""


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """The posts that may train, one a text, and what became of everything else."""

    posts: tuple[LabelledPost, ...]
    admission: Admission
    gold: GoldCheck | None

    @property
    def largest_source(self) -> int:
        """How many of the texts the source with the most has brought."""
        return max(
            Counter(text.source for text in self.admission.admitted if text.source is not None).values(),
            default=0,
        )


def training_set(
    session: Session,
    rules: FirewallRules,
    *,
    now: datetime,
    other_posts: int = 0,
    gold_f1: GoldF1 | None = None,
) -> TrainingSet:
    """What may train of all that people said, beside `other_posts` posts of corpora; nothing is written.

    `gold_f1` measures what the posts would do to the gold set; if it loses too much, none is admitted.
    """
    said = said_of_texts(session)
    entries = [one.entry for one in said]
    admission = admit(entries, rules, now=now, other_posts=other_posts, gold=gold_records(session))
    posts = _posts(admission.admitted, said)
    gold = None
    if gold_f1 is not None and posts:
        before, after, count = gold_f1(posts)
        gold = GoldCheck(before=before, after=after, may_fall=rules.drift.gold_f1_may_fall, posts=count)
        admission = after_drift(admission, before, after, rules)
        posts = posts if admission.admitted else ()
    return TrainingSet(posts, admission, gold)


def keep_quarantine(session: Session, admission: Admission, now: datetime) -> None:
    """Writes down which labels are held back and why; what is held back no more is taken off the list.

    A label that somebody let go stays on it, with their name.
    """
    known = {row.label_id: row for row in session.scalars(select(Quarantined))}
    labels = set(session.scalars(select(LabelRow.label_id)))
    held = {entry: why for entry, why in admission.quarantined.items() if entry in labels}
    for label_id, why in held.items():
        row = known.get(label_id)
        if row is None:
            session.add(Quarantined(label_id=label_id, why=why, since=now))
        elif row.released_at is None:
            row.why = why  # of one that was let go it stays what it was let go from
    for label_id, row in known.items():
        if label_id not in held and row.released_at is None:
            session.delete(row)


def _posts(admitted: Iterable[AdmittedText], said: Sequence[Said]) -> tuple[LabelledPost, ...]:
    by_entry = {one.entry.id: one for one in said}
    return tuple(_post(text, [by_entry[entry] for entry in text.entries]) for text in admitted)


def _post(text: AdmittedText, said: Sequence[Said]) -> LabelledPost:
    labels = [one.label for one in said if one.label is not None]
    newest = max(labels, key=lambda label: label.labelled_at, default=None)
    reasons = [one.entry.sample_reason for one in said]
    return LabelledPost(
        id=text.entries[0],
        text=said[0].text,
        source="hub",
        **_heads(text.answers),
        speech_act=_most([label.speech_act for label in labels]),
        severity=_middle([label.severity for label in labels]),
        rationale=_marked_by_two(labels),
        soft=dict(text.shares),
        people=text.people,
        codebook=None if newest is None else newest.codebook,
        codebook_sha256=None if newest is None else newest.codebook_sha256,
        labelled_at=None if newest is None else newest.labelled_at.isoformat(),
        sample_reason=reasons[0],
    )


def _heads(answers: Mapping[str, int]) -> dict[str, Label]:
    heads: dict[str, Label] = {}
    for head in HEAD_ORDER:
        answer = answers.get(head)
        heads[head] = None if answer is None else (1 if answer else 0)
    return heads


def _most(answers: Iterable[str | None]) -> str | None:
    """What two or more say, and more than say anything else."""
    votes = Counter(answer for answer in answers if answer is not None).most_common(2)
    if not votes or votes[0][1] < 2 or (len(votes) > 1 and votes[0][1] == votes[1][1]):
        return None
    return votes[0][0]


def _middle(severities: Iterable[int | None]) -> int | None:
    """The middle one, the lower of two: the scale is of steps, not of numbers."""
    ordered = sorted(step for step in severities if step is not None)
    return ordered[(len(ordered) - 1) // 2] if ordered else None


def _marked_by_two(labels: Sequence[LabelRow]) -> tuple[tuple[int, int], ...] | None:
    """The code points that two or more people marked, as spans; None where there are none."""
    marks: Counter[int] = Counter()
    for label in labels:
        marks.update({place for start, end in label.rationale for place in range(start, end)})
    places = sorted(place for place, people in marks.items() if people >= 2)
    spans: list[tuple[int, int]] = []
    for place in places:
        if spans and spans[-1][1] == place:
            spans[-1] = (spans[-1][0], place + 1)
        else:
            spans.append((place, place + 1))
    return tuple(spans) or None


@dataclass(frozen=True, slots=True)
class GateSet:
    """The posts of the running audit that may judge a bundle, and how many may not, by reason."""

    posts: tuple[LabelledPost, ...]
    left_out: Mapping[str, int]


def gate_set(session: Session, rules: FirewallRules) -> GateSet:
    """The audit's texts that people agree on: two of one mind, or one of them and an adjudicator.

    A label made with help of the machine judges nothing: it would flatter the machine. Released audits
    judge no more. Source: LABELLING.md section 0, fact 3, and section 7, points 1 and 3.
    """
    query = (
        select(Task)
        .join(BatchRow, BatchRow.batch == Task.batch)
        .where(IS_AUDIT, BatchRow.released_at.is_(None))
        .order_by(Task.task_id)
    )
    tasks = {task.text_sha256: task for task in session.scalars(query)}
    left_out: Counter[str] = Counter()
    by_text: dict[str, list[Said]] = {digest: [] for digest in tasks}
    for one in said_of_texts(session):
        if one.entry.text_sha256 not in tasks:
            continue
        if one.label is not None and one.label.assisted != "none":
            left_out["labels made with help"] += 1
            continue
        by_text[one.entry.text_sha256].append(one)
    posts = []
    for digest, said in by_text.items():
        found = agreed(digest, [one.entry for one in said], rules.independent_people)
        if isinstance(found, AdmittedText):
            posts.append(_gate_post(tasks[digest], found))
        else:
            left_out[f"texts: {found}"] += 1
    return GateSet(tuple(posts), dict(left_out))


def _gate_post(task: Task, text: AdmittedText) -> LabelledPost:
    return LabelledPost(
        id=task.task_id,
        text=task.text,
        source="hub",
        split="test",
        **_heads(text.answers),
        people=text.people,
        sample_reason=AUDIT,
        inclusion_probability=task.inclusion_probability,
    )
