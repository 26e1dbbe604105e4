"""How much somebody has read on their shift, and what they may read next. Pure.

The dose is the units of the texts of the shift, each text once. A break never lowers it: a break ends the
stretch since the last one, and past the hard limit it is what lets a person go on.
Source: DOMAIN.md section 6.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from model.taxonomy import SEVERITIES
from serve.people.exposure.policy import ExposureRules
from serve.people.exposure.shift import (
    ANY_SEVERITY,
    Because,
    BreakKind,
    BreakTaken,
    Lighter,
    MayRead,
    Preferences,
    Shift,
    Standing,
    Stop,
)

ONE_DAY: Final = timedelta(days=1)

COVERED_BY: Final[dict[Because, frozenset[Because]]] = {
    Because.BUDGET: frozenset({Because.BUDGET}),
    Because.UNITS_IN_A_ROW: frozenset({Because.BUDGET, Because.UNITS_IN_A_ROW, Because.MINUTES_IN_A_ROW}),
    Because.MINUTES_IN_A_ROW: frozenset({Because.BUDGET, Because.UNITS_IN_A_ROW, Because.MINUTES_IN_A_ROW}),
    Because.END_OF_SHIFT: frozenset({Because.END_OF_SHIFT}),
}
"""Which reasons to go on lift which stop. What is not here, nobody lifts for themselves."""


def is_new_shift(rules: ExposureRules, *, began_at: datetime, last_read_at: datetime, at: datetime) -> bool:
    """Whether a text read at `at` begins a new shift after the one that began at `began_at`.

    It does after a rest, and at the latest a day after the last shift began: somebody who never rests has a
    budget a day, and somebody who read one text late at night still has a new one in the morning.
    """
    return at - last_read_at >= timedelta(hours=rules.shift.rest_hours) or at - began_at >= ONE_DAY


@dataclass(frozen=True, slots=True)
class _Rest:
    """A time without new texts: how many texts came before it, and how long it was."""

    texts_before: int
    length: timedelta


@dataclass(frozen=True, slots=True)
class _Moment:
    """One person's shift at one instant, with what the rules make of the times between its texts."""

    rules: ExposureRules
    budget: int
    shift: Shift
    rests: tuple[_Rest, ...]
    now: datetime

    @property
    def share(self) -> float:
        return self.shift.dose_units / self.budget


def assess(
    rules: ExposureRules, *, role: str | None, preferences: Preferences, shift: Shift, now: datetime
) -> Standing:
    """The standing at `now` of a person of this role."""
    moment = _Moment(rules, rules.budget.of(role), shift, tuple(_rests(rules, shift, now)), now)
    units, minutes = _since_rest(moment)
    return Standing(
        began_at=shift.began_at,
        budget_units=moment.budget,
        dose_units=shift.dose_units,
        texts_by_severity=tuple(
            sum(text.severity == severity for text in shift.texts) for severity in SEVERITIES
        ),
        units_in_a_row=units,
        minutes_in_a_row=minutes,
        running_break=_running_break(moment),
        preferences=preferences,
        may_read=_may_read(moment, preferences),
    )


def _rests(rules: ExposureRules, shift: Shift, now: datetime) -> Iterator[_Rest]:
    """Between each text and the next (and `now`), the longest time that was a break, or a long enough pause.

    A break in which a text was read is two short ones: what counts is the time without.
    """
    pause = timedelta(minutes=rules.breaks.pause_minutes)
    instants = [text.read_at for text in shift.texts]
    for texts_before, start in enumerate(instants, start=1):
        end = instants[texts_before] if texts_before < len(instants) else max(now, start)
        longest = end - start if end - start >= pause else timedelta(0)
        for taken in shift.breaks:
            longest = max(longest, min(end, taken.ended_at or now) - max(start, taken.began_at))
        if longest > timedelta(0):
            yield _Rest(texts_before, longest)


def _since_rest(moment: _Moment) -> tuple[int, int]:
    """Units and whole minutes since the last rest that was as long as an offered break."""
    enough = timedelta(minutes=moment.rules.breaks.minutes)
    texts_before = max((rest.texts_before for rest in moment.rests if rest.length >= enough), default=0)
    texts = moment.shift.texts[texts_before:]
    if not texts:
        return 0, 0
    elapsed = max(moment.now - texts[0].read_at, timedelta(0))
    return sum(text.units for text in texts), elapsed // timedelta(minutes=1)


def _may_read(moment: _Moment, preferences: Preferences) -> MayRead:
    rules = moment.rules
    stop, because = _stop(moment)
    ceiling, lighter = ANY_SEVERITY, None
    if not preferences.two_worst_in_a_row and _comes_after_worst(moment):
        ceiling, lighter = rules.in_a_row.below - 1, Lighter.AFTER_WORST
    if _is_end_of_shift(moment) and rules.shift.light_severity < ceiling:
        ceiling, lighter = rules.shift.light_severity, Lighter.END_OF_SHIFT
    return MayRead(
        severity_ceiling=ceiling,
        strands_excluded=preferences.strands_excluded,
        stop=stop,
        because=because,
        break_until=_break_until(moment),
        lighter=lighter,
    )


def _stop(moment: _Moment) -> tuple[Stop, Because | None]:
    """The strongest stop there is, and why."""
    rules = moment.rules
    if _running_break(moment) is not None:
        return Stop.BREAK, Because.ON_BREAK
    if _forced_break_is_due(moment):
        return Stop.BREAK, Because.HARD_LIMIT
    units, minutes = _since_rest(moment)
    reached = {
        Because.BUDGET: moment.share >= rules.stops.soft,
        Because.UNITS_IN_A_ROW: units >= rules.breaks.after_units,
        Because.MINUTES_IN_A_ROW: minutes >= rules.breaks.after_minutes,
    }
    for because, holds in reached.items():
        if holds and not _went_on(moment, because):
            return Stop.SOFT_STOP, because
    return (Stop.WARN, Because.BUDGET) if moment.share >= rules.stops.warn else (Stop.NONE, None)


def _forced_break_is_due(moment: _Moment) -> bool:
    """Whether the dose has reached the hard limit, or the next step above it, with no long rest since."""
    stops = moment.rules.stops
    if moment.share < stops.hard:
        return False
    enough = timedelta(minutes=moment.rules.breaks.forced_minutes)
    units_after_rest = None
    for rest in moment.rests:
        units_after = sum(text.units for text in moment.shift.texts[rest.texts_before :])
        share_then = (moment.shift.dose_units - units_after) / moment.budget
        if rest.length >= enough and share_then >= stops.hard:
            units_after_rest = units_after
    return units_after_rest is None or units_after_rest / moment.budget >= stops.hard_again


def _went_on(moment: _Moment, stop: Because) -> bool:
    """Whether the person has said that they go on past such a stop, not long and not much ago."""
    rules = moment.rules.go_on
    return any(
        past.because in COVERED_BY.get(stop, ())
        and moment.now - past.at < timedelta(minutes=rules.minutes)
        and moment.shift.dose_units - past.dose_units < rules.units
        for past in moment.shift.went_on
    )


def _comes_after_worst(moment: _Moment) -> bool:
    """Whether too few lighter texts, and no break, have come since the last text of the worst severity."""
    rules, texts = moment.rules.in_a_row, moment.shift.texts
    after = max(
        (number for number, text in enumerate(texts, 1) if text.severity >= rules.severity), default=0
    )
    if not after:
        return False
    enough = timedelta(minutes=moment.rules.breaks.minutes)
    if any(rest.texts_before >= after and rest.length >= enough for rest in moment.rests):
        return False
    return sum(text.severity < rules.below for text in texts[after:]) < rules.lighter_texts


def _is_end_of_shift(moment: _Moment) -> bool:
    began_at, rules = moment.shift.began_at, moment.rules.shift
    if began_at is None or _went_on(moment, Because.END_OF_SHIFT):
        return False
    return moment.now - began_at >= timedelta(hours=rules.hours * (1 - rules.light_share))


def _running_break(moment: _Moment) -> BreakTaken | None:
    """The break that runs; one that was forgotten over a night's rest does not."""
    forgotten = moment.now - timedelta(hours=moment.rules.shift.rest_hours)
    running = (taken for taken in moment.shift.breaks if taken.ended_at is None)
    return next((taken for taken in running if taken.began_at > forgotten), None)


def _break_until(moment: _Moment) -> datetime | None:
    """When a forced break that runs may be ended; None once it may, or if none runs.

    A text that was read in it, such as one of a case in hand, starts its minutes again. Whoever begins it
    late is not kept longer than somebody who says nothing and reads nothing (`pause_minutes`).
    """
    running = _running_break(moment)
    if running is None or running.kind is not BreakKind.FORCED:
        return None
    last_read = max((text.read_at for text in moment.shift.texts), default=running.began_at)
    until = min(
        max(running.began_at, last_read) + timedelta(minutes=running.least_minutes),
        last_read + timedelta(minutes=moment.rules.breaks.pause_minutes),
    )
    return until if moment.now < until else None
