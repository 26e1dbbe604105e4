"""The quotas of a batch, the audit's design and the limit on exposure, as dated data with a hash."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final, Literal, get_args

from pydantic import Field, model_validator

from model.configuration import FrozenConfig, configs_folder, load_yaml

Reason = Literal["audit", "uncertainty", "disagreement", "coded_term", "anchor_neighbour"]
"""Why a post is in a batch: the `sample_reason` of its task."""

AUDIT: Final = "audit"
REASONS: Final[tuple[Reason, ...]] = get_args(Reason)
TOLERANCE: Final = 1e-9


class Quota(FrozenConfig):
    """The share of a batch that one reason has."""

    share: float = Field(ge=0, le=1)
    source: str = Field(min_length=1)
    reason: str = Field(min_length=1)


class AuditDesign(FrozenConfig):
    """How the audit is drawn. `strata_from`: the score at which the second, third, ... stratum begins."""

    design: Literal["stratified", "uniform"]
    strata_from: tuple[float, ...]
    by_size: float = Field(ge=0, le=1)
    least_in_stratum: int = Field(ge=1)

    @model_validator(mode="after")
    def _rising(self) -> AuditDesign:
        if any(not 0 < edge < 1 for edge in self.strata_from):
            raise ValueError("strata_from: scores between 0 and 1")
        if list(self.strata_from) != sorted(set(self.strata_from)):
            raise ValueError("strata_from: each higher than the one before")
        return self


class CodedTermRules(FrozenConfig):
    """When a coded term no longer brings posts: precision below so much over so many reviews."""

    suspended_below: float = Field(ge=0, le=1)
    suspended_from_reviews: int = Field(ge=1)


class ExposureRules(FrozenConfig):
    """How much a batch may weigh to read, in the units of the exposure budget (S1 1, S2 2, S3 4, S4 8).

    A post of `heavy_from_units` or more is kept apart from the next such post.
    """

    units_per_batch: float = Field(gt=0)
    gravest_post_units: float = Field(gt=0)
    heavy_from_units: float = Field(gt=0)

    @model_validator(mode="after")
    def _any_post_can_be_shown(self) -> ExposureRules:
        # An audit post that no batch could hold would never be labelled, and the audit would be biased.
        if self.units_per_batch < self.gravest_post_units:
            raise ValueError("units_per_batch: at least the units of the gravest post")
        return self


class SamplingRules(FrozenConfig):
    """The dated file of quotas."""

    name: Literal["sampling"]
    version: int = Field(ge=1)
    valid_from: date
    batch_posts: int = Field(ge=1)
    quotas: dict[Reason, Quota]
    uncertain_among: int = Field(ge=1)
    neighbours_looked_at: int = Field(ge=1)
    disagreement_from: float = Field(gt=0, le=1)
    audit: AuditDesign
    coded_terms: CodedTermRules
    exposure: ExposureRules

    @model_validator(mode="after")
    def _whole(self) -> SamplingRules:
        missing = sorted(set(REASONS) - set(self.quotas))
        if missing:
            raise ValueError(f"quotas: {', '.join(missing)} missing")
        if abs(sum(quota.share for quota in self.quotas.values()) - 1) > TOLERANCE:
            raise ValueError("quotas: the shares do not sum to 1")
        return self

    def places(self, posts: int) -> Mapping[Reason, int]:
        """How many of `posts` places each reason has: whole numbers that sum to `posts`.

        Largest remainders; a tie goes to the reason that `REASONS` has first. Source: Hamilton's method.
        """
        exact = {reason: self.quotas[reason].share * posts for reason in REASONS}
        whole = {reason: int(exact[reason] + TOLERANCE) for reason in REASONS}
        by_rest = sorted(REASONS, key=lambda reason: -round(exact[reason] - whole[reason], 9))
        for reason in by_rest[: posts - sum(whole.values())]:
            whole[reason] += 1
        return whole


@dataclass(frozen=True, slots=True)
class LoadedRules:
    """The rules and the SHA-256 of the file they came from, which stands on every batch."""

    rules: SamplingRules
    sha256: str


def load_sampling_rules(path: Path | None = None) -> LoadedRules:
    """The rules of `configs/labelling/sampling.yaml`, or of another file. Raises: BadConfig."""
    rules, digest = load_yaml(path or configs_folder() / "labelling" / "sampling.yaml", SamplingRules)
    return LoadedRules(rules, digest)
