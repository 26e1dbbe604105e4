"""Agreement inside cohorts of annotators and between them: who labels moves labels more than a model does.

Source: LABELLING.md section 0, fact 2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from labelling.quality.alpha import alpha
from labelling.quality.distances import FixedLevel, between_values
from labelling.quality.figures import DRAWS, NOT_SHARED, SEED, Figure, Values, measured, undefined
from labelling.quality.ratings import Ratings, Table, counts_of, used_values


@dataclass(frozen=True, slots=True)
class CohortAgreement:
    """One question, answered by annotators of several cohorts.

    `within` has alpha inside each cohort, `between` cross-replication reliability of every two, and `shares`
    of each cohort how often it gave each value: two cohorts may agree inside and still mean other things.
    """

    within: dict[str, Figure]
    between: dict[tuple[str, str], Figure]
    shares: dict[str, dict[float, float]]


def cohort_agreement(
    ratings: Ratings,
    cohorts: Mapping[str, str],
    level: FixedLevel = "nominal",
    *,
    draws: int = DRAWS,
    seed: int = SEED,
) -> CohortAgreement:
    """Agreement by cohort of the annotators whose cohort is known (annotator -> cohort), in sorted order.

    `shares` are over all answers of a cohort. Annotators without a cohort are left out.
    """
    members: dict[str, list[str]] = {}
    for annotator in ratings.annotators:
        if annotator in cohorts:
            members.setdefault(cohorts[annotator], []).append(annotator)
    tables = {cohort: ratings.only(members[cohort]).values for cohort in sorted(members)}
    return CohortAgreement(
        within={cohort: alpha(table, level, draws=draws, seed=seed) for cohort, table in tables.items()},
        between={
            (a, b): between_cohorts(tables[a], tables[b], level, draws=draws, seed=seed)
            for a, b in combinations(tables, 2)
        },
        shares={cohort: _shares(table) for cohort, table in tables.items()},
    )


def between_cohorts(
    first: Table, second: Table, level: FixedLevel = "nominal", *, draws: int = DRAWS, seed: int = SEED
) -> Figure:
    """Cross-replication reliability (xRR) of two cohorts' answers (texts, annotators), texts in one order.

    1 - disagreement across the cohorts on the same text / disagreement across them on any texts. It counts
    texts that both answered; a text weighs by its number of answers. For one annotator each it is Cohen's
    kappa.
    Source: Wong, Paritosh and Aroyo 2021, "Cross-replication Reliability - An Empirical Approach to
    Interpreting Inter-rater Reliability", ACL, the version with missing data.
    """
    both = ~np.isnan(first).all(axis=1) & ~np.isnan(second).all(axis=1)
    if not both.any():
        return undefined(NOT_SHARED).figure
    used = used_values(np.hstack([first[both], second[both]]))
    distances = between_values(level, used)
    of_first, of_second = counts_of(first[both], used), counts_of(second[both], used)
    pairs = of_first.sum(axis=1) * of_second.sum(axis=1)
    weight = (of_first + of_second).sum(axis=1)
    apart = ((of_first @ distances) * of_second).sum(axis=1) / pairs * weight
    parts = np.column_stack([of_first, of_second, apart])

    def disagreement(sums: Values) -> tuple[Values, Values]:
        firsts, seconds = sums[:, : len(used)], sums[:, len(used) : -1]
        number, others = firsts.sum(axis=1), seconds.sum(axis=1)
        expected = ((firsts @ distances) * seconds).sum(axis=1) / (number * others)
        return sums[:, -1] / (number + others), expected

    return measured(
        parts,
        disagreement,
        pairs=int(pairs.sum()),
        largest=float(distances.max()) or 1.0,
        draws=draws,
        seed=seed,
    ).figure


def _shares(table: Table) -> dict[float, float]:
    given = table[~np.isnan(table)]
    return {float(value): float((given == value).mean()) for value in np.unique(given)}
