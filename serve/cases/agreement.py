"""How often a first and a second reader say the same, and how much of it chance alone would give. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from math import sqrt

Z_95 = 1.959963984540054
"""The normal quantile of a 95 % interval."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Of `n` pairs of readings, `same` say the same.

    `kappa` is None where it is not defined: no pair, or both readers always gave one and the same answer.
    `low` and `high` are the 95 % interval of the share, from 0 to 1.
    """

    n: int
    same: int
    kappa: float | None
    low: float
    high: float

    @property
    def share(self) -> float | None:
        """The share of pairs that agree, from 0 to 1; None of no pairs."""
        return self.same / self.n if self.n else None


def agreement_of(pairs: Sequence[tuple[Hashable, Hashable]]) -> Agreement:
    """The agreement of pairs of answers, first reader's and second reader's.

    Source: Cohen 1960, doi 10.1177/001316446002000104, for kappa; Wilson 1927,
    doi 10.1080/01621459.1927.10502953, for the interval.

    >>> pairs = [("a", "a")] * 20 + [("a", "b")] * 5 + [("b", "a")] * 10 + [("b", "b")] * 15
    >>> found = agreement_of(pairs)
    >>> found.n, found.same, round(found.kappa, 2)
    (50, 35, 0.4)
    """
    n, same = len(pairs), sum(first == second for first, second in pairs)
    return Agreement(n, same, _kappa(pairs, same), *wilson(same, n))


def wilson(successes: int, n: int) -> tuple[float, float]:
    """The 95 % interval of a share, from 0 to 1; the whole of it for nothing observed."""
    if n == 0:
        return 0.0, 1.0
    share, spread = successes / n, Z_95**2 / n
    middle = (share + spread / 2) / (1 + spread)
    half = Z_95 * sqrt(share * (1 - share) / n + spread / (4 * n)) / (1 + spread)
    return max(0.0, middle - half), min(1.0, middle + half)


def _kappa(pairs: Sequence[tuple[Hashable, Hashable]], same: int) -> float | None:
    n = len(pairs)
    firsts, seconds = Counter(first for first, _ in pairs), Counter(second for _, second in pairs)
    # Whole numbers as long as possible: of n squared, and not of shares.
    by_chance = sum(firsts[answer] * seconds[answer] for answer in firsts)
    if n == 0 or by_chance == n * n:
        return None
    return (n * same - by_chance) / (n * n - by_chance)
