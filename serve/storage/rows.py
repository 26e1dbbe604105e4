"""Rows written at once, past the unit of work: for the transactions that a hub runs all day."""

from __future__ import annotations

from functools import cache
from typing import cast

from sqlalchemy import Insert, Table, insert
from sqlalchemy.orm import Session

from serve.storage.tables import Row


def store(session: Session, row: Row) -> None:
    """Inserts the row in the session's transaction. The object stays outside the session: it is a value.

    What `session.add` does besides (order of tables, defaults read back, identity) costs more than the
    statement itself; a row that is complete and never changes needs none of it.
    """
    values = {name: value for name, value in vars(row).items() if name != "_sa_instance_state"}
    session.connection().execute(_insert(type(row)), values)


@cache
def _insert(kind: type[Row]) -> Insert:
    return insert(cast("Table", kind.__table__))
