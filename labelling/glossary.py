"""The glossary of coded terms: dated data, and how often each term means what the glossary says.

A term never sets a label. It says what may be worth reading and explains; what it is worth itself is measured
from labels. Source: DOMAIN.md section 3.4.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, model_validator
from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from labelling.sampling.pool import CodedTerm
from labelling.sampling.rules import CodedTermRules
from labelling.sampling.strategies import suspended
from model.configuration import FrozenConfig, configs_folder, load_yaml
from model.intervals import wilson
from model.normalise import normalise_text
from model.taxonomy import STRAND_ORDER
from serve.storage.tables import Adjudication, LabelRow, Task, TaskSlot, TermReview

Words = Annotated[str, Field(min_length=1)]
Status = Literal["live", "suspended", "past its review date"]

PAST: Final[Status] = "past its review date"


def _spelled(variant: str) -> str:
    """A spelling as a pattern: blanks may be any white space; a longer word is another word."""
    before = r"(?<!\w)" if re.match(r"\w", variant) else ""
    after = r"(?!\w)" if re.search(r"\w$", variant) else ""
    return before + r"\s+".join(re.escape(word) for word in variant.split()) + after


class GlossaryTerm(FrozenConfig):
    """One term, its spellings, what else it means. After `review_by` it brings nothing more."""

    term: Words
    variants: tuple[Words, ...] = Field(min_length=1)
    strand: str
    meaning: Words
    benign: tuple[Words, ...] = Field(min_length=1)
    first_seen: str = Field(pattern=r"^\d{4}(-\d{2}(-\d{2})?)?$")
    review_by: date
    needs_context: bool
    source: Words
    verify: bool = False

    @model_validator(mode="after")
    def _of_a_strand(self) -> GlossaryTerm:
        if self.strand not in STRAND_ORDER:
            raise ValueError(f"strand: one of {STRAND_ORDER}")
        return self

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile("|".join(_spelled(variant) for variant in self.variants), re.IGNORECASE)

    def stands_in(self, text: str) -> bool:
        """Whether a spelling of the term stands in the text, as it is or with disguises undone."""
        return any(self._pattern.search(form) for form in (text, normalise_text(text)))


class Glossary(FrozenConfig):
    """One version of the glossary."""

    schema_version: Literal[1]
    version: Words
    valid_from: date
    terms: tuple[GlossaryTerm, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _one_entry_each(self) -> Glossary:
        spelled = [variant.casefold() for term in self.terms for variant in term.variants]
        if len(spelled) != len(set(spelled)) or len({term.term for term in self.terms}) < len(self.terms):
            raise ValueError("terms: a term or a spelling stands twice")
        return self

    def terms_in(self, text: str) -> list[GlossaryTerm]:
        """The terms that stand in a text, in the glossary's order."""
        return [term for term in self.terms if term.stands_in(text)]


def load_glossary(path: Path | None = None) -> tuple[Glossary, str]:
    """The glossary of `configs/codebook/glossary.yaml`, or of another file, and its SHA-256. Raises:
    BadConfig."""
    return load_yaml(path or configs_folder() / "codebook" / "glossary.yaml", Glossary)


@dataclass(frozen=True, slots=True)
class MeasuredTerm:
    """A term and its reviews so far: texts whose labels are in, and those that are hate of its strand.

    `low` and `high` are Wilson's 95 % interval of the precision; the three are None before the first review.
    """

    term: GlossaryTerm
    reviews: int
    confirmed: int
    precision: float | None
    low: float | None
    high: float | None
    status: Status

    @property
    def coded(self) -> CodedTerm:
        """The term as the sampler takes it."""
        return CodedTerm(self.term.term, self.reviews, self.precision)


def measured_terms(
    session: Session, glossary: Glossary, rules: CodedTermRules, today: date
) -> list[MeasuredTerm]:
    """Every term with the precision that its reviews give it; a text counts once, by its newest review."""
    newest: dict[str, dict[str, bool]] = defaultdict(dict)
    query = (
        select(TermReview.term, Task.text_sha256, TermReview.confirmed)
        .join(Task, Task.task_id == TermReview.task_id)
        .order_by(TermReview.reviewed_at, TermReview.task_id)
    )
    for term, digest, confirmed in session.execute(query):
        newest[term][digest] = confirmed
    return [_measured(term, list(newest[term.term].values()), rules, today) for term in glossary.terms]


def _measured(term: GlossaryTerm, found: list[bool], rules: CodedTermRules, today: date) -> MeasuredTerm:
    reviews, confirmed = len(found), sum(found)
    precision = confirmed / reviews if reviews else None
    low, high = (None, None) if precision is None else wilson(precision, reviews)
    status: Status = "live"
    if term.review_by < today:
        status = PAST
    elif suspended(CodedTerm(term.term, reviews, precision), rules):
        status = "suspended"
    return MeasuredTerm(term, reviews, confirmed, precision, low, high, status)


def live_terms_in(text: str, measured: Sequence[MeasuredTerm]) -> tuple[CodedTerm, ...]:
    """The live terms that stand in a text, as a candidate of the sampler holds them."""
    return tuple(one.coded for one in measured if one.status == "live" and one.term.stands_in(text))


def review_terms(session: Session, glossary: Glossary, now: datetime) -> int:
    """Writes down, for each task whose labels are all in, whether each term in it meant hate; how many.

    The word of most annotators counts, an adjudicator's above theirs; a tie and a text that was only skipped
    are no review. What was reviewed once is not reviewed again.
    """
    unfinished = exists().where(TaskSlot.task_id == Task.task_id, TaskSlot.state.in_(("open", "leased")))
    done = {(term, task_id) for term, task_id in session.execute(select(TermReview.term, TermReview.task_id))}
    decided = {
        one.task_id: one
        for one in session.scalars(select(Adjudication).order_by(Adjudication.adjudicated_at))
    }
    labels: dict[str, list[LabelRow]] = defaultdict(list)
    standing = select(LabelRow).where(LabelRow.undone_at.is_(None), LabelRow.skipped_because.is_(None))
    for label in session.scalars(standing):
        labels[label.task_id].append(label)
    written = 0
    for task in session.scalars(select(Task).where(~unfinished).order_by(Task.task_id)):
        for term in glossary.terms_in(task.text):
            confirmed = _is_hate(term.strand, labels[task.task_id], decided.get(task.task_id))
            if confirmed is not None and (term.term, task.task_id) not in done:
                session.add(
                    TermReview(term=term.term, task_id=task.task_id, reviewed_at=now, confirmed=confirmed)
                )
                written += 1
    session.flush()
    return written


def _is_hate(strand: str, labels: list[LabelRow], decided: Adjudication | None) -> bool | None:
    if decided is not None and decided.hate is not None:
        return decided.hate and strand in decided.strands
    votes = [bool(label.hate and strand in label.strands) for label in labels if label.hate is not None]
    if 2 * sum(votes) == len(votes):
        return None
    return 2 * sum(votes) > len(votes)
