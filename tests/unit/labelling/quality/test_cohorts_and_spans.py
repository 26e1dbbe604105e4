"""Agreement between cohorts, and on marked words."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from labelling.quality.cohorts import between_cohorts, cohort_agreement
from labelling.quality.figures import NOT_SHARED
from labelling.quality.kappa import cohen_kappa
from labelling.quality.ratings import ratings_of
from labelling.quality.span_agreement import MarkedText, character_f1, word_alpha

Table = NDArray[np.float64]


def counted(rows: list[tuple[int, int]]) -> Table:
    """(how many said 0, how many said 1) of each text, as a table of answers."""
    width = max(zeros + ones for zeros, ones in rows)
    table = np.full((len(rows), width), np.nan)
    for row, (zeros, ones) in enumerate(rows):
        table[row, : zeros + ones] = [0] * zeros + [1] * ones
    return table


def test_example_of_the_authors_gives_their_xrr() -> None:
    # Source: google-research/cross-replication-reliability, CrossReplicationReliabilityTest: 0.1818182.
    first = counted([(0, 2), (0, 3), (2, 0), (3, 0), (1, 1)])
    second = counted([(0, 2), (1, 1), (1, 1), (1, 1), (2, 0)])

    assert between_cohorts(first, second).value == pytest.approx(2 / 11, abs=1e-9)


def test_texts_that_one_cohort_did_not_answer_change_nothing() -> None:
    first = counted([(0, 2), (2, 0), (1, 1)])
    second = counted([(1, 1), (2, 0), (0, 2)])
    only_first = np.vstack([first, [[1.0, 1.0]]])
    nothing = np.vstack([second, [[np.nan, np.nan]]])

    assert between_cohorts(only_first, nothing) == between_cohorts(first, second)


def test_cohorts_of_one_annotator_each_have_cohens_kappa() -> None:
    generator = np.random.default_rng(2)
    first = generator.integers(0, 3, 60).astype(np.float64)
    second = np.where(generator.random(60) < 0.6, first, 0)

    between = between_cohorts(first[:, None], second[:, None])

    assert between.value == pytest.approx(cohen_kappa(first, second).value, abs=1e-12)


def test_cohorts_that_agree_inside_and_not_with_each_other_show_it() -> None:
    # Two of each cohort; the second says yes to twice as many texts.
    answers = []
    for text in range(60):
        for who, yes_below in (("a1", 15), ("a2", 15), ("b1", 30), ("b2", 30)):
            answers.append((f"{text:03}", who, float(text < yes_below)))
    ratings = ratings_of(answers)
    cohorts = {"a1": "first", "a2": "first", "b1": "second", "b2": "second"}

    found = cohort_agreement(ratings, cohorts)

    assert found.within["first"].value == found.within["second"].value == pytest.approx(1)
    assert found.between["first", "second"].value == pytest.approx(0.5)
    assert found.shares == {"first": {0.0: 0.75, 1.0: 0.25}, "second": {0.0: 0.5, 1.0: 0.5}}


def test_annotators_without_a_cohort_are_left_out() -> None:
    answers = [(str(text), who, float(text % 2)) for text in range(8) for who in ("a", "b", "c")]

    found = cohort_agreement(ratings_of(answers), {"a": "first", "b": "first"})

    assert list(found.within) == ["first"]
    assert found.within["first"].pairs == 8
    assert found.between == {}


def test_cohorts_without_a_shared_text_are_undefined() -> None:
    assert between_cohorts(np.array([[1.0], [np.nan]]), np.array([[np.nan], [1.0]])).undefined == NOT_SHARED


# --- marked words

TEXT = "the old market is quiet today"


def test_marks_worked_by_hand_give_that_f1() -> None:
    # "old" (3) against "old market" (10): 2 * 3 / 13.
    found = character_f1([MarkedText(TEXT, {"a": [(4, 7)], "b": [(4, 14)]})])

    assert found.value == pytest.approx(6 / 13)
    assert (found.texts, found.pairs) == (1, 1)


def test_words_worked_by_hand_give_that_alpha() -> None:
    # Six words; a marks "old", b marks "old market": one word apart of six. 12 answers, 3 yes, 9 no.
    found = word_alpha([MarkedText(TEXT, {"a": [(4, 7)], "b": [(4, 14)]})])

    assert found.value == pytest.approx(1 - 11 * (2 * 1) / (2 * 3 * 9))
    assert (found.texts, found.pairs) == (1, 6)


def test_a_touched_word_counts_as_marked() -> None:
    whole = word_alpha([MarkedText(TEXT, {"a": [(4, 7)], "b": [(4, 7)]})])
    touched = word_alpha([MarkedText(TEXT, {"a": [(4, 7)], "b": [(5, 6)]})])

    assert touched.value == whole.value == pytest.approx(1)


def test_an_emoji_before_the_mark_does_not_shift_it() -> None:
    text = "😀 the old market"
    start = text.index("old")

    found = word_alpha([MarkedText(text, {"a": [(start, start + 3)], "b": [(start, start + 3)]})])

    assert found.value == pytest.approx(1)
    assert found.pairs == 4


def test_unmarked_is_no_answer_and_an_empty_mark_is_one() -> None:
    nothing_said = MarkedText(TEXT, {"a": [(4, 7)], "b": None})
    said_nothing = MarkedText(TEXT, {"a": [(4, 7)], "b": []})
    both_nothing = MarkedText(TEXT, {"a": [], "b": []})

    assert character_f1([nothing_said]).undefined == NOT_SHARED
    assert word_alpha([nothing_said]).undefined == NOT_SHARED
    assert character_f1([said_nothing]).value == 0
    assert character_f1([both_nothing]).value == 1


def test_three_annotators_have_the_mean_over_their_pairs() -> None:
    marks = {"a": [(0, 3)], "b": [(0, 3)], "c": [(4, 7)]}

    found = character_f1([MarkedText(TEXT, marks)])

    assert found.value == pytest.approx(1 / 3)
    assert found.pairs == 3
