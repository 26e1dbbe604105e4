"""The numbers of the exposure budget: dated data from `configs/policy/exposure.yaml`. Pure.

Source: DOMAIN.md section 6. The evidence is weak, and the file says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, field_validator, model_validator

from model.configuration import FrozenConfig, configs_folder, load_yaml
from model.errors import BadConfig, BadInput
from model.taxonomy import SEVERITIES
from serve.people.roles import Role

Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Words = Annotated[str, StringConstraints(min_length=1, max_length=400, strip_whitespace=True)]
Severity = Annotated[int, Field(ge=min(SEVERITIES), le=max(SEVERITIES))]
Units = Annotated[int, Field(ge=1, le=100_000)]
Minutes = Annotated[int, Field(ge=1, le=24 * 60)]
Share = Annotated[float, Field(gt=0, le=10, allow_inf_nan=False)]


class Evidence(FrozenConfig):
    """What stands behind the numbers, and how firmly."""

    rating: Literal["weak", "moderate", "strong"]
    words: Words
    sources: tuple[Words, ...] = Field(min_length=1)


class Budget(FrozenConfig):
    """Units a shift, by role."""

    default: Units
    roles: Mapping[Role, Units] = Field(default_factory=dict)

    def of(self, role: str | None) -> int:
        """The units of this role; the default for one that is not named."""
        return next((units for known, units in self.roles.items() if known.value == role), self.default)


class Stops(FrozenConfig):
    """Shares of the budget at which something is said or done; `hard_again` counts from a forced break."""

    warn: Share
    soft: Share
    hard: Share
    hard_again: Share

    @model_validator(mode="after")
    def _in_order(self) -> Stops:
        if not self.warn <= self.soft < self.hard:
            raise ValueError("warn, soft, hard: each more than the one before")
        return self


class ShiftRules(FrozenConfig):
    """When a shift begins and what comes at its end."""

    hours: Annotated[float, Field(gt=0, le=24)]
    rest_hours: Annotated[float, Field(gt=0, lt=24)]
    light_share: Annotated[float, Field(ge=0, le=1)]
    light_severity: Severity


class BreakRules(FrozenConfig):
    """When a break is offered, how long it and a forced one are, and what counts as one unsaid."""

    after_units: Units
    after_minutes: Minutes
    minutes: Minutes
    forced_minutes: Minutes
    pause_minutes: Minutes

    @model_validator(mode="after")
    def _in_order(self) -> BreakRules:
        # A pause that nobody spoke of must not be a cheaper way past a stop than the break itself.
        if not self.minutes <= self.forced_minutes <= self.pause_minutes:
            raise ValueError("minutes, forced_minutes, pause_minutes: none less than the one before")
        return self


class InARow(FrozenConfig):
    """After a text of `severity`: so many texts under `below`, or a break."""

    severity: Severity
    below: Annotated[int, Field(ge=1, le=max(SEVERITIES))]
    lighter_texts: Annotated[int, Field(ge=1, le=100)]

    @model_validator(mode="after")
    def _in_order(self) -> InARow:
        if self.below > self.severity:
            raise ValueError("below: at most severity")
        return self


class GoOnReason(FrozenConfig):
    """Why somebody goes on past a stop."""

    code: Code
    title: Words


class GoOn(FrozenConfig):
    """How far one goes on past a stop before being asked again, and the reasons to choose from."""

    units: Units
    minutes: Minutes
    reasons: tuple[GoOnReason, ...] = Field(min_length=1, max_length=9)

    @field_validator("reasons")
    @classmethod
    def _each_once(cls, reasons: tuple[GoOnReason, ...]) -> tuple[GoOnReason, ...]:
        codes = [reason.code for reason in reasons]
        if repeated := sorted({code for code in codes if codes.count(code) > 1}):
            raise ValueError(f"more than once: {', '.join(repeated)}")
        return reasons


class Band(FrozenConfig):
    """The severity expected of texts whose highest score is `from_score` or more."""

    from_score: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
    severity: Severity


def _rising(bands: tuple[Band, ...]) -> tuple[Band, ...]:
    if bands[0].from_score != 0:
        raise ValueError("the first band starts from_score 0")
    if any(
        after.from_score <= before.from_score or after.severity <= before.severity
        for before, after in pairwise(bands)
    ):
        raise ValueError("from_score and severity rise from band to band")
    return bands


Bands = Annotated[tuple[Band, ...], Field(min_length=1)]


class ExpectedSeverity(FrozenConfig):
    """What a text outside a case is taken for that nobody has judged, by its highest score."""

    by_score: Bands
    not_known: Severity

    @field_validator("by_score")
    @classmethod
    def _in_order(cls, bands: tuple[Band, ...]) -> tuple[Band, ...]:
        return _rising(bands)


class ExposureRules(FrozenConfig):
    """The exposure budget of one period. Both days belong to it (UTC)."""

    name: Code
    valid_from: date
    valid_to: date | None = None
    evidence: Evidence
    units: Mapping[Severity, Annotated[int, Field(ge=0, le=1_000)]]
    budget: Budget
    stops: Stops
    shift: ShiftRules
    breaks: BreakRules
    in_a_row: InARow
    go_on: GoOn
    expected_severity: ExpectedSeverity
    keep_days: Annotated[int, Field(ge=14, le=366, description="two weeks at least, for the team's figures")]

    @model_validator(mode="after")
    def _sound(self) -> ExposureRules:
        if self.valid_to is not None and self.valid_to < self.valid_from:
            raise ValueError("valid_to: before valid_from")
        if sorted(self.units) != list(SEVERITIES):
            raise ValueError(f"units: one for each of {', '.join(map(str, SEVERITIES))}")
        if any(self.units[after] < self.units[before] for before, after in pairwise(SEVERITIES)):
            raise ValueError("units: a higher severity never counts less")
        return self

    def expected(self, score: float | None = None) -> int:
        """The severity (0 to 4) that a text outside a case is taken for until somebody has judged it.

        `score` is the highest of its scores (0 to 1); None: not known. The classifier has no severity, so
        this is a convention of the file and no measurement. A case has its own (serve/cases/placing.py).
        """
        if score is None:
            return self.expected_severity.not_known
        return [band.severity for band in self.expected_severity.by_score if band.from_score <= score][-1]


class ExposureFile(FrozenConfig):
    """The shape of the file: profiles in order of time, no two on one day."""

    name: Code
    version: int = Field(ge=1)
    profiles: tuple[ExposureRules, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _no_overlap(self) -> ExposureFile:
        for earlier, later in pairwise(self.profiles):
            if earlier.valid_to is None or later.valid_from <= earlier.valid_to:
                raise ValueError(f"profiles: {later.name} must start after {earlier.name} has ended")
        return self


@dataclass(frozen=True, slots=True)
class ExposurePolicy:
    """The exposure budget of every period, known by the SHA-256 of its file."""

    profiles: tuple[ExposureRules, ...]
    sha256: str

    def in_force(self, at: datetime) -> ExposureRules:
        """The rules of the day (UTC) of an instant.

        Raises: BadInput if it has no time zone; BadConfig if no profile covers the day.
        """
        if at.tzinfo is None:
            raise BadInput("at: without a time zone", field="at")
        on = at.astimezone(UTC).date()
        for profile in self.profiles:
            if profile.valid_from <= on and (profile.valid_to is None or on <= profile.valid_to):
                return profile
        raise BadConfig(f"exposure: no profile is in force on {on.isoformat()}")


def load_exposure(path: Path | None = None) -> ExposurePolicy:
    """The exposure budget of a file; without a path, of the one that ships.

    Raises: BadConfig, listing every fault of the file at once.
    """
    file, sha256 = load_yaml(path or configs_folder() / "policy" / "exposure.yaml", ExposureFile)
    return ExposurePolicy(file.profiles, sha256)
