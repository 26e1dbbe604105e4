"""Where a foreign span lies, in whatever its tool counts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelling.interchange.offsets import OffsetUnit, code_points, in_unit
from model.errors import BadRecord

FAMILY = "👨‍👩‍👧"
FLAG = "🇬🇧"
TEXT = f"{FAMILY} went to {FLAG} yesterday, e\u0301tonnant"


def reason_of(error: BadRecord) -> object:
    return error.members["reason"]


@pytest.mark.parametrize(
    ("start", "end", "own", "found"),
    [
        # The official SDK's own tests mix these: exclusive with a blank, inclusive, inclusive.
        (8, 19, "Jane Smith ", (8, 19)),
        (8, 17, "Jane Smith", (8, 18)),
        (0, 7, "Contact", (0, 7)),
        (0, 6, "Contact", (0, 7)),
    ],
)
def test_ends_are_exclusive_or_inclusive_as_their_text_says(
    start: int, end: int, own: str, found: tuple[int, int]
) -> None:
    assert code_points("Contact Jane Smith now", start, end, own_text=own, unit="auto") == found


@pytest.mark.parametrize("own", ["went to", "yesterday", FLAG, FAMILY, "e\u0301tonnant"])
@pytest.mark.parametrize("last", [0, -1])
def test_span_is_found_by_its_text_in_units_of_the_browser(own: str, last: int) -> None:
    start = TEXT.index(own)
    place = in_unit(TEXT, (start, start + len(own)), "utf16")

    found = code_points(TEXT, place[0], place[1] + last, own_text=own, unit="auto")

    assert TEXT[found[0] : found[1]] == own


def test_offset_that_does_not_lead_to_its_text_is_refused() -> None:
    with pytest.raises(BadRecord) as caught:
        code_points("example text", 1, 8, own_text="example", unit="auto")

    assert reason_of(caught.value) == "bad_offset"
    assert "example" not in caught.value.message


@pytest.mark.parametrize(("start", "end"), [(3, 3), (5, 3), (-1, 3), (0, 13), (10**30, 10**31)])
def test_offset_outside_the_text_is_refused(start: int, end: int) -> None:
    with pytest.raises(BadRecord) as caught:
        code_points("example text", start, end, unit="auto")

    assert reason_of(caught.value) == "bad_offset"


def test_graphemes_are_counted_where_that_is_the_only_reading() -> None:
    # One cluster of five code points: only counted in graphemes does [0, 1) end where a character ends.
    assert code_points(f"{FAMILY} text", 0, 1, unit="auto") == (0, len(FAMILY))
    assert code_points(f"{FAMILY} text", 2, 6, unit="grapheme") == (len(FAMILY) + 1, len(FAMILY) + 5)


def test_half_a_surrogate_pair_is_no_place_to_begin() -> None:
    with pytest.raises(BadRecord):
        code_points("🐍 text", 1, 3, unit="utf16")


def test_text_without_astral_characters_needs_no_unit() -> None:
    assert code_points("plain text", 0, 5, unit="auto") == (0, 5)


def test_readings_that_differ_are_refused_unless_the_unit_is_said() -> None:
    text = "🐍 one two"

    with pytest.raises(BadRecord) as caught:
        code_points(text, 3, 6, unit="auto")

    assert reason_of(caught.value) == "ambiguous_offset"
    assert code_points(text, 3, 6, unit="utf16") == (2, 5)


TEXTS = st.text(st.sampled_from(list("ab \u0301\u200d🐍👨👩🇬🇧\r\n\u05d0")), min_size=1, max_size=20)


@given(text=TEXTS, data=st.data())
def test_way_to_units_of_the_browser_and_back_changes_nothing(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    units: tuple[OffsetUnit, ...] = ("utf16", "code_point")

    for unit in units:
        assert code_points(text, *in_unit(text, (start, end), unit), unit=unit) == (start, end)


@given(text=TEXTS, start=st.integers(-2, 45), end=st.integers(-2, 45))
def test_whatever_is_accepted_lies_in_the_text(text: str, start: int, end: int) -> None:
    try:
        found = code_points(text, start, end, unit="auto")
    except BadRecord:
        return
    assert 0 <= found[0] < found[1] <= len(text)
