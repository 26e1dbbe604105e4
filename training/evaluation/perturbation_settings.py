"""What `configs/evaluation/perturbations.yaml` holds: strengths, sizes of samples, dated coded terms."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from model.configuration import FrozenConfig, configs_folder, load_yaml
from model.errors import BadConfig
from model.taxonomy import Strand
from training.suites.clauses import load_clauses

Strength = Annotated[float, Field(gt=0, le=1)]
Words = Annotated[str, Field(min_length=1)]

MOST_TEXTS = 200
"""Texts of one point of a curve, so that an endpoint which is asked text by text can still be measured."""


class Group(FrozenConfig):
    """The plain words for those whom coded terms stand for, and the strand whose clauses their terms meet."""

    name: Words
    strand: Strand
    words: tuple[Words, ...] = Field(min_length=1)


class TermSource(FrozenConfig):
    """Who says that the term stands for the group, and when."""

    name: Words
    date: Words
    verify: bool = False


class CodedTerm(FrozenConfig):
    """A code for a group: its form for each plain word, and the clause of the codebook that its use meets."""

    term: Words
    group: Words
    clause: Words
    forms: Mapping[Words, Words] = Field(min_length=1)
    source: TermSource


class PerturbationSettings(FrozenConfig):
    """How strongly posts are changed, how many of them, and which coded terms are tried."""

    version: int
    valid_from: date
    strengths: tuple[Strength, ...] = Field(min_length=1)
    hateful_posts: int = Field(gt=0)
    harmless_posts: int = Field(gt=0)
    seed: int
    codebook: Words
    groups: tuple[Group, ...]
    terms: tuple[CodedTerm, ...]

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        if list(self.strengths) != sorted(set(self.strengths)):
            raise ValueError("strengths must rise")
        if self.hateful_posts + self.harmless_posts > MOST_TEXTS:
            raise ValueError(f"hateful_posts and harmless_posts are more than {MOST_TEXTS} together")
        if len({group.name for group in self.groups}) < len(self.groups):
            raise ValueError("a group stands twice")
        if len({term.term for term in self.terms}) < len(self.terms):
            raise ValueError("a term stands twice")
        words = {group.name: set(group.words) for group in self.groups}
        for term in self.terms:
            if term.group not in words:
                raise ValueError(f"terms: {term.term}: its group is not among the groups")
            if not set(term.forms) <= words[term.group]:
                raise ValueError(f"terms: {term.term}: a form is not for a word of its group")
        return self

    def group_of(self, term: CodedTerm) -> Group:
        """The group that the term stands for."""
        return next(group for group in self.groups if group.name == term.group)


def load_perturbation_settings(path: Path | None = None) -> PerturbationSettings:
    """The settings that ship, or another file's.

    Raises: BadConfig, also for a clause that the codebook does not have in the strand of the term's group.
    """
    path = path or configs_folder() / "evaluation" / "perturbations.yaml"
    settings, _ = load_yaml(path, PerturbationSettings)
    codebook = load_clauses(settings.codebook)
    if codebook is None:
        raise BadConfig(f"{path}: codebook: no such version in configs/codebook")
    codes = {part.value: {clause.code for clause in part.codes} for part in codebook.strands}
    for term in settings.terms:
        if term.clause not in codes[settings.group_of(term).strand]:
            raise BadConfig(f"{path}: terms: {term.term}: clause is not one of its strand in the codebook")
    return settings


def any_of(words: tuple[str, ...]) -> re.Pattern[str]:
    """One expression that finds any of the words, whole and in any case; longer ones are tried first."""
    ordered = sorted(words, key=len, reverse=True)
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, ordered))})(?!\w)", re.IGNORECASE)
