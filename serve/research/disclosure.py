"""Small numbers, and rare rows, that could point at a person are not shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

Cell = str | int | float | None

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


def blank_rare(rows: Iterable[Mapping[str, Cell]], steps: Sequence[Sequence[str]]) -> list[dict[str, Cell]]:
    """The rows, rare cells blank: each combination left is that of `LEAST_SHOWN` rows, or blank all over.

    Step by step, the columns of a step are blanked in every row whose combination over the columns of all
    steps fewer rows have; so the first step is what is missed least.
    Source: Samarati and Sweeney 1998, "Protecting privacy when disclosing information" (k-anonymity).

    >>> rows = [{"week": week, "strand": "far_right"} for week in (1, 1, 1, 1, 1, 2)]
    >>> blank_rare([*rows, *rows[-1:] * 4], [["week"], ["strand"]]) == [*rows, *rows[-1:] * 4]
    True
    >>> blank_rare(rows, [["week"], ["strand"]])[-1]
    {'week': None, 'strand': None}
    """
    left = [dict(row) for row in rows]
    columns = [column for step in steps for column in step]
    for step in steps:
        combinations = [tuple(row[column] for column in columns) for row in left]
        held = Counter(combinations)
        for row, combination in zip(left, combinations, strict=True):
            if held[combination] < LEAST_SHOWN:
                row.update(dict.fromkeys(step))
    return left
