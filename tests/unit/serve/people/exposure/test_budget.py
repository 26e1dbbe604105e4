"""What one person may read next, worked out from what they read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from exposure_rules import NINE, RULES, at, made_rules, of_units, stands, texts

from serve.people.exposure.budget import assess, is_new_shift
from serve.people.exposure.shift import (
    ANY_SEVERITY,
    Because,
    BreakKind,
    BreakTaken,
    Lighter,
    Preferences,
    Shift,
    Stop,
    WentOnPast,
)

# --- the dose and the stops ------------------------------------------------------------------------


def test_somebody_who_read_nothing_may_read_everything() -> None:
    standing = stands((), 0)

    assert (standing.dose_units, standing.share, standing.texts) == (0, 0.0, 0)
    assert standing.may_read.stop is Stop.NONE
    assert standing.may_read.allows(ANY_SEVERITY, ("antisemitic", "islamophobic", "far_right"))


def test_dose_is_the_units_of_the_severities() -> None:
    standing = stands(texts((0, 0), (1, 1), (2, 2), (3, 3), (4, 4)), 5)

    assert standing.dose_units == 15
    assert standing.texts_by_severity == (1, 1, 1, 1, 1)


@pytest.mark.parametrize(
    ("units", "stop", "because"),
    [
        (79, Stop.NONE, None),
        (80, Stop.WARN, Because.BUDGET),
        (99, Stop.WARN, Because.BUDGET),
        (100, Stop.SOFT_STOP, Because.BUDGET),
        (149, Stop.SOFT_STOP, Because.BUDGET),
        (150, Stop.BREAK, Because.HARD_LIMIT),
    ],
)
def test_stops_come_at_their_shares_of_the_budget(units: int, stop: Stop, because: Because | None) -> None:
    may_read = stands(of_units(units), 1).may_read

    assert (may_read.stop, may_read.because) == (stop, because)
    assert may_read.allows(1) is (stop < Stop.SOFT_STOP)


def test_budget_is_that_of_the_role() -> None:
    assert stands(of_units(50), 1, role="annotator").may_read.stop is Stop.SOFT_STOP
    assert stands(of_units(50), 1, role="officer").may_read.stop is Stop.NONE


# --- breaks ----------------------------------------------------------------------------------------


def test_break_is_offered_after_units_without_one() -> None:
    rules = made_rules(breaks={"after_units": 25})

    assert stands(of_units(24), 1, rules=rules).may_read.stop is Stop.NONE
    may_read = stands(of_units(25), 1, rules=rules).may_read
    assert (may_read.stop, may_read.because) == (Stop.SOFT_STOP, Because.UNITS_IN_A_ROW)


def test_break_is_offered_after_minutes_without_one() -> None:
    read = texts((0, 0), (25, 0), (45, 0))

    assert stands(read, 49).may_read.stop is Stop.NONE
    standing = stands(read, 50)
    assert (standing.may_read.stop, standing.may_read.because) == (
        Stop.SOFT_STOP, Because.MINUTES_IN_A_ROW,
    )  # fmt: skip
    assert standing.minutes_in_a_row == 50


@pytest.mark.parametrize(("minutes", "counts"), [(9, False), (10, True)])
def test_break_ends_a_stretch_only_if_it_was_long_enough(minutes: int, counts: bool) -> None:
    read = texts((0, 2), (20, 2), (20 + minutes + 2, 1))
    taken = BreakTaken(BreakKind.OWN, at(21), at(21 + minutes), 10)

    standing = stands(read, 35, breaks=(taken,))

    assert standing.units_in_a_row == (1 if counts else 5)
    assert standing.dose_units == 5


@pytest.mark.parametrize(("minutes", "counts"), [(44, False), (45, True)])
def test_who_reads_nothing_new_for_long_enough_has_had_a_break_unsaid(minutes: int, counts: bool) -> None:
    read = texts((0, 2), (minutes, 1))

    assert stands(read, minutes).units_in_a_row == (1 if counts else 3)
    assert stands(read[:1], minutes).units_in_a_row == (0 if counts else 2)


def test_break_with_a_text_in_it_is_as_long_as_the_longer_part() -> None:
    taken = BreakTaken(BreakKind.OWN, at(1), at(16), 10)

    assert stands(texts((0, 2), (9, 2)), 16, breaks=(taken,)).units_in_a_row == 4
    assert stands(texts((0, 2), (4, 2)), 16, breaks=(taken,)).units_in_a_row == 0


def test_running_break_stops_and_may_be_ended_at_any_time_if_it_is_ones_own() -> None:
    may_read = stands(of_units(5), 3, breaks=(BreakTaken(BreakKind.OWN, at(2), None, 10),)).may_read

    assert (may_read.stop, may_read.because, may_read.break_until) == (Stop.BREAK, Because.ON_BREAK, None)


def test_break_that_was_forgotten_over_the_night_does_not_run() -> None:
    taken = BreakTaken(BreakKind.OWN, NINE, None, 10)
    shift = Shift(breaks=(taken,))
    for hours, runs in ((10.9, True), (11, False)):
        now = NINE + timedelta(hours=hours)
        found = assess(RULES, role="officer", preferences=Preferences(), shift=shift, now=now)
        assert (found.running_break is not None) is runs


def test_forced_break_has_an_end_that_a_text_read_in_it_puts_off() -> None:
    taken = BreakTaken(BreakKind.FORCED, at(5), None, 30)

    assert stands(of_units(150), 10, breaks=(taken,)).may_read.break_until == at(35)
    assert stands(of_units(150), 35, breaks=(taken,)).may_read.break_until is None
    assert stands((*of_units(150), *texts((9, 1))), 10, breaks=(taken,)).may_read.break_until == at(39)


def test_forced_break_begun_late_is_over_when_the_same_time_without_a_text_would_be() -> None:
    taken = BreakTaken(BreakKind.FORCED, at(20), None, 30)

    assert stands(of_units(150), 21, breaks=(taken,)).may_read.break_until == at(45)
    assert stands(of_units(150), 45, breaks=(taken,)).may_read.break_until is None


@pytest.mark.parametrize(("minutes", "stop"), [(29, Stop.BREAK), (30, Stop.SOFT_STOP)])
def test_forced_break_lets_go_on_asking_once_it_was_long_enough(minutes: int, stop: Stop) -> None:
    taken = BreakTaken(BreakKind.FORCED, at(5), at(5 + minutes), 30)

    read = (*of_units(150), *texts((5 + minutes, 0)))
    assert stands(read, 5 + minutes, breaks=(taken,)).may_read.stop is stop


@pytest.mark.parametrize(("more", "stop"), [(24, Stop.SOFT_STOP), (25, Stop.BREAK)])
def test_next_forced_break_comes_with_the_next_step_of_the_dose(more: int, stop: Stop) -> None:
    taken = BreakTaken(BreakKind.FORCED, at(5), at(35), 30)
    read = (*of_units(150), *texts(*((40, 1) for _ in range(more))))

    assert stands(read, 41, breaks=(taken,)).may_read.stop is stop


def test_long_rest_from_before_the_hard_limit_does_not_stand_for_the_forced_break() -> None:
    taken = BreakTaken(BreakKind.OWN, at(5), at(65), 10)
    read = (*of_units(149), *texts((70, 1)))

    assert stands(read, 71, breaks=(taken,)).may_read.because is Because.HARD_LIMIT


# --- going on --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("units", "minutes", "lifted"), [(9, 29, True), (10, 5, False), (0, 30, False)])
def test_going_on_lifts_a_soft_stop_for_some_units_and_minutes(
    units: int, minutes: int, lifted: bool
) -> None:
    read = (*of_units(100), *texts(*((4, 1) for _ in range(units))))
    past = WentOnPast(at(2), Because.BUDGET, 100)

    stop = stands(read, 2 + minutes, went_on=(past,)).may_read.stop

    assert (stop is Stop.WARN) is lifted
    assert (stop is Stop.SOFT_STOP) is not lifted


def test_going_on_lifts_no_stop_but_the_one_it_was_said_at() -> None:
    past_break = WentOnPast(at(1), Because.MINUTES_IN_A_ROW, 99)
    past_budget = WentOnPast(at(1), Because.BUDGET, 149)
    rules = made_rules(breaks={"after_units": 25})

    assert stands(of_units(100), 2, went_on=(past_break,)).may_read.stop is Stop.SOFT_STOP
    assert stands(of_units(150), 2, went_on=(past_budget,)).may_read.because is Because.HARD_LIMIT
    assert stands(
        texts((0, 1), (419, 1)), 420, went_on=(WentOnPast(at(419), Because.BUDGET, 2),)
    ).may_read.lighter
    # Whoever has just said that they go on past their budget is not asked about the break as well.
    assert stands(of_units(149), 2, rules=rules, went_on=(past_budget,)).may_read.stop is Stop.WARN


# --- lighter texts ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("after", "ceiling"),
    [
        ([], 2),
        ([0, 1], 2),
        ([0, 1, 2], 4),
        ([3, 3, 3], 2),
        ([0, 0, 0, 4], 2),
    ],
)
def test_after_the_worst_come_lighter_texts(after: list[int], ceiling: int) -> None:
    read = texts((0, 4), *((1, severity) for severity in after))

    may_read = stands(read, 2).may_read

    assert may_read.severity_ceiling == ceiling
    assert (may_read.lighter is Lighter.AFTER_WORST) is (ceiling == 2)
    assert may_read.allows(2)
    assert may_read.allows(3) is (ceiling == 4)


def test_worst_in_a_row_comes_to_who_asked_for_it_or_had_a_break() -> None:
    taken = BreakTaken(BreakKind.OWN, at(1), at(11), 10)

    assert stands(texts((0, 4)), 2, preferences=Preferences(two_worst_in_a_row=True)).may_read.allows(4)
    assert stands(texts((0, 4)), 12, breaks=(taken,)).may_read.allows(4)
    assert not stands(texts((0, 4)), 12).may_read.allows(4)


def test_end_of_a_shift_is_for_light_texts_unless_one_goes_on() -> None:
    read = texts((0, 1), (419, 1))
    past = WentOnPast(at(420), Because.END_OF_SHIFT, 2)

    assert stands(read, 419).may_read.severity_ceiling == ANY_SEVERITY
    may_read = stands(read, 420).may_read
    assert (may_read.severity_ceiling, may_read.lighter) == (0, Lighter.END_OF_SHIFT)
    assert stands(read, 421, went_on=(past,)).may_read.severity_ceiling == ANY_SEVERITY


def test_strands_that_a_person_declined_are_never_allowed() -> None:
    may_read = stands((), 0, preferences=Preferences(strands_excluded=("islamophobic",))).may_read

    assert may_read.allows(0, ("far_right",))
    assert may_read.allows(0)
    assert not may_read.allows(0, ("far_right", "islamophobic"))


# --- the shift -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("last_read", "now", "is_new"),
    [(480, 480 + 659, False), (480, 480 + 660, True), (1000, 1439, False), (1000, 1440, True)],
)
def test_shift_begins_after_a_rest_or_a_day(last_read: int, now: int, is_new: bool) -> None:
    assert is_new_shift(RULES, began_at=NINE, last_read_at=at(last_read), at=at(now)) is is_new


def test_shift_over_midnight_and_over_a_change_of_the_clocks_is_one() -> None:
    london = ZoneInfo("Europe/London")
    evening = datetime(2026, 10, 24, 22, tzinfo=london)  # clocks go back at 02:00 of that night
    morning = datetime(2026, 10, 25, 7, 59, tzinfo=london)

    # Ten hours all but a minute on the wall, and an hour more in truth.
    elapsed = morning.astimezone(UTC) - evening.astimezone(UTC)
    assert elapsed == timedelta(hours=10, minutes=59)
    assert not is_new_shift(RULES, began_at=evening.astimezone(UTC), last_read_at=evening.astimezone(UTC),
                            at=morning.astimezone(UTC))  # fmt: skip
