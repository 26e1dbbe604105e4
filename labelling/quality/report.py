"""How far annotators agree under a codebook: per question, per cohort, and before and after a new version.

Plain values in, plain values out: whoever has the labels makes LabelEntry of them. Labels given after a
suggestion was seen are not independent answers, so they are counted and left out.
Source: LABELLING.md section 0, fact 3, and section 7, point 4.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from labelling.quality.alpha import drawn_alpha, label_set_alpha, reading
from labelling.quality.cohorts import CohortAgreement, cohort_agreement
from labelling.quality.distances import FixedLevel
from labelling.quality.entries import (
    LabelEntry,
    Question,
    latest,
    questions_of,
    ratings_for,
    set_ratings_for,
)
from labelling.quality.figures import DRAWS, SEED, Change, Drawn, Figure, change
from labelling.quality.kappa import fleiss_kappa, gwet_ac1, positive_agreement, raw_agreement
from labelling.quality.ratings import Ratings
from labelling.quality.span_agreement import MarkedText, character_f1, word_alpha


@dataclass(frozen=True, slots=True)
class QuestionAgreement:
    """One question. `alpha` is the figure to read; the others stand beside it.

    `alpha` is nominal, ordinal for severity, and MASI for sets of labels, where `kappa`, `ac1` and `raw` are
    None. `positive` is there for yes-or-no questions, `cohorts` where two or more cohorts answered; severity
    there has interval distances, which do not change with who answers.
    """

    question: str
    alpha: Figure
    kappa: Figure | None
    ac1: Figure | None
    raw: Figure | None
    positive: Figure | None
    cohorts: CohortAgreement | None

    @property
    def reading(self) -> str:
        """`reliable`, `tentative conclusions only`, `not reliable`, or why there is no figure."""
        return reading(self.alpha)


@dataclass(frozen=True, slots=True)
class VersionAgreement:
    """The labels made under one version of the codebook; times are UTC."""

    codebook: str
    codebook_sha256: str
    first_labelled_at: datetime
    last_labelled_at: datetime
    labels: int
    questions: dict[str, QuestionAgreement]


@dataclass(frozen=True, slots=True)
class VersionChange:
    """What a new version did to alpha, question by question; None where either version has no alpha."""

    before: str
    after: str
    alphas: dict[str, Change | None]


@dataclass(frozen=True, slots=True)
class AgreementReport:
    """Agreement over all versions together, each version by itself, and what each change did.

    `labels` are those counted; `superseded` are older labels of an annotator for the same text, `assisted`
    those left out because a suggestion had been seen.
    """

    labels: int
    texts: int
    annotators: int
    superseded: int
    assisted: int
    questions: dict[str, QuestionAgreement]
    marked_words: Figure
    marked_characters: Figure
    versions: tuple[VersionAgreement, ...]
    changes: tuple[VersionChange, ...]


def agreement_report(
    entries: Iterable[LabelEntry], *, draws: int = DRAWS, seed: int = SEED
) -> AgreementReport:
    """The report on these labels; of several labels of an annotator for one text the newest counts.

    Versions stand in the order of their first label. A text labelled under two versions counts in both, which
    makes the interval of the change wider than need be.

    Raises: BadInput as `ratings_of` does.
    """
    given = list(entries)
    independent = [entry for entry in given if not entry.assisted]
    counted = latest(independent)
    questions = questions_of(independent)
    versions, changes = _versions(latest(independent, per_codebook=True), questions, draws, seed)
    marked = _marked(counted)
    return AgreementReport(
        labels=len(counted),
        texts=len({entry.text for entry in counted}),
        annotators=len({entry.annotator for entry in counted}),
        superseded=len(independent) - len(counted),
        assisted=len(given) - len(independent),
        questions={question.name: _agreement(counted, question, draws, seed)[0] for question in questions},
        marked_words=word_alpha(marked, draws=draws, seed=seed),
        marked_characters=character_f1(marked, draws=draws, seed=seed),
        versions=versions,
        changes=changes,
    )


def _versions(
    entries: Sequence[LabelEntry], questions: Sequence[Question], draws: int, seed: int
) -> tuple[tuple[VersionAgreement, ...], tuple[VersionChange, ...]]:
    by_version: dict[str, list[LabelEntry]] = {}
    for entry in entries:  # oldest first
        by_version.setdefault(entry.codebook_sha256, []).append(entry)
    versions, changes = [], []
    before: tuple[str, dict[str, Drawn]] | None = None
    for number, (sha256, own) in enumerate(by_version.items(), start=1):
        # A seed of its own: draws of two versions from one seed would move together.
        found = {question.name: _agreement(own, question, draws, seed + number) for question in questions}
        alphas = {name: drawn for name, (_, drawn) in found.items()}
        agreements = {name: agreement for name, (agreement, _) in found.items()}
        ends = own[0].labelled_at, own[-1].labelled_at
        versions.append(VersionAgreement(own[0].codebook, sha256, *ends, len(own), agreements))
        if before is not None:
            moved = {name: change(before[1][name], alphas[name]) for name in alphas}
            changes.append(VersionChange(before[0], own[0].codebook, moved))
        before = own[0].codebook, alphas
    return tuple(versions), tuple(changes)


def _agreement(
    entries: Sequence[LabelEntry], question: Question, draws: int, seed: int
) -> tuple[QuestionAgreement, Drawn]:
    if question.scale == "label_set":
        drawn = label_set_alpha(*set_ratings_for(entries, question), draws=draws, seed=seed)
        return QuestionAgreement(question.name, drawn.figure, None, None, None, None, None), drawn
    ratings = ratings_for(entries, question)
    drawn = drawn_alpha(
        ratings, "ordinal" if question.scale == "ordinal" else "nominal", draws=draws, seed=seed
    )
    is_binary = question.scale == "binary"
    agreement = QuestionAgreement(
        question=question.name,
        alpha=drawn.figure,
        kappa=fleiss_kappa(ratings, draws=draws, seed=seed),
        ac1=gwet_ac1(ratings, draws=draws, seed=seed),
        raw=raw_agreement(ratings, draws=draws, seed=seed),
        positive=positive_agreement(ratings, draws=draws, seed=seed) if is_binary else None,
        cohorts=_cohorts(entries, question, ratings, draws, seed),
    )
    return agreement, drawn


def _cohorts(
    entries: Sequence[LabelEntry], question: Question, ratings: Ratings, draws: int, seed: int
) -> CohortAgreement | None:
    cohorts = {entry.annotator: entry.cohort for entry in entries if entry.cohort is not None}
    if len(set(cohorts.values())) < 2:
        return None
    level: FixedLevel = "interval" if question.scale == "ordinal" else "nominal"
    return cohort_agreement(ratings, cohorts, level, draws=draws, seed=seed)


def _marked(entries: Sequence[LabelEntry]) -> list[MarkedText]:
    words: dict[str, str] = {}
    marks: dict[str, dict[str, tuple[tuple[int, int], ...] | None]] = {}
    for entry in entries:
        if entry.words is not None and entry.spans:
            words[entry.text] = entry.words
            marks.setdefault(entry.text, {})[entry.annotator] = entry.spans
    return [MarkedText(words[text], marks[text]) for text in sorted(words)]
