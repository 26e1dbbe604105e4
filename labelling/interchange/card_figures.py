"""The figures of a data card: who labelled what, how it was sampled, what came out. Counted in one pass."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime

from labelling.interchange.annotations import Annotation, Labelled
from model.taxonomy import STRAND_ORDER

NOBODY = "not told"
"""Stands in the place of a person, cohort, reason or codebook that the labels do not name."""


@dataclass(slots=True)
class Sampled:
    """The labels with one reason for being sampled, and what is known of the chance that they had."""

    labels: int = 0
    without_probability: int = 0
    least: float = 1.0
    most: float = 0.0

    def add(self, probability: float | None) -> None:
        """Counts one label."""
        self.labels += 1
        if probability is None:
            self.without_probability += 1
        else:
            self.least, self.most = min(self.least, probability), max(self.most, probability)


@dataclass(slots=True)
class Asked:
    """How many were asked a question, and how many said yes."""

    asked: int = 0
    yes: int = 0

    def add(self, answer: bool | None) -> None:
        """Counts one answer; None was not asked."""
        self.asked += answer is not None
        self.yes += answer is True


@dataclass(slots=True)
class Figures:
    """What a data card tells in numbers. `labels` leaves out what was skipped."""

    items: int = 0
    labels: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    predictions: Counter[str] = field(default_factory=Counter)
    labels_an_item: Counter[int] = field(default_factory=Counter)
    annotators: Counter[str] = field(default_factory=Counter)
    cohorts: Counter[str] = field(default_factory=Counter)
    people_of_cohort: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    hate_of_cohort: defaultdict[str, Asked] = field(default_factory=lambda: defaultdict(Asked))
    codebooks: Counter[tuple[str, str]] = field(default_factory=Counter)
    profiles: Counter[str] = field(default_factory=Counter)
    samples: defaultdict[str, Sampled] = field(default_factory=lambda: defaultdict(Sampled))
    heads: dict[str, Asked] = field(
        default_factory=lambda: {head: Asked() for head in ("hate", *STRAND_ORDER)}
    )
    severities: Counter[int | None] = field(default_factory=Counter)
    speech_acts: Counter[str | None] = field(default_factory=Counter)
    assisted: Counter[str] = field(default_factory=Counter)
    with_rationale: int = 0
    disagreed: int = 0
    gold: int = 0
    first_at: datetime | None = None
    last_at: datetime | None = None

    def add(self, labelled: Labelled) -> None:
        """Counts one item with its labels and predictions."""
        self.items += 1
        answered = [one for one in labelled.annotations if one.skipped_because is None]
        self.skipped.update(
            one.skipped_because for one in labelled.annotations if one.skipped_because is not None
        )
        self.predictions.update(one.bundle_id for one in labelled.predictions)
        self.labels_an_item[len(answered)] += 1
        for one in answered:
            self._add_label(one)

    def _add_label(self, one: Annotation) -> None:
        self.labels += 1
        person, cohort = one.annotator or NOBODY, one.cohort or NOBODY
        self.annotators[person] += 1
        self.cohorts[cohort] += 1
        self.people_of_cohort[cohort].add(person)
        self.hate_of_cohort[cohort].add(one.hate)
        self.codebooks[one.codebook or NOBODY, one.codebook_sha256 or NOBODY] += 1
        self.profiles.update(one.definition_profiles)
        self.samples[one.sample_reason or NOBODY].add(one.inclusion_probability)
        self.heads["hate"].add(one.hate)
        for strand in STRAND_ORDER:
            self.heads[strand].add(one.strand_answer(strand))
        self.severities[one.severity] += 1
        self.speech_acts[one.speech_act] += 1
        self.assisted[one.assisted] += 1
        self.with_rationale += bool(one.rationale)
        self.disagreed += one.personal_disagree is True
        self.gold += one.ground_truth
        if one.labelled_at is not None:
            self.first_at = min(one.labelled_at, self.first_at or one.labelled_at)
            self.last_at = max(one.labelled_at, self.last_at or one.labelled_at)

    @property
    def people(self) -> int:
        """How many pseudonyms there are."""
        return len(self.annotators.keys() - {NOBODY})
