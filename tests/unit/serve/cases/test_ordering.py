"""The order of the queue: a weight that ages; nothing overtakes by itself and nothing waits for ever."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import log2
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.configuration import configs_folder
from model.errors import BadConfig
from model.policy import Route
from serve.cases.ordering import (
    QUEUES,
    Weighed,
    due_at,
    due_class_of,
    load_queue_rules,
    queue_of,
    queues_open_to,
    rank_of,
    weight_of,
    why_first,
)
from serve.cases.workflow.timers import load_workflow

RULES = load_queue_rules()
PROFILE = load_workflow().profiles[-1]
START = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
SOON = st.integers(0, 100 * 24 * 3600).map(lambda seconds: START + timedelta(seconds=seconds))
CASES = st.builds(
    Weighed,
    severity=st.integers(0, 4),
    probability=st.none() | st.floats(0, 1),
    reports=st.integers(0, 10_000),
    created_at=SOON,
)


def weight_at(case: Weighed, now: datetime) -> float:
    """What the case weighs by then: twice as much with every `doubling_hours` of waiting."""
    hours = (now - case.created_at).total_seconds() / 3600
    return weight_of(case, RULES) * 2 ** (hours / RULES.doubling_hours)


@given(CASES, CASES, SOON, SOON)
def test_rank_orders_two_cases_as_their_weights_do_at_any_time(
    one: Weighed, other: Weighed, now: datetime, later: datetime
) -> None:
    for instant in (max(now, one.created_at, other.created_at), max(later, one.created_at, other.created_at)):
        lighter = log2(weight_at(one, instant)) - log2(weight_at(other, instant))
        if abs(lighter) > 1e-9:
            assert (rank_of(one, RULES) > rank_of(other, RULES)) == (lighter > 0)


@given(CASES, st.integers(0, 12), st.integers(1, 3600))
def test_case_of_a_weight_2_to_the_n_times_smaller_waits_n_doublings_longer_and_no_more(
    light: Weighed, doublings: int, seconds: int
) -> None:
    """Whatever comes in after that, of that weight, comes after it."""
    hours = log2(weight_of(light, RULES)) * RULES.doubling_hours
    heavy_hours = hours + doublings * RULES.doubling_hours
    arrives = light.created_at + timedelta(hours=doublings * RULES.doubling_hours, seconds=seconds)
    rank_of_heavy = heavy_hours * 3600 - (arrives - datetime(2026, 1, 1, tzinfo=UTC)).total_seconds()
    assert rank_of(light, RULES) > rank_of_heavy
    rank_of_earlier = rank_of_heavy + 2 * seconds
    assert rank_of(light, RULES) < rank_of_earlier


@given(CASES, CASES)
def test_emergency_comes_before_everything_of_this_lifetime(calm: Weighed, other: Weighed) -> None:
    raised = Weighed(other.severity, other.probability, other.reports, other.created_at, is_emergency=True)
    assert rank_of(raised, RULES) > rank_of(calm, RULES)


@given(CASES)
def test_more_severe_more_probable_more_reported_and_older_all_come_earlier(case: Weighed) -> None:
    rank = rank_of(case, RULES)
    probability = RULES.probability_unscored if case.probability is None else case.probability
    if case.severity < 4:
        assert (
            rank_of(Weighed(case.severity + 1, case.probability, case.reports, case.created_at), RULES) > rank
        )
    assert (
        rank_of(Weighed(case.severity, min(1.0, probability + 0.1), case.reports, case.created_at), RULES)
        >= rank
    )
    assert rank_of(Weighed(case.severity, case.probability, case.reports + 1, case.created_at), RULES) > rank
    older = case.created_at - timedelta(seconds=1)
    assert rank_of(Weighed(case.severity, case.probability, case.reports, older), RULES) > rank


def test_two_cases_alike_come_in_the_order_of_arrival_to_the_millisecond() -> None:
    first = Weighed(2, 0.5, 0, START + timedelta(days=20_000))
    second = Weighed(2, 0.5, 0, START + timedelta(days=20_000, milliseconds=1))
    assert rank_of(first, RULES) > rank_of(second, RULES)


def test_second_report_counts_for_more_than_a_tenth_and_a_brigade_does_not_own_the_queue() -> None:
    def weight(reports: int) -> float:
        return weight_of(Weighed(2, 0.5, reports, START), RULES)

    assert weight(2) - weight(1) > weight(10) - weight(9) > 0
    assert weight(1_000) < 11 * weight(0)


def test_post_without_scores_is_an_even_chance_and_a_tiny_probability_is_no_zero() -> None:
    assert weight_of(Weighed(2, None, 0, START), RULES) == weight_of(Weighed(2, 0.5, 0, START), RULES)
    assert weight_of(Weighed(2, 0.0, 0, START), RULES) == weight_of(Weighed(2, 0.02, 0, START), RULES) > 0


@given(st.lists(st.sampled_from(["antisemitic", "islamophobic", "far_right", "other"])))
def test_every_case_belongs_to_one_queue_and_somebody_with_every_skill_has_them_all(named: list[str]) -> None:
    assert queue_of(named) in QUEUES
    assert queues_open_to(frozenset({"antisemitic", "islamophobic", "far_right"})) == QUEUES


def test_skills_open_their_queues_and_what_is_left_out_stays_closed() -> None:
    every = frozenset({"antisemitic", "islamophobic", "far_right"})
    assert queues_open_to(frozenset()) == ("general",)
    assert queues_open_to(frozenset({"far_right", "islamophobic"})) == (
        "general",
        "islamophobic",
        "far_right",
    )
    left = queues_open_to(every, left_out=frozenset({"far_right"}))
    assert left == ("general", "antisemitic", "islamophobic"), "several may be about what they leave out"


@pytest.mark.parametrize(
    ("route", "reports", "is_emergency", "due", "wanted"),
    [
        ("low_priority", 0, True, "emergency", datetime(2026, 11, 23, 9, 45, tzinfo=UTC)),
        ("low_priority", 1, False, "reported", datetime(2026, 11, 23, 13, 30, tzinfo=UTC)),
        ("urgent_review", 0, False, "urgent", datetime(2026, 11, 24, 9, 30, tzinfo=UTC)),
        ("review", 0, False, "review", datetime(2026, 11, 26, 17, tzinfo=UTC)),
        ("unscored", 0, False, "review", datetime(2026, 11, 26, 17, tzinfo=UTC)),
        ("low_priority", 0, False, "routine", datetime(2026, 12, 14, 17, tzinfo=UTC)),
    ],
)
def test_case_is_due_by_its_class(
    route: str, reports: int, is_emergency: bool, due: str, wanted: datetime
) -> None:
    found = due_class_of(route, reports=reports, is_emergency=is_emergency)
    assert found == due
    assert due_at(found, START, RULES, PROFILE) == wanted


def test_every_route_of_a_policy_has_its_expected_severity() -> None:
    assert set(RULES.severity_expected) == set(Route)


def test_line_says_what_put_a_case_first_and_keeps_the_score_where_it_is_hidden() -> None:
    case = Weighed(3, 0.87, 2, START)
    now = START + timedelta(hours=24)
    shown = why_first(case, RULES, now, hide_scores=False)
    assert (
        shown
        == "Expected severity S3; probability 0.87; 2 reports; waiting 24 h, which counts 2.0 times its "
        "first weight."
    )
    assert "0.87" not in why_first(case, RULES, now, hide_scores=True)
    assert "S3" not in why_first(case, RULES, now, hide_scores=True, hide_severity=True)
    assert "not scored" in why_first(Weighed(2, None, 0, START), RULES, now, hide_scores=True)
    emergency = Weighed(3, 0.87, 2, START, is_emergency=True)
    assert "emergency" in why_first(emergency, RULES, now, hide_scores=False)
    assert "waiting 5 min" in why_first(case, RULES, START + timedelta(minutes=5), hide_scores=True)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("doubling_hours: 24", "doubling_hours: 0"),
        ("{0: 0.5, 1: 1, 2: 2, 3: 4, 4: 8}", "{0: 0.5, 1: 1, 2: 2, 3: 4}"),
        ("{0: 0.5, 1: 1, 2: 2, 3: 4, 4: 8}", "{0: 0.5, 1: 1, 2: 2, 3: 4, 4: 3}"),
        ("low_priority: 1", "no_priority: 1"),
        ("  routine: {amount: 15, unit: working_days}", ""),
        ("second_reading_share: 0.1", "second_reading_share: 1.1"),
        ("reserved_days: 5", "reserved_days: 0"),
        ("park_days_at_most: 14", "park_days: 14"),
    ],
)
def test_rules_that_cannot_hold_are_refused(tmp_path: Path, old: str, new: str) -> None:
    whole = (configs_folder() / "policy" / "queue.yaml").read_text(encoding="utf-8")
    assert old in whole
    file = tmp_path / "queue.yaml"
    file.write_text(whole.replace(old, new), encoding="utf-8")
    with pytest.raises(BadConfig):
        load_queue_rules(file)
