"""What a reader says, checked against the data in force: outcomes, codebook, law, and what each asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from model.errors import BadInput
from model.normalise import check_text
from model.taxonomy import SEVERITIES, STRAND_ORDER
from serve.cases.outcomes import Outcome
from serve.hub import Hub
from serve.storage.tables import Case, CasePost, Post

MAX_REASON_CHARACTERS = 5_000
CONFIDENCES = ("high", "medium", "low")


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a reader says, as it came in."""

    outcome: str
    outcome_detail: str | None = None
    strands: Sequence[str] = ()
    codes: Sequence[str] = ()
    severity: object = None
    speech_act: str | None = None
    context_flags: Sequence[str] = ()
    confidence: str = "high"
    standard: str | None = None
    law: Sequence[Mapping[str, Any]] = field(default=())
    proportionality: str = ""
    reason: str = ""
    saw_scores: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedJudgement:
    """The same, as the data in force spells it."""

    outcome: str
    outcome_detail: str | None
    strands: list[str]
    codes: list[str]
    severity: int
    speech_act: str | None
    context_flags: list[str]
    confidence: str
    standard: str | None
    law: list[dict[str, Any]]
    proportionality: str
    reason: str
    saw_scores: bool


def check_said(session: Session, hub: Hub, case: Case, said: Said, now: datetime) -> CheckedJudgement:
    """What the reader said, every field checked, and everything there that its outcome asks for.

    Raises: BadInput naming the field.
    """
    today = now.astimezone(UTC).date()
    code, detail = hub.outcomes.choose(said.outcome, said.outcome_detail, on=today)
    outcome = next(one for one in hub.outcomes.in_force(today) if one.code == code)
    strands = check_strands(said.strands)
    severity = check_severity(said.severity)
    if said.confidence not in CONFIDENCES:
        raise BadInput(f"confidence: one of {', '.join(CONFIDENCES)}", field="confidence")
    law = hub.law.ticked(said.law, on=day_posted(session, case, today)) if said.law else []
    proportionality = (
        check_written("proportionality", said.proportionality) if said.proportionality.strip() else ""
    )
    _check_wanted(outcome, severity, law, proportionality)
    return CheckedJudgement(
        outcome=code,
        outcome_detail=detail,
        strands=strands,
        codes=hub.codes.check_codes(said.codes, strands),
        severity=severity,
        speech_act=hub.codes.check_speech_act(said.speech_act),
        context_flags=hub.codes.check_flags(said.context_flags),
        confidence=said.confidence,
        standard=hub.law.standard(said.standard),
        law=law,
        proportionality=proportionality,
        reason=check_reason(said.reason),
        saw_scores=said.saw_scores,
    )


def _check_wanted(outcome: Outcome, severity: int, law: Sequence[Any], proportionality: str) -> None:
    if outcome.wants_law and not any(entry["met"] for entry in law):
        raise BadInput("law: tick the elements that are met of one provision at least", field="law")
    if outcome.wants_proportionality(severity) and not proportionality:
        raise BadInput(
            "proportionality: say why this is proportionate and what free expression weighs",
            field="proportionality",
        )


def check_strands(strands: Sequence[str]) -> list[str]:
    """The strands once each, in STRAND_ORDER; an empty list says that none applies.

    Raises: BadInput.
    """
    if any(strand not in STRAND_ORDER for strand in strands):
        raise BadInput(f"strands: each one of {', '.join(STRAND_ORDER)}", field="strands")
    return [strand for strand in STRAND_ORDER if strand in strands]


def check_severity(severity: object) -> int:
    """The severity as a number; `S3`, `s3` and 3 say the same.

    Raises: BadInput.

    >>> check_severity("s3"), check_severity("S0"), check_severity(4)
    (3, 0, 4)
    """
    spelled = {f"S{number}": number for number in SEVERITIES}
    if isinstance(severity, str) and severity.upper() in spelled:
        return spelled[severity.upper()]
    if type(severity) is int and severity in SEVERITIES:  # a bool is an int to isinstance
        return severity
    raise BadInput("severity: 0 to 4, or S0 to S4", field="severity")


def check_reason(reason: str) -> str:
    """The written reason, unless it is blank, too long or not clean text.

    Raises: BadInput (also as NotText, TextEmpty) with the field `reason`.
    """
    return check_written("reason", reason)


def check_written(name: str, text: str, *, longest: int = MAX_REASON_CHARACTERS) -> str:
    """The text of that field, unless it is blank, too long or not clean text.

    Raises: BadInput (also as NotText, TextEmpty) naming the field.
    """
    try:
        checked = check_text(text)
    except BadInput as fault:
        raise type(fault)(f"{name}: {fault.message.removeprefix('text: ')}", field=name) from None
    if len(checked) > longest:
        raise BadInput(f"{name}: at most {longest:,} characters", field=name)
    return checked


def day_posted(session: Session, case: Case, today: date) -> date:
    """The day of the first post of the case: the law is that of the day it was published."""
    posted = session.scalar(
        select(func.min(func.coalesce(Post.posted_at, Post.received_at)))
        .join(CasePost, CasePost.post_id == Post.post_id)
        .where(CasePost.case_id == case.case_id)
    )
    return today if posted is None else posted.astimezone(UTC).date()
