"""Combining marks as a regular-expression character class: `re` has no `\\p{M}`."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable


def as_class(codes: Iterable[int]) -> str:
    """The code points as ranges to stand between `[` and `]`."""
    runs: list[list[int]] = []
    for code in sorted(codes):
        if runs and code == runs[-1][1] + 1:
            runs[-1][1] = code
        else:
            runs.append([code, code])
    return "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in runs)


# Marks stand in the first two planes and among the variation selectors (a test looks at all code points).
_MARK_CODES = [
    code
    for code in (*range(0x0300, 0x20000), *range(0xE0100, 0xE01F0))
    if unicodedata.category(chr(code))[0] == "M"
]

MARKS = as_class([*_MARK_CODES, 0xFF9E, 0xFF9F])
"""Every combining mark, and the two half-width Japanese ones that NFKC turns into combining marks."""

JOINERS = MARKS + "\u1160-\u11ff\u3131-\u318e\ud7b0-\ud7fb\uffa0-\uffdc"
"""What may compose with the character before it under NFKC: marks and Korean vowels and finals."""
