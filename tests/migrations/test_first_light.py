from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, select, text
from sqlalchemy.exc import DBAPIError

from serve.audit.events import Event
from serve.audit.log import record
from serve.storage.engine import Database
from serve.storage.identifiers import new_id, utc_now
from serve.storage.migrating import downgrade, is_current, migrate, newest_revision
from serve.storage.tables import AuditEvent, Case, Decision, Post, Row

POST_COLUMNS = {
    "post_id": "'another'",
    "external_id": "'another'",
    "text": "'another'",
    "text_sha256": "'another'",
    "platform": "'another'",
    "url": "'another'",
    "author": "'another'",
    "posted_at": "NULL",
    "received_at": "CURRENT_TIMESTAMP",
    "received_from": "'another'",
}
DECISION_CHANGES = ["reason = 'another'", "severity = 4", "outcome = 'another'", "decided_by = 'another'"]


@pytest.fixture
def filled(database: Database) -> Database:
    """One post, one decided case, one audit event."""
    now = utc_now()
    with database.write() as session:
        post_id, case_id = new_id(), new_id()
        session.add(
            Post(
                post_id=post_id,
                external_id="1",
                text="The bakery opens at nine.",
                text_sha256="0" * 64,
                posted_at=now,
                received_at=now,
                received_from="system:tests",
            )
        )
        session.add(
            Case(
                case_id=case_id,
                state="decided",
                route="review",
                strands=[],
                priority=1.0,
                created_at=now,
                decided_at=now,
            )
        )
        session.flush()
        session.add(
            Decision(
                decision_id=new_id(),
                case_id=case_id,
                lease_number=1,
                decided_by="officer:1",
                decided_at=now,
                outcome="no_offence",
                strands=[],
                severity=0,
                reason="About bread.",
                bundles=[],
                policy_sha256="0" * 64,
                outcomes_sha256="0" * 64,
                codebook_sha256="0" * 64,
            )
        )
        record(session, actor="system:tests", event=Event.POST_STORED, subject=post_id, details={}, at=now)
    return database


def _try(database: Database, statement: str) -> None:
    with database.write() as session:
        session.execute(text(statement))


def test_migrated_database_has_no_difference_from_the_tables(database: Database) -> None:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        assert compare_metadata(context, Row.metadata) == []
        on_disk = {
            (table, index["name"])
            for table in inspect(connection).get_table_names()
            for index in inspect(connection).get_indexes(table)
            if not index.get("duplicates_constraint")
        }
    declared = {(table.name, index.name) for table in Row.metadata.tables.values() for index in table.indexes}
    # compare_metadata passes over the conditions of indexes on SQLite, so the names are counted here.
    assert {pair for pair in on_disk if not str(pair[1]).startswith("sqlite_autoindex")} == declared


def test_partial_indexes_keep_their_conditions(database: Database) -> None:
    with database.engine.connect() as connection:
        source = (
            "SELECT name, sql FROM sqlite_master WHERE type = 'index'"
            if database.is_sqlite
            else "SELECT indexname, indexdef FROM pg_indexes"
        )
        found = {name: definition or "" for name, definition in connection.execute(text(source))}
    for name in (
        *("ix_cases_waiting", "ix_cases_rank", "ix_cases_leased", "ix_cases_holder", "ix_cases_parked"),
        *("ix_cases_reserved", "ix_cases_reserved_until", "ix_cases_linked_to", "ix_cases_emergency"),
        "ix_posts_unscored",
    ):
        assert " WHERE " in found[name]
    assert "UNIQUE" in found["uq_labels_standing"]
    assert "undone_at IS NULL" in found["uq_labels_standing"]
    assert "state, queue, rank DESC, case_id" in found["ix_cases_waiting"]
    assert "rank DESC, case_id" in found["ix_cases_rank"]


def test_newest_database_is_current_and_migrating_again_changes_nothing(database: Database) -> None:
    assert is_current(database)

    assert migrate(database) == newest_revision()


def test_down_and_up_again_leaves_an_empty_current_schema(filled: Database) -> None:
    assert downgrade(filled, "base") == "base"
    assert not is_current(filled)
    assert set(inspect(filled.engine).get_table_names()) == {"alembic_version"}

    assert migrate(filled) == newest_revision()

    with filled.read() as session:
        assert session.scalars(select(Post)).all() == []


def test_migrating_a_filled_database_keeps_every_row(filled: Database) -> None:
    migrate(filled)

    with filled.read() as session:
        assert session.scalars(select(Post)).one().text == "The bakery opens at nine."
        assert session.scalars(select(Decision)).one().reason == "About bread."
        assert session.scalars(select(AuditEvent)).one().event == Event.POST_STORED


@pytest.mark.parametrize("column", POST_COLUMNS)
def test_changing_a_stored_post_is_refused(filled: Database, column: str) -> None:
    with pytest.raises(DBAPIError, match="posts never change"):
        _try(filled, f"UPDATE posts SET {column} = {POST_COLUMNS[column]}")


def test_every_column_of_a_post_but_scored_at_is_tried() -> None:
    assert set(POST_COLUMNS) == {column.name for column in Post.__table__.columns} - {"scored_at"}


def test_marking_a_post_scored_is_allowed(filled: Database) -> None:
    with filled.write() as session:
        session.scalars(select(Post)).one().scored_at = utc_now()

    with filled.read() as session:
        assert session.scalars(select(Post)).one().scored_at is not None


@pytest.mark.parametrize("change", DECISION_CHANGES)
def test_changing_a_decision_is_refused(filled: Database, change: str) -> None:
    with pytest.raises(DBAPIError, match="decisions never change"):
        _try(filled, f"UPDATE decisions SET {change}")


@pytest.mark.parametrize("table", ["decisions", "audit_events"])
def test_deleting_from_the_record_is_refused(filled: Database, table: str) -> None:
    with pytest.raises(DBAPIError, match=f"{table} never change"):
        _try(filled, f"DELETE FROM {table}")


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)  # SQLite has no TRUNCATE
def test_emptying_the_record_is_refused(filled: Database) -> None:
    with pytest.raises(DBAPIError, match="audit_events never change"):
        _try(filled, "TRUNCATE audit_events")


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)  # PostgreSQL has no INSERT OR REPLACE
def test_replacing_an_audit_event_is_refused(filled: Database) -> None:
    with pytest.raises(DBAPIError, match="audit_events never change"):
        _try(
            filled,
            "INSERT OR REPLACE INTO audit_events (event_id, happened_at, actor, event, subject, details) "
            "SELECT event_id, happened_at, 'officer:nobody', event, subject, details FROM audit_events",
        )


def test_two_replicas_migrating_at_once_both_succeed(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    databases = [Database(f"sqlite:///{tmp_path / 'hub.sqlite'}") for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(migrate, databases)) == [newest_revision()] * 2
    for one in databases:
        one.close()


def test_two_replicas_migrating_one_postgresql_at_once_both_succeed(postgres_database_url: str) -> None:
    from concurrent.futures import ThreadPoolExecutor

    databases = [Database(postgres_database_url) for _ in range(2)]
    downgrade(databases[0], "base")
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(migrate, databases)) == [newest_revision()] * 2
    for one in databases:
        one.close()
