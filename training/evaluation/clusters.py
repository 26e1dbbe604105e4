"""Shares of cases that come in families: the cases of one template stand or fall together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from model.intervals import wilson
from model.suite import SuiteCase
from training.evaluation.bootstrap import (
    COVERAGE,
    DRAWS,
    SEED,
    Measured,
    Values,
    Weights,
    bootstrap,
    share,
)

Families = Sequence[str] | NDArray[np.str_]

LEAST_CLUSTERS = 5
"""Draws from fewer families hardly differ, and an interval from them would say that all is known."""


def clustered_share(hits: NDArray[np.bool_ | np.float64], clusters: Families) -> Measured | None:
    """The mean of `hits` (n,) over n cases, drawn by whole clusters for its interval.

    None with fewer than LEAST_CLUSTERS clusters. Where every draw gives the same, the ends are Wilson's for
    as many cases as clusters: that all so far agree does not say that all ever will. Were cases drawn one
    by one, three fillings of a template would count as three findings.
    Source: Davison and Hinkley 1997, section 3.8 (resampling of clusters).
    """
    if len(set(clusters)) < LEAST_CLUSTERS:
        return None
    _, of_cluster = np.unique(np.asarray(clusters), return_inverse=True)
    sums = np.bincount(of_cluster, weights=hits.astype(np.float64))
    sizes = np.bincount(of_cluster).astype(np.float64)

    def mean(weights: Weights) -> Values:
        found: Values = (weights @ sums) / (weights @ sizes)
        return found

    measured = bootstrap(mean, len(sizes))
    return measured and _with_width(replace(measured, posts=len(hits)), len(sizes))


def family_share(hits: NDArray[np.bool_], families: Families) -> Measured | None:
    """As `clustered_share`, and with fewer than LEAST_CLUSTERS families Wilson's interval, each as one case.

    Several cases of a wording are then taken to say no more than one of them. None over nothing.
    """
    found = clustered_share(hits, families)
    if found is not None or not len(hits):
        return found
    value = float(hits.mean())
    return _with_width(Measured(value, value, value, len(hits)), len(set(families)))


def post_share(hits: NDArray[np.bool_]) -> Measured | None:
    """The share of `hits` (n,), each its own family; Wilson's ends where all agree. None over nothing."""
    found = share(hits)
    return found and _with_width(found, len(hits))


def _with_width(found: Measured, families: int) -> Measured:
    """The share, with Wilson's ends over so many families if its own interval has no width."""
    if found.low < found.high:
        return found
    low, high = wilson(found.value, families)
    # Rounding must not put an end on the wrong side of the figure.
    return replace(found, low=min(low, found.value), high=max(high, found.value))


def mean_of_shares(
    hits: NDArray[np.bool_], groups: NDArray[np.str_], families: NDArray[np.str_]
) -> Measured | None:
    """The mean over `groups` (n,) of their shares of `hits` (n,), families drawn within each group.

    So no draw lacks a group, however few cases it has. None over nothing.
    Source: Davison and Hinkley 1997, section 3.2 (several samples) with 3.8 (clusters).
    """
    if not len(hits):
        return None
    generator = np.random.default_rng(SEED)
    names = np.unique(groups)
    values, drawn = 0.0, np.zeros(DRAWS)
    for name in names:
        inside = groups == name
        values += float(hits[inside].mean())
        _, of_family = np.unique(families[inside], return_inverse=True)
        sums, sizes = np.bincount(of_family, weights=hits[inside]), np.bincount(of_family)
        weights = generator.multinomial(len(sizes), np.full(len(sizes), 1 / len(sizes)), size=DRAWS)
        drawn += (weights @ sums) / (weights @ sizes)
    ends = np.quantile(drawn / len(names), [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2])
    return Measured(values / len(names), float(ends[0]), float(ends[1]), len(hits))


def family(case: SuiteCase) -> str:
    """What a case shares with the others of its template; a case without one is its own family."""
    return case.template_id or case.case_id
