from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from sqlalchemy import inspect, select, text
from sqlalchemy.exc import DBAPIError

from serve.audit.events import Event
from serve.audit.log import record
from serve.storage.engine import Database
from serve.storage.identifiers import utc_now
from serve.storage.migrating import downgrade, migrate, newest_revision
from serve.storage.tables import AuditEvent, SuiteResult, SuiteRow, SuiteRun

COLUMNS = {
    "suites": ("suite_id", "name", "sha256", "cases", "uploaded_at", "uploaded_by", "csv"),
    "suite_runs": ("suite_id", "bundle", "requested_at", "requested_by"),
    "suite_results": ("suite_id", "bundle", "thresholds", "scores", "scored_at"),
}


@pytest.fixture
def filled(database: Database) -> Database:
    """One suite that was run, one that was not, and one audit event."""
    now = utc_now()
    with database.write() as session:
        for suite_id, sha256 in (("1" * 26, "1" * 64), ("2" * 26, "2" * 64)):
            session.add(
                SuiteRow(
                    suite_id=suite_id, name="made", sha256=sha256, cases=1, uploaded_at=now,
                    uploaded_by="officer:1", csv=b"a,b",
                )
            )  # fmt: skip
        session.flush()
        session.add(SuiteRun(suite_id="1" * 26, bundle="b", requested_at=now, requested_by="officer:1"))
        session.flush()
        session.add(
            SuiteResult(
                suite_id="1" * 26, bundle="b", thresholds={"hate": 0.5}, scores={"hate": [0.25, None]},
                scored_at=now,
            )
        )  # fmt: skip
        record(session, actor="officer:1", event=Event.SUITE_UPLOADED, subject="1" * 26, details={}, at=now)
    return database


def _try(database: Database, statement: str) -> None:
    with database.write() as session:
        session.execute(text(statement))


def test_every_column_of_the_tables_is_tried() -> None:
    for row in (SuiteRow, SuiteRun, SuiteResult):
        assert COLUMNS[row.__tablename__] == tuple(column.name for column in row.__table__.columns)


@pytest.mark.parametrize(
    ("table", "column"), [(name, one) for name, every in COLUMNS.items() for one in every]
)
def test_changing_a_suite_a_run_or_a_result_is_refused(filled: Database, table: str, column: str) -> None:
    with pytest.raises(DBAPIError, match=f"{table} never change"):
        _try(filled, f"UPDATE {table} SET {column} = {column}")


@pytest.mark.parametrize("table", ["suite_runs", "suite_results"])
def test_deleting_a_run_or_a_result_is_refused(filled: Database, table: str) -> None:
    with pytest.raises(DBAPIError, match=f"{table} never change"):
        _try(filled, f"DELETE FROM {table}")


def test_suite_is_deleted_only_while_it_was_never_run(filled: Database) -> None:
    _try(filled, f"DELETE FROM suites WHERE suite_id = '{'2' * 26}'")
    with pytest.raises(DBAPIError):
        _try(filled, "DELETE FROM suites")

    with filled.read() as session:
        assert session.scalars(select(SuiteRow.suite_id)).all() == ["1" * 26]


def test_suite_that_was_run_stays_for_a_client_that_checks_no_references(filled: Database) -> None:
    if not filled.is_sqlite:
        pytest.skip("PostgreSQL checks references for every client")
    with closing(sqlite3.connect(filled.engine.url.database)) as client:  # foreign_keys is off by default
        with pytest.raises(sqlite3.IntegrityError, match="suites never change"):
            client.execute("DELETE FROM suites")
        client.execute("DELETE FROM suites WHERE suite_id = ?", ("2" * 26,))
        client.commit()

    with filled.read() as session:
        assert session.scalars(select(SuiteRow.suite_id)).all() == ["1" * 26]


def test_decisions_of_a_period_are_found_by_an_index(database: Database) -> None:
    indexes = inspect(database.engine).get_indexes("decisions")

    assert ["decided_at"] in [index["column_names"] for index in indexes]


def test_index_of_extracts_holds_extracts_alone(database: Database) -> None:
    with database.engine.connect() as connection:
        source = (
            "SELECT sql FROM sqlite_master WHERE name = 'ix_audit_events_extracts'"
            if database.is_sqlite
            else "SELECT indexdef FROM pg_indexes WHERE indexname = 'ix_audit_events_extracts'"
        )
        definition = connection.execute(text(source)).scalar_one()

    assert f"'{Event.EXTRACT_MADE.value}'" in definition.partition(" WHERE ")[2]


def test_one_revision_down_and_up_again_keeps_everything_else(filled: Database) -> None:
    assert downgrade(filled, "0001") == "0001"
    tables = set(inspect(filled.engine).get_table_names())
    assert tables & set(COLUMNS) == set()
    assert "posts" in tables

    assert migrate(filled) == newest_revision()

    with filled.read() as session:
        assert session.scalars(select(SuiteRow)).all() == []
        assert session.scalars(select(AuditEvent)).one().event == Event.SUITE_UPLOADED
