"""The append-only log: one event for every change of state, written in the change's own transaction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Final, cast

from sqlalchemy import Table, insert
from sqlalchemy.orm import Session

from serve.audit.events import Event
from serve.storage.tables import AuditEvent

MAX_DETAIL_CHARACTERS = 300
"""Longest string in `details`. Ids, hashes and codes fit; a post or a written reason does not belong here."""

MAX_DETAIL_VALUES = 1_000
"""Longest list in `details`: one request's worth of ids."""

# Written at once and not with the session's other objects: events stand in the order in which they happened.
STORE_EVENT: Final = insert(cast("Table", AuditEvent.__table__)).inline()

_WAITING: Final = "audit events that wait for the end of `together`"

Scalar = str | int | float | bool | None
Detail = Scalar | list[str] | list[int] | list[float] | tuple[str, ...]


def record(
    session: Session,
    *,
    actor: str,
    event: Event,
    subject: str,
    details: Mapping[str, Detail],
    at: datetime,
) -> None:
    """Adds one event to the caller's transaction: both are committed or neither is.

    `details` holds short scalars and lists of them, never a post's text. A caller that breaks this
    has a bug, so the refusal is a TypeError or ValueError and not a Fault.
    """
    checked = {name: _checked(name, value) for name, value in details.items()}
    row = {
        "happened_at": at,
        "actor": actor,
        "event": event.value,
        "subject": subject,
        "details": checked,
    }
    waiting = session.info.get(_WAITING)
    if waiting is None:
        session.connection().execute(STORE_EVENT, row)
    else:
        waiting.append(row)


@contextmanager
def together(session: Session) -> Iterator[None]:
    """Events recorded inside are written with one statement, in their order, when the block ends.

    For work on many things in one transaction. If the block raises none of them is written, as the
    transaction is to be undone. A block inside another belongs to that.
    """
    if _WAITING in session.info:
        yield
        return
    rows: list[dict[str, object]] = []
    session.info[_WAITING] = rows
    try:
        yield
    finally:
        del session.info[_WAITING]
    if rows:
        session.connection().execute(STORE_EVENT, rows)


def _checked(name: str, value: object) -> object:
    if isinstance(value, list | tuple):
        if len(value) > MAX_DETAIL_VALUES:
            raise ValueError(f"audit detail {name}: more than {MAX_DETAIL_VALUES} values")
        return [_checked_scalar(name, element) for element in value]
    return _checked_scalar(name, value)


def _checked_scalar(name: str, value: object) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    if not isinstance(value, str):
        raise TypeError(f"audit detail {name}: {type(value).__name__} is not a short scalar")
    if len(value) > MAX_DETAIL_CHARACTERS:
        raise ValueError(f"audit detail {name}: longer than {MAX_DETAIL_CHARACTERS} characters")
    return str(value)
