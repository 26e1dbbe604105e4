"""Short strings from outside, checked before they reach a table: clean, not too long, ids shaped like ids."""

from __future__ import annotations

import re

from model.errors import BadInput, NotFound, NotText

_ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")


def field_text(value: object, *, field: str, longest: int) -> str:
    """The string itself, once it is known to be one that every database can hold.

    PostgreSQL refuses NUL and both databases refuse lone surrogates, with an error of their own.

    Raises: NotText, or BadInput when it is empty or has more than `longest` characters.
    """
    if not isinstance(value, str):
        raise NotText(f"{field}: must be a string", field=field)
    if len(value) > longest:
        raise BadInput(f"{field}: at most {longest:,} characters", field=field)
    if not value:
        raise BadInput(f"{field}: must not be empty", field=field)
    if "\x00" in value:
        raise NotText(f"{field}: contains a NUL character", field=field)
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise NotText(f"{field}: contains a lone surrogate", field=field) from None
    return value


def is_identifier(value: str) -> bool:
    """Whether a string has the shape of one of our own ids (ULID, 26 characters)."""
    return _ULID.fullmatch(value) is not None


def known_shape(value: str, what: str) -> str:
    """The id from an address, if it can be one of ours.

    Raises: NotFound: an id of another shape is nothing that we have.
    """
    if not is_identifier(value):
        raise NotFound(f"there is no such {what}")
    return value
