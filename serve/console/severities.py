"""The severity scale in the codebook's own words, for the decision form.

The codebook's full shape belongs to `labelling/codebook.py`, which stands above `serve` and cannot be
imported here; the console needs one list of it.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, field_validator

from model.configuration import load_yaml
from model.taxonomy import SEVERITIES


class Severity(BaseModel):
    """One step of the scale."""

    # extra="ignore" against the house rule: labelling/codebook.py reads the same file whole and is strict.
    model_config = ConfigDict(frozen=True, extra="ignore")

    value: int
    code: str = Field(min_length=1)
    title: str = Field(min_length=1)
    meaning: str = Field(min_length=1)


class SeverityScale(BaseModel):
    """The steps in order, and the version of the codebook that words them."""

    model_config = ConfigDict(frozen=True, extra="ignore")  # the same reason as above

    version: str | int
    severities: tuple[Severity, ...]

    @field_validator("severities")
    @classmethod
    def _all_in_order(cls, steps: tuple[Severity, ...]) -> tuple[Severity, ...]:
        if tuple(step.value for step in steps) != SEVERITIES:
            raise ValueError(f"values {SEVERITIES}, each once, in order")
        return steps

    def step(self, value: int) -> Severity:
        """The step with this value."""
        return self.severities[value]


def load_severities(codebook: Path) -> SeverityScale:
    """The scale of a codebook file.

    Raises: BadConfig.
    """
    return load_yaml(codebook, SeverityScale)[0]
