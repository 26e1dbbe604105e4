"""Figures of annotators: what they count, when they keep silent, and how often the drift alarm is false."""

from __future__ import annotations

import pytest
from label_entries import label_entry

from labelling.quality.annotators import (
    NO_PERSONNEL_METRIC,
    NOT_ENOUGH,
    AnnotatorQuality,
    annotator_qualities,
    qualities_of_entries,
    ranked,
    share,
)
from labelling.quality.drift import drift_of
from labelling.quality.drift_simulation import simulate
from labelling.quality.entries import questions_of
from labelling.quality.ratings import ratings_of


def test_own_vote_is_no_part_of_what_it_is_compared_with() -> None:
    # c stands alone on every text: with their own vote in, b and c would each agree with half.
    answers = [(str(text), who, float(who == "c")) for text in range(4) for who in ("a", "b", "c")]

    found = {
        quality.annotator: quality.with_consensus for quality in annotator_qualities(ratings_of(answers))
    }

    assert (found["a"].right, found["a"].of) == (0, 0)  # b and c are a tie
    assert (found["c"].right, found["c"].of) == (0, 4)


def test_an_adjudicated_text_is_compared_with_the_decision() -> None:
    answers = [("1", "a", 1.0), ("1", "b", 0.0), ("1", "c", 0.0), ("2", "a", 1.0)]

    found = annotator_qualities(ratings_of(answers), adjudicated={"1": 1.0})

    assert [(q.annotator, q.with_consensus.right, q.with_consensus.of) for q in found] == [
        ("a", 1, 1),
        ("b", 0, 1),
        ("c", 0, 1),
    ]


def test_gold_and_pace_are_counted_with_wilsons_interval() -> None:
    ratings = ratings_of([("1", "a", 1.0)])

    (found,) = annotator_qualities(
        ratings, gold={"a": [True] * 27 + [False] * 3}, seconds={"a": [1.0, 1.9, 2.0, 30.0]}
    )

    assert (found.gold.right, found.gold.of, found.gold.value) == (27, 30, 0.9)
    assert (found.gold.low, found.gold.high) == (
        pytest.approx(0.7438, abs=1e-4),
        pytest.approx(0.9654, abs=1e-4),
    )
    assert found.median_seconds == 1.95
    assert found.fast is not None
    assert (found.fast.right, found.fast.of) == (2, 4)


def test_nothing_known_is_none_and_never_nought() -> None:
    (found,) = annotator_qualities(ratings_of([("1", "a", 1.0)]))

    assert found.labels == 1
    assert found.gold.value is found.with_consensus.value is found.median_seconds is found.fast is None
    assert found.drift is None


def quality(annotator: str, right: int, of: int, compared: int = 0) -> AnnotatorQuality:
    return AnnotatorQuality(
        annotator, of, share(compared, compared), share(right, of), None, median_seconds=None, fast=None
    )


def test_fewer_than_thirty_are_never_ranked() -> None:
    few, many, by_overlap = quality("few", 10, 29), quality("many", 29, 30), quality("overlap", 0, 0, 30)

    order, rest = ranked([few, many, by_overlap])

    assert [q.annotator for q in order] == ["many", "overlap"]
    assert rest == [few]
    assert few.standing == NOT_ENOUGH == "not enough yet"
    assert many.standing is None


def test_who_is_low_beyond_doubt_comes_first() -> None:
    # 20 of 30 could be chance; 140 of 200 is not.
    order, _ = ranked([quality("fine", 190, 200), quality("chance", 20, 30), quality("sure", 140, 200)])

    assert [q.annotator for q in order] == ["sure", "chance", "fine"]


def test_the_page_says_that_it_is_no_personnel_metric() -> None:
    assert "not a measure of anybody's performance" in NO_PERSONNEL_METRIC
    assert "pay" in NO_PERSONNEL_METRIC


def test_entries_give_gold_in_order_of_time_and_keep_it_apart_from_consensus() -> None:
    entries = [
        label_entry("a", "gold", minute=3, hate=True, seconds=5.0),
        label_entry("a", "gold-2", minute=1, hate=True, seconds=7.0),
        label_entry("a", "plain", minute=2, hate=False, seconds=1.0),
        label_entry("b", "plain", minute=2, hate=False),
        label_entry("b", "gold", minute=4, hate=True),
    ]
    hate = next(question for question in questions_of(entries) if question.name == "hate")

    first, second = qualities_of_entries(entries, hate, known={"gold": 1.0, "gold-2": 0.0})

    assert (first.annotator, first.gold.right, first.gold.of) == ("a", 1, 2)
    assert (first.with_consensus.of, first.labels, first.median_seconds) == (1, 1, 5.0)
    assert (second.gold.right, second.gold.of) == (1, 1)


# --- drift


def test_thirty_gold_answers_are_the_least() -> None:
    assert drift_of([True] * 29) is None
    assert drift_of([True] * 30) is not None


def test_all_right_or_all_wrong_is_no_drift() -> None:
    for answer in (True, False):
        found = drift_of([answer] * 40)
        assert found is not None
        assert (found.alarm, found.chance, found.recent_accuracy) == (False, 1.0, float(answer))


def test_a_fall_rings_and_says_since_when() -> None:
    found = drift_of([True] * 40 + [False, True] * 20)

    assert found is not None
    assert found.alarm
    assert found.since == 40
    assert found.recent_accuracy < 0.6


def test_a_rise_rings_no_alarm() -> None:
    found = drift_of([False, True] * 20 + [True] * 40)

    assert found is not None
    assert not found.alarm
    assert found.since is None


@pytest.mark.parametrize("accuracy", [0.95, 0.8, 0.6])
def test_steady_people_set_it_off_in_at_most_one_of_a_hundred_looks(accuracy: float) -> None:
    # 600 people; 1 % would be 6, and 15 or more of 600 come with a chance below 0.2 % at that rate.
    found = simulate(accuracy, accuracy, people=600)

    assert found.at_the_end <= 14 / 600
    assert found.at_any_look <= 0.05


def test_a_fall_by_thirty_points_is_mostly_seen() -> None:
    assert simulate(0.9, 0.6, people=300).at_the_end > 0.8
