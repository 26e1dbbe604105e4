"""Which signs speak for what kind of disagreement: the dated file that suggestions stand on."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from model.configuration import FrozenConfig, configs_folder, load_yaml

Words = Annotated[str, Field(min_length=1)]

SignName = Literal[
    "codebooks_differ",
    "cohorts_differ",
    "disputed_before",
    "only_severity_by_a_step",
    "same_hate_other_strands",
    "same_strands_other_codes",
    "sensitive_code",
    "unclear_flag",
    "context_missed",
    "other_speech_acts",
    "severities_apart",
    "even_votes",
    "lone_dissenter",
    "fast_dissenter",
]

NEED_A_THRESHOLD: frozenset[SignName] = frozenset(
    {
        "cohorts_differ",
        "disputed_before",
        "only_severity_by_a_step",
        "context_missed",
        "severities_apart",
        "even_votes",
        "lone_dissenter",
        "fast_dissenter",
    }
)


class Kind(FrozenConfig):
    """What a disagreement may come from, and what to do about it."""

    value: Words
    title: Words
    meaning: Words
    next: Words


class SignRule(FrozenConfig):
    """A sign, from where on it counts, the points that it gives to kinds, and what to tell the adjudicator.

    `threshold` is what `labelling/quality/signs.py` says of the sign; `flags` are context flags of the
    codebook.
    """

    sign: SignName
    threshold: float | None = Field(default=None, gt=0)
    flags: tuple[Words, ...] = ()
    points: dict[str, Annotated[int, Field(ge=1)]] = Field(min_length=1)
    reason: Words

    @model_validator(mode="after")
    def _complete(self) -> SignRule:
        if (self.threshold is None) == (self.sign in NEED_A_THRESHOLD):
            raise ValueError(
                f"threshold: wanted by {', '.join(sorted(NEED_A_THRESHOLD))}, and by no other sign"
            )
        if bool(self.flags) != (self.sign == "unclear_flag"):
            raise ValueError("flags: wanted by unclear_flag, and by no other sign")
        return self


class AdjudicationRules(FrozenConfig):
    """The dated file of kinds and signs."""

    name: Literal["adjudication"]
    version: int = Field(ge=1)
    valid_from: date
    least_points: int = Field(ge=1)
    kinds: tuple[Kind, ...] = Field(min_length=1)
    signs: tuple[SignRule, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _known(self) -> AdjudicationRules:
        kinds = [kind.value for kind in self.kinds]
        signs = [rule.sign for rule in self.signs]
        if len(set(kinds)) < len(kinds) or len(set(signs)) < len(signs):
            raise ValueError("kinds, signs: each stands once")
        if any(not rule.points.keys() <= set(kinds) for rule in self.signs):
            raise ValueError("signs: points for a kind that does not exist")
        return self


def load_adjudication_rules(path: Path | None = None) -> tuple[AdjudicationRules, str]:
    """The rules of `configs/codebook/adjudication.yaml`, or of another file, and their SHA-256.

    Raises: BadConfig, listing the faults.
    """
    return load_yaml(path or configs_folder() / "codebook" / "adjudication.yaml", AdjudicationRules)
