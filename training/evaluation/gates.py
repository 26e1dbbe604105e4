"""What a bundle has to show: a must and an aim for each measure, from a dated file, and whether they hold."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from model.configuration import FrozenConfig, configs_folder, load_yaml
from training.evaluation.bootstrap import Measured

NOT_MEASURED = "-"


class Gate(FrozenConfig):
    """One measure: its words, the value it must reach, the value we aim at, and who says so."""

    measure: str = Field(pattern=r"^[a-z0-9_]+$")
    words: str
    direction: Literal["at_least", "at_most"]
    must: float = Field(ge=0, le=1)
    aim: float | None = Field(default=None, ge=0, le=1)
    source: str

    @model_validator(mode="after")
    def _aim_beyond_must(self) -> Gate:
        if self.aim is not None and not self.reached(self.aim, self.must):
            raise ValueError(f"{self.measure}: the aim is easier than the must")
        return self

    def reached(self, value: float, wanted: float) -> bool:
        """Whether `value` is as good as `wanted` or better."""
        return value >= wanted if self.direction == "at_least" else value <= wanted

    def verdict(self, value: float) -> str:
        """ "aim", "holds" or "missed"."""
        if self.aim is not None and self.reached(value, self.aim):
            return "aim"
        return "holds" if self.reached(value, self.must) else "missed"


class Gates(FrozenConfig):
    """The dated file."""

    version: int
    valid_from: date
    gates: tuple[Gate, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _measured_once(self) -> Gates:
        if len({gate.measure for gate in self.gates}) != len(self.gates):
            raise ValueError("gates: a measure stands twice")
        return self


class Anchor(FrozenConfig):
    """What another system is known to reach on a measure."""

    measure: str
    system: str
    value: float
    source: str


class Anchors(FrozenConfig):
    """The dated file of systems to compare with."""

    version: int
    valid_from: date
    anchors: tuple[Anchor, ...]
    words: dict[str, str] = Field(
        default_factory=dict, description="words for measures that have an anchor and no gate"
    )
    at_most: tuple[str, ...] = Field(default=(), description="those of them where less is better")


def load_gates(path: Path | None = None) -> Gates:
    """The gates of `configs/evaluation/gates.yaml`, or of another file. Raises: BadConfig."""
    return load_yaml(path or configs_folder() / "evaluation" / "gates.yaml", Gates)[0]


def load_anchors(path: Path | None = None) -> Anchors:
    """The anchors of `configs/evaluation/anchors.yaml`, or of another file. Raises: BadConfig."""
    return load_yaml(path or configs_folder() / "evaluation" / "anchors.yaml", Anchors)[0]


def judge(gates: Gates, measured: Mapping[str, Measured | None]) -> list[dict[str, Any]]:
    """One row a gate: must, aim, what was measured (or None), and the verdict."""
    rows = []
    for gate in gates.gates:
        found = measured.get(gate.measure)
        rows.append(
            {
                **gate.model_dump(include={"measure", "words", "direction", "must", "aim"}),
                "got": None if found is None else found.as_json(),
                "verdict": NOT_MEASURED if found is None else gate.verdict(found.value),
            }
        )
    return rows


def compare(gates: Gates, anchors: Anchors, measured: Mapping[str, Measured | None]) -> list[dict[str, Any]]:
    """One row a measure that others report: ours, the best known and whose, and the other systems."""
    words = {gate.measure: gate.words for gate in gates.gates} | anchors.words
    less_is_better = {gate.measure for gate in gates.gates if gate.direction == "at_most"}
    less_is_better.update(anchors.at_most)
    by_measure: dict[str, list[Anchor]] = {}
    for anchor in anchors.anchors:
        by_measure.setdefault(anchor.measure, []).append(anchor)
    rows = []
    for measure, others in by_measure.items():
        sign = 1 if measure in less_is_better else -1
        ranked = sorted(others, key=lambda anchor: sign * anchor.value)
        best, found = ranked[0], measured.get(measure)
        ours = None if found is None else found.value
        rows.append(
            {
                "measure": measure,
                "words": words.get(measure, measure),
                "ours": None if ours is None else round(ours, 5),
                "best": best.value,
                "system": best.system,
                "ahead": None if ours is None else sign * ours <= sign * best.value,
                "others": {anchor.system: anchor.value for anchor in ranked[1:]},
            }
        )
    return rows
