from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest

from serve.people.exposure.policy import ExposurePolicy
from serve.people.exposure.team import LEAST_PEOPLE, TeamAggregate, team_aggregate
from serve.storage.engine import Database
from serve.storage.tables import Break

Person = Callable[..., str]
Read = Callable[..., bool]
DAY = 24 * 60
NEXT_WEEK = datetime(2026, 11, 30, 0, 0, tzinfo=UTC)
"""The Monday after the week in which everybody reads from Monday, 23 November, nine o'clock."""


@pytest.fixture
def figures(database: Database, policy: ExposurePolicy) -> Callable[..., TeamAggregate | None]:
    def ask(asked_by: str, now: datetime = NEXT_WEEK) -> TeamAggregate | None:
        with database.read() as session:
            return team_aggregate(session, policy, asked_by=asked_by, now=now)

    return ask


def read_units(read: Read, actor: str, units: int, *, minutes: int = 0) -> None:
    """The person reads so many units in as few texts as can be."""
    number = 0
    for weight, severity in ((8, 4), (4, 3), (2, 2), (1, 1)):
        texts, units = divmod(units, weight)
        for _ in range(texts):
            number += 1
            read(actor, f"{minutes} {number}", minutes=minutes, severity=severity)


def test_figures_want_five_people_besides_the_one_who_asks(
    person: Person, read: Read, figures: Callable[..., TeamAggregate | None]
) -> None:
    supervisor, others = person("supervisor"), [person() for _ in range(LEAST_PEOPLE)]
    for actor in (supervisor, *others[1:]):
        read(actor, "one")
    assert figures(supervisor) is None

    read(others[0], "one")

    found = figures(supervisor)
    assert found is not None
    assert (found.people, found.shifts, found.texts) == (5, 5, 5)
    assert (found.first_day, found.last_day) == (date(2026, 11, 23), date(2026, 11, 29))


def test_running_week_and_the_one_before_are_not_told(
    person: Person, read: Read, figures: Callable[..., TeamAggregate | None]
) -> None:
    for _ in range(LEAST_PEOPLE):
        read(person(), "one")

    for now in (NEXT_WEEK - timedelta(seconds=1), NEXT_WEEK + timedelta(days=7)):
        assert figures("officer:somebody", now) is None
    assert figures("officer:somebody", NEXT_WEEK + timedelta(days=6)) is not None


def test_share_in_the_middle_is_rounded_and_by_the_budget_of_each_role(
    person: Person, read: Read, figures: Callable[..., TeamAggregate | None]
) -> None:
    for units in (10, 20, 33, 40, 50):
        read_units(read, person("officer"), units)
    found = figures("officer:somebody")
    assert found is not None
    assert found.median_share == 0.3

    for units in (1, 2, 47, 48, 49):  # of 50: an annotator's
        read_units(read, person("annotator"), units)
    found = figures("officer:somebody")
    assert found is not None
    assert found.median_share == 0.4


@pytest.mark.parametrize(
    ("past", "within", "told"), [(0, 10, 0), (4, 6, None), (5, 5, 5), (6, 4, None), (10, 0, None)]
)
def test_small_counts_and_those_of_everybody_are_withheld(
    person: Person,
    read: Read,
    figures: Callable[..., TeamAggregate | None],
    past: int,
    within: int,
    told: int | None,
) -> None:
    people = [person("annotator") for _ in range(5)]
    for number in range(past + within):
        actor, day = people[number % 5], number // 5
        read_units(read, actor, 50 if number < past else 1, minutes=day * DAY)

    found = figures("officer:somebody")

    assert found is not None
    assert (found.shifts, found.shifts_past_budget) == (10, told)


def test_forced_breaks_are_counted_without_those_of_the_one_who_asks(
    database: Database, person: Person, read: Read, figures: Callable[..., TeamAggregate | None]
) -> None:
    supervisor, others = person("supervisor"), [person() for _ in range(10)]
    for actor in (supervisor, *others):
        read(actor, "one")
    began_at = datetime(2026, 11, 24, 9, tzinfo=UTC)
    with database.write() as session:
        for number, (actor, kind) in enumerate(
            [(supervisor, "forced"), *((one, "forced") for one in others[:5]), (others[9], "own")]
        ):
            session.add(
                Break(break_id=f"{number:026}", actor=actor, kind=kind, began_at=began_at, least_minutes=30)
            )

    found = figures(supervisor)

    assert found is not None
    assert found.forced_breaks == 5
