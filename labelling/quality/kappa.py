"""Kappa and its kin: Cohen's for two annotators, Fleiss' and Gwet's for many, and agreement without chance.

None of them replaces alpha; they are what other papers report. At 5 % prevalence kappa and alpha fall
although people hardly disagree, AC1 does not, and raw agreement says nothing: so they stand side by side,
with the agreement on positives that tells what happens where it matters. Only texts that two or more
annotators answered count.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import Literal

import numpy as np

from labelling.quality.figures import (
    DRAWS,
    NO_POSITIVE,
    NOT_SHARED,
    SEED,
    Figure,
    Values,
    measured,
    undefined,
)
from labelling.quality.ratings import Ratings, Table, counts_of, pair_count, shared, used_values

Weighting = Literal["none", "linear", "quadratic"]

_Expected = Callable[[Values], Values]
"""Shares of the values (k, v) -> disagreement expected by chance, (k,)."""


def cohen_kappa(
    first: Values,
    second: Values,
    weighting: Weighting = "none",
    *,
    draws: int = DRAWS,
    seed: int = SEED,
) -> Figure:
    """Cohen's kappa of two annotators' answers (n,) each, NaN for no answer; the same whoever comes first.

    Weighted, a disagreement counts by the difference of the two values (`linear`) or its square.
    Source: Cohen 1960, "A coefficient of agreement for nominal scales"; Cohen 1968, "Weighted kappa".
    """
    table = shared(np.column_stack([first, second]))
    if not len(table):
        return undefined(NOT_SHARED).figure
    used = used_values(table)
    rows, columns = (np.searchsorted(used, table[:, side]) for side in (0, 1))
    cells = np.zeros((len(table), len(used) ** 2))
    cells[np.arange(len(table)), rows * len(used) + columns] = 1
    weights = _weights(used, weighting)

    def disagreement(sums: Values) -> tuple[Values, Values]:
        tables = sums.reshape(-1, len(used), len(used)) / len(table)
        observed = (tables * weights).sum(axis=(1, 2))
        of_first, of_second = tables.sum(axis=2), tables.sum(axis=1)
        return observed, ((of_first @ weights) * of_second).sum(axis=1)

    return measured(cells, disagreement, pairs=len(table), draws=draws, seed=seed).figure


def _weights(used: Values, weighting: Weighting) -> Values:
    """What each pair of values weighs as a disagreement, (v, v), at most 1."""
    apart = np.abs(used[:, None] - used[None, :])
    if weighting == "none":
        return (apart > 0).astype(np.float64)
    scaled = apart / (apart.max() or 1.0)
    return np.asarray(scaled if weighting == "linear" else scaled**2)


def pairwise_kappa(
    ratings: Ratings, weighting: Weighting = "none", *, draws: int = DRAWS, seed: int = SEED
) -> dict[tuple[str, str], Figure]:
    """Cohen's kappa of every two annotators, by their names in the table's order."""
    return {
        (ratings.annotators[a], ratings.annotators[b]): cohen_kappa(
            ratings.values[:, a], ratings.values[:, b], weighting, draws=draws, seed=seed
        )
        for a, b in combinations(range(len(ratings.annotators)), 2)
    }


def fleiss_kappa(values: Table | Ratings, *, draws: int = DRAWS, seed: int = SEED) -> Figure:
    """Fleiss' kappa of answers (texts, annotators), NaN for no answer.

    With as many answers to every text it is that of Fleiss; else each text counts once, by its own shares.
    Source: Fleiss 1971, "Measuring nominal scale agreement among many raters"; Gwet 2014, "Handbook of
    Inter-Rater Reliability", chapter 2, for unequal numbers.
    """
    return fleiss_kappa_of_counts(_counts(values), draws=draws, seed=seed)


def fleiss_kappa_of_counts(counts: Values, *, draws: int = DRAWS, seed: int = SEED) -> Figure:
    """Fleiss' kappa of counts (texts, values): how many annotators gave each value, two or more a text."""

    def expected(shares: Values) -> Values:
        return np.asarray(1 - (shares**2).sum(axis=1))

    return _against_chance(counts, expected, draws, seed)


def gwet_ac1(values: Table | Ratings, *, draws: int = DRAWS, seed: int = SEED) -> Figure:
    """Gwet's AC1 of answers (texts, annotators), NaN for no answer: steady where one value is rare.

    The scale is the values that were used. Where the handbook takes shares over all texts, these are over the
    texts with two or more answers, because texts with one were often drawn for other reasons.
    Source: Gwet 2008, "Computing inter-rater reliability and its variance in the presence of high agreement".
    """
    counts = _counts(values)
    others = max(1, counts.shape[1] - 1)
    one_value = counts.shape[1] < 2

    def expected(shares: Values) -> Values:
        by_chance = (shares * (1 - shares)).sum(axis=1) / others
        # With one value there is nothing that chance could have done: not 1, but undefined.
        return np.zeros(len(shares)) if one_value else np.asarray(1 - by_chance)

    return _against_chance(counts, expected, draws, seed)


def raw_agreement(values: Table | Ratings, *, draws: int = DRAWS, seed: int = SEED) -> Figure:
    """The share of pairs of answers to a text that are the same, averaged over texts; not against chance.

    At low prevalence it is high whatever people do: never show it alone.
    """
    return _against_chance(_counts(values), lambda shares: np.ones(len(shares)), draws, seed)


def positive_agreement(
    values: Table | Ratings, positive: float = 1.0, *, draws: int = DRAWS, seed: int = SEED
) -> Figure:
    """When one annotator gives the answer `positive`, how often another one does too.

    For two annotators 2a / (2a + b + c). Its `texts` are those with at least one such answer.
    Source: Cicchetti and Feinstein 1990, "High agreement but low kappa: II"; Fleiss, Levin and Paik 2003,
    chapter 18, for many annotators.
    """
    table = shared(values.values if isinstance(values, Ratings) else values)
    if not len(table):
        return undefined(NOT_SHARED).figure
    answers = (~np.isnan(table)).sum(axis=1).astype(np.float64)
    given = (table == positive).sum(axis=1).astype(np.float64)
    answers, given = answers[given > 0], given[given > 0]
    if not len(given):
        return undefined(NO_POSITIVE, texts=0).figure
    parts = np.column_stack([given * (answers - given), given * (answers - 1)])

    def disagreement(sums: Values) -> tuple[Values, Values]:
        return sums[:, 0] / sums[:, 1], np.ones(len(sums))

    pairs = int((given * (given - 1) / 2 + given * (answers - given)).sum())
    return measured(parts, disagreement, pairs=pairs, if_undefined=NO_POSITIVE, draws=draws, seed=seed).figure


def _counts(values: Table | Ratings) -> Values:
    table = shared(values.values if isinstance(values, Ratings) else values)
    return counts_of(table, used_values(table))


def _against_chance(counts: Values, expected: _Expected, draws: int, seed: int) -> Figure:
    answers = counts.sum(axis=1, keepdims=True)
    agreeing = (counts * (counts - 1)).sum(axis=1) / np.maximum(1, answers * (answers - 1))[:, 0]
    parts = np.column_stack([counts / np.maximum(1, answers), 1 - agreeing])

    def disagreement(sums: Values) -> tuple[Values, Values]:
        texts = sums[:, :-1].sum(axis=1)
        return sums[:, -1] / texts, expected(sums[:, :-1] / texts[:, None])

    return measured(parts, disagreement, pairs=pair_count(counts), draws=draws, seed=seed).figure
