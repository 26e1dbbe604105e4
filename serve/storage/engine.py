"""The database: one engine, one transaction per unit of work, safe settings on SQLite.

On SQLite the journal is TRUNCATE with synchronous=FULL, unless the linked library has the fix for the
WAL-reset race; then WAL with synchronous=FULL. Source: PROMISES.md section 0, findings 1 and 2.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.exc import OperationalError, TimeoutError
from sqlalchemy.orm import Session

BUSY_TIMEOUT_MS = 30_000
POOL_SIZE = 10
MAX_OVERFLOW = 20
"""Together more connections than request threads (serve/app.py) plus the scorer and the probes."""

WAL_SAFE_BRANCHES = {(3, 44): 6, (3, 50): 7, (3, 51): 3}
"""Patch level from which a release branch has the WAL-reset fix; 3.52 and later all have it."""


def wal_is_safe(version: tuple[int, int, int]) -> bool:
    """Whether this SQLite can run WAL with several connections and lose nothing.

    >>> wal_is_safe((3, 40, 1)), wal_is_safe((3, 51, 3)), wal_is_safe((3, 54, 1))
    (False, True, True)
    """
    major, minor, patch = version
    if (major, minor) >= (3, 52):
        return True
    return patch >= WAL_SAFE_BRANCHES.get((major, minor), 10**6)


def open_engine(url: str) -> Engine:
    """An engine on `url` with the house's safety settings.

    Parameters are hidden in error messages: they may hold a post's text, and messages reach the log.
    """
    if url.startswith("sqlite"):
        engine = create_engine(
            url,
            connect_args={"timeout": BUSY_TIMEOUT_MS / 1000, "check_same_thread": False},
            pool_size=POOL_SIZE,
            max_overflow=MAX_OVERFLOW,
            hide_parameters=True,
        )
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    return create_engine(
        url, pool_pre_ping=True, pool_size=POOL_SIZE, max_overflow=MAX_OVERFLOW, hide_parameters=True
    )


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves: see _begin_sqlite
    journal = "WAL" if wal_is_safe(sqlite3.sqlite_version_info) else "TRUNCATE"
    connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    connection.execute(f"PRAGMA journal_mode={journal}")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")
    # Without this, INSERT OR REPLACE deletes rows past the triggers that keep the audit log append-only.
    connection.execute("PRAGMA recursive_triggers=ON")


def _begin_sqlite(connection: Any) -> None:
    # A deferred BEGIN that later writes ends in SQLITE_BUSY under load (86,516 in 4 s; PROMISES.md
    # section 0, finding 4), so writers say IMMEDIATE and wait their turn.
    immediate = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


class Database:
    """Transactions on one database: `read()` and `write()`, each committed whole or not at all."""

    def __init__(self, url: str) -> None:
        self.engine = open_engine(url)
        self.writing_engine = self.engine.execution_options(writes=True)

    @property
    def is_sqlite(self) -> bool:
        """True on the embedded database."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session for looking; nothing it adds is kept."""
        with Session(self.engine, expire_on_commit=False) as session:
            # Closing rolls back. `rollback()` here would also expire the rows that callers go on to read.
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session whose work is committed when the block ends, or undone if it raises."""
        with Session(self.writing_engine, expire_on_commit=False) as session, session.begin():
            yield session

    def is_reachable(self) -> bool:
        """Whether the database answers at all."""
        try:
            with self.engine.connect() as connection:
                connection.exec_driver_sql("SELECT 1")
        except (OperationalError, TimeoutError):
            return False
        return True

    def close(self) -> None:
        """Closes every pooled connection."""
        self.engine.dispose()
