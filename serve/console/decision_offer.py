"""What the decision form offers on a case, from the data in force, and what it still misses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final, Literal

from sqlalchemy.orm import Session

from model.taxonomy import SEVERITIES, STRAND_ORDER
from serve.cases.codes import Code, Flag, JudgementCodes
from serve.cases.law import LawCatalogue, Provision, Standard
from serve.cases.outcomes import Detail, Outcome
from serve.cases.said import CONFIDENCES, day_posted
from serve.console.decision_form import MET, DecisionForm, law_entries
from serve.console.form_errors import FormError
from serve.console.keys import STRAND_KEYS
from serve.console.plain_words import strand_words
from serve.console.severities import SeverityScale
from serve.hub import Hub
from serve.storage.tables import Case

Weighs = Literal["always", "with_severity", "never"]

CONFIDENCE_WORDS: Final = {
    "high": "Sure",
    "medium": "Fairly sure",
    "low": "Not sure: somebody else reads it too",
}


@dataclass(frozen=True, slots=True)
class Choice:
    """An outcome as the page offers it, with the letter that chooses it and what it asks for."""

    code: str
    title: str
    meaning: str
    key: str
    details: tuple[Detail, ...]
    wants_law: bool
    weighs: Weighs

    @property
    def detail_id(self) -> str:
        """Name and id of the list of details."""
        return f"detail-{self.code}"


@dataclass(frozen=True, slots=True)
class StrandOffered:
    """A strand with its letter and its codes of the codebook."""

    value: str
    title: str
    key: str
    codes: tuple[Code, ...]


@dataclass(frozen=True, slots=True)
class Offer:
    """Everything that a judgement of one case may name."""

    choices: tuple[Choice, ...]
    strands: tuple[StrandOffered, ...]
    scale: SeverityScale
    speech_acts: tuple[Flag, ...]
    context_flags: tuple[Flag, ...]
    confidences: tuple[tuple[str, str], ...]
    standards: tuple[Standard, ...]
    provisions: tuple[Provision, ...]
    law_day: date
    """The day whose law it is: that of the post."""

    def choice(self, code: str) -> Choice | None:
        """The outcome with this code, if it is offered."""
        return next((choice for choice in self.choices if choice.code == code), None)


def offer_for(session: Session, hub: Hub, scale: SeverityScale, case: Case, now: datetime) -> Offer:
    """What may be said of the case today: outcomes of today, the law of the day on which it was posted."""
    today = now.astimezone(UTC).date()
    posted = day_posted(session, case, today)
    return offered(hub.outcomes.in_force(today), hub.codes, hub.law, scale, posted)


def offered(
    outcomes: Sequence[Outcome], codes: JudgementCodes, law: LawCatalogue, scale: SeverityScale, posted: date
) -> Offer:
    """The same from the data itself."""
    return Offer(
        choices=tuple(choice_of(outcome) for outcome in outcomes),
        strands=tuple(_strand(codes, value, key) for value, key in STRAND_KEYS),
        scale=scale,
        speech_acts=codes.speech_acts,
        context_flags=codes.context_flags,
        confidences=tuple((value, CONFIDENCE_WORDS[value]) for value in CONFIDENCES),
        standards=law.standards,
        provisions=law.in_force(posted),
        law_day=posted,
    )


def choice_of(outcome: Outcome) -> Choice:
    """The outcome as the page offers it."""
    weighs: Weighs = "with_severity" if outcome.weighs_expression else "never"
    return Choice(
        outcome.code,
        outcome.title,
        outcome.meaning,
        outcome.key,
        outcome.details,
        outcome.wants_law,
        "always" if "proportionality" in outcome.needs else weighs,
    )


def missing(
    form: DecisionForm, offer: Offer, outcomes: Sequence[Outcome], *, covered: Sequence[str] = ()
) -> list[FormError]:
    """What has still to be read, chosen or written, in the order of the page; `covered` are ids of posts."""
    errors = []
    if covered:
        errors.append(FormError("Show every post before you decide", f"show-{covered[0]}"))
    chosen = next((outcome for outcome in outcomes if outcome.code == form.outcome), None)
    if chosen is None:
        errors.append(FormError("Choose an outcome", "outcome"))
    elif chosen.details and form.detail() not in {detail.code for detail in chosen.details}:
        errors.append(FormError(f"Choose why: {chosen.title.lower()}", f"detail-{chosen.code}"))
    if not set(form.strands) <= set(STRAND_ORDER):
        errors.append(FormError("Choose strands from the list", "strands"))
    is_severe = form.severity in {str(value) for value in SEVERITIES}
    if not is_severe:
        errors.append(FormError("Choose how severe the message is", "severity"))
    errors += _missing_law(form, offer, chosen)
    wants_weighing = chosen is not None and is_severe and chosen.wants_proportionality(int(form.severity))
    if wants_weighing and not form.proportionality.strip():
        words = "Write why this is proportionate and what free expression weighs"
        errors.append(FormError(words, "proportionality"))
    if not form.reason.strip():
        errors.append(FormError("Write why you decided this", "reason"))
    for strand in offer.strands:
        if strand.value not in form.strands and {code.code for code in strand.codes} & set(form.codes):
            words = f"A code of “{strand.title}” is ticked: choose that strand too, or untick the code"
            errors.append(FormError(words, "strands"))
    return errors


def _missing_law(form: DecisionForm, offer: Offer, chosen: Outcome | None) -> list[FormError]:
    ticked = law_entries(form.law)
    if chosen is not None and chosen.wants_law and not any(entry[MET] for entry in ticked):
        return [FormError(f"Tick what is met of one provision at least: {chosen.title.lower()}", "law")]
    fits = {provision.id: set(provision.strands) for provision in offer.provisions}
    for entry in ticked:
        if not fits.get(entry["id"], set()) & set(form.strands):
            return [FormError("Choose a strand that the ticked provision can apply to", "strands")]
    return []


def _strand(codes: JudgementCodes, value: str, key: str) -> StrandOffered:
    known = {strand.value: strand.codes for strand in codes.strands}
    words = strand_words(value)
    return StrandOffered(value, words[:1].upper() + words[1:], key, known.get(value, ()))
