"""Intervals of shares that need no draws."""

from __future__ import annotations

import math
from typing import Final

Z_95: Final = 1.959963984540054
"""The two-sided 95 % point of the normal distribution."""


def wilson(share: float, cases: float) -> tuple[float, float]:
    """The ends, in [0, 1], of the 95 % interval of a share of `cases` cases, of which there is at least one.

    Source: Wilson 1927, "Probable inference, the law of succession, and statistical inference".

    >>> [round(end, 3) for end in wilson(0.0, 10)], [round(end, 3) for end in wilson(0.5, 100)]
    ([0.0, 0.278], [0.404, 0.596])
    """
    weight = Z_95**2 / cases
    middle = (share + weight / 2) / (1 + weight)
    half = Z_95 * math.sqrt(share * (1 - share) / cases + weight / (4 * cases)) / (1 + weight)
    # At 0 and 1 the formula's own end is exactly there; only rounding moves it.
    low = 0.0 if share == 0 else max(0.0, middle - half)
    return low, 1.0 if share == 1 else min(1.0, middle + half)
