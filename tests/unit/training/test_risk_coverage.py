"""Risk and coverage: four posts by hand, a naive second implementation, and what must hold for any scores."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("sklearn")

from model.taxonomy import HEAD_ORDER
from training.evaluation.risk_coverage import certainty, risk_coverage, risk_coverage_figures

pytestmark = pytest.mark.training

posts = st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=1, max_size=40)


def arrays(found: list[tuple[int, bool]]) -> tuple[np.ndarray, np.ndarray]:
    return np.asarray([score / 20 for score, _ in found], dtype=np.float32), np.asarray([p for _, p in found])


def test_curve_of_four_posts_by_hand() -> None:
    # In order of certainty: .95 right, .1 wrong, .7 right, .4 wrong.
    scores = np.asarray([0.4, 0.95, 0.7, 0.1], dtype=np.float32)
    positive = np.asarray([True, True, True, True])

    found = risk_coverage(scores, positive, 0.5)

    assert found is not None
    assert found.coverage.tolist() == [0.25, 0.5, 0.75, 1.0]
    assert found.risk == pytest.approx([0, 1 / 2, 1 / 3, 2 / 4])
    assert found.aurc == pytest.approx((0 + 1 / 2 + 1 / 3 + 1 / 2) / 4)


def test_area_is_that_of_the_published_sum_where_no_two_are_equally_certain() -> None:
    # Second implementation: Geifman, Uziel and El-Yaniv 2019, risk of each prefix of the ordered posts.
    draw = np.random.default_rng(8)
    scores = draw.random(200).astype(np.float32)
    positive = draw.random(200) < scores
    surest = sorted(range(200), key=lambda post: -max(float(scores[post]), 1 - float(scores[post])))
    wrong = [(scores[post] >= 0.5) != positive[post] for post in surest]
    naive = sum(sum(wrong[: count + 1]) / (count + 1) for count in range(200)) / 200

    found = risk_coverage(scores, positive, 0.5)

    assert found is not None
    assert found.aurc == pytest.approx(naive, abs=1e-6)


@given(posts, st.randoms(use_true_random=False), st.sampled_from([0.2, 0.5, 0.85]))
def test_order_of_the_posts_changes_nothing(found: list[tuple[int, bool]], draw: object, at: float) -> None:
    mixed = list(found)
    draw.shuffle(mixed)  # type: ignore[attr-defined] # a random.Random from hypothesis
    here, there = risk_coverage(*arrays(found), at), risk_coverage(*arrays(mixed), at)

    assert here is not None
    assert there is not None
    assert here.risk == pytest.approx(there.risk)


@given(posts)
def test_risk_of_all_posts_is_their_error_rate_and_no_better_order_than_errors_last(
    found: list[tuple[int, bool]],
) -> None:
    scores, positive = arrays(found)
    wrong = (scores >= 0.5) != positive
    curve = risk_coverage(scores, positive, 0.5)

    assert curve is not None
    assert curve.risk[-1] == pytest.approx(wrong.mean())
    errors_last = np.cumsum(np.sort(wrong)) / np.arange(1, len(wrong) + 1)
    assert errors_last.mean() - 1e-9 <= curve.aurc <= 1


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=30))
def test_at_a_threshold_of_a_half_certainty_is_that_of_the_larger_probability(values: list[float]) -> None:
    scores = np.asarray(values, dtype=np.float32)

    larger = np.maximum(scores.astype(np.float64), 1 - scores.astype(np.float64))

    assert certainty(scores, 0.5) == pytest.approx(2 * larger - 1)


def test_score_beside_a_low_threshold_is_the_least_certain_and_both_ends_are_certain() -> None:
    scores = np.asarray([0.0, 0.21, 0.6, 1.0], dtype=np.float32)

    assert certainty(scores, 0.2) == pytest.approx([1, 0.0125, 0.5, 1])
    assert certainty(scores, 1.0)[-1] == 0


def test_posts_without_an_answer_or_a_label_are_left_out_and_silent_heads_have_no_curve() -> None:
    scores = np.full((300, len(HEAD_ORDER)), np.nan, dtype=np.float32)
    scores[:, 0] = np.linspace(0, 1, 300)
    scores[0, 0] = np.nan
    labels = np.full((300, len(HEAD_ORDER)), 1, dtype=np.int8)
    labels[1, 0] = -1

    figures = risk_coverage_figures(scores, labels, {HEAD_ORDER[0]: 0.5, HEAD_ORDER[1]: 0.5})

    assert list(figures) == [HEAD_ORDER[0]]
    curve = figures[HEAD_ORDER[0]]
    assert len(curve["coverage"]) == len(curve["risk"]) == 101
    assert curve["coverage"][-1] == 1.0
    # 298 posts, all positive, of which those below a half are wrong: 148 of them.
    assert curve["risk"][-1] == pytest.approx(148 / 298, abs=1e-5)
