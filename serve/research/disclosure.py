"""Small numbers that could point at a person are not shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

LEAST_SHOWN: Final = 5
"""A count below this is withheld. Source: issue of step 3, point 8 (small cells)."""


def withhold_small(counts: Mapping[str, int]) -> dict[str, int | None]:
    """The counts with small ones as None, and as many of the next smallest as it takes to hide those.

    Where a total stands beside a table, one withheld count could be worked out from the rest. So what is
    withheld comes to at least `LEAST_SHOWN` in at least two cells, or everything is.

    >>> withhold_small({"a": 40, "b": 3, "c": 12})
    {'a': 40, 'b': None, 'c': None}
    >>> withhold_small({"a": 40, "b": 12})
    {'a': 40, 'b': 12}
    """
    by_size = sorted(counts, key=lambda name: (counts[name], name))
    withheld = [name for name in by_size if counts[name] < LEAST_SHOWN]
    if withheld:
        for name in by_size[len(withheld) :]:
            if len(withheld) > 1 and sum(counts[one] for one in withheld) >= LEAST_SHOWN:
                break
            withheld.append(name)
    return {name: None if name in withheld else count for name, count in counts.items()}
