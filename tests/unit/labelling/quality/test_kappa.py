"""Kappa and its kin against worked examples and scikit-learn, and what must always hold of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import cohen_kappa_score

from labelling.quality.figures import NO_POSITIVE, NOT_SHARED, ONE_VALUE
from labelling.quality.kappa import (
    Weighting,
    cohen_kappa,
    fleiss_kappa,
    fleiss_kappa_of_counts,
    gwet_ac1,
    pairwise_kappa,
    positive_agreement,
    raw_agreement,
)
from labelling.quality.ratings import ratings_of

Table = NDArray[np.float64]
NOT = np.nan

# Fleiss 1971, table 1: 30 patients, six psychiatrists each, five diagnoses. Source: "Measuring nominal scale
# agreement among many raters", which gives the shares .144 .144 .167 .306 .239 and kappa .430.
FLEISS_1971 = """
00060 03003 01401 00006 03030 20400 00402 20310 20040 00006 10050 11040 03300 10050 02031
00501 30012 51000 02040 10203 00006 01050 02013 20040 10041 05010 40002 02040 10500 00006
"""

# Fourteen raters, ten subjects, five categories: the table of the textbooks, kappa .210.
FOURTEEN_RATERS = [
    [0, 0, 0, 0, 14],
    [0, 2, 6, 4, 2],
    [0, 0, 3, 5, 6],
    [0, 3, 9, 2, 0],
    [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0],
    [3, 2, 6, 3, 0],
    [2, 5, 3, 2, 2],
    [6, 5, 2, 1, 0],
    [0, 2, 2, 3, 7],
]


def two_by_two(both: int, first_only: int, second_only: int, neither: int) -> Table:
    rows = [[1, 1]] * both + [[1, 0]] * first_only + [[0, 1]] * second_only + [[0, 0]] * neither
    return np.array(rows, dtype=np.float64)


def spread(counts: Table) -> Table:
    """Counts per value as a table of answers, one column an annotator."""
    width = int(counts.sum(axis=1).max())
    table = np.full((len(counts), width), NOT)
    for row, given_counts in enumerate(counts):
        answers = np.repeat(np.arange(counts.shape[1]), given_counts.astype(int))
        table[row, : len(answers)] = answers
    return table


def test_fleiss_table_of_1971_gives_his_kappa() -> None:
    counts = np.array([[int(digit) for digit in row] for row in FLEISS_1971.split()], dtype=np.float64)

    assert counts.shape == (30, 5)
    assert (counts.sum(axis=0) / 180).round(3).tolist() == [0.144, 0.144, 0.167, 0.306, 0.239]
    assert fleiss_kappa_of_counts(counts).value == pytest.approx(0.430, abs=5e-4)
    # By hand: P = .5555.., P_e = .21993827 -> .43024452.
    assert fleiss_kappa(spread(counts)).value == pytest.approx(0.43024452, abs=1e-8)


def test_fourteen_raters_give_the_textbook_kappa() -> None:
    found = fleiss_kappa_of_counts(np.array(FOURTEEN_RATERS, dtype=np.float64))

    # By hand: P = .37802198, P_e = .21275510 -> .20993070.
    assert found.value == pytest.approx(0.20993070, abs=1e-8)
    assert (found.texts, found.pairs) == (10, 910)


def test_cohen_table_worked_by_hand_gives_that_kappa() -> None:
    # 20 both, 5 and 10 apart, 15 neither: observed .7, expected .5 -> .4.
    table = two_by_two(20, 5, 10, 15)

    assert cohen_kappa(table[:, 0], table[:, 1]).value == pytest.approx(0.4)


def test_rare_disagreement_splits_kappa_from_ac1() -> None:
    # Gwet 2008: 118 both, 5 and 2 apart, none neither. Kappa is below 0 although they agree on 94.4 %.
    table = two_by_two(118, 5, 2, 0)

    assert cohen_kappa(table[:, 0], table[:, 1]).value == pytest.approx(-0.0234, abs=5e-5)
    assert gwet_ac1(table).value == pytest.approx(0.9408, abs=5e-5)
    assert raw_agreement(table).value == pytest.approx(0.944)
    assert positive_agreement(table).value == pytest.approx(2 * 118 / (2 * 118 + 7))
    assert positive_agreement(table, positive=0).value == 0


def test_ac1_of_three_annotators_worked_by_hand_gives_that_value() -> None:
    # Two texts: 1 1 0, 0 0 0. Agreement (1/3 + 1) / 2 = 2/3, shares of 1 2/3 and 0, mean 1/3;
    # by chance 2 * 1/3 * 2/3 = 4/9, so (2/3 - 4/9) / (1 - 4/9) = 2/5.
    assert gwet_ac1(np.array([[1, 1, 0], [0, 0, 0]], dtype=np.float64)).value == pytest.approx(0.4)


def test_positive_agreement_of_three_annotators_counts_pairs() -> None:
    # 1 1 0: of the two ones, each has two others, and one of them agrees: 2 of 4. 1 0 0: 0 of 2. So 2 of 6.
    found = positive_agreement(np.array([[1, 1, 0], [1, 0, 0], [0, 0, 0]], dtype=np.float64))

    assert found.value == pytest.approx(1 / 3)
    assert (found.texts, found.pairs) == (2, 5)


def test_weighted_kappa_forgives_near_misses() -> None:
    first = np.array([0, 1, 2, 3, 4, 2, 1, 0], dtype=np.float64)
    second = np.array([0, 2, 2, 4, 4, 1, 1, 0], dtype=np.float64)

    plain = cohen_kappa(first, second).value
    linear = cohen_kappa(first, second, "linear").value
    quadratic = cohen_kappa(first, second, "quadratic").value

    assert plain is not None
    assert linear is not None
    assert quadratic is not None
    assert plain < linear < quadratic


@pytest.mark.parametrize("figure", [fleiss_kappa, gwet_ac1])
def test_one_value_used_is_undefined(figure: object) -> None:
    assert callable(figure)
    found = figure(np.ones((8, 3)))

    assert (found.value, found.undefined) == (None, ONE_VALUE)


def test_cohen_with_one_value_is_undefined_and_raw_agreement_is_not() -> None:
    ones = np.ones(8)

    assert cohen_kappa(ones, ones).undefined == ONE_VALUE
    assert raw_agreement(np.ones((8, 2))).value == 1


def test_nothing_shared_is_undefined() -> None:
    apart = np.array([[1, NOT], [NOT, 0]])

    for figure in (fleiss_kappa, gwet_ac1, raw_agreement, positive_agreement):
        assert figure(apart).undefined == NOT_SHARED
    assert cohen_kappa(apart[:, 0], apart[:, 1]).undefined == NOT_SHARED


def test_nobody_saying_yes_leaves_positive_agreement_undefined() -> None:
    assert positive_agreement(np.zeros((5, 2))).undefined == NO_POSITIVE


def test_every_two_annotators_have_their_kappa() -> None:
    answers = [(str(text), who, float(text % 2)) for text in range(6) for who in "abc"]

    found = pairwise_kappa(ratings_of(answers))

    assert list(found) == [("a", "b"), ("a", "c"), ("b", "c")]
    assert all(figure.value == pytest.approx(1) for figure in found.values())


answers = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=2, max_size=30)
weightings = st.sampled_from(["none", "linear", "quadratic"])


@settings(deadline=None)
@given(answers, weightings)
def test_kappa_is_the_same_whoever_comes_first(pairs: list[tuple[int, int]], weighting: Weighting) -> None:
    table = np.array(pairs, dtype=np.float64)

    one = cohen_kappa(table[:, 0], table[:, 1], weighting, draws=50)
    other = cohen_kappa(table[:, 1], table[:, 0], weighting, draws=50)

    assert one.undefined == other.undefined
    if one.value is not None:
        assert one.value == pytest.approx(other.value, abs=1e-12)


@settings(deadline=None)
@given(answers, weightings)
def test_kappa_is_what_sklearn_gives(pairs: list[tuple[int, int]], weighting: Weighting) -> None:
    table = np.array(pairs, dtype=np.float64)
    found = cohen_kappa(table[:, 0], table[:, 1], weighting, draws=5)

    if found.value is not None:
        # All five values named, so that sklearn's distances between them are ours.
        weights = None if weighting == "none" else weighting
        theirs = cohen_kappa_score(
            table[:, 0].astype(int), table[:, 1].astype(int), labels=[0, 1, 2, 3, 4], weights=weights
        )
        assert found.value == pytest.approx(theirs, abs=1e-9)


@settings(deadline=None)
@given(answers)
def test_no_figure_is_above_one_and_each_lies_in_its_interval(pairs: list[tuple[int, int]]) -> None:
    table = np.array(pairs, dtype=np.float64)

    for figure in (fleiss_kappa, gwet_ac1, raw_agreement, positive_agreement):
        found = figure(table, draws=50)
        if found.value is not None:
            assert found.low is not None
            assert found.high is not None
            assert found.low <= found.high <= 1 + 1e-12
            assert found.value <= 1 + 1e-12
