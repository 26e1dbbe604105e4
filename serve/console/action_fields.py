"""The fields of a step's form: exactly those that the guards of its edge ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from serve.cases.workflow.states import CaseAction
from serve.cases.workflow.table import Edge, Guard

Kind = Literal["text", "line", "tick", "law", "case", "appellant"]
LONGEST: Final[Mapping[str, int]] = MappingProxyType({"text": 5_000, "line": 200})
"""Most characters of what is typed, by kind of field."""


@dataclass(frozen=True, slots=True)
class Field:
    """One question of a form. `name` is that of the step's own field."""

    name: str
    kind: Kind
    label: str
    hint: str = ""


REASON: Final = Field("reason", "text", "Why?", "In words that will stand up later. It cannot be changed.")

ASKED: Final[Mapping[Guard, tuple[Field, ...]]] = MappingProxyType(
    {
        Guard.REASON: (REASON,),
        Guard.RATIONALE: (
            Field("rationale", "text", "Why this force?", "Whose residence or location decides, and why."),
        ),
        Guard.LAW_ELEMENTS: (
            Field(
                "law_elements",
                "law",
                "Which elements are met?",
                "What the decision ticked is ticked here; look at it again.",
            ),
        ),
        Guard.OWNER: (Field("owner", "line", "Who answers for it there?", "Force and name of the officer."),),
        Guard.NO_IDENTITY: (
            Field(
                "keeps_subject_identity",
                "tick",
                "The record keeps who wrote the post",
                "Only where the additional threshold is met, and for the reason that you give.",
            ),
            Field("additional_threshold_met", "tick", "The additional threshold is met"),
        ),
        Guard.DANGER_OR_CONSENT: (
            Field(
                "danger_to_life",
                "tick",
                "There is danger to life",
                "Without it the emergency may be passed on only with the reporter's consent.",
            ),
        ),
        Guard.CERTIFICATE: (Field("certificate", "line", "Number of the disposal certificate"),),
    }
)
"""What a guard needs somebody to say. Guards that are not here look at the case, and ask nobody."""

LINK: Final = Field(
    "linked_to", "case", "Which case has the same text?", "Its reference, such as AB12 CD34, or its whole id."
)
APPEAL: Final = (
    Field("made_by", "appellant", "Who appeals?"),
    Field("grounds", "text", "On what grounds?", "In their own words, as far as you have them."),
)


def fields_of(edge: Edge) -> tuple[Field, ...]:
    """The questions that the edge's guards ask, in the guards' order, each once."""
    asked = [field for guard in edge.guards for field in ASKED.get(guard, ())]
    if edge.action is CaseAction.LINK_DUPLICATE:
        asked.insert(0, LINK)
    return tuple(dict.fromkeys(asked))
