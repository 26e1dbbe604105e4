from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from exposure_rules import made_policy
from sqlalchemy import func, select

from model.errors import BadInput, BreakRuns
from serve.people.exposure import breaks
from serve.people.exposure.policy import ExposurePolicy
from serve.people.exposure.shift import Because, BreakKind, Lighter, Standing, Stop
from serve.people.exposure.standings import standing
from serve.storage.engine import Database
from serve.storage.tables import AuditEvent, Break, WentOn

NINE = datetime(2026, 11, 23, 9, tzinfo=UTC)
Person = Callable[..., str]
Read = Callable[..., bool]
Stands = Callable[..., Standing]


def at(minutes: float) -> datetime:
    return NINE + timedelta(minutes=minutes)


def begin(database: Database, policy: ExposurePolicy, actor: str, minutes: float) -> None:
    with database.write() as session:
        breaks.begin_break(session, policy, actor=actor, now=at(minutes))


def end(database: Database, policy: ExposurePolicy, actor: str, minutes: float) -> None:
    with database.write() as session:
        breaks.end_break(session, policy, actor=actor, now=at(minutes))


def go_on(database: Database, policy: ExposurePolicy, actor: str, minutes: float, reason: str) -> None:
    with database.write() as session:
        breaks.go_on(session, policy, actor=actor, now=at(minutes), reason=reason)


def taken(database: Database) -> list[Break]:
    with database.read() as session:
        return list(session.scalars(select(Break).order_by(Break.began_at)))


def read_units(read: Read, actor: str, units: int, *, minutes: float = 0) -> None:
    for number in range(units):
        read(actor, f"{minutes} {number}", severity=1, minutes=minutes)


@pytest.fixture
def quick() -> ExposurePolicy:
    """A budget of ten units, so that few texts reach every stop."""
    return made_policy(budget={"default": 10, "roles": {}})


def test_own_break_is_begun_and_ended_at_will(
    database: Database, policy: ExposurePolicy, person: Person, read: Read, stands: Stands
) -> None:
    ada = person()
    read(ada, "one")

    begin(database, policy, ada, 1)
    begin(database, policy, ada, 2)
    running = stands(ada, 3)
    assert (running.may_read.stop, running.may_read.because) == (Stop.BREAK, Because.ON_BREAK)
    end(database, policy, ada, 4)
    end(database, policy, ada, 5)

    [one] = taken(database)
    assert (one.kind, one.began_at, one.ended_at) == ("own", at(1), at(4))
    assert stands(ada, 6).may_read.stop is Stop.NONE


def test_break_at_a_soft_stop_was_offered(
    database: Database, quick: ExposurePolicy, person: Person, read: Read
) -> None:
    ada = person()
    read_units(read, ada, 10)

    begin(database, quick, ada, 1)

    assert [one.kind for one in taken(database)] == ["offered"]


def test_forced_break_cannot_be_cut_short_and_lets_go_on_afterwards(
    database: Database, quick: ExposurePolicy, person: Person, read: Read
) -> None:
    ada = person()
    read_units(read, ada, 15)

    def stop(minutes: float) -> Stop:
        with database.read() as session:
            return standing(session, quick, ada, at(minutes)).may_read.stop

    assert stop(1) is Stop.BREAK
    with pytest.raises(BreakRuns):
        go_on(database, quick, ada, 1, "danger")
    begin(database, quick, ada, 2)
    for minutes in (2, 20, 31.9):
        with pytest.raises(BreakRuns):
            end(database, quick, ada, minutes)
        with pytest.raises(BreakRuns):
            go_on(database, quick, ada, minutes, "danger")
    end(database, quick, ada, 32)

    [one] = taken(database)
    assert (one.kind, one.least_minutes, one.ended_at) == ("forced", 30, at(32))
    assert stop(33) is Stop.SOFT_STOP
    go_on(database, quick, ada, 33, "danger")
    assert stop(34) is Stop.WARN


def test_going_on_is_kept_with_its_reason_and_dose(
    database: Database, quick: ExposurePolicy, person: Person, read: Read
) -> None:
    ada = person()
    read_units(read, ada, 11)

    go_on(database, quick, ada, 1, "not_said")

    with database.read() as session:
        [row] = session.scalars(select(WentOn)).all()
        assert (row.because, row.reason, row.dose_units) == ("budget", "not_said", 11)
        assert standing(session, quick, ada, at(2)).may_read.stop is Stop.WARN


def test_going_on_with_a_reason_that_is_not_offered_is_refused(
    database: Database, quick: ExposurePolicy, person: Person, read: Read
) -> None:
    ada = person()
    read_units(read, ada, 10)

    with pytest.raises(BadInput) as refused:
        go_on(database, quick, ada, 1, "because I say so")

    assert refused.value.field == "reason"
    assert "because I say so" not in refused.value.message


def test_going_on_where_nothing_stops_keeps_nothing(
    database: Database, policy: ExposurePolicy, person: Person, read: Read
) -> None:
    ada = person()
    read(ada, "one")

    go_on(database, policy, ada, 1, "danger")

    with database.read() as session:
        assert session.scalars(select(WentOn)).all() == []


def test_going_on_at_the_end_of_a_shift_lets_harder_texts_come(
    database: Database, policy: ExposurePolicy, person: Person, read: Read, stands: Stands
) -> None:
    ada = person()
    read(ada, "one")
    read(ada, "two", minutes=425)
    assert stands(ada, 426).may_read.lighter is Lighter.END_OF_SHIFT

    go_on(database, policy, ada, 427, "danger")

    assert stands(ada, 428).may_read.lighter is None


def test_break_that_was_forgotten_gives_way_to_a_new_one(
    database: Database, policy: ExposurePolicy, person: Person, stands: Stands
) -> None:
    ada = person()
    begin(database, policy, ada, 0)
    next_day = 15 * 60
    assert stands(ada, next_day).running_break is None

    begin(database, policy, ada, next_day)

    assert [one.ended_at for one in taken(database)] == [at(next_day), None]
    running = stands(ada, next_day + 1).running_break
    assert running is not None
    assert (running.kind, running.began_at) == (BreakKind.OWN, at(next_day))


def test_breaks_of_others_are_none_of_ones_own(
    database: Database, policy: ExposurePolicy, person: Person, stands: Stands
) -> None:
    ada, ben = person(), person()
    begin(database, policy, ada, 0)

    end(database, policy, ben, 1)

    assert stands(ada, 2).running_break is not None
    assert stands(ben, 2).running_break is None


def test_breaks_and_going_on_leave_nothing_in_the_audit_log(
    database: Database, quick: ExposurePolicy, person: Person, read: Read
) -> None:
    ada = person()
    read_units(read, ada, 10)
    go_on(database, quick, ada, 1, "danger")
    begin(database, quick, ada, 2)
    end(database, quick, ada, 3)

    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(AuditEvent)) == 0
