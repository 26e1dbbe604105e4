"""A tiny seeded encoder, a tiny data folder and a recipe on both: training end to end without a download."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tiny_training import build_tiny_encoder, made_up_posts, write_pack, write_tiny_pack, write_tiny_recipe


@pytest.fixture
def data_folder(tmp_path: Path) -> Callable[..., Path]:
    """Writes a data folder from (group, corpus) -> rows."""
    return lambda corpora: write_pack(tmp_path / "pack", corpora)


@pytest.fixture
def posts_made_up() -> Callable[[int, int], list[dict[str, Any]]]:
    """Gives (count, seed) rows in the pack's schema."""
    return made_up_posts


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A two-layer BERT of 32 dimensions with random seeded weights and a WordPiece vocabulary made here."""
    return build_tiny_encoder(tmp_path_factory.mktemp("encoder"))


@pytest.fixture
def tiny_pack(tmp_path: Path) -> Path:
    """Two labelled corpora, one evaluation suite that repeats a training text, one background stream."""
    return write_tiny_pack(tmp_path / "data")


EVERY_STEP: dict[str, Any] = {
    "side_weights": {"speech_act": 0.3, "offensive": 0.2, "rationale": 0.5},
    "presumed_q": 0.5,
    "rationale_pretraining": {"epochs": 1, "rate_share": 0.5},
    "swaps": {"terms": "identity-terms.yaml", "share": 0.9, "weight": 0.3},
    "contrast": {
        "families": ["contrast"],
        "posts": 30,
        "away_from": ["hatecheck"],
        "jaccard": 0.5,
        "share_at_most": 0.15,
    },
    "averaging": {"from_share": 0.3, "decay": 0.5, "every_steps": 2},
    "finishing": {
        "shares": {"first": 0.5, "contrast": 1.0},
        "rate_share": 0.3,
        "rationale": 1.0,
        "blend": 0.6,
    },
}
"""Members of a recipe that switch every optional step on."""


@pytest.fixture
def every_step() -> dict[str, Any]:
    """Members of a recipe that switch every optional step on."""
    return dict(EVERY_STEP)


@pytest.fixture
def tiny_recipe(tmp_path: Path, tiny_encoder: Path) -> Callable[..., Path]:
    """Writes a recipe on the tiny encoder and pack; keyword arguments replace its members."""

    def write(**changes: Any) -> Path:
        return write_tiny_recipe(tmp_path / "recipe.yaml", tiny_encoder, **changes)

    return write


@pytest.fixture(autouse=True)
def _fresh_accelerator() -> Iterator[None]:
    """accelerate keeps one state a process: a test in bf16 must not inherit precision from another."""
    import torch
    from accelerate.state import AcceleratorState

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # two workers with two threads each wait for one another on two cores
    yield
    torch.set_num_threads(threads)
    AcceleratorState._reset_state(reset_partial_state=True)
