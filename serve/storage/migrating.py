"""Brings a database to the newest schema, in one transaction, whoever else is starting up."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from serve.storage.engine import Database

MIGRATIONS_FOLDER = Path(__file__).resolve().parent / "migrations"

ADVISORY_LOCK = 7_211_846_352_004
"""One number that every replica of this product knows and nobody else uses."""

WAIT_FOR_REPLICA = "120s"
"""How long a replica waits while another one migrates."""

LOCK_TIMEOUT = "4s"
"""A migration that cannot have its table lock by then gives up instead of queueing all traffic behind it."""

STATEMENT_TIMEOUT = "300s"


def migrate(database: Database) -> str:
    """The newest revision, which the database now has; nothing is changed if it had it already."""
    return _run(database, "head")


def downgrade(database: Database, revision: str) -> str:
    """Takes the schema back to `revision` (`base`: no tables, no data) and returns it."""
    return _run(database, revision, down=True)


def is_current(database: Database) -> bool:
    """Whether the database has exactly the schema that this version of the product needs."""
    with database.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision() == newest_revision()


def newest_revision() -> str:
    """The revision that this version of the product needs."""
    revision = ScriptDirectory(str(MIGRATIONS_FOLDER)).get_current_head()
    if revision is None:
        raise RuntimeError(f"no migrations in {MIGRATIONS_FOLDER}")
    return revision


def _run(database: Database, revision: str, *, down: bool = False) -> str:
    with (
        database.writing_engine.begin() as connection
    ):  # on SQLite: BEGIN IMMEDIATE, so one process at a time
        if connection.dialect.name == "postgresql":
            _take_turns(connection)
        config = Config()
        # `%` starts an interpolation in Alembic's ini values, and folders may have one in their names.
        config.set_main_option("script_location", str(MIGRATIONS_FOLDER).replace("%", "%%"))
        config.attributes["connection"] = connection
        (command.downgrade if down else command.upgrade)(config, revision)
        return MigrationContext.configure(connection).get_current_revision() or "base"


def _take_turns(connection: Connection) -> None:
    connection.execute(text(f"SET LOCAL statement_timeout = '{WAIT_FOR_REPLICA}'"))
    connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": ADVISORY_LOCK})
    connection.execute(text(f"SET LOCAL statement_timeout = '{STATEMENT_TIMEOUT}'"))
    connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'"))
