"""In which order cases are claimed: a weight that ages, so that nothing waits for ever. Pure.

weight = severity units x probability x reports factor, and it doubles with every `doubling_hours` of
waiting. The order of two cases therefore never changes by itself, and one number says it:
`rank` = doubling hours x log2(weight) - the instant of arrival. Nothing is ever recomputed because time
passes, and the index on `rank` stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from math import log2
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints, model_validator

from model.configuration import FrozenConfig, configs_folder, load_yaml
from model.policy import Route
from model.taxonomy import SEVERITIES, STRAND_ORDER
from serve.cases.workflow.timers import TimerProfile, Unit

EPOCH: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""Ranks count from here: floats of seconds since 1970 would be coarser."""

SEVERAL, GENERAL = "several", "general"
QUEUES: Final = (GENERAL, *STRAND_ORDER, SEVERAL)
"""Whose skill a case needs: of one strand, of several, or nobody's in particular."""

Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Words = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
DueClass = Literal["emergency", "reported", "urgent", "review", "routine"]


class Reason(FrozenConfig):
    """A reason that may be chosen, by its code."""

    code: Code
    title: Words


class DueIn(FrozenConfig):
    """How long a case of a class may take."""

    amount: int = Field(ge=1, le=10_000)
    unit: Unit


class QueueFile(FrozenConfig):
    """The shape of `configs/policy/queue.yaml`."""

    name: Code
    version: int = Field(ge=1)
    valid_from: date
    doubling_hours: float = Field(gt=0, le=10_000)
    severity_units: dict[int, Annotated[float, Field(gt=0)]]
    severity_expected: dict[Route, Annotated[int, Field(ge=SEVERITIES[0], le=SEVERITIES[-1])]]
    severity_if_danger: int = Field(ge=SEVERITIES[0], le=SEVERITIES[-1])
    probability_unscored: float = Field(gt=0, le=1)
    probability_least: float = Field(gt=0, le=1)
    reports_factor: Literal["log2"]
    emergency_head_start_hours: float = Field(gt=0)
    due: dict[DueClass, DueIn]
    second_reading_share: float = Field(ge=0, le=1)
    second_review_flags: tuple[Code, ...] = ()
    scores_hidden_until_judged: bool
    skip_reasons: tuple[Reason, ...] = Field(min_length=1)
    park_reasons: tuple[Reason, ...] = Field(min_length=1)
    park_days_at_most: int = Field(ge=1, le=90)
    reserved_days: int = Field(ge=1, le=90)

    @model_validator(mode="after")
    def _complete(self) -> QueueFile:
        if set(self.severity_units) != set(SEVERITIES):
            raise ValueError(f"severity_units: one for each of {SEVERITIES}")
        if sorted(self.severity_units.values()) != [self.severity_units[each] for each in SEVERITIES]:
            raise ValueError("severity_units: what is graver weighs no less")
        if missing := [route.value for route in Route if route not in self.severity_expected]:
            raise ValueError(f"severity_expected: missing {', '.join(missing)}")
        if len(self.due) != len(DueClass.__args__):  # type: ignore[attr-defined]  # typing does not say so of Literal
            raise ValueError(f"due: one for each of {', '.join(DueClass.__args__)}")  # type: ignore[attr-defined]  # the same
        return self


class QueueRules(QueueFile):
    """The rules of the queue, known by the SHA-256 of their file."""

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


@dataclass(frozen=True, slots=True)
class Weighed:
    """What a case's place is made of. `probability` is None for a case that nothing has scored.

    `created_at` is the instant since which it waits: its arrival, or its last reopening.
    """

    severity: int
    probability: float | None
    reports: int
    created_at: datetime
    is_emergency: bool = False


def load_queue_rules(path: Path | None = None) -> QueueRules:
    """The rules of a file; without a path, of the one that ships. Raises: BadConfig."""
    file, sha256 = load_yaml(path or configs_folder() / "policy" / "queue.yaml", QueueFile)
    return QueueRules(**file.model_dump(), sha256=sha256)


def weight_of(case: Weighed, rules: QueueRules) -> float:
    """What a case weighs on the day it comes in: > 0."""
    probability = rules.probability_unscored if case.probability is None else case.probability
    reports = 1 + log2(1 + case.reports)
    return rules.severity_units[case.severity] * max(probability, rules.probability_least) * reports


def rank_of(case: Weighed, rules: QueueRules) -> float:
    """The number that cases are claimed by, the largest first; in seconds.

    The difference of two ranks is how long the one may wait before the other comes first.
    """
    hours = rules.doubling_hours * log2(weight_of(case, rules))
    if case.is_emergency:
        hours += rules.emergency_head_start_hours
    return hours * 3600 - (case.created_at - EPOCH).total_seconds()


def queue_of(strands: Mapping[str, object] | tuple[str, ...] | list[str]) -> str:
    """Whose skill a case of these strands needs.

    >>> queue_of(["far_right"]), queue_of([]), queue_of(["far_right", "antisemitic"])
    ('far_right', 'general', 'several')
    """
    named = [strand for strand in STRAND_ORDER if strand in strands]
    if not named:
        return GENERAL
    return named[0] if len(named) == 1 else SEVERAL


def queues_open_to(skills: frozenset[str], left_out: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """The queues that somebody with these skills may take from, less the strands they leave out.

    >>> queues_open_to(frozenset({"antisemitic"}))
    ('general', 'antisemitic')
    """
    known = skills - left_out
    return tuple(
        queue
        for queue in QUEUES
        if queue == GENERAL or queue in known or (queue == SEVERAL and known >= set(STRAND_ORDER))
    )


def due_class_of(route: str, *, reports: int, is_emergency: bool) -> DueClass:
    """Which due time applies to a case."""
    if is_emergency:
        return "emergency"
    if reports:
        return "reported"
    if route == Route.URGENT_REVIEW.value:
        return "urgent"
    return "routine" if route == Route.LOW_PRIORITY.value else "review"


def due_at(due: DueClass, start: datetime, rules: QueueRules, profile: TimerProfile) -> datetime:
    """When a case of this class that came in at `start` is due (UTC)."""
    length = rules.due[due]
    return profile.after(start, length.amount, length.unit)


def why_first(
    case: Weighed, rules: QueueRules, now: datetime, *, hide_scores: bool, hide_severity: bool = False
) -> str:
    """One line for the reader: what put the case where it is.

    Without the score where it is still hidden, and without the severity where an earlier reader has
    said it and this one is to read blind.
    """
    if case.is_emergency:
        return "Somebody has raised an emergency: it goes before everything else."
    parts = [] if hide_severity else [f"expected severity S{case.severity}"]
    if case.probability is None:
        parts.append("not scored")
    elif not hide_scores:
        parts.append(f"probability {case.probability:.2f}")
    if case.reports:
        parts.append("1 report" if case.reports == 1 else f"{case.reports} reports")
    hours = max(0.0, (now - case.created_at).total_seconds() / 3600)
    waited = f"{hours:.0f} h" if hours >= 1 else f"{hours * 60:.0f} min"
    parts.append(
        f"waiting {waited}, which counts {2 ** (hours / rules.doubling_hours):.1f} times its first weight"
    )
    line = "; ".join(parts)
    return line[0].upper() + line[1:] + "."
