"""The warm-up of an encoder from scratch: which tokens are hidden for it to guess."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from training.scratch_encoder import MASKED_SHARE, masked  # noqa: E402 - only importable with torch

pytestmark = pytest.mark.training


@given(seed=st.integers(0, 1000), lengths=st.lists(st.integers(1, 30), min_size=1, max_size=6))
def test_masked_tokens_are_guessed_and_special_ones_are_not(seed: int, lengths: list[int]) -> None:
    torch.manual_seed(seed)
    ids = torch.zeros((len(lengths), max(lengths) + 2), dtype=torch.int64)
    for row, length in zip(ids, lengths, strict=True):
        row[: length + 2] = torch.tensor([2, *range(5, 5 + length), 3])

    shown, wanted = masked(ids, 200)

    asked = wanted != -100
    assert bool((wanted[asked] == ids[asked]).all())
    assert bool((ids[asked] >= 5).all())
    assert bool((shown[~asked] == ids[~asked]).all())
    assert bool(((shown[asked] >= 4) & (shown[asked] < 200)).all())


def test_about_the_named_share_is_masked() -> None:
    torch.manual_seed(1)
    shown, wanted = masked(torch.full((100, 100), 7), 1000)

    asked = wanted != -100
    assert abs(float(asked.float().mean()) - MASKED_SHARE) < 0.02
    assert abs(float((shown[asked] == 4).float().mean()) - 0.8) < 0.05
    assert abs(float((shown[asked] == 7).float().mean()) - 0.1) < 0.03
