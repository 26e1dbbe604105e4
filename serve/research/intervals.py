"""Shares with their intervals."""

from __future__ import annotations

from dataclasses import dataclass

from model.intervals import wilson


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

    >>> found = share(8, 10)
    >>> (found.value, round(found.low, 3), round(found.high, 3))
    (0.8, 0.49, 0.943)
    """
    if of == 0:
        return None
    low, high = wilson(right / of, of)
    return Share(right, of, low, high)
