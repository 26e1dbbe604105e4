"""What the desk's page shows and sends back: the text in words that can be marked, and marks as spans."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from model.errors import BadInput
from serve.console.visible_text import defang, visible

_CHUNK = re.compile(r"\s+|\S+")
# A run of ASCII punctuation, a run of emoji, or a run of anything else; apostrophe and hyphen stay in words.
_PUNCTUATION = r"!-&(-,./:-@\[-`{-~"
_EMOJI = "\u200d\u2600-\u27bf\ufe0f\U0001f000-\U0001faff\U000e0020-\U000e007f"
_WORD = re.compile(f"[{_PUNCTUATION}]+|[{_EMOJI}]+|[^{_PUNCTUATION}{_EMOJI}]+")
_SPAN = re.compile(r"(\d{1,6})-(\d{1,6})")


@dataclass(frozen=True, slots=True)
class Word:
    """A run of the raw text, [start, end) in code points, and how to show it. White space cannot be marked.

    The page counts in words and sends back `start` and `end`: no script ever counts characters, because
    scripts count in UTF-16 and an emoji before the mark would shift it.
    """

    start: int
    end: int
    shown: str
    can_be_marked: bool


def words_of(text: str) -> list[Word]:
    """The whole text as words and the white space between them, in order, safe to show.

    An address is one word, so that it stays defanged.
    """
    words: list[Word] = []
    for chunk in _CHUNK.finditer(text):
        if chunk.group().isspace():
            words.append(Word(chunk.start(), chunk.end(), visible(chunk.group()), can_be_marked=False))
        elif defang(chunk.group()) != chunk.group():
            words.append(Word(chunk.start(), chunk.end(), visible(chunk.group()), can_be_marked=True))
        else:
            words.extend(_pieces(chunk.group(), chunk.start()))
    return words


def _pieces(chunk: str, offset: int) -> Iterator[Word]:
    for piece in _WORD.finditer(chunk):
        start, end = offset + piece.start(), offset + piece.end()
        yield Word(start, end, visible(piece.group()), can_be_marked=True)


def spans_from_form(value: str) -> list[tuple[int, int]]:
    """The marks as the page sends them: "0-5 12-20". Raises: BadInput."""
    spans = [_SPAN.fullmatch(part) for part in value.split()]
    if not all(spans):
        raise BadInput("rationale: spans as START-END, in code points", field="rationale")
    return [(int(span[1]), int(span[2])) for span in spans if span]


def spans_for_form(spans: Iterable[tuple[int, int]]) -> str:
    """The marks as the page takes them."""
    return " ".join(f"{start}-{end}" for start, end in spans)
