"""A text longer than the network reads, as windows over its tokens. Pure.

Pooling takes the largest value over the windows: one hateful sentence in a long post must not be diluted
by what surrounds it, which a mean would do. The price is that a long text has several chances to be
wrong, so false positives rise with its length; by how much is not measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

MOST_WINDOWS: Final = 32
"""Windows read of one text: bounds what one post may cost.

10,000 characters of ordinary English are about 2,200 tokens (4.5 characters a token). Windows of 94
tokens, as the bundle that ships has them, that share at least an eighth (11) go forward 83 at a time:
94 + 31 * 83 = 2,667 tokens are read whole, a fifth more than such a text has."""

LEAST_SHARED: Final = 8
"""Neighbours that share less than one part in so many of a window do not count as reading a text whole:
what stands on their border would be torn."""

Row = list[int] | NDArray[np.int32]
"""Token ids as the network reads them, special tokens among them, without padding."""


def window_starts(length: int, width: int) -> tuple[int, ...]:
    """Where each window of `width` tokens begins, in a text of `length` tokens.

    The first window begins with the text and the last one ends with it, always. Consecutive windows share
    half their tokens, so that any run of up to half a window stands whole in one of them. Where that takes
    more than `MOST_WINDOWS`, so many are spread evenly over the text: they share less, and of a very long
    text they leave out tokens between them, never its end.

    >>> window_starts(10, 10), window_starts(11, 10), window_starts(24, 10)
    ((0,), (0, 1), (0, 5, 10, 14))
    >>> starts = window_starts(10_000, 10)
    >>> len(starts), starts[:3], starts[-1]
    (32, (0, 322, 644), 9990)
    """
    if length <= width:
        return (0,)
    last = length - width
    half = max(1, width // 2)
    if last > half * (MOST_WINDOWS - 1):
        return tuple(place * last // (MOST_WINDOWS - 1) for place in range(MOST_WINDOWS))
    return (*range(0, last, half), last)


def read_whole(starts: Sequence[int], width: int) -> bool:
    """Whether all neighbours share enough for the text between them to count as read.

    >>> read_whole((0, 5, 10), 10), read_whole((0, 9), 10), read_whole((0, 10), 10)
    (True, True, False)
    """
    furthest = width - (width // LEAST_SHARED or int(width > 1))
    return all(there - here <= furthest for here, there in pairwise(starts))


@dataclass(frozen=True, slots=True)
class TextRows:
    """One text as the rows that the network reads: one for most, several for a long one.

    `starts` says for each row at which token of the text it begins, special tokens not counted. `spans`
    holds for each row of a long text the raw [start, end) that it was made of; empty for a short one.
    `is_whole` is False where part of the text is in no row.
    """

    rows: list[Row]
    starts: tuple[int, ...]
    is_whole: bool = True
    spans: tuple[tuple[int, int], ...] = ()


def rows_of_text(ids: list[int], max_tokens: int, before: int, after: int) -> TextRows:
    """A text in rows of at most `max_tokens`; one that fits is its own row, unchanged.

    `ids` begins with `before` special tokens and ends with `after` of them; every window of a long text
    does too, and is int32, a tenth of the memory of a list.
    """
    if len(ids) <= max_tokens:
        return TextRows([ids], (0,))
    width = max_tokens - before - after
    compact = np.asarray(ids, dtype=np.int32)
    first, body, last = np.split(compact, (before, len(ids) - after))
    starts = window_starts(len(body), width)
    rows: list[Row] = [np.concatenate((first, body[start : start + width], last)) for start in starts]
    return TextRows(rows, starts, read_whole(starts, width))


class TextsInWindows:
    """The rows of several texts, one after another, each row having `before` and `after` special tokens.

    Text i has the rows from `bounds[i]` to before `bounds[i + 1]`.
    """

    def __init__(self, texts: Sequence[TextRows], before: int, after: int) -> None:
        self._texts = texts
        self._before, self._after = before, after
        self.rows: list[Row] = [row for text in texts for row in text.rows]
        self.bounds = [0, *accumulate(len(text.rows) for text in texts)]

    @property
    def has_windows(self) -> bool:
        """Whether any text has more than one row."""
        return len(self.rows) > len(self._texts)

    @property
    def cut(self) -> frozenset[int]:
        """The texts of which a part is in no row."""
        return frozenset(index for index, text in enumerate(self._texts) if not text.is_whole)

    def rows_of(self, text: int) -> range:
        """The rows of one text."""
        return range(self.bounds[text], self.bounds[text + 1])

    def span(self, text: int, row: int) -> tuple[int, int] | None:
        """The raw [start, end) of one of a text's own rows, counted from 0; None if it has but one."""
        found = self._texts[text]
        return found.spans[row] if len(found.rows) > 1 else None

    def pooled(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """The largest of each text's rows, head by head: (texts, 4) for logits (rows, 4) float32."""
        if not self.has_windows:
            return logits
        return np.maximum.reduceat(logits, self.bounds[:-1], axis=0)

    def joined(self, text: int, values: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """One value for each token of a text, in order: where windows overlap, the larger; NaN where none is.

        `values` holds for every row, of whatever text, at least one value a token, special tokens among
        them; what stands past a row's end is its padding's and left out.
        """
        rows, starts = self.rows_of(text), self._texts[text].starts
        lengths = [len(self.rows[row]) - self._before - self._after for row in rows]
        whole = np.full(starts[-1] + lengths[-1], np.nan, dtype=np.float32)
        for row, start, length in zip(rows, starts, lengths, strict=True):
            part = whole[start : start + length]
            np.fmax(part, values[row][self._before : self._before + length], out=part)
        return whole
