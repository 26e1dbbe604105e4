from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import inspect, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from serve.audit.events import Event
from serve.audit.log import record
from serve.storage.engine import Database
from serve.storage.migrating import downgrade, migrate, newest_revision
from serve.storage.tables import AuditEvent, Break, ExposurePreferences, Reading, WentOn

NINE = datetime(2026, 11, 23, 9, tzinfo=UTC)
TABLES = (Reading, Break, WentOn, ExposurePreferences)
FROZEN = [
    (table.__tablename__, column.name)
    for table in (Reading, Break, WentOn)
    for column in table.__table__.columns
    if column.name != "ended_at"
]


def reading(version: int = 0, **changed: object) -> Reading:
    row = {
        "reading_id": "1" * 32, "version": version, "actor": "officer:1", "shift_began_at": NINE,
        "recorded_at": NINE, "subject_kind": "post", "subject_id": "1" * 26, "text_sha256": "1" * 64,
        "severity_expected": 1, "severity_judged": 2 if version else None, "units": 1,
        "policy_sha256": "2" * 64,
    }  # fmt: skip
    return Reading(**{**row, **changed})


@pytest.fixture
def filled(database: Database) -> Database:
    """A text that was read and judged, a break that runs, going on, preferences, and one audit event."""
    with database.write() as session:
        session.add_all([reading(), reading(1)])
        session.add(Break(break_id="1" * 26, actor="officer:1", kind="own", began_at=NINE, least_minutes=10))
        session.add(
            WentOn(
                went_on_id="1" * 26, actor="officer:1", went_on_at=NINE, because="budget", reason="danger",
                dose_units=1,
            )
        )  # fmt: skip
        session.add(
            ExposurePreferences(
                actor="officer:1", strands_excluded=["far_right"], two_worst_in_a_row=False, covers=True,
                masks=False,
            )
        )  # fmt: skip
        record(session, actor="officer:1", event=Event.PREFERENCES_CHANGED, subject="1", details={}, at=NINE)
    return database


def _try(database: Database, statement: str) -> None:
    with database.write() as session:
        session.execute(text(statement))


@pytest.mark.parametrize(("table", "column"), FROZEN)
def test_changing_what_was_read_or_said_is_refused(filled: Database, table: str, column: str) -> None:
    with pytest.raises(DBAPIError, match=f"{table} never change"):
        _try(filled, f"UPDATE {table} SET {column} = {column}")


def test_break_is_ended_once(filled: Database) -> None:
    _try(filled, "UPDATE breaks SET ended_at = began_at")
    with pytest.raises(DBAPIError, match="breaks never change"):
        _try(filled, "UPDATE breaks SET ended_at = began_at")


@pytest.mark.parametrize("table", [table.__tablename__ for table in TABLES])
def test_rows_may_be_deleted_for_they_are_not_kept_for_good(filled: Database, table: str) -> None:
    _try(filled, f"DELETE FROM {table}")


@pytest.mark.parametrize(
    "changed",
    [
        {"severity_expected": 5},
        {"severity_judged": 5},
        {"version": -1, "severity_judged": 1},
        {"version": 2, "severity_judged": None},
        {"subject_id": None},
        {"text_sha256": None},
        {"subject_kind": None},
        {"reading_id": "2" * 32},  # the same text in the same shift a second time
    ],
    ids=lambda changed: ", ".join(changed),
)
def test_reading_that_makes_no_sense_is_refused(filled: Database, changed: dict[str, object]) -> None:
    row = {"text_sha256": "3" * 64, "reading_id": "3" * 32, **changed}
    if changed.get("reading_id"):
        row["text_sha256"] = "1" * 64
    with pytest.raises(IntegrityError), filled.write() as session:
        session.add(reading(**row))


def test_second_break_at_the_same_time_and_an_unknown_kind_are_refused(filled: Database) -> None:
    for kind, actor in (("own", "officer:1"), ("long", "officer:2")):
        with pytest.raises(IntegrityError), filled.write() as session:
            session.add(Break(break_id="2" * 26, actor=actor, kind=kind, began_at=NINE, least_minutes=10))


def test_no_table_of_reading_points_at_another(database: Database) -> None:
    # A reference would lead from what somebody read to their name, or keep a post from being deleted.
    for table in TABLES:
        assert inspect(database.engine).get_foreign_keys(table.__tablename__) == []


def test_readings_of_a_shift_are_found_by_an_index(filled: Database) -> None:
    indexes = {
        index["name"]: index["column_names"] for index in inspect(filled.engine).get_indexes("readings")
    }

    assert indexes["ix_readings_shift"] == ["actor", "shift_began_at", "recorded_at"]
    if filled.is_sqlite:
        with filled.read() as session:
            plan = session.execute(
                text("EXPLAIN QUERY PLAN SELECT * FROM readings WHERE actor = 'a' AND shift_began_at = 'b'")
            ).all()
        assert "ix_readings_shift" in str(plan)


def test_down_and_up_again_keeps_everything_else(filled: Database) -> None:
    assert downgrade(filled, "0005") == "0005"
    names = set(inspect(filled.engine).get_table_names())
    assert names & {table.__tablename__ for table in TABLES} == set()
    assert "posts" in names

    assert migrate(filled) == newest_revision()

    with filled.read() as session:
        for table in TABLES:
            assert session.scalars(select(table)).all() == []
        assert session.scalars(select(AuditEvent)).one().event == Event.PREFERENCES_CHANGED
