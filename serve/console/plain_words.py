"""How the console says things: strands, instants and references in words an officer would use."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

STRAND_WORDS: Final = {
    "antisemitic": "antisemitic",
    "islamophobic": "Islamophobic",
    "far_right": "far-right",
    "hate": "hate of any kind",
}


ROLE_WORDS: Final = {"admin": "administrator"}


def role_words(role: str) -> str:
    """The role as written in a sentence.

    >>> role_words("hub_lead"), role_words("admin")
    ('hub lead', 'administrator')
    """
    return ROLE_WORDS.get(role, role.replace("_", " "))


def strand_words(strand: str) -> str:
    """The strand as written in a sentence: `far_right` is "far-right"."""
    return STRAND_WORDS.get(strand, strand.replace("_", " "))


def strands_words(strands: Iterable[str]) -> str:
    """Several strands in one phrase; says so when there is none."""
    return " and ".join(strand_words(strand) for strand in strands) or "no strand named"


def uk_time(instant: datetime) -> datetime:
    """The instant on the United Kingdom's clocks.

    Own rule, so that no time-zone database is needed: summer time runs from 01:00 UTC on the last Sunday
    of March to 01:00 UTC on the last Sunday of October. Source: The Summer Time Order 2002, articles 2-3.
    """
    utc = instant.astimezone(UTC)
    summer = _last_sunday(utc.year, 3) <= utc < _last_sunday(utc.year, 10)
    return utc + timedelta(hours=1) if summer else utc


def _last_sunday(year: int, month: int) -> datetime:
    last = datetime(year, month, 31, 1, tzinfo=UTC)
    return last - timedelta(days=(last.weekday() + 1) % 7)


def start_of_uk_day(instant: datetime) -> datetime:
    """The UTC instant at which the day of `instant` began on the United Kingdom's clocks."""
    local = uk_time(instant)
    midnight_utc = datetime(local.year, local.month, local.day, tzinfo=UTC)
    return midnight_utc - timedelta(
        hours=uk_time(midnight_utc).hour
    )  # clocks change at 01:00 UTC, never here


def clock(instant: datetime) -> str:
    """The time of day, UK: "14:32"."""
    return uk_time(instant).strftime("%H:%M")


def day(instant: datetime) -> str:
    """The day, UK: "3 November 2026"."""
    local = uk_time(instant)
    return f"{local.day} {local.strftime('%B %Y')}"


def day_and_clock(instant: datetime) -> str:
    """Day and time, UK: "3 November 2026, 14:32"."""
    return f"{day(instant)}, {clock(instant)}"


def reference(identifier: str) -> str:
    """The short form of a long id: its last eight characters in two groups, easy to read aloud."""
    return f"{identifier[-8:-4]} {identifier[-4:]}".strip()


def due_words(due_at: datetime, now: datetime) -> str:
    """How far off something is: "in 3 h", "2 days overdue".

    >>> now = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
    >>> due_words(now + timedelta(hours=3, minutes=20), now), due_words(now - timedelta(minutes=5), now)
    ('in 3 h', '5 min overdue')
    """
    minutes = int(abs((due_at - now).total_seconds()) // 60)
    if minutes >= 2 * 24 * 60:
        length = counted(minutes // (24 * 60), "day")
    else:
        length = f"{minutes // 60} h" if minutes >= 60 else f"{minutes} min"
    return f"in {length}" if due_at >= now else f"{length} overdue"


def counted(number: int, one: str, many: str | None = None) -> str:
    """The number with its noun: "1 word", "34 words"."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
