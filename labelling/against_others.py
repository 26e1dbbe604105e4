"""Who contradicts everybody else: found from what people say of the same texts, without a gold post.

Whoever lies on purpose knows the gold posts, or is right on those that look like them. What the others say of
a text cannot be known beforehand.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from pydantic import Field

from model.configuration import FrozenConfig
from model.intervals import wilson

LEAST_OTHERS: Final = 2
"""Of two people who contradict each other nobody can say which one is wrong."""

Answers = Mapping[str, int]
"""By head, 1 or 0."""


class OthersRule(FrozenConfig):
    """How often a person has to say what the others say for their labels to train."""

    agrees_at_least: float = Field(gt=0, lt=1)
    least_texts: int = Field(ge=1)


@dataclass(slots=True)
class _Record:
    texts: int = 0
    agrees: int = 0
    others: set[str] = field(default_factory=set)


def against_the_others(texts: Sequence[Mapping[str, Answers]], rule: OthersRule) -> set[str]:
    """Who surely agrees with the others too seldom. `texts` has, for each text, what each person says of it.

    The others' word on a head is that of most of them; where they are even they have none, and a text on
    which they have no word at all is not counted. The worst is taken out first and everybody else then
    counted anew, so that nobody is blamed for having sat beside a liar. "Surely": the upper end of the 95 %
    interval (Wilson) is below the rule's share.
    """
    found: set[str] = set()
    while True:
        records = _records(texts, found)
        shares = {
            person: record.agrees / record.texts
            for person, record in records.items()
            if record.texts >= rule.least_texts and len(record.others) >= LEAST_OTHERS
        }
        low = {
            person: share
            for person, share in shares.items()
            if wilson(share, records[person].texts)[1] < rule.agrees_at_least
        }
        if not low:
            return found
        found.add(min(low, key=lambda person: (low[person], person)))


def _records(texts: Sequence[Mapping[str, Answers]], without: set[str]) -> dict[str, _Record]:
    records: dict[str, _Record] = defaultdict(_Record)
    for text in texts:
        said = {person: answers for person, answers in text.items() if person not in without}
        votes = Counter(vote for answers in said.values() for vote in answers.items())
        for person, answers in said.items():
            agrees = [
                word == answer
                for head, answer in answers.items()
                if (word := _word_of_others(votes, head, answer)) is not None
            ]
            if agrees:
                record = records[person]
                record.texts += 1
                record.agrees += all(agrees)
                record.others |= said.keys() - {person}
    return records


def _word_of_others(votes: Counter[tuple[str, int]], head: str, own: int) -> int | None:
    yes, no = (votes[head, answer] - (own == answer) for answer in (1, 0))
    return None if yes == no else int(yes > no)
