"""The page before the next text, if there is one: whether somebody stands before a stop, and what it says.

For whatever hands out texts: `where_to_go` before the next one is claimed, `where_when_nothing_fits` after
nothing was found that may come to this person though something waits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from serve.console.plain_words import clock, counted, strands_words
from serve.people.exposure.policy import ExposureRules
from serve.people.exposure.shift import ANY_SEVERITY, Because, Lighter, Standing, Stop

PAUSE_PAGE: Final = "/exposure/pause"
NOTHING_FITS: Final = "nothing_fits"
"""Stands in the address when texts wait, but none that may come to this person now."""


@dataclass(frozen=True, slots=True)
class Pause:
    """What the page says and offers. `look_again`: it will be over by itself."""

    heading: str
    paragraphs: tuple[str, ...]
    may_begin: bool = False
    may_end: bool = False
    may_go_on: bool = False
    look_again: bool = False
    to_preferences: bool = False


def where_to_go(standing: Standing, *, back: str = "/") -> str | None:
    """The address of the page that stands before this person's next text; None if they may have it.

    `back`: where they go on afterwards, an address of the navigation.
    """
    if standing.may_read.stop < Stop.SOFT_STOP:
        return None
    return f"{PAUSE_PAGE}?{urlencode({'back': back})}"


def where_when_nothing_fits(standing: Standing, *, back: str = "/") -> str | None:
    """The address of the page for somebody to whom none of what waits may come; None if all of it may."""
    may_read = standing.may_read
    if may_read.severity_ceiling == ANY_SEVERITY and not may_read.strands_excluded:
        return None
    return f"{PAUSE_PAGE}?{urlencode({'back': back, 'because': NOTHING_FITS})}"


def pause_for(standing: Standing, rules: ExposureRules, *, nothing_fits: bool) -> Pause:
    """What the pause page says to this person now."""
    if standing.may_read.stop is Stop.BREAK:
        return _break(standing, rules)
    if standing.may_read.stop is Stop.SOFT_STOP:
        return _soft_stop(standing, rules)
    if nothing_fits:
        return _nothing_fits(standing, rules)
    return Pause("You can go on", ("Nothing stands between you and the next text.",))


def warning(standing: Standing) -> str | None:
    """One line for somebody who is near the end of their budget, or past it; None before that."""
    if standing.may_read.stop < Stop.WARN or standing.may_read.because is not Because.BUDGET:
        return None
    return f"You have read {_of_budget(standing)} planned for a shift. You can stop at any time."


def _break(standing: Standing, rules: ExposureRules) -> Pause:
    running, until = standing.running_break, standing.may_read.break_until
    if running is None:
        minutes = rules.breaks.forced_minutes
        return Pause(
            f"Now take a break of {minutes} minutes",
            (
                f"You have read {_of_budget(standing)} planned for a shift. From here on a break is not a"
                " question any more.",
                "It starts when you press the button and cannot be cut short. What you have in hand you can"
                " still finish, or put back.",
            ),
            may_begin=True,
        )
    if until is not None:
        return Pause(
            f"Your break lasts until {clock(until)}",
            (
                "No text comes to you before then. Stand up, go outside, talk to somebody you trust.",
                "You do not have to come back to this page at that minute, or today.",
            ),
            look_again=True,
        )
    return Pause(
        "You are on a break",
        (f"Since {clock(running.began_at)}. No text comes to you until you end it.",),
        may_end=True,
    )


def _soft_stop(standing: Standing, rules: ExposureRules) -> Pause:
    because = standing.may_read.because
    if because is Because.BUDGET:
        heading = "You have read enough for now"
        words = f"You have read {_of_budget(standing)} planned for a shift. Others can read the next ones."
    else:
        heading = "Time for a break"
        since = (
            counted(standing.units_in_a_row, "unit")
            if because is Because.UNITS_IN_A_ROW
            else counted(standing.minutes_in_a_row, "minute")
        )
        words = f"It has been {since} since your last break. {rules.breaks.minutes} minutes are enough."
    return Pause(heading, (words,), may_begin=True, may_go_on=True)


def _nothing_fits(standing: Standing, rules: ExposureRules) -> Pause:
    may_read = standing.may_read
    if may_read.lighter is Lighter.AFTER_WORST:
        lighter = counted(rules.in_a_row.lighter_texts, "lighter text")
        return Pause(
            "Nothing lighter is waiting",
            (
                f"You have just read one of the worst texts. {lighter}, or a break of"
                f" {rules.breaks.minutes} minutes, come before the next like it, and only such wait now.",
            ),
            may_begin=True,
            to_preferences=True,
        )
    if may_read.lighter is Lighter.END_OF_SHIFT:
        return Pause(
            "Only harder texts are waiting",
            ("Your shift is nearly over, and its end is for light texts. You may well stop here.",),
            may_begin=True,
            may_go_on=True,
        )
    if may_read.strands_excluded:
        return Pause(
            "Nothing is waiting that you want to read",
            (f"You have declined {strands_words(may_read.strands_excluded)} texts. Others read those.",),
            to_preferences=True,
        )
    return Pause("You can go on", ("Nothing stands between you and the next text.",))


def _of_budget(standing: Standing) -> str:
    return f"{standing.dose_units:,} of the {counted(standing.budget_units, 'unit')}"
