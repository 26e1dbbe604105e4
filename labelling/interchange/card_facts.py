"""What a data card tells that no label does: licence, sources, agreement, harm. Its author gives it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from model.configuration import FrozenConfig, load_yaml

Words = Annotated[str, Field(min_length=1, max_length=5_000)]


class SourceOfTexts(FrozenConfig):
    """Where texts come from, and under which licence."""

    name: Words
    licence: Words
    url: Words | None = None
    note: Words | None = None


class AgreementFigure(FrozenConfig):
    """One figure of agreement with its 95 % interval. Without a `value`, `note` says why it has none."""

    subject: Words = Field(description="the question, and the cohort if it is of one")
    measure: Words
    value: float | None = None
    low: float | None = None
    high: float | None = None
    items: int | None = Field(default=None, ge=0)
    note: Words | None = None


class HarmFacts(FrozenConfig):
    """The questions of HarmCheck. Source: Kirk, Birhane, Vidgen and Derczynski 2022, "Handling and Presenting
    Harmful Text in NLP Research".
    """

    harm_types: tuple[Words, ...] = ()
    is_sought: bool = Field(
        default=True, description="harmful text is what the data is about, not a by-catch"
    )
    people_represented: Words | None = None
    people_handling: Words | None = None
    people_reading: Words | None = None
    mitigations: tuple[Words, ...] = ()


class CardFacts(FrozenConfig):
    """A card's own file, in YAML. What it leaves out is said to be not stated."""

    title: Words
    summary: Words | None = None
    paradigm: Literal["prescriptive", "descriptive"]
    licence: str = Field(
        default="unknown", pattern=r"^[a-z0-9][a-z0-9.\-]*$", description="as on Hugging Face"
    )
    licence_name: Words | None = None
    licence_link: Words | None = None
    languages: tuple[Annotated[str, Field(pattern="^[a-z]{2,3}$")], ...] = ()
    sources: tuple[SourceOfTexts, ...] = ()
    sampling: Words | None = None
    agreement: tuple[AgreementFigure, ...] = ()
    harm: HarmFacts = HarmFacts()
    known_limits: tuple[Words, ...] = ()
    contact: Words | None = None


def load_card_facts(path: Path) -> CardFacts:
    """The facts in a YAML file. Raises: BadConfig, listing the faults."""
    return load_yaml(path, CardFacts)[0]
