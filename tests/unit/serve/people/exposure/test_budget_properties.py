"""What holds for any shift, whatever was read on it."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from exposure_rules import at, made_rules, stands, texts
from hypothesis import given
from hypothesis import strategies as st

from serve.people.exposure.budget import assess
from serve.people.exposure.shift import (
    Because,
    BreakKind,
    BreakTaken,
    Lighter,
    Preferences,
    Shift,
    Stop,
    TextRead,
    WentOnPast,
)

SEVERITY = st.integers(0, 4)
READ = st.lists(st.tuples(st.integers(0, 600), SEVERITY), max_size=60).map(
    lambda read: texts(*sorted(read, key=lambda one: one[0]))
)
BREAKS = st.lists(
    st.tuples(st.integers(0, 600), st.integers(0, 60), st.sampled_from(BreakKind)), max_size=4
).map(lambda found: tuple(BreakTaken(kind, at(begin), at(begin + long), 10) for begin, long, kind in found))
PAST = st.lists(
    st.tuples(st.integers(0, 600), st.sampled_from(list(Because)), st.integers(0, 200)), max_size=3
).map(lambda found: tuple(WentOnPast(at(when), because, dose) for when, because, dose in found))
PREFERENCES = st.builds(
    Preferences,
    strands_excluded=st.sets(st.sampled_from(["antisemitic", "islamophobic", "far_right"])).map(
        lambda found: tuple(sorted(found))
    ),
    two_worst_in_a_row=st.booleans(),
)
STRICT = made_rules(
    budget={"default": 20, "roles": {}}, breaks={"after_units": 12}, in_a_row={"lighter_texts": 2}
)


@given(read=READ, more=SEVERITY, breaks=BREAKS, past=PAST, preferences=PREFERENCES)
def test_another_text_never_lowers_the_dose_nor_a_stop(
    read: tuple[TextRead, ...],
    more: int,
    breaks: tuple[BreakTaken, ...],
    past: tuple[WentOnPast, ...],
    preferences: Preferences,
) -> None:
    now = 600.0
    known: dict[str, Any] = {
        "rules": STRICT, "breaks": breaks, "went_on": past, "preferences": preferences,
    }  # fmt: skip
    before = stands(read, now, **known)
    after = stands((*read, *texts((now, more))), now, **known)

    assert after.dose_units == before.dose_units + STRICT.units[more]
    assert after.share >= before.share
    assert after.units_in_a_row >= before.units_in_a_row
    assert after.may_read.stop >= before.may_read.stop


@given(read=READ, breaks=BREAKS)
def test_higher_severity_of_any_text_never_lowers_the_dose(
    read: tuple[TextRead, ...], breaks: tuple[BreakTaken, ...]
) -> None:
    worse = [TextRead(text.read_at, 4, 8) for text in read]

    assert stands(worse, 600, breaks=breaks).dose_units >= stands(read, 600, breaks=breaks).dose_units


@given(
    steps=st.lists(st.tuples(SEVERITY, st.sampled_from([0, 1, 5, 9, 10, 30])), max_size=60),
    opted_in=st.booleans(),
)
def test_no_two_of_the_worst_come_in_a_row_to_who_did_not_ask_for_it(
    steps: list[tuple[int, int]], opted_in: bool
) -> None:
    """Somebody takes each text that is allowed, and breaks between some; the texts are what was expected."""
    rules = made_rules(budget={"default": 100_000, "roles": {}}, breaks={"after_minutes": 1440})
    read: tuple[TextRead, ...] = ()
    taken: tuple[BreakTaken, ...] = ()
    minute = 0
    since_worst: int | None = None
    for severity, pause in steps:
        standing = stands(
            read, minute, rules=rules, breaks=taken, preferences=Preferences(two_worst_in_a_row=opted_in)
        )
        if standing.may_read.lighter is not Lighter.END_OF_SHIFT and standing.may_read.allows(severity):
            if severity == 4 and since_worst is not None and not opted_in:
                assert since_worst >= rules.in_a_row.lighter_texts
            read = (*read, *texts((minute, severity)))
            if severity == 4:
                since_worst = 0
            elif since_worst is not None and severity < 3:
                since_worst += 1
        if pause:
            taken = (*taken, BreakTaken(BreakKind.OWN, at(minute), at(minute + pause), 10))
            minute += pause
            if pause >= rules.breaks.minutes:
                since_worst = None
        minute += 1


@given(
    read=READ,
    breaks=BREAKS,
    past=PAST,
    preferences=PREFERENCES,
    zone=st.sampled_from(["Pacific/Auckland", "America/New_York", "Asia/Kolkata"]),
)
def test_time_zone_of_the_instants_changes_nothing(
    read: tuple[TextRead, ...],
    breaks: tuple[BreakTaken, ...],
    past: tuple[WentOnPast, ...],
    preferences: Preferences,
    zone: str,
) -> None:
    there = ZoneInfo(zone)
    moved = Shift(
        began_at=read[0].read_at.astimezone(there) if read else None,
        texts=tuple(TextRead(text.read_at.astimezone(there), text.severity, text.units) for text in read),
        breaks=breaks,
        went_on=past,
    )
    here = stands(read, 600, rules=STRICT, breaks=breaks, went_on=past, preferences=preferences)
    elsewhere = assess(
        STRICT, role="officer", preferences=preferences, shift=moved, now=at(600).astimezone(there)
    )

    assert elsewhere == here


@given(read=READ, preferences=PREFERENCES)
def test_long_enough_break_after_the_hard_limit_always_ends_the_force(
    read: tuple[TextRead, ...], preferences: Preferences
) -> None:
    taken = BreakTaken(BreakKind.FORCED, at(601), at(631), 30)

    after = stands(read, 632, rules=STRICT, breaks=(taken,), preferences=preferences)

    assert after.may_read.stop < Stop.BREAK
    assert after.dose_units == stands(read, 600, rules=STRICT).dose_units
