"""The decision form: what it offers, what was typed into it, and what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Final

from fastapi import Depends, Request
from starlette.datastructures import FormData

from model.errors import BadConfig
from model.taxonomy import SEVERITIES, STRAND_ORDER
from serve.cases.outcomes import Detail, Outcome, OutcomeCatalogue
from serve.console.form_errors import FormError

STRAND_KEYS: Final = (("antisemitic", "a"), ("islamophobic", "i"), ("far_right", "f"))
OTHER_KEYS: Final = frozenset("nrpe") | {key for _, key in STRAND_KEYS}
"""Letters that the page uses for something else: next, reveal, put back, write the reason."""


@dataclass(frozen=True, slots=True)
class Choice:
    """An outcome as the page offers it, with the letter that chooses it."""

    code: str
    title: str
    meaning: str
    key: str
    details: tuple[Detail, ...]

    @property
    def detail_id(self) -> str:
        """Name and id of the list of details."""
        return f"detail-{self.code}"


@dataclass(frozen=True, slots=True)
class DecisionForm:
    """What the browser sent, as it was typed. Nothing is trusted yet."""

    lease_number: int = 0
    outcome: str = ""
    details: dict[str, str] = field(default_factory=dict)
    strands: tuple[str, ...] = ()
    severity: str = ""
    reason: str = ""
    revealed: frozenset[str] = frozenset()
    errors: tuple[FormError, ...] = ()

    def has_error(self, name: str) -> bool:
        """Whether the error summary leads to this field."""
        return any(error.field == name for error in self.errors)

    def detail(self) -> str | None:
        """The detail chosen for the chosen outcome, if any; those of other outcomes do not count."""
        return self.details.get(self.outcome) or None

    def with_errors(self, errors: Sequence[FormError]) -> DecisionForm:
        """The same form with these errors above it."""
        return replace(self, errors=tuple(errors))


def choices(outcomes: Sequence[Outcome]) -> list[Choice]:
    """The outcomes in order, as the page offers them."""
    return [
        Choice(outcome.code, outcome.title, outcome.meaning, outcome.key, outcome.details)
        for outcome in outcomes
    ]


def check_keys(catalogue: OutcomeCatalogue) -> None:
    """Passes a catalogue whose letters do not clash with those of the page.

    Raises: BadConfig, naming every outcome that does.
    """
    clashes = [
        f"{profile.name}: {outcome.code}: {outcome.key}"
        for profile in catalogue.profiles
        for outcome in profile.outcomes
        if outcome.key in OTHER_KEYS
    ]
    if clashes:
        raise BadConfig(f"outcomes: the console needs these keys itself: {'; '.join(clashes)}")


async def typed_decision(request: Request) -> DecisionForm:
    """What was typed into the decision form; a dependency of every POST that carries it."""
    form = await request.form()
    lease = _typed(form, "lease")
    details = {
        name.removeprefix("detail-"): value
        for name, value in form.multi_items()
        if name.startswith("detail-") and isinstance(value, str)
    }
    return DecisionForm(
        # Nine digits: more can be no lease of ours, and `int` of a very long string is slow.
        lease_number=int(lease) if lease.isascii() and lease.isdigit() and len(lease) < 10 else 0,
        outcome=_typed(form, "outcome"),
        details=details,
        strands=tuple(value for value in form.getlist("strands") if isinstance(value, str)),
        severity=_typed(form, "severity"),
        reason=_typed(form, "reason"),
        revealed=frozenset(value for value in form.getlist("revealed") if isinstance(value, str)),
    )


async def keep_reason(request: Request, form: Annotated[DecisionForm, Depends(typed_decision)]) -> None:
    """A dependency: a page that refuses this request shows the written reason, so that it can be copied."""
    request.state.typed_reason = form.reason


def missing(form: DecisionForm, offered: Sequence[Choice], *, covered: Sequence[str] = ()) -> list[FormError]:
    """What has still to be read, chosen or written, in the order of the page; `covered` are ids of posts."""
    errors = []
    if covered:
        errors.append(FormError("Show every post before you decide", f"show-{covered[0]}"))
    chosen = next((choice for choice in offered if choice.code == form.outcome), None)
    if chosen is None:
        errors.append(FormError("Choose an outcome", "outcome"))
    elif chosen.details and form.detail() not in {detail.code for detail in chosen.details}:
        errors.append(FormError(f"Choose why: {chosen.title.lower()}", chosen.detail_id))
    if not set(form.strands) <= set(STRAND_ORDER):
        errors.append(FormError("Choose strands from the list", "strands"))
    if form.severity not in {str(value) for value in SEVERITIES}:
        errors.append(FormError("Choose how severe the message is", "severity"))
    if not form.reason.strip():
        errors.append(FormError("Write why you decided this", "reason"))
    return errors


def _typed(form: FormData, name: str) -> str:
    value = form.get(name)
    return value if isinstance(value, str) else ""
