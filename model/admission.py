"""The slip beside a file of labels that may train: which file it is of, and by which rules it passed.

Labelling writes it and training asks for it, so that no label trains that the firewall has not let through,
and no line of the file has been changed since.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

from pydantic import Field, ValidationError

from model.configuration import FrozenConfig, sha256_of
from model.errors import BadRecord

SCHEMA_VERSION: Final = 1
SUFFIX: Final = ".admission.json"


class GoldCheck(FrozenConfig):
    """F1 on the gold set of a baseline trained without the labels and with them, and what it may lose."""

    before: float = Field(ge=0, le=1)
    after: float = Field(ge=0, le=1)
    may_fall: float = Field(ge=0, lt=1)
    posts: int = Field(ge=1)

    @property
    def held(self) -> bool:
        """Whether the gold set lost no more than it may."""
        return self.before - self.after <= self.may_fall + 1e-12


class AdmissionSlip(FrozenConfig):
    """What the firewall let through and what it held back, by reason. `largest_source` is in texts."""

    schema_version: Literal[1] = SCHEMA_VERSION
    file_sha256: str = Field(pattern="^[0-9a-f]{64}$")
    rules: str
    rules_sha256: str = Field(pattern="^[0-9a-f]{64}$")
    made_at: str
    texts: int = Field(ge=0)
    labels: int = Field(ge=0)
    held_back: dict[str, int]
    largest_source: int = Field(ge=0)
    source_at_most: float = Field(gt=0, le=1)
    gold: GoldCheck | None = None


def slip_path(file: Path) -> Path:
    """Where the slip of a file of labels stands: beside it."""
    return file.with_name(file.name + SUFFIX)


def write_slip(slip: AdmissionSlip, file: Path) -> None:
    """Writes the slip beside its file."""
    slip_path(file).write_text(slip.model_dump_json(indent=2) + "\n", encoding="utf-8")


def read_slip(file: Path) -> AdmissionSlip:
    """The slip of a file of labels, which is that of the very file.

    Raises: BadRecord if there is none, it cannot be read, or it is of another file.
    """
    path = slip_path(file)
    if not path.is_file():
        raise BadRecord(
            f"labels: {file.name}: has not passed the firewall; `watchhouse label export --for-training` "
            "writes a file that has",
            field="labels",
        )
    try:
        slip = AdmissionSlip.model_validate_json(path.read_bytes())
    except ValidationError:
        raise BadRecord(f"labels: {path.name}: is no slip of the firewall", field="labels") from None
    if slip.file_sha256 != sha256_of(file.read_bytes()):
        raise BadRecord(f"labels: {file.name}: was changed since it passed the firewall", field="labels")
    return slip
