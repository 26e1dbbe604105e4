"""What the agreement page shows: figures of a choice of labels, each with its interval, as of a moment."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from labelling.label_rows import (
    GoldAnswer,
    adjudicated_of,
    entries_of,
    gold_of,
    is_gold_answer,
    without_gold,
)
from labelling.quality.annotators import AnnotatorQuality, qualities_of_entries
from labelling.quality.entries import LabelEntry, Question, latest, questions_of, ratings_for
from labelling.quality.figures import Figure
from labelling.quality.kappa import pairwise_kappa
from labelling.quality.report import AgreementReport, agreement_report
from model.errors import BadInput
from serve.storage.tables import Adjudication, BatchRow, GoldItem, LabelRow

KEPT: Final = 16
"""How many choices are remembered: the bootstraps of one take seconds, and the same few are looked at."""

MOST_PAIRS: Final = 45
"""Cohen's kappa is shown for every two annotators up to ten of them; a table of more is read by nobody."""

OVERALL: Final = ("hate", "strands", "severity", "speech_act", "codes")
"""The questions of the first table; the others are one strand, one code or one flag each."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which labels: of one batch, under one version of the codebook (its SHA-256), of one cohort; None: all.

    `question` is what the annotators' table is about.
    """

    batch: str | None = None
    codebook: str | None = None
    cohort: str | None = None
    question: str = "hate"


@dataclass(frozen=True, slots=True)
class Choices:
    """What there is to choose from. `codebooks` are SHA-256 -> version."""

    batches: tuple[str, ...]
    codebooks: Mapping[str, str]
    cohorts: tuple[str, ...]
    questions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Agreement:
    """The figures of a choice. `pairs` is Cohen's kappa of every two annotators on `choice.question`.

    `gold_texts` counts the gold texts that are hidden among tasks; answers to them are in `annotators` alone.
    """

    choice: Choice
    choices: Choices
    report: AgreementReport
    pairs: Mapping[tuple[str, str], Figure]
    annotators: Sequence[AnnotatorQuality]
    gold_texts: int
    as_of: datetime

    @property
    def has_cohorts(self) -> bool:
        """Whether two cohorts or more answered any question."""
        return any(found.cohorts is not None for found in self.report.questions.values())


Stamp = tuple[object, ...]


class AgreementFigures:
    """Works agreement out, and remembers it until a label, an adjudication or a gold text changes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[Stamp, Agreement] = OrderedDict()

    def of(self, session: Session, choice: Choice, now: datetime) -> Agreement:
        """The figures of the choice; `as_of` says since when they are true. Raises: BadInput."""
        key = (choice, *stamp(session))
        with self._lock:
            found = self._kept.get(key)
            if found is None:
                found = agreement_of(session, choice, now)
                self._kept[key] = found
                while len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
            else:
                self._kept.move_to_end(key)
        return found


def stamp(session: Session) -> Stamp:
    """Something that changes whenever figures of agreement may."""
    labels = session.execute(
        select(func.count(), func.max(LabelRow.labelled_at), func.max(LabelRow.undone_at))
    ).one()
    adjudications = session.scalar(select(func.count()).select_from(Adjudication))
    gold = session.execute(
        select(func.count(), func.max(GoldItem.made_at), func.max(GoldItem.retired_at))
    ).one()
    return (*labels, adjudications, *gold)


def agreement_of(session: Session, choice: Choice, now: datetime) -> Agreement:
    """The figures of the choice, worked out now.

    Raises: BadInput when the choice is none that there is.
    """
    entries, gold = entries_of(session), gold_of(session)
    batches = tuple(session.scalars(select(BatchRow.batch).order_by(BatchRow.batch)))
    choices = Choices(
        batches=batches,
        codebooks={entry.codebook_sha256: entry.codebook for entry in entries},
        cohorts=tuple(sorted({entry.cohort for entry in entries if entry.cohort is not None})),
        questions=tuple(question.name for question in questions_of(entries) if question.scale != "label_set"),
    )
    _check(choice, choices)
    if choice.batch is not None:
        entries = entries_of(session, batch=choice.batch)
    entries = [
        entry
        for entry in entries
        if choice.codebook in (None, entry.codebook_sha256) and choice.cohort in (None, entry.cohort)
    ]
    question = _question(entries, choice.question)
    return Agreement(
        choice=choice,
        choices=choices,
        report=agreement_report(without_gold(entries, gold)),
        pairs=_pairs(without_gold(entries, gold), question),
        annotators=[]
        if question is None
        else annotator_figures(entries, question, gold, adjudicated_of(session)),
        gold_texts=len(gold),
        as_of=now,
    )


def _check(choice: Choice, choices: Choices) -> None:
    for field, value, known in (
        ("batch", choice.batch, choices.batches),
        ("codebook", choice.codebook, choices.codebooks),
        ("cohort", choice.cohort, choices.cohorts),
        ("question", choice.question, ("hate", *choices.questions)),
    ):
        if value is not None and value not in known:
            raise BadInput(f"{field}: there are no labels of it", field=field)


def _question(entries: Sequence[LabelEntry], name: str) -> Question | None:
    return next((question for question in questions_of(entries) if question.name == name), None)


def _pairs(entries: Sequence[LabelEntry], question: Question | None) -> dict[tuple[str, str], Figure]:
    if question is None:
        return {}
    ratings = ratings_for(latest(entry for entry in entries if not entry.assisted), question)
    count = len(ratings.annotators)
    if count * (count - 1) // 2 > MOST_PAIRS:
        return {}
    found = pairwise_kappa(ratings, "quadratic" if question.scale == "ordinal" else "none")
    return {pair: figure for pair, figure in found.items() if figure.texts}


def annotator_figures(
    entries: Sequence[LabelEntry],
    question: Question,
    gold: Mapping[str, GoldAnswer],
    adjudicated: Mapping[str, LabelEntry],
) -> list[AnnotatorQuality]:
    """Every annotator of the entries on one question. Labels that a text had before its gold answer was made
    are left out: they made it."""
    known = {
        text: value for text, one in gold.items() if (value := _number(question, one.answer)) is not None
    }
    decided = {
        text: value for text, one in adjudicated.items() if (value := _number(question, one)) is not None
    }
    kept = [entry for entry in entries if entry.text not in gold or is_gold_answer(entry, gold)]
    return qualities_of_entries(kept, question, known=known, adjudicated=decided)


def _number(question: Question, entry: LabelEntry) -> float | None:
    answer = question.answer(entry)
    return float(answer) if isinstance(answer, int | float) else None


def own_figures(session: Session, actor: str) -> dict[str, AnnotatorQuality]:
    """One annotator's own figures, by question: gold and drift alone, because all else tells of others."""
    entries, gold = entries_of(session, annotator=actor), gold_of(session)
    found = {}
    for question in questions_of(entries):
        if question.scale == "label_set" or question.name.startswith(("code:", "flag:")):
            continue
        figures = annotator_figures(entries, question, gold, {})
        if figures:
            found[question.name] = figures[0]
    return found
