"""Krippendorff's alpha: agreement beyond chance for any number of annotators and any gaps in their answers.

Our own code: the package of that name is GPL. Alpha is 1 - observed / expected disagreement, both from the
coincidence matrix. Texts that fewer than two annotators answered say nothing and change nothing.
Source: Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability"; Krippendorff 2004, "Content
Analysis", chapter 11.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from labelling.quality.distances import Level, between_sets, between_values, ordinal_distances
from labelling.quality.figures import DRAWS, SEED, Drawn, Figure, Values, measured
from labelling.quality.ratings import Ratings, Table, counts_of, pair_count, shared, used_values

RELIABLE: Final = 0.8
TENTATIVE: Final = 2 / 3
"""Rely on alpha from .800, draw tentative conclusions from .667. Source: Krippendorff 2004, p. 241."""


def alpha(
    values: Table | Ratings, level: Level = "nominal", *, draws: int = DRAWS, seed: int = SEED
) -> Figure:
    """Alpha of answers (texts, annotators), NaN for no answer, with its interval over texts."""
    return drawn_alpha(values, level, draws=draws, seed=seed).figure


def drawn_alpha(
    values: Table | Ratings, level: Level = "nominal", *, draws: int = DRAWS, seed: int = SEED
) -> Drawn:
    """As `alpha`, with the draws of the bootstrap."""
    table = shared(values.values if isinstance(values, Ratings) else values)
    used = used_values(table)
    counts = counts_of(table, used)
    if level == "ordinal":
        return _ordinal_alpha(counts, draws, seed)
    return alpha_of_counts(counts, between_values(level, used), draws=draws, seed=seed)


def label_set_alpha(
    ratings: Ratings, sets: tuple[frozenset[str], ...], *, draws: int = DRAWS, seed: int = SEED
) -> Drawn:
    """Alpha of sets of labels under the MASI distance; from `set_ratings_of`.

    One figure for a question with several answers: two annotators who share some labels agree in part.
    """
    counts = counts_of(shared(ratings.values), np.arange(len(sets), dtype=np.float64))
    return alpha_of_counts(counts, between_sets(sets), draws=draws, seed=seed)


def alpha_of_counts(
    counts: Values,
    distances: Values,
    *,
    clusters: NDArray[np.int64] | None = None,
    draws: int = DRAWS,
    seed: int = SEED,
) -> Drawn:
    """Alpha of counts (units, values): how many annotators gave each value to each unit, two or more a unit.

    `distances` (values, values) are squared already. `clusters` (units,) holds the place of each unit's text
    where a text has several units (words, say): the bootstrap then draws whole texts.
    """
    others = np.maximum(1, counts.sum(axis=1) - 1)
    apart = ((counts @ distances) * counts).sum(axis=1) / others
    parts = np.column_stack([counts, apart])

    def disagreement(sums: Values) -> tuple[Values, Values]:
        totals = sums[:, :-1]
        number = totals.sum(axis=1)
        # A draw has two answers or more, because every unit has.
        return sums[:, -1] / number, ((totals @ distances) * totals).sum(axis=1) / (number * (number - 1))

    return measured(
        _gathered(parts, clusters),
        disagreement,
        pairs=pair_count(counts),
        largest=float(distances.max(initial=0)) or 1.0,
        draws=draws,
        seed=seed,
    )


def _ordinal_alpha(counts: Values, draws: int, seed: int) -> Drawn:
    """Ordinal distances move with how often each value was given, so every draw has its own."""
    used = counts.shape[1]
    upper = np.triu_indices(used, k=1)
    others = np.maximum(1, counts.sum(axis=1) - 1)
    # Above the diagonal of the coincidence matrix; the diagonal never counts, nothing is far from itself.
    coincidences = counts[:, upper[0]] * counts[:, upper[1]] / others[:, None]

    def disagreement(sums: Values) -> tuple[Values, Values]:
        totals, coincide = sums[:, :used], sums[:, used:]
        number = totals.sum(axis=1)
        apart = ordinal_distances(totals)[:, upper[0], upper[1]]
        expected = 2 * (totals[:, upper[0]] * totals[:, upper[1]] * apart).sum(axis=1)
        return 2 * (coincide * apart).sum(axis=1) / number, expected / (number * (number - 1))

    largest = float(ordinal_distances(counts.sum(axis=0)[None]).max(initial=0)) or 1.0
    return measured(
        np.hstack([counts, coincidences]),
        disagreement,
        pairs=pair_count(counts),
        largest=largest,
        draws=draws,
        seed=seed,
    )


def _gathered(rows: Values, clusters: NDArray[np.int64] | None) -> Values:
    """The rows, or their sums over clusters."""
    if clusters is None or not len(rows):
        return rows
    _, places = np.unique(clusters, return_inverse=True)
    sums = np.zeros((int(places.max()) + 1, rows.shape[1]))
    np.add.at(sums, places, rows)
    return sums


def reading(figure: Figure) -> str:
    """What Krippendorff would conclude from the lower end of the interval: it could be as low as that."""
    if figure.low is None:
        return figure.undefined or ""
    if figure.low >= RELIABLE:
        return "reliable"
    return "tentative conclusions only" if figure.low >= TENTATIVE else "not reliable"
