"""Operating points, and what policies find and cost: hand-counted cases and promises kept."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("sklearn")

from model.intervals import wilson
from model.policy import route
from model.taxonomy import HEAD_ORDER
from model.thresholds import Band, Thresholds
from training.corpora.pack import NOT_ANNOTATED
from training.evaluation.bootstrap import share
from training.evaluation.operating import (
    ANY,
    alone,
    any_labels,
    at_base_rate,
    expected_precision,
    operating_figures,
    precision_of,
    shipped_policies,
    whole,
)
from training.evaluation.operating_tables import operating_tables
from training.evaluation.reliability import draw_reliability
from training.operating_points import at_or_above, choose_operating_points, precision_first, recall_first
from training.recipe import OperatingRule

HALF = dict.fromkeys(HEAD_ORDER, 0.5)


def honest_posts(posts: int, seed: int, spread: float = 4.0) -> tuple[np.ndarray, np.ndarray]:
    """Scores (n,) that are true chances, and labels drawn by them."""
    draw = np.random.default_rng(seed)
    scores = 1 / (1 + np.exp(-draw.normal(0, spread, posts)))
    return scores.astype(np.float32), draw.random(posts) < scores


# --- operating points -----------------------------------------------------------------------------


def test_recall_first_finds_what_is_wanted_or_stops_at_the_load() -> None:
    found = at_or_above(np.linspace(0.05, 1, 20, dtype=np.float32))  # 0.05, 0.10 ... 1.00
    quiet = at_or_above(np.full(1000, 0.02, dtype=np.float32))
    busy = at_or_above(np.linspace(0.0005, 0.5, 1000, dtype=np.float32))
    rule = OperatingRule(recall=0.95, reviews_per_10000=500, precision=0.9)
    assert recall_first(found, quiet, rule) == (1000, "recall")  # 19 of 20 from 0.10 on
    at, bound_by = recall_first(found, busy, rule)
    assert bound_by == "review load"
    assert (busy[at], busy[at - 1]) == (50, 51)  # 500 per 10,000 of 1,000 posts are 50
    assert recall_first(found, at_or_above(np.zeros(0, dtype=np.float32)), rule) == (1000, "recall")


def test_precision_first_counts_the_traffic_as_wrong() -> None:
    found = at_or_above(np.repeat(np.asarray([0.4, 0.8], dtype=np.float32), 90))
    dev_wrong = at_or_above(np.repeat(np.asarray([0.3], dtype=np.float32), 100))
    traffic = at_or_above(np.repeat(np.asarray([0.5], dtype=np.float32), 30))
    rule = OperatingRule(precision=0.9)
    assert precision_first(found, dev_wrong, rule, least=1) == (3001, True)  # 180 right, none wrong
    # With the traffic 180 of 210 are right from 0.3 on, 90 of 120 up to 0.5, and all of 90 above it.
    assert precision_first(found, dev_wrong + traffic, rule, least=1) == (5001, True)
    assert precision_first(found, dev_wrong + 10 * traffic, rule, least=8001) == (8001, False)


def test_precision_out_of_reach_gives_the_best_and_says_so() -> None:
    draw = np.random.default_rng(7)
    scores = draw.random((1000, 4)).astype(np.float32)
    labels = (draw.random((1000, 4)) < 0.2).astype(np.int8)
    labels[:, 1] = NOT_ANNOTATED
    thresholds = {**HALF, "antisemitic": 0.37}
    points, fit = choose_operating_points(scores, labels, scores[:100], thresholds, OperatingRule())
    assert fit["precision_first"]["hate"]["chosen_by"] == "best precision"
    assert fit["precision_first"]["hate"]["precision"] < 0.95
    assert min(points["precision_first"].values()) >= 0.37
    assert points["precision_first"]["hate"] >= thresholds["hate"]
    assert points["recall_first"]["antisemitic"] == points["precision_first"]["antisemitic"] == 0.37
    assert fit["recall_first"]["antisemitic"] == {"chosen_by": "too few posts"}


@given(
    seed=st.integers(0, 10_000),
    load=st.integers(1, 10_000),
    recall=st.floats(0.5, 1),
    precision=st.floats(0.5, 1),
)
def test_points_stand_in_order_and_keep_recall_or_load(
    seed: int, load: int, recall: float, precision: float
) -> None:
    scores, positive = honest_posts(300, seed)
    traffic, _ = honest_posts(200, seed + 1, spread=1)
    rule = OperatingRule(recall=recall, reviews_per_10000=load, precision=precision)
    points, fit = choose_operating_points(
        scores[:, None].repeat(4, axis=1),
        positive[:, None].repeat(4, axis=1).astype(np.int8),
        traffic[:, None].repeat(4, axis=1),
        HALF,
        rule,
    )
    wide, narrow = points["recall_first"]["hate"], points["precision_first"]["hate"]
    assert 0 < wide <= narrow < 1
    assert fit["recall_first"]["hate"]["reviews_per_10000"] <= load + 0.05  # facts have one decimal
    if fit["recall_first"]["hate"]["chosen_by"] == "recall":
        assert fit["recall_first"]["hate"]["recall"] >= recall - 1e-5
    if fit["precision_first"]["hate"]["chosen_by"] == "precision":
        assert fit["precision_first"]["hate"]["precision"] >= precision - 1e-5


# --- what policies find and cost ------------------------------------------------------------------

KNOWING = Thresholds(
    heads=HALF,
    points={
        "recall_first": dict.fromkeys(HEAD_ORDER, 0.2),
        "precision_first": dict.fromkeys(HEAD_ORDER, 0.8),
    },
    bands={"hate": Band(0.15, 0.6)},
    error_at_most=0.05,
    fit={"operating_points": {"recall_first": {"hate": {"chosen_by": "review load"}}}},
)


def hate_only(*scores: float) -> np.ndarray:
    rows = np.zeros((len(scores), 4), dtype=np.float32)
    rows[:, 0] = scores
    return rows


def test_hand_counted_policies() -> None:
    dev = hate_only(0.1, 0.15, 0.5, 0.7, 0.9, 0.85)
    labels = np.full((6, 4), NOT_ANNOTATED, dtype=np.int8)
    labels[:, 0] = [0, 1, 1, 0, 1, 1]
    traffic = hate_only(*[0.05] * 96, 0.16, 0.3, 0.6, 0.9)
    figures = operating_figures(shipped_policies(), dev, labels, traffic, KNOWING)
    rows = {name: policy["heads"]["hate"] for name, policy in figures["policies"].items()}
    values = {
        name: [row[what]["value"] for what in ("recall", "precision", "reviews_per_10000")]
        for name, row in rows.items()
    }
    assert values == {
        "officer": [0.75, 0.75, 300.0],  # from 0.2 on; what is doubted below it waits
        "platform": [0.5, 1.0, 100.0],  # from 0.8 on
        "researcher": [0.75, 0.75, 200.0],  # from 0.5 on
    }
    # Half of the hateful, 1 % of the rest: at 1 % hateful 0.005 / (0.005 + 0.0099).
    expected = rows["platform"]["expected_precision"]["1.0%"]["value"]
    assert expected == pytest.approx(0.005 / (0.005 + 0.0099), abs=1e-5)
    assert figures["policies"]["officer"]["heads"][ANY]["recall"] == rows["officer"]["recall"]
    assert figures["policies"]["officer"]["heads"]["far_right"]["precision"] is None
    assert figures["points"]["recall_first"]["hate"]["chosen_by"] == "review load"


def test_whole_policy_is_judged_by_every_head_and_leaves_out_what_nobody_said() -> None:
    no = NOT_ANNOTATED
    labels = [
        [1, 0, 0, no],  # hate against another group
        [0, 0, 0, 1],  # far-right ideology that is no hate
        [no, 1, no, no],  # a corpus that labels one strand alone
        [0, no, no, no],
        [no, 0, 0, no],  # of no strand, but nobody said whether it is hate
        [no, no, no, no],
    ]
    assert any_labels(np.asarray(labels, dtype=np.int8)).tolist() == [1, 1, 1, 0, no, no]

    dev = np.zeros((6, 4), dtype=np.float32)
    dev[1, 3] = dev[2, 1] = 0.95
    figures = operating_figures(
        shipped_policies(), dev, np.asarray(labels, dtype=np.int8), hate_only(), KNOWING
    )
    row = figures["policies"]["officer"]["heads"][ANY]
    assert row["precision"]["value"] == 1.0
    assert row["recall"] == {**row["recall"], "value": pytest.approx(2 / 3, abs=1e-5), "posts": 3}


def test_posts_that_are_not_scored_for_their_language_are_work_of_a_whole_policy() -> None:
    dev, labels = hate_only(0.05, 0.05, 0.9), np.asarray([[1] * 4, [0] * 4, [1] * 4], dtype=np.int8)
    traffic = hate_only(*[0.05] * 98, 0.9, 0.9)
    unread = np.arange(100) >= 95  # three quiet posts, and two that would be taken anyway

    def figures(**marked: np.ndarray) -> dict[str, Any]:
        found = operating_figures(shipped_policies(), dev, labels, traffic, KNOWING, **marked)
        return {**found["policies"]["officer"]["heads"], "all": found}

    plain, marked = figures(), figures(dev_unread=np.arange(3) == 0, background_unread=unread)

    assert plain[ANY]["reviews_per_10000"]["value"] == 200.0
    assert marked[ANY]["reviews_per_10000"]["value"] == 500.0
    assert marked["hate"] == plain["hate"]
    assert (plain[ANY]["recall"]["value"], marked[ANY]["recall"]["value"]) == (0.5, 1.0)
    assert marked["all"]["unread_per_10000"]["value"] == 500.0
    assert "500 of 10,000" in operating_tables(marked["all"])[0][0]


def test_hand_counted_band() -> None:
    dev = hate_only(0.1, 0.1, 0.3, 0.55, 0.6, 0.9)
    labels = np.full((6, 4), NOT_ANNOTATED, dtype=np.int8)
    labels[:, 0] = [0, 1, 0, 0, 1, 1]
    figures = operating_figures([], dev, labels, hate_only(0.1, 0.2), KNOWING)["abstain"]
    hate = figures["heads"]["hate"]
    assert hate["band"] == [0.15, 0.6]
    assert hate["coverage"]["value"] == pytest.approx(4 / 6, abs=1e-5)
    assert hate["error_below"]["value"] == 0.5
    assert hate["error_above"]["value"] == 0.0
    assert hate["error_outside"]["value"] == 0.25
    assert hate["error_inside"]["value"] == 0.5  # 0.55 would be called hateful, 0.3 would not
    assert hate["background_per_10000"]["value"] == 5000.0
    assert figures["heads"]["far_right"]["band"] is None


SHIPPED = {policy.name: policy for policy in shipped_policies()}


@pytest.mark.parametrize("name", SHIPPED)
@given(rows=st.lists(st.lists(st.floats(0, 1, width=32), min_size=4, max_size=4), min_size=1, max_size=20))
def test_posts_are_taken_as_the_router_takes_them(name: str, rows: list[list[float]]) -> None:
    policy = SHIPPED[name]
    scores = np.asarray(rows, dtype=np.float32)
    rounded = np.rint(scores.astype(np.float64) * 10_000) / 10_000
    routes = [route(dict(zip(HEAD_ORDER, row, strict=True)), policy, KNOWING).route for row in rounded]
    taken = whole(policy, KNOWING)(scores)
    assert taken.tolist() == [found in ("review", "urgent_review") for found in routes]
    single = np.zeros_like(scores)
    single[:, 2] = scores[:, 2]
    assert np.array_equal(alone(policy, KNOWING, 2)(scores), whole(policy, KNOWING)(single))


def test_without_traffic_there_are_no_loads_and_without_points_no_points() -> None:
    labels = np.ones((3, 4), dtype=np.int8)
    figures = operating_figures(
        shipped_policies(), hate_only(0.1, 0.6, 0.9), labels, hate_only(), Thresholds(HALF)
    )
    row = figures["policies"]["officer"]["heads"]["hate"]
    assert row["reviews_per_10000"] is None
    assert set(row["expected_precision"].values()) == {None}
    assert (figures["points"], figures["abstain"]) == ({}, {})


def test_interval_of_the_expected_precision_holds_its_value() -> None:
    found, reviewed = share(np.arange(500) < 400), share(np.arange(5000) < 50)
    assert found is not None
    assert reviewed is not None
    measured = expected_precision(found, reviewed, 0.05)
    assert measured is not None
    assert measured.low < measured.value < measured.high
    assert measured.value == pytest.approx(0.8 * 0.05 / (0.8 * 0.05 + 0.01 * 0.95))


def test_nothing_seen_is_not_taken_for_proof() -> None:
    labels = np.ones((300, 4), dtype=np.int8)
    figures = operating_figures(
        shipped_policies(), np.full((300, 4), 0.9, np.float32), labels, hate_only(*[0.0] * 1000), KNOWING
    )
    row = figures["policies"]["platform"]["heads"]["hate"]
    # None of 1,000 tweets is taken, and none of 300 hateful posts missed: 1 - 0.025 ** (1 / n) may be.
    assert row["reviews_per_10000"]["high"] == pytest.approx(10_000 * (1 - 0.025 ** (1 / 1000)), abs=0.01)
    assert row["recall"]["low"] == pytest.approx(0.025 ** (1 / 300), abs=1e-4)
    at_one_percent = row["expected_precision"]["1.0%"]
    assert (at_one_percent["value"], at_one_percent["high"]) == (1.0, 1.0)
    assert at_one_percent["low"] == pytest.approx(
        0.98778 * 0.01 / (0.98778 * 0.01 + 0.003682 * 0.99), abs=1e-3
    )


def test_nothing_taken_has_no_precision() -> None:
    nothing = share(np.zeros(10, dtype=np.bool_))
    assert nothing is not None
    assert expected_precision(nothing, nothing, 0.01) is None
    assert precision_of(np.zeros(5, dtype=np.bool_), np.ones(5, dtype=np.bool_)) is None


@given(score=st.floats(0.01, 0.99), pool=st.floats(0.05, 0.95), rate=st.floats(0.001, 0.999))
def test_score_means_more_where_hate_is_commoner_and_comes_back(
    score: float, pool: float, rate: float
) -> None:
    shifted = at_base_rate(score, pool, rate)
    assert (shifted > score) == (rate > pool) or shifted == pytest.approx(score)
    assert at_base_rate(shifted, rate, pool) == pytest.approx(score, abs=1e-6)


def test_tables_have_a_cell_for_every_column() -> None:
    labels = np.asarray([[1, 0, 1, 0], [0, 1, 0, 1]] * 5, dtype=np.int8)
    scores = np.where(labels == 1, 0.9, 0.1).astype(np.float32)
    for traffic in (scores, hate_only()):
        tables = operating_tables(operating_figures(shipped_policies(), scores, labels, traffic, KNOWING))
        assert len(tables) == 4
        for _, columns, rows in tables:
            assert rows
            assert all(len(row) == len(columns) for row in rows)


def test_reliability_panel_shows_the_band_and_every_threshold() -> None:
    figure = pytest.importorskip("matplotlib.figure")
    scores, positive = honest_posts(500, seed=3)
    panel = figure.Figure().subplots()
    draw_reliability(panel, "hate", scores, positive.astype(np.int8), KNOWING)
    told = {text.get_text() for text in panel.get_legend().get_texts()}
    assert told == {"not certain", "threshold", "recall_first", "precision_first"}
    plain = figure.Figure().subplots()
    draw_reliability(plain, "hate", scores, positive.astype(np.int8))
    assert plain.get_legend() is None


def test_interval_of_a_bin_holds_its_share_and_stays_in_bounds() -> None:
    assert wilson(0.0, 10) == pytest.approx((0.0, 0.2775), abs=1e-4)
    assert wilson(1.0, 10) == pytest.approx((0.7225, 1.0), abs=1e-4)
