"""How far two answers are apart: what Krippendorff's alpha weighs a disagreement by."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Literal

import numpy as np

from labelling.quality.figures import Values

Level = Literal["nominal", "ordinal", "interval", "ratio"]
FixedLevel = Literal["nominal", "interval", "ratio"]


def between_values(level: FixedLevel, values: Values) -> Values:
    """Squared distances (v, v) between `values` (v,).

    Source: Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability", section E.
    """
    apart = values[:, None] - values[None, :]
    if level == "nominal":
        return np.asarray(apart != 0, dtype=np.float64)
    if level == "interval":
        return np.asarray(apart**2)
    sums = values[:, None] + values[None, :]
    relative: Values = np.divide(apart, sums, out=np.zeros_like(apart), where=sums != 0)
    return relative**2


def ordinal_distances(totals: Values) -> Values:
    """Squared distances (k, v, v) between values in rising order, from how often each was given (k, v).

    Two values are as far apart as answers lie between them, those of the two themselves by half.
    Source: the same.
    """
    middle = np.cumsum(totals, axis=1) - totals / 2
    return np.asarray((middle[:, :, None] - middle[:, None, :]) ** 2)


def masi(first: frozenset[str], second: frozenset[str]) -> float:
    """The MASI distance of two sets of labels in [0, 1]: 0 for the same set, 1 where nothing is shared.

    1 - Jaccard x monotonicity, where monotonicity is 1 for the same set, 2/3 for a subset, 1/3 for an
    overlap and 0 for none. Two empty sets are the same.
    Source: Passonneau 2006, "Measuring Agreement on Set-valued Items (MASI) for Semantic and Pragmatic
    Annotation", LREC.

    >>> round(masi(frozenset("ab"), frozenset("abcd")), 4)
    0.6667
    """
    if first == second:
        return 0.0
    both = len(first & second)
    monotonicity = 2 / 3 if first < second or second < first else 1 / 3
    return 1 - both / len(first | second) * monotonicity


def between_sets(sets: Sequence[frozenset[str]]) -> Values:
    """MASI distances (v, v) between sets of labels."""
    found = np.zeros((len(sets), len(sets)))
    for (row, first), (column, second) in product(enumerate(sets), repeat=2):
        found[row, column] = masi(first, second)
    return found
