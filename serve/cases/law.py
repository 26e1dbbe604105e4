"""The law that a judgement may name, and the standards of proof: dated data from `configs/law/`.

Nobody types a section: a judgement names a provision by its id and says which of its elements are met and
which are missing. Source: DOMAIN.md section 4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, StringConstraints, model_validator

from model.configuration import FrozenConfig, configs_folder, load_yaml
from model.errors import BadInput
from model.taxonomy import Strand

Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,63}$")]
Words = Annotated[str, StringConstraints(min_length=1, max_length=600, strip_whitespace=True)]


class Element(FrozenConfig):
    """One thing that must be shown."""

    id: Id
    title: Words


class Provision(FrozenConfig):
    """One provision with its elements. Both days belong to it; no `valid_to`: until further notice."""

    id: Id
    title: Words
    act: Words
    valid_from: date
    valid_to: date | None = None
    strands: tuple[Strand, ...] = Field(min_length=1)
    elements: tuple[Element, ...] = Field(min_length=1)
    note: str = ""
    verify: bool = False

    def in_force(self, on: date) -> bool:
        """Whether it applied on a day: that of the post, not of the judgement."""
        return self.valid_from <= on and (self.valid_to is None or on <= self.valid_to)


class Standard(FrozenConfig):
    """A standard of proof. The four are different answers and are never mixed."""

    id: Id
    title: Words
    meaning: Words
    verify: bool = False


class LawFile(FrozenConfig):
    """The shape of a file of `configs/law/`."""

    name: Id
    version: int = Field(ge=1)
    valid_from: date
    standards: tuple[Standard, ...] = Field(min_length=1)
    provisions: tuple[Provision, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _each_once(self) -> LawFile:
        for what, ids in (
            ("standards", [standard.id for standard in self.standards]),
            ("provisions", [provision.id for provision in self.provisions]),
            *((p.id, [element.id for element in p.elements]) for p in self.provisions),
        ):
            if len(set(ids)) != len(ids):
                raise ValueError(f"{what}: an id more than once")
        return self


class LawCatalogue(LawFile):
    """The catalogue, known by the SHA-256 of its file."""

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")

    def in_force(self, on: date) -> tuple[Provision, ...]:
        """The provisions that applied on a day."""
        return tuple(provision for provision in self.provisions if provision.in_force(on))

    def standard(self, code: str | None) -> str | None:
        """The standard as the catalogue spells it; None for none. Raises: BadInput."""
        if code is None or code == "":
            return None
        if code not in {standard.id for standard in self.standards}:
            known = ", ".join(standard.id for standard in self.standards)
            raise BadInput(f"standard: one of {known}", field="standard")
        return code

    def ticked(self, law: Sequence[Mapping[str, Any]], *, on: date) -> list[dict[str, Any]]:
        """What a reader ticked, checked: each provision once, each element met or missing or left open.

        Raises: BadInput naming what is not in the catalogue, or not in force on the day of the post.
        """
        known = {provision.id: provision for provision in self.in_force(on)}
        checked: list[dict[str, Any]] = []
        for number, entry in enumerate(law):
            field = f"law.{number}"
            provision = known.get(str(entry.get("id")))
            if provision is None:
                raise BadInput(f"{field}.id: no provision that was in force", field=f"{field}.id")
            if any(provision.id == before["id"] for before in checked):
                raise BadInput(f"{field}.id: more than once", field=f"{field}.id")
            checked.append({"id": provision.id, **_elements(entry, provision, field)})
        return checked


def load_law(path: Path | None = None) -> LawCatalogue:
    """The catalogue of a file; without a path, of the one that ships. Raises: BadConfig."""
    file, sha256 = load_yaml(path or configs_folder() / "law" / "england-and-wales.yaml", LawFile)
    return LawCatalogue(**file.model_dump(), sha256=sha256)


def _elements(entry: Mapping[str, Any], provision: Provision, field: str) -> dict[str, list[str]]:
    ids = [element.id for element in provision.elements]
    met, missing = set(entry.get("met") or ()), set(entry.get("missing") or ())
    if not met | missing <= set(ids):
        raise BadInput(f"{field}: elements of {provision.id}: {', '.join(ids)}", field=field)
    if met & missing:
        raise BadInput(f"{field}: an element cannot be met and missing", field=field)
    return {"met": [one for one in ids if one in met], "missing": [one for one in ids if one in missing]}
