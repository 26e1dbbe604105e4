"""Shares with their intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

Z_95: Final = 1.959963984540054
"""The two-sided 95 % point of the normal distribution."""


@dataclass(frozen=True, slots=True)
class Share:
    """`right` of `of`, and the 95 % interval of the share, each in [0, 1]."""

    right: int
    of: int
    low: float
    high: float

    @property
    def value(self) -> float:
        """The share itself."""
        return self.right / self.of


def share(right: int, of: int) -> Share | None:
    """The share with Wilson's 95 % interval; None of nothing.

    Source: Wilson 1927, "Probable inference, the law of succession, and statistical inference".

    >>> found = share(8, 10)
    >>> (found.value, round(found.low, 3), round(found.high, 3))
    (0.8, 0.49, 0.943)
    """
    if of == 0:
        return None
    p, weight = right / of, Z_95**2 / of
    middle = (p + weight / 2) / (1 + weight)
    half = Z_95 * math.sqrt(p * (1 - p) / of + weight / (4 * of)) / (1 + weight)
    # At 0 and 1 the formula's own end is exactly there; only rounding moves it.
    return Share(
        right,
        of,
        0.0 if right == 0 else max(0.0, middle - half),
        1.0 if right == of else min(1.0, middle + half),
    )
