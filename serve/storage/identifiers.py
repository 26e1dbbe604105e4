"""Ids that sort by time and cannot be guessed, and the clock that everything reads."""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_id() -> str:
    """A fresh ULID: 48 bits of milliseconds and 80 random bits in 26 characters.

    Source: https://github.com/ulid/spec
    """
    value = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
    return "".join(_ALPHABET[(value >> shift) & 31] for shift in range(125, -1, -5))


def made_at(ulid: str) -> datetime:
    """When an id of `new_id` was made, UTC, to the millisecond.

    >>> made_at("01ARZ3NDEKTSV4RRFFQ69G5FAV").isoformat(timespec="milliseconds")
    '2016-07-30T23:54:10.259+00:00'
    """
    milliseconds = 0
    for letter in ulid[:10]:
        milliseconds = milliseconds * 32 + _ALPHABET.index(letter)
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def utc_now() -> datetime:
    """The present instant, aware, UTC."""
    return datetime.now(UTC)
