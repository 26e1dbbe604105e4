"""How a suite is written: the shape of `configs/suites/NAME.yaml`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field

from model.configuration import FrozenConfig, load_yaml
from model.taxonomy import SpeechAct, Strand
from training.corpora.contrast import Lines

SLOT: Final = re.compile(r"\{([a-z][a-z0-9_]*)\}")

Words = Annotated[str, Field(min_length=1)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]

HatefulKind = Literal[
    "derogation",
    "dehumanisation",
    "conspiracy",
    "denial",
    "collective_blame",
    "exclusion",
    "threat",
    "glorification",
    "replacement",
    "dog_whistle",
    "proxy",
    "slur",
]
OtherKind = Literal[
    "criticism",
    "news",
    "history",
    "quotation",
    "counter_speech",
    "satire",
    "self_reference",
    "reclaimed",
    "homonym",
    "name",
    "neutral",
    "praise",
    "negation",
]
FormKind = Literal["form"]
"""A form that HateCheck tests (question, negation, opinion, spelling): hateful or not."""


class Functionality(FrozenConfig):
    """What a group of cases tests. `strand_label` is what the strand's head should say: left out, the same as
    `hateful`; null, nothing (far-right content that is no hate is not the opposite of far right).

    `clauses` are codes of the codebook, or `exclude:N` for the N-th line (from 1) of what the strand leaves
    out; a homonym meets none. `hateful_under` names definition profiles that judge otherwise. `contrast` is
    the name of the functionality that this one must be told apart from.
    """

    code: str = Field(pattern=r"^[A-Z]{2}[0-9]{2}$")
    name: Name
    title: Words
    kind: HatefulKind | OtherKind | FormKind
    hateful: bool
    strand_label: Literal[0, 1] | None = None
    speech_act: SpeechAct
    clauses: tuple[Words, ...] = ()
    hateful_under: Mapping[Name, bool] = Field(default_factory=dict)
    why: Words
    contrast: Name | None = None
    templates: Lines

    @property
    def label_of_strand(self) -> int | None:
        """What the strand's head should say: 1 or 0; None where the codebook gives no label."""
        return self.strand_label if "strand_label" in self.model_fields_set else int(self.hateful)


class SuiteDefinition(FrozenConfig):
    """One suite: slots with their fillers, and functionalities with templates over them."""

    schema_version: Literal[1]
    suite: Name
    version: Words
    valid_from: date
    title: Words
    about: Words
    strand: Strand
    codebook: Words
    slots: Mapping[Name, Lines] = Field(default_factory=dict)
    functionalities: tuple[Functionality, ...] = Field(min_length=1)


def load_definition(path: Path) -> SuiteDefinition:
    """The suite as written in a YAML file. Raises: BadConfig, listing every fault of the shape."""
    return load_yaml(path, SuiteDefinition)[0]


def slots_of(template: str) -> tuple[str, ...]:
    """The slots of a template, each once, in the order in which they stand.

    >>> slots_of("{day} in {town}, {day} in {city}")
    ('day', 'town', 'city')
    """
    return tuple(dict.fromkeys(SLOT.findall(template)))


def has_stray_brace(text: str) -> bool:
    """Whether a brace is left over when the slots are taken out."""
    return bool(set(SLOT.sub("", text)) & set("{}"))
