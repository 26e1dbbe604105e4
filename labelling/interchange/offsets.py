"""Where a foreign span lies in our text: code points, [start, end), whatever its tool counts in.

Tools count in code points (Python), in UTF-16 units (browsers) or in grapheme clusters (doccano's
`grapheme_mode`), and some name the last character instead of the one after it. A span that carries its own
text is tried until the text fits; one without is taken only if all readings that a person could have marked
agree.
Source: INTERFACES.md section 2.1; HumanSignal/label-studio issue 1347; doccano/doccano issue 2290.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import accumulate
from typing import Final, Literal

import regex

from labelling.interchange.annotations import Span
from labelling.interchange.quarantine import Reason, refused

OffsetUnit = Literal["auto", "code_point", "utf16", "grapheme"]
UNITS: Final[tuple[OffsetUnit, ...]] = ("code_point", "utf16", "grapheme")

_CLUSTER = regex.compile(r"\X")
_BEYOND_16_BITS = 0xFFFF


@lru_cache(maxsize=64)
def _cluster_starts(text: str) -> tuple[int, ...]:
    """Where each grapheme cluster begins, and the end of the text."""
    return (*(found.start() for found in _CLUSTER.finditer(text)), len(text))


@lru_cache(maxsize=64)
def _utf16_starts(text: str) -> tuple[int, ...]:
    """How many UTF-16 units stand before each code point, and before the end of the text."""
    return (0, *accumulate(2 if ord(character) > _BEYOND_16_BITS else 1 for character in text))


@lru_cache(maxsize=64)
def _utf16_places(text: str) -> dict[int, int]:
    return {units: place for place, units in enumerate(_utf16_starts(text))}


def _by_code_points(text: str, place: int) -> int | None:
    return place if 0 <= place <= len(text) else None


def _by_utf16(text: str, place: int) -> int | None:
    """None within a surrogate pair too: no character begins there."""
    return _utf16_places(text).get(place)


def _by_graphemes(text: str, place: int) -> int | None:
    starts = _cluster_starts(text)
    return starts[place] if 0 <= place < len(starts) else None


_READINGS: dict[str, Callable[[str, int], int | None]] = {
    "code_point": _by_code_points,
    "utf16": _by_utf16,
    "grapheme": _by_graphemes,
}


def in_unit(text: str, span: Span, unit: OffsetUnit) -> Span:
    """One of our spans in the unit of another tool: the way back of `code_points`.

    `unit` is code_point or utf16. A grapheme may hold several code points, so there is no way back to it.

    >>> in_unit("\\U0001f600 hello", (2, 7), "utf16")
    (3, 8)
    """
    if unit != "utf16":
        return span
    units = _utf16_starts(text)
    return units[span[0]], units[span[1]]


def code_points(text: str, start: int, end: int, *, own_text: str | None = None, unit: OffsetUnit) -> Span:
    """The span as [start, end) code points of the text.

    Raises: BadRecord: bad_offset when no reading fits, ambiguous_offset when several do and nothing tells
    which.

    >>> code_points("Visit Jane Smith now", 6, 15, own_text="Jane Smith", unit="auto")
    (6, 16)
    """
    units = UNITS if unit == "auto" else (unit,)
    if own_text:
        return _that_reads(text, start, end, own_text, units)
    spans = _distinct(_reading(text, start, end, one) for one in units)
    if len(spans) > 1:
        # Nobody marks half a grapheme cluster by hand: such a reading is not what the person saw.
        spans = [span for span in spans if set(span) <= set(_cluster_starts(text))]
        if len(spans) != 1:
            raise refused(
                Reason.AMBIGUOUS_OFFSET,
                "span: code points, UTF-16 units and graphemes differ here; say offset_unit in the mapping",
            )
    if not spans:
        raise refused(Reason.BAD_OFFSET, "span: is empty or leaves the text")
    return spans[0]


def _that_reads(text: str, start: int, end: int, own_text: str, units: Sequence[str]) -> Span:
    """The first reading whose words are those that the span carries; exclusive ends before inclusive ones."""
    for unit in units:
        for last in (end, end + 1):
            span = _reading(text, start, last, unit)
            if span is not None and text[span[0] : span[1]] == own_text:
                return span
    raise refused(Reason.BAD_OFFSET, "span: its offsets do not lead to its own text")


def _reading(text: str, start: int, end: int, unit: str) -> Span | None:
    read = _READINGS[unit]
    first, last = read(text, start), read(text, end)
    return (first, last) if first is not None and last is not None and first < last else None


def _distinct(spans: Iterable[Span | None]) -> list[Span]:
    return list(dict.fromkeys(span for span in spans if span is not None))
