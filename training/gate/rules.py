"""The gate's margins: a dated file that says how much worse a line may be, and who says so."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from model.configuration import FrozenConfig, configs_folder, load_yaml

FamilyName = Literal[
    "strand_f1",
    "strand_auc",
    "calibration",
    "neutral_all",
    "neutral_group",
    "suite",
    "suite_kind",
    "suite_target",
    "int8_parity",
    "speed",
]
FAMILIES: tuple[FamilyName, ...] = FamilyName.__args__  # type: ignore[attr-defined] # mypy knows Literal as a form only


class Family(FrozenConfig):
    """Lines of one sort: by how much the new bundle may be worse, and the fewest cases that may speak for it.

    `margin` is a difference of the measure in [0, 1]; for `speed` a share of the old bundle's posts a second.
    `least` counts positives in `strand_f1`, `strand_auc` and `calibration`, cases elsewhere.
    """

    margin: float = Field(gt=0, lt=1)
    least: int = Field(ge=1)
    source: str = Field(min_length=1)
    reason: str = Field(min_length=1)


class NeutralSample(FrozenConfig):
    """How many of the data folder's neutral sentences are taken about each group.

    The draw is of wordings, so that every group is asked in the same ones.
    """

    sentences_a_group: int = Field(ge=1)
    seed: int
    reason: str = Field(min_length=1)


class GateRules(FrozenConfig):
    """The dated file of margins."""

    name: Literal["gate"]
    version: int
    valid_from: date
    confidence: float = Field(gt=0.5, lt=1, description="of every one-sided bound that promotes")
    power: float = Field(gt=0.5, lt=1, description="with which the labels asked for would settle a line")
    neutral_sample: NeutralSample
    families: dict[FamilyName, Family]

    @model_validator(mode="after")
    def _all_families(self) -> GateRules:
        missing = sorted(set(FAMILIES) - set(self.families))
        if missing:
            raise ValueError(f"families: {', '.join(missing)} missing")
        return self

    @property
    def alpha(self) -> float:
        """The chance of error of a one-sided bound."""
        return 1 - self.confidence


def load_rules(path: Path | None = None) -> tuple[GateRules, str]:
    """The margins of `configs/policy/gate.yaml`, or of another file, and their SHA-256. Raises: BadConfig."""
    return load_yaml(path or configs_folder() / "policy" / "gate.yaml", GateRules)
