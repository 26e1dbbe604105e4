"""Comparisons of targets: published examples, second implementations, and what must hold for any cases."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("sklearn")

from training.evaluation.comparison import (
    BETTER,
    SAME,
    WORSE,
    Comparison,
    compare_targets,
    holm,
    holm_adjusted,
    mcnemar_exact,
    right_answers,
)

pytestmark = pytest.mark.training

outcomes = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60)
p_values = st.lists(st.floats(0, 1), min_size=1, max_size=7)


def pair(cases: list[tuple[bool, bool]]) -> tuple[np.ndarray, np.ndarray]:
    first, second = zip(*cases, strict=True)
    return np.asarray(first, dtype=bool), np.asarray(second, dtype=bool)


def compared(a: np.ndarray, b: np.ndarray, draws: int = 100, **named: object) -> Comparison:
    return compare_targets({"a": a, "b": b}, "suite:ours", draws=draws, **named)[0]  # type: ignore[arg-type] # named arguments of the function under test


@pytest.mark.parametrize(
    ("only_a", "only_b", "expected"),
    [
        # Source: vignette "exactMcNemar" of the R package exact2x2 (Fay 2010), mcnemar.exact(x).
        (2, 9, 0.06543),
        # The table of Fleiss 1981, p. 114; its p by hand, the tail of the binomial twice:
        # 2 * (1 + 25 + 300 + 2300 + 12650 + 53130) / 2^25.
        (20, 5, 2 * 68406 / 2**25),
        (0, 0, 1.0),
        (7, 7, 1.0),
    ],
)
def test_mcnemar_of_published_tables_is_as_published(only_a: int, only_b: int, expected: float) -> None:
    leads = np.repeat([1, -1, 0], [only_a, only_b, 5])

    assert mcnemar_exact(leads) == pytest.approx(expected, abs=5e-6)
    assert mcnemar_exact(-leads) == pytest.approx(expected, abs=5e-6)


@given(st.lists(st.integers(-4, 4), min_size=1, max_size=9))
def test_mcnemar_over_templates_counts_every_way_that_their_coins_could_fall(leads: list[int]) -> None:
    signs = np.asarray(list(product([-1, 1], repeat=len(leads))))
    sums = np.abs(signs @ np.abs(leads))

    assert mcnemar_exact(np.asarray(leads)) == pytest.approx((sums >= abs(sum(leads))).mean())


def test_equal_targets_on_templates_that_fall_as_one_are_told_apart_in_few_of_many_reports() -> None:
    # Ten comparisons of five equal targets a report; 24 templates of 10 cases, each right or wrong as one.
    draw, wrong = np.random.default_rng(13), 0
    templates = np.repeat([f"t{number}" for number in range(24)], 10)
    for _ in range(150):
        right = {name: np.repeat(draw.random(24) < 0.6, 10) for name in "abcde"}
        found = holm(compare_targets(right, "suite:ours", templates=templates.tolist(), draws=200))
        wrong += any(one.verdict != SAME for one in found)

    assert wrong / 150 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 150)


def test_holm_of_published_p_values_is_as_published() -> None:
    # Source: R, p.adjust(c(0.01, 0.04, 0.03, 0.005), method = "holm"): 0.03 0.06 0.06 0.02.
    assert holm_adjusted([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    # Source: ETH Zurich, Applied Multivariate Statistics, multTesting.R: "reject two" at 5 %.
    assert sum(p < 0.05 for p in holm_adjusted([0.011, 0.02, 0.005, 0.13, 0.04])) == 2


@given(p_values)
def test_holm_is_the_closed_test_that_takes_bonferroni_over_every_subset(values: list[float]) -> None:
    # A second way to the same numbers: Marcus, Peritz and Gabriel 1976 (closed testing).
    everybody = range(len(values))
    subsets = [set(s) for size in range(1, len(values) + 1) for s in combinations(everybody, size)]

    for place, adjusted in enumerate(holm_adjusted(values)):
        hardest = max(len(s) * min(values[other] for other in s) for s in subsets if place in s)
        assert adjusted == pytest.approx(min(1.0, hardest))


@given(p_values)
def test_holm_keeps_the_order_and_only_ever_raises(values: list[float]) -> None:
    adjusted = holm_adjusted(values)

    assert all(raw <= new <= 1 for raw, new in zip(values, adjusted, strict=True))
    order = np.argsort(values, kind="stable")
    assert (np.diff(np.asarray(adjusted)[order]) >= 0).all()


@given(outcomes)
@settings(max_examples=40, deadline=None)
def test_swapped_targets_give_the_mirrored_comparison(cases: list[tuple[bool, bool]]) -> None:
    first, second = pair(cases)
    here, there = compared(first, second), compared(second, first)

    assert here.difference.value == -there.difference.value
    assert here.difference.low == pytest.approx(-there.difference.high, abs=1e-12)
    assert here.difference.high == pytest.approx(-there.difference.low, abs=1e-12)
    assert here.mcnemar_p == pytest.approx(there.mcnemar_p)
    assert (here.only_a_right, here.only_b_right) == (there.only_b_right, there.only_a_right)
    assert {here.verdict, there.verdict} in ({SAME}, {BETTER, WORSE})


@given(outcomes)
@settings(max_examples=20, deadline=None)
def test_target_next_to_itself_differs_by_exactly_nothing(cases: list[tuple[bool, bool]]) -> None:
    first, _ = pair(cases)
    found = compared(first, first.copy())

    assert (found.difference.value, found.difference.low, found.difference.high) == (0.0, 0.0, 0.0)
    assert (found.mcnemar_p, found.verdict) == (1.0, SAME)


def test_cases_of_one_template_are_drawn_together_so_luck_with_few_templates_decides_nothing() -> None:
    # a alone is right on all 20 cases of one template, b alone on the 2 of another; 18 more are even.
    templates = ["one"] * 20 + ["two"] * 2 + [f"even{number}" for number in range(18)]
    a = np.asarray([True] * 20 + [False] * 2 + [True] * 18)
    b = np.asarray([False] * 20 + [True] * 2 + [True] * 18)

    assert compared(a, b, draws=1000).verdict == BETTER
    together = compared(a, b, draws=1000, templates=templates)
    assert together.verdict == SAME
    assert together.cases == together.difference.posts == 40
    assert together.difference.value == pytest.approx(18 / 40)


def test_paired_interval_holds_the_true_difference_about_as_often_as_it_says() -> None:
    # 300 tables of 250 cases with both, only a, only b or neither right: the truth is 0.15 - 0.08.
    draw, held = np.random.default_rng(11), 0
    for _ in range(300):
        kind = draw.choice(4, 250, p=[0.6, 0.15, 0.08, 0.17])
        found = compared(kind <= 1, (kind == 0) | (kind == 2), draws=400, seed=int(draw.integers(2**31)))
        held += found.difference.low <= 0.07 <= found.difference.high

    # 95 % of 300 within three standard errors, 0.038.
    assert 0.912 <= held / 300 <= 0.988


def test_targets_that_are_alike_are_told_apart_in_few_of_many_reports() -> None:
    # Six comparisons of four equal targets a report: the family-wise error rate is to stay below 5 %.
    draw, wrong = np.random.default_rng(12), 0
    for _ in range(150):
        right = {name: draw.random(200) < 0.8 for name in "abcd"}
        found = holm(compare_targets(right, "suite:ours", draws=50, seed=int(draw.integers(2**31))))
        wrong += any(one.verdict != SAME for one in found)

    assert wrong / 150 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 150)


def test_holm_over_all_comparisons_takes_back_what_one_alone_would_say() -> None:
    # 12 against 3 alone: p = 0.035. Beside four comparisons without a difference: 0.176.
    first = np.asarray([True] * 12 + [False] * 3 + [True] * 100)
    second = np.asarray([False] * 12 + [True] * 3 + [True] * 100)
    alone = compared(first, second, draws=1000)
    family = holm([alone, *[compared(first, first)] * 4])

    assert alone.verdict == BETTER
    assert family[0].holm_p == pytest.approx(5 * alone.mcnemar_p)
    assert family[0].verdict == SAME
    assert [found.what for found in family] == ["suite:ours"] * 5


def test_comparison_as_json_has_the_fields_of_the_report() -> None:
    found = compared(np.asarray([True, True, False]), np.asarray([True, False, False])).as_json()

    assert found["difference"]["value"] == pytest.approx(1 / 3, abs=1e-5)
    assert (found["cases"], found["only_a_right"], found["only_b_right"]) == (3, 1, 0)
    assert found["mcnemar_p"] == found["holm_p"] == 1.0
    assert list(found) == [
        *("a", "b", "what", "cases", "difference", "only_a_right", "only_b_right", "mcnemar_p", "holm_p"),
        "verdict",
    ]


def test_three_targets_make_three_pairs_and_no_case_makes_none() -> None:
    right = {name: np.ones(4, dtype=bool) for name in "xyz"}

    assert [(c.a, c.b) for c in compare_targets(right, "w", draws=5)] == [("x", "y"), ("x", "z"), ("y", "z")]
    assert compare_targets({"x": np.zeros(0, bool), "y": np.zeros(0, bool)}, "w") == []


def test_case_without_an_answer_is_wrong() -> None:
    scores = np.asarray([0.9, np.nan, 0.2, np.nan], dtype=np.float32)
    hateful = np.asarray([True, True, True, False])

    assert right_answers(scores, hateful, 0.5).tolist() == [True, False, False, False]
