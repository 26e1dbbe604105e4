"""What the desk's form sends, as answers; and the codebook that it is asked by."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Form, Request

from labelling.codebook import Codebook
from labelling.desk import spans_from_form
from labelling.labels import Answers
from serve.storage.tables import LabelRow

LONGEST_SECONDS: Final = 86_400.0
"""More than a day at one text is a page that was left open: nothing is known then."""

LeaseNumber = Annotated[int, Form(ge=0, le=2**31 - 1, description="what the databases' column can hold")]


@dataclass(frozen=True, slots=True)
class DeskForm:
    """What the desk's form sends. Every field may be missing: the defaults are a neutral post's answers.

    `seconds` is how long the text was uncovered, as the page's script counted it; None without one.
    """

    lease: int
    answers: Answers
    seconds: float | None


def desk_form(
    lease: LeaseNumber = 0,
    strands: Annotated[list[str] | None, Form()] = None,
    codes: Annotated[list[str] | None, Form()] = None,
    severity: Annotated[int, Form()] = 0,
    speech_act: Annotated[str, Form()] = "neutral",
    context_flags: Annotated[list[str] | None, Form()] = None,
    confidence: Annotated[str, Form()] = "",
    disagrees: Annotated[str, Form()] = "",
    disagreement: Annotated[str, Form()] = "",
    rationale: Annotated[str, Form()] = "",
    note: Annotated[str, Form()] = "",
    seconds: Annotated[str, Form(max_length=40)] = "",
) -> DeskForm:
    """The desk's form as answers. Raises: BadInput for marks that cannot be read."""
    answers = Answers(
        strands=tuple(strands or ()),
        severity=severity,
        speech_act=speech_act,
        rationale=spans_from_form(rationale),
        note=note,
        codes=tuple(codes or ()),
        context_flags=tuple(context_flags or ()),
        confidence=confidence or None,
        disagrees=bool(disagrees),
        # What stands in a folded box counts only while the box is ticked.
        disagreement=disagreement if disagrees and disagreement.strip() else None,
    )
    return DeskForm(lease, answers, _seconds(seconds))


def _seconds(value: str) -> float | None:
    try:
        seconds = float(value)
    except ValueError:
        return None
    return round(seconds, 1) if math.isfinite(seconds) and 0 <= seconds <= LONGEST_SECONDS else None


def answers_of(label: LabelRow) -> Answers:
    """What a label says, as the form shows it again."""
    return Answers(
        strands=tuple(label.strands),
        severity=label.severity or 0,
        speech_act=label.speech_act or "neutral",
        rationale=[(start, end) for start, end in label.rationale],
        note=label.note,
        codes=tuple(label.codes),
        context_flags=tuple(label.context_flags),
        confidence=label.confidence,
        disagrees=label.disagrees,
        disagreement=label.disagreement,
    )


def codebook_of(request: Request) -> Codebook:
    """The codebook that this hub labels by."""
    codebook: Codebook = request.app.state.codebook
    return codebook
