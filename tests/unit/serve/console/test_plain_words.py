"""Dates, strands and references in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest

from serve.console.plain_words import (
    clock,
    counted,
    day_and_clock,
    reference,
    start_of_uk_day,
    strands_words,
    uk_time,
)


@pytest.mark.parametrize(
    ("utc", "shown"),
    [
        (datetime(2026, 11, 3, 14, 32, tzinfo=UTC), "3 November 2026, 14:32"),
        (datetime(2026, 6, 3, 23, 32, tzinfo=UTC), "4 June 2026, 00:32"),
        (datetime(2026, 3, 29, 0, 59, tzinfo=UTC), "29 March 2026, 00:59"),
        (datetime(2026, 3, 29, 1, 0, tzinfo=UTC), "29 March 2026, 02:00"),
        (datetime(2026, 10, 25, 0, 59, tzinfo=UTC), "25 October 2026, 01:59"),
        (datetime(2026, 10, 25, 1, 0, tzinfo=UTC), "25 October 2026, 01:00"),
    ],
)
def test_an_instant_is_shown_on_united_kingdom_clocks(utc: datetime, shown: str) -> None:
    assert day_and_clock(utc) == shown


def test_our_summer_time_rule_agrees_with_the_time_zone_database() -> None:
    try:
        london = ZoneInfo("Europe/London")
    except ZoneInfoNotFoundError:
        pytest.skip("this machine has no time-zone database to compare with")
    instant = datetime(2020, 1, 1, 0, 30, tzinfo=UTC)
    while instant.year < 2036:
        assert uk_time(instant).replace(tzinfo=None) == instant.astimezone(london).replace(tzinfo=None)
        midnight = instant.astimezone(london).replace(hour=0, minute=0, second=0, microsecond=0)
        assert start_of_uk_day(instant) == midnight
        instant += timedelta(hours=7)


def test_small_words_read_as_sentences() -> None:
    assert strands_words(["antisemitic", "far_right"]) == "antisemitic and far-right"
    assert strands_words([]) == "no strand named"
    assert (counted(1, "word"), counted(1234, "word")) == ("1 word", "1,234 words")
    assert reference("01M7ZX3T6KCD0CXVATV2SNXRE5") == "V2SN XRE5"
    assert clock(datetime(2026, 1, 2, 3, 4, tzinfo=UTC)) == "03:04"
