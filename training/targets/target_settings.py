"""`configs/evaluation/targets.yaml`: how other systems name our heads, and how patiently they are asked."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import AfterValidator, Field

from model.configuration import FrozenConfig, configs_folder, load_yaml
from model.taxonomy import HEAD_ORDER

Value = TypeVar("Value")


def _by_head(values: dict[str, Value]) -> dict[str, Value]:
    if unknown := set(values) - set(HEAD_ORDER):
        raise ValueError(f"no such heads: {', '.join(sorted(unknown))}")
    return values


Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Name = Annotated[str, Field(min_length=1)]
NamesByHead = Annotated[
    dict[str, Annotated[tuple[Name, ...], Field(min_length=1)]], AfterValidator(_by_head), Field(min_length=1)
]
"""By head what somebody else calls it."""

SharesByHead = Annotated[dict[str, Share], AfterValidator(_by_head)]
"""By head a threshold."""


class Asking(FrozenConfig):
    """How patiently an endpoint is asked; times in seconds."""

    timeout_seconds: float = Field(gt=0)
    attempts: int = Field(ge=1, le=20)
    first_wait_seconds: float = Field(ge=0)
    longest_wait_seconds: float = Field(gt=0)


class EndpointNames(FrozenConfig):
    """One kind of endpoint: its names for our heads, its thresholds, and how many posts it is sent."""

    heads: NamesByHead
    thresholds: SharesByHead
    posts_per_request: int = Field(ge=1, le=1000)
    at_once: int = Field(ge=1, le=32)
    defaults: dict[str, str] = Field(default_factory=dict)
    source: str


class LabelNames(FrozenConfig):
    """What networks of others call our heads; compared without case, blanks, dashes and underscores."""

    heads: NamesByHead
    posts_per_run: int = Field(ge=1)
    most_tokens: int = Field(ge=8)


class TargetSettings(FrozenConfig):
    """The dated file."""

    version: int = Field(ge=1)
    valid_from: date
    threshold: Share
    asking: Asking
    watchhouse: EndpointNames
    perspective: EndpointNames
    openai: EndpointNames
    azure: EndpointNames
    hugging_face: LabelNames


def load_target_settings(path: Path | None = None) -> TargetSettings:
    """The settings of `path`, else those that ship. Raises: BadConfig listing every fault."""
    return load_yaml(path or configs_folder() / "evaluation" / "targets.yaml", TargetSettings)[0]
