"""The plan of the sampling simulation: what is a stream, what is trained, and how many labels each arm
has."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Literal

from pydantic import Field

from model.configuration import FrozenConfig, configs_folder, load_yaml


class StreamPlan(FrozenConfig):
    """How a stream is made of a corpus and background traffic."""

    posts: int = Field(ge=10)
    hateful: float = Field(gt=0, lt=1)
    own_harmless_at_most: float = Field(gt=0, le=1)
    tested: float = Field(gt=0, lt=1)
    least_test_positives: int = Field(ge=1)
    published_pool_at_least: float = Field(ge=1)


class WarmStartPlan(FrozenConfig):
    """What the baseline has learnt before the first label: the other corpora, and some background."""

    posts_a_corpus: int = Field(ge=1)
    background_posts: int = Field(ge=0)
    inverse_penalty: float = Field(gt=0)


class RepresentationPlan(FrozenConfig):
    """How posts become vectors, and how many of a corpus do."""

    encoder: str
    max_tokens: int = Field(ge=8)
    posts_a_corpus: int = Field(ge=10)
    background_posts: int = Field(ge=0)


class SimulationPlan(FrozenConfig):
    """The dated file of the simulation."""

    name: Literal["sampling-simulation"]
    version: int = Field(ge=1)
    valid_from: date
    seeds: tuple[int, ...] = Field(min_length=1)
    development_seeds: tuple[int, ...] = ()
    batch_posts: int = Field(ge=1)
    sampled_labels: int = Field(ge=1)
    random_labels: int = Field(ge=1)
    held_out: tuple[str, ...] = Field(min_length=1)
    also_train: tuple[str, ...] = ()
    background: tuple[str, ...] = Field(min_length=1)
    stream: StreamPlan
    warm_start: WarmStartPlan
    representation: RepresentationPlan
    penalty: float = Field(gt=0)
    units_if_hateful: float = Field(gt=0)
    bootstrap_draws: int = Field(ge=100)

    @property
    def corpora(self) -> tuple[str, ...]:
        """Every labelled corpus."""
        return (*self.held_out, *self.also_train)


def load_simulation_plan(path: Path | None = None) -> tuple[SimulationPlan, str]:
    """The plan of `configs/labelling/simulation.yaml`, or of another file, and its SHA-256. Raises:
    BadConfig."""
    return load_yaml(path or configs_folder() / "labelling" / "simulation.yaml", SimulationPlan)
