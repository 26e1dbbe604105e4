"""Values of foreign JSON, checked for the shape that a codec expects before it looks inside."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from labelling.interchange.quarantine import Reason, refused
from model.errors import NotText

MAX_ID_CHARACTERS = 200


def as_object(value: object, what: str) -> dict[str, Any]:
    """The value, if it is an object. Raises: BadRecord (wrong_shape)."""
    if not isinstance(value, dict):
        raise refused(Reason.WRONG_SHAPE, f"{what}: not an object")
    return value


def as_list(value: object, what: str) -> list[Any]:
    """The value, if it is a list; an empty one for none. Raises: BadRecord (wrong_shape)."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise refused(Reason.WRONG_SHAPE, f"{what}: not a list")
    return value


def identifier(value: object) -> str | None:
    """An id that was written as a string or a whole number; None for none.

    Raises: NotText, BadRecord (wrong_shape).
    """
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise refused(Reason.WRONG_SHAPE, "id: neither text nor a whole number")
    written = str(value)
    if "\0" in written or any("\ud800" <= character <= "\udfff" for character in written):
        raise NotText("id: has a NUL or a lone surrogate")
    if len(written) > MAX_ID_CHARACTERS:
        raise refused(Reason.WRONG_SHAPE, f"id: longer than {MAX_ID_CHARACTERS} characters")
    return written


def as_numbered(written: str) -> str | int:
    """An id as a tool that numbers its rows writes it: a whole number where it is one.

    >>> as_numbered("12"), as_numbered("012"), as_numbered("text-1")
    (12, '012', 'text-1')
    """
    is_number = written.isascii() and written.isdigit() and len(written) < 19 and str(int(written)) == written
    return int(written) if is_number else written


def moment_of(value: object) -> datetime | None:
    """The time that a value says with its zone; None for any other, which is no time that we could tell."""
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None


def without(values: dict[str, Any], names: Collection[str]) -> dict[str, Any]:
    """The values under all other names."""
    return {name: value for name, value in values.items() if name not in names}
