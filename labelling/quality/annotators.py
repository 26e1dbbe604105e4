"""What an annotator's labels tell: agreement, gold, drift, pace. For the data's care, no personnel metric."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from labelling.quality.consensus import majority
from labelling.quality.drift import Drift, drift_of
from labelling.quality.entries import LabelEntry, Question, latest, ratings_for
from labelling.quality.ratings import Ratings
from model.intervals import wilson

LEAST_TO_RANK: Final = 30
"""Fewer gold or shared texts than this rank nobody. Source: LABELLING.md section 4."""

FAST_SECONDS: Final = 2.0
"""A label given sooner was hardly read. Source: LABELLING.md section 1 (Potato's flag for fast decisions)."""

NOT_ENOUGH: Final = "not enough yet"

NO_PERSONNEL_METRIC: Final = (
    "These figures are there to find unclear guidelines, texts that need a second look and people who need a "
    "break. They depend on which texts somebody was given. They are not a measure of anybody's performance "
    "and are not to be used for pay, appraisal or discipline."
)
"""Stands on every page and in every file that shows figures of annotators. Source: LABELLING.md section 4."""


@dataclass(frozen=True, slots=True)
class Share:
    """`right` of `of`, with Wilson's 95 % interval; the three are None of nothing."""

    right: int
    of: int
    value: float | None
    low: float | None
    high: float | None


def share(right: int, of: int) -> Share:
    """The share with its interval.

    >>> round(share(27, 30).low, 3)
    0.744
    """
    if of == 0:
        return Share(0, 0, None, None, None)
    low, high = wilson(right / of, of)
    return Share(right, of, right / of, low, high)


@dataclass(frozen=True, slots=True)
class AnnotatorQuality:
    """One annotator and one question.

    `with_consensus`: texts where they say what the adjudicator said, else what most of the others said;
    their own vote is never part of what they are compared with, and a tie of the others is left out. `gold`:
    texts with a known answer. `drift` is None below 30 gold answers. `median_seconds` and `fast` (labels
    given within FAST_SECONDS) are None where no times are known.
    """

    annotator: str
    labels: int
    with_consensus: Share
    gold: Share
    drift: Drift | None
    median_seconds: float | None
    fast: Share | None

    @property
    def may_rank(self) -> bool:
        """Whether there is enough to compare this annotator with others."""
        return max(self.gold.of, self.with_consensus.of) >= LEAST_TO_RANK

    @property
    def standing(self) -> str | None:
        """ "not enough yet", or None where there is enough."""
        return None if self.may_rank else NOT_ENOUGH


def annotator_qualities(
    ratings: Ratings,
    *,
    adjudicated: Mapping[str, float] | None = None,
    gold: Mapping[str, Sequence[bool]] | None = None,
    seconds: Mapping[str, Sequence[float]] | None = None,
) -> list[AnnotatorQuality]:
    """Every annotator of the table, by name.

    `adjudicated` gives the decided value by text. By annotator, `gold` holds whether each gold answer was
    right, in the order of time, and `seconds` how long each label took.
    """
    decided, answers, times = adjudicated or {}, gold or {}, seconds or {}
    return [
        _quality(ratings, place, decided, answers.get(annotator, ()), times.get(annotator, ()))
        for place, annotator in enumerate(ratings.annotators)
    ]


def _quality(
    ratings: Ratings,
    place: int,
    adjudicated: Mapping[str, float],
    gold: Sequence[bool],
    seconds: Sequence[float],
) -> AnnotatorQuality:
    agreed = compared = labels = 0
    for text, row in zip(ratings.texts, ratings.values, strict=True):
        own = float(row[place])
        if math.isnan(own):
            continue
        labels += 1
        others = _consensus_without(row.tolist(), place, adjudicated.get(text))
        if others is not None:
            compared += 1
            agreed += own == others
    fast = sum(taken < FAST_SECONDS for taken in seconds)
    return AnnotatorQuality(
        annotator=ratings.annotators[place],
        labels=labels,
        with_consensus=share(agreed, compared),
        gold=share(sum(gold), len(gold)),
        drift=drift_of(gold),
        median_seconds=median(seconds) if seconds else None,
        fast=share(fast, len(seconds)) if seconds else None,
    )


def _consensus_without(row: Sequence[float], place: int, adjudicated: float | None) -> float | None:
    if adjudicated is not None:
        return adjudicated
    votes: dict[int, int] = {}
    for other, value in enumerate(row):
        if other != place and not math.isnan(value):
            votes[int(value)] = votes.get(int(value), 0) + 1
    return majority(votes)


def qualities_of_entries(
    entries: Iterable[LabelEntry],
    question: Question,
    *,
    known: Mapping[str, float] | None = None,
    adjudicated: Mapping[str, float] | None = None,
) -> list[AnnotatorQuality]:
    """Every annotator of these labels, by name, for a question whose answers are numbers.

    `known` gives the right answer of the gold texts, `adjudicated` that of the decided ones. Gold texts
    count for the gold accuracy alone: to agree on them is no more than to be right twice.
    """
    counted = latest(entries)
    right_answers = known or {}
    gold: dict[str, list[bool]] = {}
    seconds: dict[str, list[float]] = {}
    for entry in counted:  # oldest first
        answer = question.answer(entry)
        if entry.text in right_answers and answer is not None:
            gold.setdefault(entry.annotator, []).append(answer == right_answers[entry.text])
        if entry.seconds is not None:
            seconds.setdefault(entry.annotator, []).append(entry.seconds)
    others = [entry for entry in counted if entry.text not in right_answers]
    ratings = ratings_for(others, question, annotators={entry.annotator for entry in counted})
    return annotator_qualities(ratings, adjudicated=adjudicated, gold=gold, seconds=seconds)


def ranked(
    qualities: Sequence[AnnotatorQuality],
) -> tuple[list[AnnotatorQuality], list[AnnotatorQuality]]:
    """Those whom there is enough of, who may need help first, and those of whom there is not, by name.

    The order is by the upper end of the interval of gold accuracy where there are 30 gold answers, else of
    the agreement with the consensus: first comes whoever is low beyond doubt, not whoever is low by chance.
    Show NO_PERSONNEL_METRIC beside it.
    """
    enough = [quality for quality in qualities if quality.may_rank]
    rest = [quality for quality in qualities if not quality.may_rank]
    return (
        sorted(enough, key=lambda quality: (_most(quality), quality.annotator)),
        sorted(rest, key=lambda quality: quality.annotator),
    )


def _most(quality: AnnotatorQuality) -> float:
    chosen = quality.gold if quality.gold.of >= LEAST_TO_RANK else quality.with_consensus
    return 1.0 if chosen.high is None else chosen.high
