"""The decision form as the browser sent it, as a draft keeps it, and as a judgement takes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Final

from fastapi import Depends, Request
from starlette.datastructures import FormData

from serve.cases.said import Said
from serve.console.form_errors import FormError

MET, MISSING = "met", "missing"
MOST_TICKS: Final = 200
"""Elements of provisions that a form is read for; the whole catalogue has far fewer."""


@dataclass(frozen=True, slots=True)
class DecisionForm:
    """What was typed and ticked. Nothing is trusted yet.

    `details`: by outcome. `law`: by provision, then by element: met or missing.
    """

    lease_number: int = 0
    outcome: str = ""
    details: Mapping[str, str] = field(default_factory=dict)
    strands: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    severity: str = ""
    speech_act: str = ""
    context_flags: tuple[str, ...] = ()
    confidence: str = "high"
    standard: str = ""
    law: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    proportionality: str = ""
    reason: str = ""
    note: str = ""
    """What was typed into the box for notes beside the form."""
    revealed: frozenset[str] = frozenset()
    errors: tuple[FormError, ...] = ()
    is_kept: bool = False
    """Whether all of it is in a draft, so that nothing is lost when the page is left."""

    def has_error(self, name: str) -> bool:
        """Whether the error summary leads to this field."""
        return any(error.field == name for error in self.errors)

    def detail(self) -> str | None:
        """The detail chosen for the chosen outcome, if any; those of other outcomes do not count."""
        return self.details.get(self.outcome) or None

    def with_errors(self, errors: Sequence[FormError]) -> DecisionForm:
        """The same form with these errors above it."""
        return replace(self, errors=tuple(errors))

    @property
    def says_more(self) -> bool:
        """Whether something of the folded part was said."""
        return bool(
            self.codes or self.speech_act or self.context_flags or self.standard or self.confidence != "high"
        )

    @property
    def is_begun(self) -> bool:
        """Whether anything was typed or chosen that is worth keeping."""
        chosen = (self.outcome, self.severity, self.strands, self.law, any(self.details.values()))
        written = (self.reason, self.proportionality, self.note)
        return self.says_more or any(chosen) or any(words.strip() for words in written)

    def said(self, *, saw_scores: bool) -> Said:
        """What the reader says, for `judging.judge`; `severity` must be a number by then."""
        return Said(
            outcome=self.outcome,
            outcome_detail=self.detail(),
            strands=self.strands,
            codes=self.codes,
            severity=int(self.severity),
            speech_act=self.speech_act or None,
            context_flags=self.context_flags,
            confidence=self.confidence,
            standard=self.standard or None,
            law=law_entries(self.law),
            proportionality=self.proportionality,
            reason=self.reason,
            saw_scores=saw_scores,
        )

    def content(self) -> dict[str, Any]:
        """The form as a draft keeps it: what `/v1/cases/{case_id}/decisions` takes, and the note."""
        return {
            "outcome": self.outcome,
            "outcome_detail": self.detail(),
            "strands": list(self.strands),
            "codes": list(self.codes),
            "severity": self.severity,
            "speech_act": self.speech_act,
            "context_flags": list(self.context_flags),
            "confidence": self.confidence,
            "standard": self.standard,
            "law": law_entries(self.law),
            "proportionality": self.proportionality,
            "reason": self.reason,
            "note": self.note,
        }


def form_of_draft(content: Mapping[str, Any], *, lease_number: int) -> DecisionForm:
    """The form with what a draft holds, a console's or a tool's; what is of another shape is left out."""
    outcome, detail = _text(content, "outcome").lower(), _text(content, "outcome_detail").lower()
    severity = str(content.get("severity", "")).upper().removeprefix("S")
    law: dict[str, dict[str, str]] = {}
    for entry in content.get("law") or ():
        ticks = dict.fromkeys(entry.get(MET) or (), MET) | dict.fromkeys(entry.get(MISSING) or (), MISSING)
        law[str(entry.get("id"))] = ticks
    return DecisionForm(
        lease_number=lease_number,
        outcome=outcome,
        details={outcome: detail} if outcome and detail else {},
        strands=tuple(content.get("strands") or ()),
        codes=tuple(content.get("codes") or ()),
        severity=severity,
        speech_act=_text(content, "speech_act"),
        context_flags=tuple(content.get("context_flags") or ()),
        confidence=_text(content, "confidence") or "high",
        standard=_text(content, "standard"),
        law=law,
        proportionality=_text(content, "proportionality"),
        reason=_text(content, "reason"),
        note=_text(content, "note"),
        is_kept=True,
    )


async def typed_decision(request: Request) -> DecisionForm:
    """What was typed into the decision form; a dependency of every POST that carries it."""
    form = await request.form()
    details = {
        name.removeprefix("detail-"): value
        for name, value in form.multi_items()
        if name.startswith("detail-") and isinstance(value, str)
    }
    return DecisionForm(
        lease_number=typed_lease(form),
        outcome=typed(form, "outcome"),
        details=details,
        strands=ticked(form, "strands"),
        codes=ticked(form, "codes"),
        severity=typed(form, "severity"),
        speech_act=typed(form, "speech_act"),
        context_flags=ticked(form, "context_flags"),
        confidence=typed(form, "confidence") or "high",
        standard=typed(form, "standard"),
        law=_typed_law(form),
        proportionality=typed(form, "proportionality"),
        reason=typed(form, "reason"),
        note=typed(form, "note"),
        revealed=frozenset(ticked(form, "revealed")),
    )


async def keep_reason(request: Request, form: Annotated[DecisionForm, Depends(typed_decision)]) -> None:
    """A dependency: a page that refuses this request shows the written reason, so that it can be copied."""
    request.state.typed_reason = form.reason


def typed(form: FormData, name: str) -> str:
    """What was typed into a field; empty if the form does not have it."""
    value = form.get(name)
    return value if isinstance(value, str) else ""


def ticked(form: FormData, name: str) -> tuple[str, ...]:
    """The values of a field that may come more than once, in the order of the form."""
    return tuple(value for value in form.getlist(name) if isinstance(value, str))


def typed_lease(form: FormData) -> int:
    """The number of the lease that came with a form; 0, which nobody holds, if there is none."""
    lease = typed(form, "lease")
    # Nine digits: more can be no lease of ours, and `int` of a very long string is slow.
    return int(lease) if lease.isascii() and lease.isdigit() and len(lease) < 10 else 0


def law_entries(law: Mapping[str, Mapping[str, str]]) -> list[dict[str, Any]]:
    """The ticks as a judgement takes them: `[{id, met: [...], missing: [...]}]`."""
    return [
        {
            "id": provision,
            MET: [element for element, tick in ticks.items() if tick == MET],
            MISSING: [element for element, tick in ticks.items() if tick == MISSING],
        }
        for provision, ticks in law.items()
        if any(tick in (MET, MISSING) for tick in ticks.values())
    ]


def _typed_law(form: FormData) -> dict[str, dict[str, str]]:
    """`law-POA29B-threatening=met`, for each element that was looked at."""
    law: dict[str, dict[str, str]] = {}
    for name, value in [one for one in form.multi_items() if one[0].startswith("law-")][:MOST_TICKS]:
        _, _, rest = name.partition("-")
        provision, _, element = rest.partition("-")
        if value in (MET, MISSING) and provision and element:
            law.setdefault(provision, {})[element] = str(value)
    return law


def _text(content: Mapping[str, Any], name: str) -> str:
    value = content.get(name)
    return value if isinstance(value, str) else ""
