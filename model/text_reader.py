"""From a raw text to the rows that the network reads, and back from a row to its place in the raw text."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import tokenizers

from model.bundle import Bundle
from model.classifier import Span
from model.errors import BundleRefused, TextEmpty
from model.normalise import NormalisedText, normalise, normalise_text
from model.windows import TextRows, rows_of_text, window_starts

MOST_CHARACTERS: Final = 20_000
"""Characters of a normalised text that are tokenised: its first and its last half of so many.

Emoji and ligatures make up to 310,000 of 10,000 raw characters, 60,000 tokens, of which the windows read
3,000 at most. Text in letters hardly grows, so this cuts none of it."""

SURELY_LONG: Final = 6
"""Raw characters a token: a longer text than this allows is taken for one of several windows from the
start. English has 4.5; a denser text is read a second time, which costs little because it is short."""

# The classifier's own threads share out the tokenising, so that `threads` holds for it too; the library's
# pool would take every core and warn after each fork. It reads the environment at its first batch.
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


@dataclass(frozen=True, slots=True)
class CloseReading:
    """A text's rows, and for each of its tokens the raw [start, end); None for a token of blanks alone."""

    rows: TextRows
    tokens: list[Span | None]


class TextReader:
    """A bundle's tokenizer over normalised texts; safe to call from several threads.

    Raises: BundleRefused naming tokenizer.json, if it cannot be used.
    """

    def __init__(self, bundle: Bundle) -> None:
        self._tokenizer, self.before, self.after = _tokenizer(bundle)
        self._max_tokens = bundle.max_tokens
        self._width = bundle.max_tokens - self.before - self.after

    def read(self, texts: Sequence[str]) -> list[TextRows]:
        """The rows of each text that `check_text` has passed, in order; only a long text has `spans`.

        Raises: TextEmpty for the first text of which nothing is left to read.
        """
        long = SURELY_LONG * self._width
        short = [_ends(normalise_text(text)) for text in texts if len(text) <= long]
        encodings = iter(self._tokenizer.encode_batch_fast(short))
        return [
            self._read_short(text, next(encodings).ids) if len(text) <= long else self._with_offsets(text)[0]
            for text in texts
        ]

    def read_closely(self, text: str) -> CloseReading:
        """One text with the place of each of its tokens; slower than `read`, same rows.

        Raises: TextEmpty if nothing is left to read.
        """
        rows, normalised, offsets = self._with_offsets(text)
        return CloseReading(rows, [_raw_token(normalised, start, end) for start, end in offsets])

    def count_windows(self, text: str) -> int:
        """How many rows `read` would make of a text, found with less work; 0 if nothing is left to read."""
        encoding = self._tokenizer.encode_batch_fast([_ends(normalise_text(text))])[0]
        length = len(encoding) - self.before - self.after
        return len(window_starts(length, self._width)) if length > 0 else 0

    def _read_short(self, text: str, ids: list[int]) -> TextRows:
        self._refuse_empty(ids)
        return TextRows([ids], (0,)) if len(ids) <= self._max_tokens else self._with_offsets(text)[0]

    def _with_offsets(self, text: str) -> tuple[TextRows, NormalisedText, list[Span]]:
        """The rows of a text, its normalised text, and each token's [start, end) in that."""
        normalised = normalise(text)
        length = len(normalised.text)
        encoding = self._tokenizer.encode(_ends(normalised.text))
        ids: list[int] = encoding.ids
        self._refuse_empty(ids)
        offsets = _in_whole(encoding.offsets[self.before : len(ids) - self.after], length)
        rows = rows_of_text(ids, self._max_tokens, self.before, self.after)
        if length > MOST_CHARACTERS:
            rows = replace(rows, is_whole=False)
        if len(rows.rows) > 1:
            inside = [offsets[start : start + self._width] for start in rows.starts]
            spans = tuple(normalised.raw_span(part[0][0], part[-1][1]) for part in inside)
            rows = replace(rows, spans=spans)
        return rows, normalised, offsets

    def _refuse_empty(self, ids: list[int]) -> None:
        """The network would answer to special tokens alone too, with scores that say "harmless"."""
        if len(ids) <= self.before + self.after:
            raise TextEmpty("text: has no characters that can be read", field="text")


def _ends(text: str) -> str:
    """The text, or the first and last half of what is tokenised of it, a blank between them."""
    half = MOST_CHARACTERS // 2
    return text if len(text) <= MOST_CHARACTERS else f"{text[:half]} {text[-half:]}"


def _in_whole(offsets: list[Span], length: int) -> list[Span]:
    """Offsets into `_ends` of a text as offsets into the text of `length` characters."""
    if length <= MOST_CHARACTERS:
        return offsets
    half = MOST_CHARACTERS // 2
    further = length - MOST_CHARACTERS - 1
    return [(start + further, end + further) if start >= half else (start, end) for start, end in offsets]


def _raw_token(text: NormalisedText, start: int, end: int) -> Span | None:
    """A token's raw [start, end) without the blanks that some tokenizers count in."""
    word = text.text[start:end].lstrip()
    return text.raw_span(end - len(word), end) if word else None


def _tokenizer(bundle: Bundle) -> tuple[Any, int, int]:
    """The tokenizer, and how many special tokens it puts before and after a text."""
    try:
        tokenizer = tokenizers.Tokenizer.from_str(bundle.tokenizer_json)
        tokenizer.no_truncation()
        tokenizer.no_padding()
        special = tokenizer.encode("a").special_tokens_mask
    except Exception as error:
        # The tokenizers library raises bare Exception for whatever is wrong with a file.
        raise BundleRefused(f"tokenizer.json: cannot be used ({error})", field="tokenizer.json") from None
    if 0 not in special or sum(special) >= bundle.max_tokens:
        raise BundleRefused("tokenizer.json: leaves no room for a text", field="tokenizer.json")
    before = special.index(0)
    return tokenizer, before, sum(special) - before
