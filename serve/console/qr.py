"""A QR code as one path of an SVG: dark squares, to be drawn by a template without any markup made here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import segno

QUIET_ZONE: Final = 4
"""Light squares on every side. Source: ISO/IEC 18004, section 9.1."""


@dataclass(frozen=True, slots=True)
class QrCode:
    """`size` is the side of the picture in squares, quiet zone included; `path` the `d` of an SVG path."""

    size: int
    path: str


def qr_code(words: str) -> QrCode:
    """The QR code of some words, with medium error correction.

    >>> qr_code("A fair.").size
    29
    """
    rows = segno.make(words, error="m", micro=False).matrix
    squares = (
        f"M{x + QUIET_ZONE} {y + QUIET_ZONE}h1v1h-1z"
        for y, row in enumerate(rows)
        for x, dark in enumerate(row)
        if dark
    )
    return QrCode(size=len(rows) + 2 * QUIET_ZONE, path="".join(squares))
