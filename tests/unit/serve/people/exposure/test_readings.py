from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from exposure_rules import made_policy
from sqlalchemy import func, select, text

from model.configuration import sha256_of
from model.errors import BadConfig
from serve.people.exposure.policy import ExposurePolicy
from serve.people.exposure.readings import Subject, correct_reading, record_reading, unname_reading
from serve.people.exposure.shift import Standing
from serve.storage.engine import Database
from serve.storage.identifiers import new_id
from serve.storage.tables import AuditEvent, Reading

Person = Callable[..., str]
Read = Callable[..., bool]
Stands = Callable[..., Standing]
NINE = datetime(2026, 11, 23, 9, tzinfo=UTC)
POST = Subject("post", "0" * 26)


def judge(
    database: Database, policy: ExposurePolicy, actor: str, words: str, severity: int, minutes: float = 1
) -> None:
    with database.write() as session:
        correct_reading(
            session,
            policy,
            actor=actor,
            at=NINE + timedelta(minutes=minutes),
            subject=POST,
            text_sha256=sha256_of(words.encode()),
            severity_judged=severity,
        )


def rows(database: Database) -> list[Reading]:
    with database.read() as session:
        return list(session.scalars(select(Reading).order_by(Reading.recorded_at, Reading.version)))


def test_text_counts_what_it_is_expected_to_be_until_it_is_judged(
    database: Database, policy: ExposurePolicy, person: Person, read: Read, stands: Stands
) -> None:
    ada = person()
    read(ada, "one", severity=1)
    assert stands(ada, 1).dose_units == 1

    judge(database, policy, ada, "one", 4)

    standing = stands(ada, 2)
    assert (standing.dose_units, standing.texts_by_severity) == (8, (0, 0, 0, 0, 1))
    first, second = rows(database)
    assert (first.version, first.severity_expected, first.severity_judged, first.units) == (0, 1, None, 1)
    assert (second.version, second.severity_expected, second.severity_judged, second.units) == (1, 1, 4, 8)
    assert first.reading_id == second.reading_id
    assert {row.policy_sha256 for row in (first, second)} == {policy.sha256}


def test_newest_judgement_stands_and_the_same_one_again_adds_nothing(
    database: Database, policy: ExposurePolicy, person: Person, read: Read, stands: Stands
) -> None:
    ada = person()
    read(ada, "one", severity=1)
    for minutes, severity in ((1, 4), (2, 0), (2, 0), (2, 2)):
        judge(database, policy, ada, "one", severity, minutes)

    assert stands(ada, 3).dose_units == 2
    assert [row.severity_judged for row in rows(database)] == [None, 4, 0, 2]


def test_same_text_counts_once_a_shift_and_again_on_the_next(
    database: Database, policy: ExposurePolicy, person: Person, read: Read, stands: Stands
) -> None:
    ada, ben = person(), person()

    assert read(ada, "one") is True
    assert read(ada, "one", minutes=5) is False
    assert read(ben, "one", minutes=5) is True
    judge(database, policy, ada, "one", 3)
    assert read(ada, "one", severity=0, minutes=6) is False
    assert stands(ada, 7).dose_units == 4

    tomorrow = 24 * 60
    assert stands(ada, tomorrow).dose_units == 0
    assert read(ada, "one", severity=0, minutes=tomorrow) is True
    assert stands(ada, tomorrow).dose_units == 0
    assert stands(ada, tomorrow).began_at == NINE + timedelta(days=1)


def test_shift_goes_on_until_a_rest(person: Person, read: Read, stands: Stands) -> None:
    ada = person()
    read(ada, "one")
    read(ada, "two", minutes=10 * 60)
    read(ada, "three", minutes=20 * 60)

    assert stands(ada, 20 * 60).dose_units == 3
    assert stands(ada, 24 * 60 - 1).began_at == NINE
    assert stands(ada, 24 * 60).began_at is None  # a day after it began, rest or not


def test_judgement_after_the_shift_counts_in_the_shift_of_the_reading(
    database: Database, policy: ExposurePolicy, person: Person, read: Read, stands: Stands
) -> None:
    ada = person()
    read(ada, "one")
    read(ada, "two", minutes=24 * 60)

    judge(database, policy, ada, "one", 4, minutes=24 * 60 + 1)

    assert stands(ada, 24 * 60 + 2).dose_units == 1
    assert {row.shift_began_at for row in rows(database) if row.severity_judged == 4} == {NINE}


def test_text_that_was_judged_and_not_known_to_be_read_counts_from_then_on(
    database: Database, policy: ExposurePolicy, person: Person, stands: Stands
) -> None:
    ada = person()

    judge(database, policy, ada, "one", 3)

    assert stands(ada, 2).dose_units == 4
    assert [(row.version, row.severity_judged) for row in rows(database)] == [(0, None), (1, 3)]


def test_key_reads_nothing(database: Database, policy: ExposurePolicy, read: Read) -> None:
    assert read("key:01J", "one") is False
    judge(database, policy, "key:01J", "one", 4)

    assert rows(database) == []


def test_severity_off_the_scale_is_a_bug(read: Read, person: Person) -> None:
    with pytest.raises(ValueError, match="0 to 4"):
        read(person(), "one", severity=5)


def test_day_without_a_policy_is_refused(database: Database, person: Person) -> None:
    ended = made_policy(valid_to="2026-11-01")
    with pytest.raises(BadConfig), database.write() as session:
        record_reading(
            session, ended, actor=person(), at=NINE, subject=POST, text_sha256="0" * 64, severity_expected=0
        )


def test_reading_and_judging_leave_nothing_in_the_audit_log(
    database: Database, policy: ExposurePolicy, person: Person, read: Read
) -> None:
    ada = person()
    read(ada, "one")
    judge(database, policy, ada, "one", 4)

    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(AuditEvent)) == 0


def test_text_set_aside_keeps_its_units_and_neither_its_name_nor_its_time(
    database: Database, policy: ExposurePolicy, person: Person, read: Read, stands: Stands
) -> None:
    ada = person()
    read(ada, "first")
    read(ada, "too much", severity=3, minutes=7)
    read(ada, "last", minutes=9)
    sha256 = sha256_of(b"too much")
    before = {row.reading_id for row in rows(database)}

    with database.write() as session:
        unname_reading(session, actor=ada, text_sha256=sha256)
        unname_reading(session, actor=ada, text_sha256=sha256)

    assert stands(ada, 10).dose_units == 6
    [unnamed] = [row for row in rows(database) if row.text_sha256 is None]
    assert (unnamed.subject_kind, unnamed.subject_id, unnamed.units) == (None, None, 4)
    assert unnamed.recorded_at == unnamed.shift_began_at == NINE
    assert unnamed.reading_id not in before
    assert len(rows(database)) == 3
    # Whoever is shown it again reads it again.
    assert read(ada, "too much", minutes=11) is True


def test_two_pages_opened_at_once_count_a_text_once_and_begin_one_shift(
    database: Database, policy: ExposurePolicy, person: Person
) -> None:
    ada = person()

    def reads(number: int) -> bool:
        with database.write() as session:
            return record_reading(
                session,
                policy,
                actor=ada,
                at=NINE + timedelta(milliseconds=number),
                subject=Subject("post", new_id()),
                text_sha256=sha256_of(str(number % 4).encode()),
                severity_expected=1,
            )

    with ThreadPoolExecutor(8) as pool:
        new = list(pool.map(reads, range(24)))

    assert sum(new) == 4
    assert len({row.shift_began_at for row in rows(database)}) == 1


def test_new_shift_forgets_what_is_older_than_the_policy_keeps(
    database: Database, policy: ExposurePolicy, person: Person, read: Read
) -> None:
    ada, ben = person(), person()
    read(ada, "one")
    judge(database, policy, ada, "one", 3)
    days = 24 * 60
    read(ben, "two", minutes=35 * days)
    assert len(rows(database)) == 3

    read(ben, "three", minutes=36 * days)

    assert [row.actor for row in rows(database)] == [ben, ben]


@pytest.mark.parametrize("statement", ["UPDATE readings SET units = 0", "UPDATE readings SET actor = 'x'"])
def test_rows_of_readings_never_change(
    database: Database, person: Person, read: Read, statement: str
) -> None:
    read(person(), "one")

    def change() -> Any:
        with database.write() as session:
            session.execute(text(statement))

    with pytest.raises(Exception, match="readings never change"):
        change()
