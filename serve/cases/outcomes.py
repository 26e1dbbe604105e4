"""What a person may decide on a case: dated data from `configs/policy/outcomes.yaml`.

Source of the codes: DOMAIN.md section 9, "Decision codes" (docs/sources.md).
"""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, field_validator, model_validator

from model.configuration import FrozenConfig, load_yaml
from model.errors import BadConfig, BadInput

PROPORTIONATE_AT = (1, 2)
"""Severities at which most outcomes ask for proportionality. Source: DOMAIN.md section 12, item 10."""

Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Key = Annotated[str, StringConstraints(pattern=r"^[a-z]$")]
Words = Annotated[str, StringConstraints(min_length=1, max_length=400, strip_whitespace=True)]


class Detail(FrozenConfig):
    """Why an outcome was chosen, where a bare code says too little."""

    code: Code
    title: Words


class Outcome(FrozenConfig):
    """One thing that a person may decide: a stable code, the letter that chooses it, and plain words."""

    code: Code
    key: Key
    title: Words
    meaning: Words
    details: tuple[Detail, ...] = ()
    needs: tuple[Literal["law", "proportionality"], ...] = ()
    weighs_expression: bool = Field(default=True, description="asks for proportionality at S1 and S2")

    @field_validator("details")
    @classmethod
    def _each_once(cls, details: tuple[Detail, ...]) -> tuple[Detail, ...]:
        _refuse_repeats([detail.code for detail in details])
        return details

    @property
    def wants_law(self) -> bool:
        """Whether elements of a provision have to be ticked."""
        return "law" in self.needs

    def wants_proportionality(self, severity: int) -> bool:
        """Whether somebody has to say why it is proportionate and what free expression weighs.

        Source: DOMAIN.md section 12, item 10: for what is no crime, and for S1 and S2.
        """
        return "proportionality" in self.needs or (self.weighs_expression and severity in PROPORTIONATE_AT)


class Profile(FrozenConfig):
    """The outcomes of one period. Both days belong to it; no `valid_to` means until further notice."""

    name: Code
    valid_from: date
    valid_to: date | None = None
    outcomes: tuple[Outcome, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _sound(self) -> Profile:
        if self.valid_to is not None and self.valid_to < self.valid_from:
            raise ValueError("valid_to: before valid_from")
        _refuse_repeats([outcome.code for outcome in self.outcomes])
        _refuse_repeats([outcome.key for outcome in self.outcomes])
        return self


class OutcomeFile(FrozenConfig):
    """The shape of the file: profiles in order of time, no two on one day."""

    name: str = Field(min_length=1, max_length=100)
    version: int = Field(ge=1)
    profiles: tuple[Profile, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _no_overlap(self) -> OutcomeFile:
        for earlier, later in pairwise(self.profiles):
            if earlier.valid_to is None or later.valid_from <= earlier.valid_to:
                raise ValueError(f"profiles: {later.name} must start after {earlier.name} has ended")
        return self


class OutcomeCatalogue(OutcomeFile):
    """Every outcome of every period, known by the SHA-256 of its file."""

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")

    def in_force(self, on: date) -> tuple[Outcome, ...]:
        """The outcomes that may be chosen on a day (UTC), in the order of the file.

        Raises: BadConfig if no profile covers the day.
        """
        for profile in self.profiles:
            if profile.valid_from <= on and (profile.valid_to is None or on <= profile.valid_to):
                return profile.outcomes
        raise BadConfig(f"outcomes: no profile is in force on {on.isoformat()}")

    def choose(self, outcome: str, detail: str | None, *, on: date) -> tuple[str, str | None]:
        """The outcome code and detail code as the catalogue spells them; letter case does not matter.

        Raises: BadInput naming the field and what it may be.
        """
        known = {entry.code: entry for entry in self.in_force(on)}
        chosen = known.get(outcome.lower())
        if chosen is None:
            raise BadInput(f"outcome: one of {', '.join(known)}", field="outcome")
        if detail is None:
            return chosen.code, None
        details = [entry.code for entry in chosen.details]
        if detail.lower() not in details:
            wanted = f"one of {', '.join(details)}" if details else f"{chosen.code} takes none"
            raise BadInput(f"outcome_detail: {wanted}", field="outcome_detail")
        return chosen.code, detail.lower()


def load_outcomes(path: Path) -> OutcomeCatalogue:
    """The checked catalogue of a file, with its hash.

    Raises: BadConfig, listing every fault of the file at once.
    """
    file, sha256 = load_yaml(path, OutcomeFile)
    return OutcomeCatalogue(name=file.name, version=file.version, profiles=file.profiles, sha256=sha256)


def _refuse_repeats(codes: list[str]) -> None:
    repeated = sorted({code for code in codes if codes.count(code) > 1})
    if repeated:
        raise ValueError(f"more than once: {', '.join(repeated)}")
