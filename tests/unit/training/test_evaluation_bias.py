"""Subgroup, BPSN and BNSP AUC and their power mean, on six posts worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("sklearn")

from training.corpora.pack import NOT_ANNOTATED, CorpusPost
from training.evaluation.bias import (
    bias_auc,
    bias_figures,
    chosen_posts,
    generalised_mean,
)
from training.evaluation.hatexplain import hatexplain_figures, published_test

pytestmark = pytest.mark.training

# Posts:                 0    1    2    3    4    5
SCORES = np.asarray([0.9, 0.6, 0.7, 0.8, 0.3, 0.65], dtype=np.float32)
TOXIC = np.asarray([True, True, False, True, False, False])
JEWISH = np.asarray([True, True, True, False, False, False])
ONES = np.ones((1, 6), dtype=np.float32)


@pytest.mark.parametrize(
    ("kind", "posts", "expected"),
    [
        # Toxic .9 and .6 against normal .7, all naming Jews: one pair of two is right.
        ("subgroup", [0, 1, 2], 1 / 2),
        # Toxic elsewhere (.8) against normal naming Jews (.7): right.
        ("bpsn", [2, 3], 1.0),
        # Toxic naming Jews (.9, .6) against normal elsewhere (.3, .65): three of four.
        ("bnsp", [0, 1, 4, 5], 3 / 4),
    ],
)
def test_bias_auc_of_six_posts_by_hand(kind: str, posts: list[int], expected: float) -> None:
    assert np.flatnonzero(chosen_posts(kind, JEWISH, TOXIC)).tolist() == posts
    assert bias_auc(kind, SCORES, TOXIC, JEWISH)(ONES)[0] == pytest.approx(expected)


def test_power_mean_by_hand_leans_to_the_worst_community() -> None:
    # ((0.5^-5 + 1^-5) / 2)^(-1/5) = 16.5^(-0.2)
    assert generalised_mean(np.asarray([[0.5, 1.0]]))[0] == pytest.approx(16.5**-0.2)
    assert generalised_mean(np.asarray([[0.5, np.nan, 1.0]]))[0] == pytest.approx(16.5**-0.2)
    assert np.isnan(generalised_mean(np.asarray([[np.nan, np.nan]]))[0])


@given(st.lists(st.floats(0.05, 1.0), min_size=1, max_size=10))
def test_power_mean_lies_between_the_worst_and_the_plain_mean(values: list[float]) -> None:
    mean = generalised_mean(np.asarray([values]))[0]

    assert min(values) - 1e-9 <= mean <= np.mean(values) + 1e-9


def test_figures_name_posts_rates_and_equality_differences_of_each_community() -> None:
    figures, means = bias_figures(SCORES, TOXIC, {"Jewish": JEWISH, "Islam": ~JEWISH}, threshold=0.68)

    jewish, islam = figures["communities"]["Jewish"], figures["communities"]["Islam"]
    assert (jewish["toxic"], jewish["normal"]) == (2, 1)
    assert (jewish["false_positive_rate"], jewish["false_negative_rate"]) == (1.0, 0.5)
    assert (islam["false_positive_rate"], islam["false_negative_rate"]) == (0.0, 0.0)
    # Over all: false positives 1/3, false negatives 1/3.
    assert figures["fped"] == pytest.approx(2 / 3 + 1 / 3, abs=1e-4)
    assert figures["fned"] == pytest.approx(1 / 6 + 1 / 3, abs=1e-4)
    assert means["bpsn"] is not None
    # BPSN of Jewish is 1; of Islam: toxic naming Jews (.9, .6) against normal naming Muslims (.3, .65): 3/4.
    assert means["bpsn"].value == pytest.approx(((1 + 0.75**-5) / 2) ** -0.2)


def post(kind: str, target: str, split: str = "test") -> CorpusPost:
    labels = [NOT_ANNOTATED] * 4
    return CorpusPost("hatexplain", f"{kind}:{target}", "words", split, labels, kind=kind, target=target)


def test_hatexplain_compares_hate_toxic_and_communities_as_its_authors_do() -> None:
    posts = [
        post("hatespeech", "Jewish"),
        post("hatespeech", "Jewish;Islam"),
        post("offensive", "Islam"),
        post("normal", "Jewish"),
        post("normal", "Islam;Other"),
        post("normal", "Other"),  # names none of the ten: no part in the bias AUCs
    ]
    scores = np.asarray([0.9, 0.8, 0.2, 0.3, 0.1, 0.85], dtype=np.float32)

    figures, measures = hatexplain_figures(posts, scores, threshold=0.5)

    assert figures["posts_with_a_community"] == 5
    assert figures["communities"]["Jewish"]["toxic"] == 2
    assert figures["communities"]["Islam"]["normal"] == 1
    assert figures["communities"]["Hispanic"]["subgroup"] is None
    hate, toxic = measures["hatexplain_hate_auc"], measures["hatexplain_toxic_auc"]
    assert hate is not None
    assert hate.value == pytest.approx(5 / 6)  # .9 and .8 against .3, .1, .85
    assert hate.posts == 5
    assert toxic is not None
    assert toxic.value == pytest.approx(6 / 9)  # and .2, which beats .1 alone


def test_hatexplain_is_measured_on_its_test_split_without_undecided_posts() -> None:
    posts = [post("normal", ""), post("normal", "", "train"), post("undecided", ""), post("offensive", "")]

    assert [p.kind for p in published_test(posts)] == ["normal", "offensive"]
