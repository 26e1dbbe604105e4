from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from exposure_rules import made_rules

from serve.console.reading_pause import pause_for, warning, where_to_go, where_when_nothing_fits
from serve.people.exposure.budget import assess
from serve.people.exposure.shift import (
    Because,
    BreakKind,
    BreakTaken,
    Lighter,
    Preferences,
    Shift,
    Standing,
    Stop,
)

NINE = datetime(2026, 11, 23, 9, tzinfo=UTC)
RULES = made_rules()
FREE = assess(RULES, role="officer", preferences=Preferences(), shift=Shift(), now=NINE)


def stopped(stop: Stop, because: Because | None, **more: object) -> Standing:
    """The standing of somebody at this stop; `more` are other members of what they may read."""
    return replace(FREE, may_read=replace(FREE.may_read, stop=stop, because=because, **more))  # type: ignore[arg-type] - a test's own shorthand


@pytest.mark.parametrize("stop", Stop)
def test_pause_stands_before_the_next_text_from_a_soft_stop_on(stop: Stop) -> None:
    address = where_to_go(stopped(stop, Because.BUDGET), back="/labelling")

    if stop < Stop.SOFT_STOP:
        assert address is None
    else:
        assert address is not None
        assert urlsplit(address).path == "/exposure/pause"
        assert parse_qs(urlsplit(address).query) == {"back": ["/labelling"]}


def test_somebody_who_may_read_everything_is_sent_nowhere_when_nothing_waits() -> None:
    assert where_when_nothing_fits(FREE) is None
    for may_read in (
        replace(FREE.may_read, severity_ceiling=2),
        replace(FREE.may_read, strands_excluded=("far_right",)),
    ):
        address = where_when_nothing_fits(replace(FREE, may_read=may_read), back="/")
        assert address is not None
        assert parse_qs(urlsplit(address).query) == {"back": ["/"], "because": ["nothing_fits"]}


@pytest.mark.parametrize(
    ("because", "heading"),
    [
        (Because.BUDGET, "You have read enough for now"),
        (Because.UNITS_IN_A_ROW, "Time for a break"),
        (Because.MINUTES_IN_A_ROW, "Time for a break"),
    ],
)
def test_soft_stop_offers_a_break_and_a_way_on(because: Because, heading: str) -> None:
    pause = pause_for(stopped(Stop.SOFT_STOP, because), RULES, nothing_fits=False)

    assert pause.heading == heading
    assert (pause.may_begin, pause.may_go_on, pause.may_end) == (True, True, False)


def test_forced_break_offers_nothing_but_itself() -> None:
    due = pause_for(stopped(Stop.BREAK, Because.HARD_LIMIT), RULES, nothing_fits=True)
    assert (due.may_begin, due.may_go_on, due.may_end) == (True, False, False)

    until = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
    runs = replace(
        stopped(Stop.BREAK, Because.ON_BREAK, break_until=until),
        running_break=BreakTaken(BreakKind.FORCED, NINE, None, 30),
    )
    running = pause_for(runs, RULES, nothing_fits=False)
    assert running.heading == "Your break lasts until 09:30"
    assert (running.may_begin, running.may_go_on, running.may_end) == (False, False, False)
    assert running.look_again


def test_running_break_of_ones_own_may_be_ended() -> None:
    runs = replace(
        stopped(Stop.BREAK, Because.ON_BREAK), running_break=BreakTaken(BreakKind.OWN, NINE, None, 10)
    )

    assert pause_for(runs, RULES, nothing_fits=False).may_end


@pytest.mark.parametrize(
    ("more", "may_go_on", "words"),
    [
        ({"severity_ceiling": 2, "lighter": Lighter.AFTER_WORST}, False, "worst"),
        ({"severity_ceiling": 0, "lighter": Lighter.END_OF_SHIFT}, True, "shift"),
        ({"strands_excluded": ("antisemitic", "far_right")}, False, "antisemitic and far-right"),
    ],
)
def test_where_nothing_fits_the_page_says_why(more: dict[str, object], may_go_on: bool, words: str) -> None:
    pause = pause_for(stopped(Stop.NONE, None, **more), RULES, nothing_fits=True)

    assert pause.may_go_on is may_go_on
    assert words in " ".join(pause.paragraphs)


def test_nothing_in_the_way_is_said_too() -> None:
    assert pause_for(FREE, RULES, nothing_fits=False).heading == "You can go on"
    assert pause_for(FREE, RULES, nothing_fits=True).heading == "You can go on"


def test_warning_comes_with_the_budget_and_not_with_a_break() -> None:
    assert warning(FREE) is None
    assert "0 of the 100 units" in (warning(stopped(Stop.WARN, Because.BUDGET)) or "")
    assert warning(stopped(Stop.SOFT_STOP, Because.MINUTES_IN_A_ROW)) is None
