"""What somebody answers in practice: compared with the agreed answer, kept apart from every label."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from labelling.codebook import Codebook
from labelling.labels import Answers
from labelling.practice.material import Item
from serve.storage.tables import PracticeAnswer

NOTHING: Final = "nothing"
MOST_CONFUSIONS: Final = 8
"""Rows of the table of what a person mixes up: what can still be learned from at a glance."""


@dataclass(frozen=True, slots=True)
class Score:
    """One course for one person: items answered at least once, those right the last time, and all items."""

    answered: int
    right: int
    items: int


def answer(
    session: Session, codebook: Codebook, item: Item, answers: Answers, *, person: str, now: datetime
) -> PracticeAnswer:
    """Keeps an answer with what it mixes up. Right: the same strands, speech act and severity.

    Clauses count for what is mixed up alone: several may be right.

    Raises: BadInput for an answer outside the codebook.
    """
    codebook.check_answers(severity=answers.severity, speech_act=answers.speech_act)
    codebook.hate_rule.derive(severity=answers.severity, speech_act=answers.speech_act)
    strands = codebook.check_strands(answers.strands)
    codes = codebook.check_codes(answers.codes, strands)
    row = PracticeAnswer(
        gold_id=item.gold_id,
        starter_item=item.starter_item,
        material_sha256=item.material_sha256,
        course=item.course,
        person=person,
        answered_at=now,
        strands=strands,
        codes=codes,
        severity=answers.severity,
        speech_act=answers.speech_act,
        is_right=(
            set(strands) == set(item.strands)
            and answers.speech_act == item.speech_act
            and answers.severity == item.severity
        ),
        confused=_confused(item, strands, codes, answers),
    )
    session.add(row)
    session.flush()
    return row


def _confused(item: Item, strands: Sequence[str], codes: Sequence[str], answers: Answers) -> list[list[str]]:
    pairs = [*_unlike(item.strands, strands), *_unlike(item.codes, codes)]
    if answers.speech_act != item.speech_act:
        pairs.append([item.speech_act, answers.speech_act])
    if answers.severity != item.severity:
        pairs.append([f"S{item.severity}", f"S{answers.severity}"])
    return pairs


def _unlike(agreed: Sequence[str], said: Sequence[str]) -> list[list[str]]:
    """What was missed beside what was said instead, in order.

    >>> _unlike(["IH2", "IH3"], ["IH3", "IH11"])
    [['IH2', 'IH11']]
    >>> _unlike(["IH2"], [])
    [['IH2', 'nothing']]
    """
    missed = [one for one in agreed if one not in said]
    extra = [one for one in said if one not in agreed]
    return [[left, right] for left, right in zip_longest(missed, extra, fillvalue=NOTHING)]


def answers_of_person(session: Session, person: str) -> list[PracticeAnswer]:
    """All that somebody has answered in practice, oldest first."""
    query = select(PracticeAnswer).where(PracticeAnswer.person == person)
    return list(session.scalars(query.order_by(PracticeAnswer.answered_at, PracticeAnswer.answer_id)))


def one_of(session: Session, person: str, answer_id: int) -> PracticeAnswer | None:
    """One of somebody's own answers."""
    row = session.get(PracticeAnswer, answer_id)
    return row if row is not None and row.person == person else None


def score(items: Sequence[Item], given: Sequence[PracticeAnswer]) -> Score:
    """How a person stands in a course."""
    latest = _latest(items, given)
    return Score(len(latest), sum(row.is_right for row in latest.values()), len(items))


def next_item(items: Sequence[Item], given: Sequence[PracticeAnswer]) -> Item:
    """What to ask next: what was asked least, of that what was wrong the last time, then in order."""
    times = Counter(row.gold_id or row.starter_item for row in given)
    latest = _latest(items, given)
    places = range(len(items))

    def rank(place: int) -> tuple[int, bool, int]:
        key = items[place].key
        return times[key], key in latest and latest[key].is_right, place

    return items[min(places, key=rank)]


def _latest(items: Sequence[Item], given: Sequence[PracticeAnswer]) -> dict[str, PracticeAnswer]:
    keys = {item.key for item in items}
    rows = {(row.gold_id or row.starter_item or ""): row for row in given}
    return {key: row for key, row in rows.items() if key in keys}


def confusions(given: Sequence[PracticeAnswer]) -> list[tuple[str, str, int]]:
    """What a person mixes up most: what it is, what they said, and how often; the commonest first."""
    counted = Counter((agreed, said) for row in given for agreed, said in row.confused)
    ordered = sorted(counted.items(), key=lambda one: (-one[1], one[0]))
    return [(agreed, said, count) for (agreed, said), count in ordered[:MOST_CONFUSIONS]]
