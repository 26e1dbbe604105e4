"""Bands of doubt: exact bounds, and a promise that holds where it was made and on new posts."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("sklearn")

from training.abstention import (
    binomial_tail,
    choose_band,
    choose_bands,
    decided_below,
    decided_from,
    score_steps,
    upper_bound,
)
from training.corpora.pack import NOT_ANNOTATED
from training.recipe import AbstainRule

RULE = AbstainRule(error_at_most=0.05, confidence=0.95)


def honest_posts(posts: int, seed: int, spread: float = 4.0) -> tuple[np.ndarray, np.ndarray]:
    """Scores (n,) that are true chances, and labels drawn by them."""
    draw = np.random.default_rng(seed)
    scores = 1 / (1 + np.exp(-draw.normal(0, spread, posts)))
    return scores.astype(np.float32), draw.random(posts) < scores


@pytest.mark.parametrize(("wrong", "decided", "bound"), [(0, 59, 0.0495), (0, 10, 0.2589), (1, 10, 0.3942)])
def test_upper_bound_is_that_of_clopper_and_pearson(wrong: int, decided: int, bound: float) -> None:
    # 0 of n: 1 - 0.05 ** (1 / n); 1 of 10 from the tables.
    assert upper_bound(wrong, decided, 0.95) == pytest.approx(bound, abs=5e-5)
    if not wrong:
        assert upper_bound(wrong, decided, 0.95) == pytest.approx(1 - 0.05 ** (1 / decided), abs=1e-6)


def test_nothing_decided_or_all_wrong_bounds_nothing() -> None:
    assert upper_bound(0, 0, 0.95) == upper_bound(7, 7, 0.95) == binomial_tail(7, 7, 0.01) == 1.0


@given(decided=st.integers(1, 400), error=st.floats(0.01, 0.9), data=st.data())
def test_tail_is_the_sum_of_its_terms(decided: int, error: float, data: st.DataObject) -> None:
    wrong = data.draw(st.integers(0, decided))
    terms = (math.comb(decided, k) * error**k * (1 - error) ** (decided - k) for k in range(wrong + 1))
    assert binomial_tail(wrong, decided, error) == pytest.approx(min(1.0, math.fsum(terms)), abs=1e-9)


@given(seed=st.integers(0, 10_000), posts=st.integers(50, 4000), spread=st.floats(0.5, 6))
def test_bound_holds_on_the_posts_that_the_band_was_chosen_on(seed: int, posts: int, spread: float) -> None:
    scores, positive = honest_posts(posts, seed, spread)
    band, facts = choose_band(scores, positive, RULE)
    if band is None:
        assert not (facts["not_hateful_side_keeps_it"] and facts["hateful_side_keeps_it"])
        return
    low, high = band
    assert 0 < low <= high < 1
    steps = score_steps(scores)
    for side in (
        decided_below(steps, positive, round(low * 1000)),
        decided_from(steps, positive, round(high * 1000)),
    ):
        assert upper_bound(side.wrong, side.decided, RULE.confidence) <= RULE.error_at_most
        assert upper_bound(side.wrong, side.least, RULE.confidence) <= RULE.error_at_most


def test_promise_is_kept_on_new_posts_about_as_often_as_promised() -> None:
    fresh, truth = honest_posts(200_000, seed=999)
    steps = score_steps(fresh)
    kept = []
    for seed in range(100):
        band, _ = choose_band(*honest_posts(1500, seed), RULE)
        if band is None:  # nothing is promised
            continue
        low, high = (round(end * 1000) for end in band)
        sides = decided_below(steps, truth, low), decided_from(steps, truth, high)
        kept.append([side.wrong / side.decided <= RULE.error_at_most for side in sides])
    # 95 of 100 on each side are promised; five fewer are two standard deviations of chance.
    assert len(kept) >= 80
    assert (np.mean(kept, axis=0) >= 0.90).all()


def test_more_posts_make_a_narrower_band() -> None:
    widths = []
    for posts in (1500, 20_000):
        band, _ = choose_band(*honest_posts(posts, 8), RULE)
        assert band is not None
        widths.append(band[1] - band[0])
    assert widths[1] < widths[0]


def test_perfect_order_needs_no_band() -> None:
    scores = np.repeat(np.asarray([0.01, 0.97], dtype=np.float32), 200)
    band, facts = choose_band(scores, scores > 0.5, RULE)
    assert band is not None
    assert band[0] == band[1]
    assert 0.01 < band[0] <= 0.97
    assert facts["coverage"] == 1.0
    assert facts["hateful_side"] == {"decided": 200, "wrong": 0, "error": 0.0, "error_at_most": 0.01487}


def test_head_that_cannot_keep_the_bound_has_no_band_and_says_why() -> None:
    draw = np.random.default_rng(2)
    scores = draw.random((2000, 4)).astype(np.float32)
    labels = (draw.random((2000, 4)) < 0.03).astype(
        np.int8
    )  # hateful posts are rare, and scores know nothing
    labels[:, 3] = NOT_ANNOTATED
    abstain, fit = choose_bands(scores, labels, RULE)
    assert abstain == {"error_at_most": 0.05, "confidence": 0.95, "heads": {}}
    # 3 of 100 would be wrong below any score, but half of the hateful posts would be missed below 0.5.
    assert fit["hate"] == {"posts": 2000, "not_hateful_side_keeps_it": False, "hateful_side_keeps_it": False}
    assert fit["far_right"]["posts"] == 0
