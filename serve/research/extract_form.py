"""What the form of an extract sends, and what may be asked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, Final

from fastapi import Form

from model.taxonomy import STRAND_ORDER
from serve.console.form_errors import FormError
from serve.research.extract import Asked, monday

PURPOSES: Final = {
    "bias_measurement": "Measuring the model's bias between groups",
    "model_comparison": "Comparing models or bundles",
    "policy_review": "Reviewing thresholds or the policy",
    "practice_review": "Reviewing how cases are decided",
    "publication": "Figures for a publication",
}
"""Why somebody takes an extract. Codes, because the audit log holds no free text."""

FORMATS: Final = {
    "summary": "Counts on a page",
    "csv": "CSV, for a spreadsheet or R",
    "jsonl": "JSONL, one object a line",
}
MAX_WEEKS: Final = 53
DEFAULT_WEEKS: Final = 4
_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ./_-]{2,59}")


@dataclass(frozen=True, slots=True)
class ExtractForm:
    """The fields as they came; any may be missing."""

    purpose: str
    reference: str
    first: str
    last: str
    strand: str
    given_as: str


def extract_form(
    purpose: Annotated[str, Form()] = "",
    reference: Annotated[str, Form()] = "",
    first: Annotated[str, Form()] = "",
    last: Annotated[str, Form()] = "",
    strand: Annotated[str, Form()] = "",
    given_as: Annotated[str, Form()] = "summary",
) -> ExtractForm:
    """A dependency: the form of an extract."""
    return ExtractForm(purpose, reference.strip(), first, last, strand, given_as)


def blank_form(today: date) -> ExtractForm:
    """The form as it opens: the last four weeks that have ended."""
    last = monday(today) - timedelta(days=1)
    first = monday(today) - timedelta(weeks=DEFAULT_WEEKS)
    return ExtractForm("", "", first.isoformat(), last.isoformat(), "", "summary")


def check_form(form: ExtractForm, today: date) -> tuple[Asked | None, list[FormError]]:
    """What is asked for, or every reason why it cannot be given.

    The period is widened to whole weeks, and every one must have ended: else the same question a day later
    would tell what one day added.
    """
    errors = []
    if form.purpose not in PURPOSES:
        errors.append(FormError("Say what the extract is for", "purpose"))
    if _REFERENCE.fullmatch(form.reference) is None:
        errors.append(
            FormError(
                "Give the reference of your project: 3 to 60 letters, digits, blanks, . / _ -", "reference"
            )
        )
    if form.strand and form.strand not in STRAND_ORDER:
        errors.append(FormError("Choose one of the strands", "strand"))
    if form.given_as not in FORMATS:
        errors.append(FormError("Choose how you want it", "given_as"))
    first, last = _day(form.first), _day(form.last)
    if first is None:
        errors.append(FormError("Give the first day as year-month-day", "first"))
    if last is None:
        errors.append(FormError("Give the last day as year-month-day", "last"))
    if first is not None and last is not None:
        errors += _check_period(first, last, today)
    if errors or first is None or last is None:
        return None, errors
    asked = Asked(
        form.purpose, form.reference, monday(first), monday(last), form.strand or None, form.given_as
    )
    return asked, []


def _check_period(first: date, last: date, today: date) -> list[FormError]:
    if last < first:
        return [FormError("The last day is before the first", "last")]
    if monday(last) >= monday(today):
        return [FormError("The week of the last day has not ended yet", "last")]
    if (monday(last) - monday(first)).days // 7 >= MAX_WEEKS:
        return [FormError(f"At most {MAX_WEEKS} weeks at a time", "first")]
    return []


def _day(value: str) -> date | None:
    try:
        day = date.fromisoformat(value) if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value) else None
    except ValueError:
        return None
    return day if day is not None and day.year >= 2000 else None
