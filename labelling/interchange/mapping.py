"""What the names of another tool's labels and columns mean to us: dated data, read whole.

A name that the mapping does not know is quarantined, never guessed.
"""

from __future__ import annotations

import re
from functools import cache, cached_property
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, model_validator

from labelling.interchange.annotations import Identifier, Name
from labelling.interchange.offsets import OffsetUnit
from model.configuration import FrozenConfig, configs_folder, load_yaml
from model.taxonomy import SPEECH_ACT_ORDER, STRAND_ORDER

DEFAULT_FILE: Final = Path("interchange") / "labels-v1.yaml"

ForeignName = Annotated[str, Field(min_length=1, max_length=200)]
ColumnNames = tuple[ForeignName, ...]


def folded(name: str) -> str:
    """A foreign name as it is looked up: case, blanks, hyphens and underscores do not count.

    >>> folded(" Not-Hate ") == folded("not_hate")
    True
    """
    return re.sub(r"[\s_\-]+", "_", name.strip().casefold())


class Meaning(FrozenConfig):
    """What ticking a label of one of these names says. A name may be qualified: `control:name`."""

    names: tuple[ForeignName, ...] = Field(min_length=1)
    hate: bool | None = None
    strands: tuple[str, ...] = ()
    not_strands: tuple[str, ...] = ()
    severity: int | None = Field(default=None, ge=0, le=4)
    speech_act: str | None = None
    codes: tuple[Name, ...] = ()
    context_flags: tuple[Name, ...] = ()
    rationale: bool = Field(default=False, description="as the name of a span: its words carry the label")
    skip: Name | None = Field(default=None, description="the text was put aside, for this reason")

    @model_validator(mode="after")
    def _known(self) -> Meaning:
        if not {*self.strands, *self.not_strands} <= set(STRAND_ORDER):
            raise ValueError("strands: not one of ours")
        if self.speech_act is not None and self.speech_act not in SPEECH_ACT_ORDER:
            raise ValueError("speech_act: not one of ours")
        return self


class Columns(FrozenConfig):
    """Names of columns, in tables and flat JSON, by what they hold. The first that a row has counts."""

    text: ColumnNames = ()
    item_id: ColumnNames = ()
    annotator: ColumnNames = ()
    labels: ColumnNames = ()
    spans: ColumnNames = ()
    note: ColumnNames = ()
    labelled_at: ColumnNames = ()
    cohort: ColumnNames = ()


class Mapping(FrozenConfig):
    """One mapping file. Its names stand before those of the default that ships, unless it says otherwise."""

    schema_version: Literal[1]
    version: str = Field(min_length=1)
    builds_on_default: bool = True
    labels: tuple[Meaning, ...] = ()
    columns: Columns = Columns()
    label_separators: tuple[Annotated[str, Field(min_length=1, max_length=3)], ...] = ()
    asked_strands: tuple[str, ...] = Field(
        default=(), description="which strands the other project asked about; others are not answered"
    )
    empty_means_none: bool = Field(
        default=False, description="no label at all is an answer: none of `asked_strands`, no hate"
    )
    offset_unit: OffsetUnit = "auto"
    skip_reason: Name = Field(
        default="other", description="for a skip whose reason the other tool does not tell"
    )
    annotators: dict[ForeignName, Identifier] = Field(default_factory=dict)
    names_are_pseudonyms: bool = Field(
        default=False, description="the other tool's names name nobody: keep them"
    )

    @model_validator(mode="after")
    def _one_meaning_each(self) -> Mapping:
        if not set(self.asked_strands) <= set(STRAND_ORDER):
            raise ValueError("asked_strands: not one of ours")
        names = [_key(name) for meaning in self.labels for name in meaning.names]
        if len(names) != len(set(names)):
            raise ValueError("labels: a name has two meanings")
        return self

    @cached_property
    def _meanings(self) -> dict[str, Meaning]:
        return {_key(name): meaning for meaning in self.labels for name in meaning.names}

    def find(self, control: str, name: str) -> Meaning | None:
        """The meaning of a label under that control (question, column, task), or of its name anywhere."""
        return self._meanings.get(f"{folded(control)}:{folded(name)}") or self._meanings.get(folded(name))

    def over(self, default: Mapping) -> Mapping:
        """This mapping with the names and columns of another where it says nothing itself."""
        own = set(self._meanings)
        rest = [
            meaning.model_copy(update={"names": names})
            for meaning in default.labels
            if (names := tuple(name for name in meaning.names if _key(name) not in own))
        ]
        chosen = {
            name: getattr(self.columns, name) or getattr(default.columns, name)
            for name in Columns.model_fields
        }
        merged = {
            "labels": (*self.labels, *rest),
            "columns": Columns(**chosen),
            "label_separators": self.label_separators or default.label_separators,
        }
        # Not model_copy(): it would take the names that were looked up before along.
        return Mapping.model_validate({name: getattr(self, name) for name in Mapping.model_fields} | merged)


def _key(name: str) -> str:
    control, colon, bare = name.partition(":")
    return f"{folded(control)}:{folded(bare)}" if colon else folded(name)


@cache
def _read(path: Path) -> Mapping:
    return load_yaml(path, Mapping)[0]


def default_mapping() -> Mapping:
    """The mapping of common names that ships. Raises: BadConfig."""
    return _read(configs_folder() / DEFAULT_FILE)


def load_mapping(path: Path) -> Mapping:
    """The mapping in a YAML file, on top of the default unless it says otherwise.

    Raises: BadConfig, listing the faults.
    """
    mapping, _ = load_yaml(path, Mapping)
    return mapping.over(default_mapping()) if mapping.builds_on_default else mapping
