"""Due times: working hours across nights, weekends, holidays and changes of the clocks; UTC in and out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.configuration import configs_folder, sha256_of
from model.errors import BadConfig, BadInput
from serve.cases.outcomes import load_outcomes
from serve.cases.workflow.states import CaseAction, CaseRole, State
from serve.cases.workflow.table import EDGES
from serve.cases.workflow.timers import Timer, TimerProfile, Unit, load_workflow

SHIPPED = configs_folder() / "policy" / "workflow.yaml"
FIRST_DAY = date(2026, 11, 21)
PROFILE = load_workflow(SHIPPED).in_force(FIRST_DAY)
LONDON = ZoneInfo("Europe/London")
INSTANTS = st.integers(0, 465 * 24 * 3_600).map(
    lambda seconds: datetime(2026, 11, 21, tzinfo=UTC) + timedelta(seconds=seconds)
)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def changed(**working_time: object) -> TimerProfile:
    """The shipped profile with another desk, checked like a file."""
    plain = PROFILE.model_dump()
    return TimerProfile.model_validate({**plain, "working_time": {**plain["working_time"], **working_time}})


@pytest.mark.parametrize(
    ("timer", "amount", "unit"),
    [
        (Timer.EMERGENCY, 15, Unit.MINUTES),
        (Timer.TRIAGE, 4, Unit.WORKING_HOURS),
        (Timer.ACKNOWLEDGEMENT, 24, Unit.HOURS),
        (Timer.PLATFORM_REPLY, 24, Unit.HOURS),
        (Timer.VICTIM_UPDATE, 5, Unit.WORKING_DAYS),
    ],
)
def test_shipped_lengths_are_those_of_the_source_page(timer: Timer, amount: int, unit: Unit) -> None:
    assert (PROFILE.timers[timer].amount, PROFILE.timers[timer].unit) == (amount, unit)
    assert PROFILE.timers[timer].source.startswith("DOMAIN.md section 9")


@pytest.mark.parametrize(
    ("start", "due"),
    [
        ("2026-11-23 09:00", "2026-11-23 13:00"),  # Monday morning
        ("2026-11-23 15:00", "2026-11-24 11:00"),  # two hours today, two tomorrow
        ("2026-11-20 17:00", "2026-11-23 13:00"),  # Friday at closing time
        ("2026-11-21 23:59", "2026-11-23 13:00"),  # Saturday night
        ("2026-12-24 16:00", "2026-12-29 12:00"),  # Christmas and the substitute for Boxing Day
        (
            "2027-03-25 16:30",
            "2027-03-30 11:30",
        ),  # Easter; the clocks go forward on the 28th: 12:30 in London
        ("2027-07-05 08:00", "2027-07-05 12:00"),  # British Summer Time: the desk opens at 08:00 UTC
        ("2027-10-29 15:00", "2027-11-01 12:00"),  # an hour on Friday, then the clocks go back
    ],
)
def test_triage_is_due_after_four_working_hours(start: str, due: str) -> None:
    assert PROFILE.due_at(Timer.TRIAGE, utc(start)) == utc(due)


@pytest.mark.parametrize(
    ("start", "due"),
    [
        ("2026-11-23 09:00", "2026-11-30 17:00"),
        ("2026-11-22 12:00", "2026-11-27 17:00"),  # a Sunday: Monday is the first day
        ("2026-12-22 12:00", "2026-12-31 17:00"),
        ("2027-03-22 10:00", "2027-03-31 16:00"),  # over Easter into summer time
    ],
)
def test_victim_update_is_due_at_the_end_of_the_fifth_working_day(start: str, due: str) -> None:
    assert PROFILE.due_at(Timer.VICTIM_UPDATE, utc(start)) == utc(due)


def test_emergency_runs_at_night_and_through_the_change_of_the_clocks() -> None:
    assert PROFILE.due_at(Timer.EMERGENCY, utc("2027-03-28 00:50")) == utc("2027-03-28 01:05")
    assert PROFILE.due_at(Timer.ACKNOWLEDGEMENT, utc("2026-12-25 02:00")) == utc("2026-12-26 02:00")


def test_same_instant_in_another_zone_is_due_at_the_same_time() -> None:
    start = utc("2027-07-05 20:15")
    for timer in Timer:
        assert PROFILE.due_at(timer, start) == PROFILE.due_at(
            timer, start.astimezone(timezone(timedelta(hours=9)))
        )


def test_start_without_a_zone_is_refused() -> None:
    with pytest.raises(BadInput, match="time zone"):
        PROFILE.due_at(Timer.TRIAGE, datetime(2026, 11, 23, 9))  # noqa: DTZ001 - the zone is what is missing


def worked(profile: TimerProfile, start: datetime, end: datetime) -> timedelta:
    """Working time between two instants, counted minute by minute in London's wall clock."""
    minutes, desk = 0, profile.working_time
    for number in range(int((end - start).total_seconds() // 60)):
        local = (start + timedelta(minutes=number)).astimezone(desk.zone)
        open_day = local.isoweekday() in desk.days and local.date() not in desk.holidays
        minutes += open_day and desk.opens <= local.time() < desk.closes
    return timedelta(minutes=minutes)


@given(INSTANTS.map(lambda instant: instant.replace(second=0, microsecond=0)))
def test_working_hours_agree_with_a_count_of_minutes(start: datetime) -> None:
    due = PROFILE.due_at(Timer.TRIAGE, start)

    assert due.tzinfo is UTC
    assert worked(PROFILE, start, due) == timedelta(hours=4)


@given(INSTANTS, INSTANTS)
def test_what_starts_later_is_never_due_earlier(one: datetime, other: datetime) -> None:
    first, second = sorted((one, other))
    for timer in Timer:
        assert first < PROFILE.due_at(timer, first) <= PROFILE.due_at(timer, second)


@given(INSTANTS)
def test_working_days_end_at_closing_time_of_a_working_day_with_five_between(start: datetime) -> None:
    local = PROFILE.due_at(Timer.VICTIM_UPDATE, start).astimezone(LONDON)
    began = start.astimezone(LONDON).date()
    days = [began + timedelta(days=number) for number in range(1, (local.date() - began).days + 1)]

    assert local.time() == PROFILE.working_time.closes
    assert PROFILE.working_time.is_working_day(local.date())
    assert sum(PROFILE.working_time.is_working_day(day) for day in days) == 5


def test_desk_that_is_open_through_the_change_of_the_clocks_counts_real_hours() -> None:
    night = changed(opens="00:00:00", closes="08:00:00", days=[7])
    # 28 March 2027 has no 01:00 to 02:00: four hours of work from midnight end at 05:00 in London, 04:00 UTC.
    assert night.due_at(Timer.TRIAGE, utc("2027-03-28 00:00")) == utc("2027-03-28 04:00")


def test_shipped_holidays_are_eight_a_whole_year_and_on_days_that_would_be_worked() -> None:
    holidays = PROFILE.working_time.holidays

    assert len([day for day in holidays if day.year == 2027]) == 8
    assert all(day.isoweekday() in PROFILE.working_time.days for day in holidays)


def test_every_outcome_in_force_leads_to_a_step_that_a_reviewer_may_take_once_decided() -> None:
    outcomes = load_outcomes(configs_folder() / "policy" / "outcomes.yaml").in_force(FIRST_DAY)
    from_here = {State.DECIDED, State.NOT_NOTIFIED, State.NOT_OFFERED}
    possible = {
        edge.action for edge in EDGES if edge.before in from_here and CaseRole.REVIEW_OFFICER in edge.roles
    } - {CaseAction.ACKNOWLEDGE_REPORT, CaseAction.UPDATE_VICTIM}

    assert set(PROFILE.after_decision) == {outcome.code for outcome in outcomes}
    assert set(PROFILE.after_decision.values()) <= possible


def test_rules_are_known_by_the_hash_of_their_file_and_start_on_a_day() -> None:
    rules = load_workflow(SHIPPED)

    assert rules.sha256 == sha256_of(SHIPPED.read_bytes())
    with pytest.raises(BadConfig, match="no profile is in force on 2026-11-20"):
        rules.in_force(FIRST_DAY - timedelta(days=1))


def altered(folder: Path, changes: Sequence[tuple[str, str]]) -> Path:
    text = SHIPPED.read_text(encoding="utf-8")
    for before, after in changes:
        assert before in text
        text = text.replace(before, after, 1)
    file = folder / "workflow.yaml"
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("Europe/London", "Europe/Nowhere", "no such time zone"),
        ("Europe/London", "../../etc/passwd", "no such time zone"),
        ('"17:00:00"', '"08:00:00"', "closes: must be after opens"),
        ('"17:00:00"', '"17:00:00+01:00"', "without a zone"),
        ("      triage:\n", "      tea:\n", "tea"),
        ("no_action: close_no_action", "no_action: forget_it", "after_decision"),
        ("amount: 15", "amount: 0", "emergency.amount"),
        ("valid_to:\n", "valid_to: 2026-11-20\n", "valid_to: before valid_from"),
    ],
)
def test_unsound_file_is_refused_with_the_place(before: str, after: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match=said):
        load_workflow(altered(tmp_path, [(before, after)]))


def test_file_without_one_of_the_timers_is_refused(tmp_path: Path) -> None:
    text = SHIPPED.read_text(encoding="utf-8")
    begins, ends = text.index("      triage:\n"), text.index("      acknowledgement:\n")
    (tmp_path / "workflow.yaml").write_text(text[:begins] + text[ends:], encoding="utf-8")

    with pytest.raises(BadConfig, match="timers: missing triage"):
        load_workflow(tmp_path / "workflow.yaml")


def test_profiles_that_overlap_are_refused(tmp_path: Path) -> None:
    text = SHIPPED.read_text(encoding="utf-8")
    profile = text[text.index("  - name: hub_2026") :]
    (tmp_path / "workflow.yaml").write_text(text + profile, encoding="utf-8")

    with pytest.raises(BadConfig, match="must start after"):
        load_workflow(tmp_path / "workflow.yaml")
