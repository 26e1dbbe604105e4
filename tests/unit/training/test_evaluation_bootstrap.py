"""Bootstrap intervals: what they hold, when they repeat; one statistic serves figure and interval."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("sklearn")

from sklearn.metrics import roc_auc_score

from training.evaluation.bootstrap import Measured, bootstrap, measured_from, share
from training.evaluation.metrics import (
    auc_statistic,
    ece_statistic,
    expected_calibration_error,
    mean_statistic,
    reliability,
)

pytestmark = pytest.mark.training


def scored(count: int, seed: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Scores rounded to tenths, so that many tie, and labels that follow them loosely."""
    draw = np.random.default_rng(seed)
    scores = np.round(draw.random(count), 1).astype(np.float32)
    return scores, draw.random(count) < scores


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=2, max_size=40))
def test_auc_by_ranks_is_sklearns_ties_and_all(posts: list[tuple[int, bool]]) -> None:
    scores = np.asarray([score / 6 for score, _ in posts], dtype=np.float32)
    positive = np.asarray([label for _, label in posts])
    found = float(auc_statistic(scores, positive)(np.ones((1, len(posts)), dtype=np.float32))[0])

    if positive.all() or not positive.any():
        assert np.isnan(found)
    else:
        assert found == pytest.approx(roc_auc_score(positive, scores), abs=1e-9)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=20, max_size=20))
def test_weights_count_a_post_as_often_as_the_draw_holds_it(weights: list[int]) -> None:
    scores, positive = scored(20)
    held = np.repeat(np.arange(20), weights)
    row = np.asarray([weights], dtype=np.float32)
    auc = float(auc_statistic(scores, positive)(row)[0])

    if len(set(positive[held].tolist())) == 2:
        assert auc == pytest.approx(roc_auc_score(positive[held], scores[held]), abs=1e-6)
        ece = float(ece_statistic(scores, positive)(row)[0])
        of_held = expected_calibration_error(scores[held], positive[held].astype(np.int8))
        assert ece == pytest.approx(of_held, abs=1e-6)
    else:
        assert np.isnan(auc)


def test_auc_of_four_posts_by_hand() -> None:
    # Positive .9 and .4 against negative .4 and .1: it wins three pairs of four and ties one.
    scores = np.asarray([0.9, 0.4, 0.4, 0.1], dtype=np.float32)
    positive = np.asarray([True, True, False, False])

    found = bootstrap(auc_statistic(scores, positive), 4)

    assert found is not None
    assert found.value == pytest.approx(3.5 / 4)


def test_ece_of_four_posts_by_hand() -> None:
    # Two posts at 0.1, one of them positive: gap 0.4. Two at 0.9, both positive: gap 0.1. Mean 0.25.
    scores = np.asarray([0.1, 0.1, 0.9, 0.9], dtype=np.float32)
    labels = np.asarray([1, 0, 1, 1], dtype=np.int8)

    assert expected_calibration_error(scores, labels) == pytest.approx(0.25, abs=1e-6)
    assert reliability(scores, labels) == [
        {"posts": 2, "mean_score": 0.1, "positive": 0.5},
        {"posts": 2, "mean_score": 0.9, "positive": 1.0},
    ]


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 200), st.integers(0, 200))
def test_interval_of_a_share_holds_the_share(ones: int, zeros: int) -> None:
    found = share(np.asarray([True] * ones + [False] * zeros))

    assert found is not None
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert found.value == pytest.approx(ones / (ones + zeros))


def test_interval_of_a_symmetrical_mean_holds_it_and_has_the_width_that_theory_gives() -> None:
    values = np.asarray([-1.0, 1.0] * 200)

    found = bootstrap(mean_statistic(values), 400)

    assert found is not None
    assert found.low < 0 < found.high
    assert found.value == 0
    # Normal approximation: 2 * 1.96 / sqrt(400).
    assert found.high - found.low == pytest.approx(0.196, rel=0.15)


def test_share_and_bootstrap_of_the_same_hits_agree() -> None:
    hits = np.asarray([True] * 30 + [False] * 70)

    quick, drawn = share(hits), bootstrap(mean_statistic(hits.astype(np.float64)), 100)

    assert quick is not None
    assert drawn is not None
    assert quick.value == pytest.approx(drawn.value)
    assert quick.low == pytest.approx(drawn.low, abs=0.02)
    assert quick.high == pytest.approx(drawn.high, abs=0.02)


def test_more_posts_give_a_narrower_interval_and_the_same_seed_the_same_one() -> None:
    few, many = scored(60), scored(3000)
    narrow, wide = bootstrap(auc_statistic(*many), 3000), bootstrap(auc_statistic(*few), 60)

    assert narrow is not None
    assert wide is not None
    assert narrow.high - narrow.low < (wide.high - wide.low) / 3
    assert bootstrap(auc_statistic(*few), 60) == wide
    assert bootstrap(auc_statistic(*few), 60, seed=1) != wide


def test_nothing_to_measure_gives_no_figure() -> None:
    alike = np.asarray([0.2, 0.4], dtype=np.float32)

    assert share(np.zeros(0, dtype=bool)) is None
    assert bootstrap(mean_statistic(np.zeros(0)), 0) is None
    assert bootstrap(auc_statistic(alike, np.asarray([True, True])), 2) is None


def test_draw_without_a_positive_post_is_left_out_of_the_interval() -> None:
    # One positive among five: a third of all draws lack it.
    scores = np.asarray([0.9, 0.1, 0.2, 0.3, 0.4], dtype=np.float32)

    found = bootstrap(auc_statistic(scores, scores > 0.5), 5)

    assert found == Measured(1.0, 1.0, 1.0, 5)


def test_figure_written_as_json_is_read_back() -> None:
    found = Measured(0.12345, 0.1, 0.2, 7)

    assert measured_from(found.as_json()) == found
    assert measured_from(None) is None
    assert measured_from({"value": None, "low": None, "high": None}) is None
