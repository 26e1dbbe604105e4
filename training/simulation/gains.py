"""From curves to the answer: how much average precision each arm gained, with intervals over corpora and
seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.taxonomy import STRAND_ORDER

STRANDS = "strands"
SEED = 20261123
COVERAGE = 0.95

Table = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Gain:
    """Mean gains of average precision of one kind of stream, over a head's corpora and seeds.

    `sampler` and `random` are gains over the warm start at the plan's labels; `random_same` that of random
    at the sampler's number of labels. `low` and `high` hold sampler minus random with 95 % confidence.
    `sampler_reaches` is the number of the sampler's labels at which its mean curve first reaches random's
    end.
    """

    head: str
    corpora: int
    start: float
    sampler: float
    random: float
    random_same: float
    low: float
    high: float
    sampler_reaches: int | None
    hateful_sampler: float
    hateful_random: float

    @property
    def difference(self) -> float:
        """How much more the sampler gained."""
        return self.sampler - self.random


def gains(rows: Sequence[dict[str, Any]], kind: str) -> list[Gain]:
    """A gain for `hate`, for each strand, and for the mean over the strands, which comes last.

    Empty where there is no row of that kind. Intervals: corpora drawn anew within a head, then seeds within a
    corpus. Source: Davison and Hinkley 1997, "Bootstrap Methods and their Application", section 3.8 (nested).
    """
    first, found = rows[0], [row for row in rows[1:] if row["stream"] == kind]
    by_head: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for row in found:
        by_head.setdefault(row["head"], {}).setdefault(row["corpus"], []).append(row)
    random = np.random.default_rng(SEED)
    drawn = {head: _drawn(corpora, first["bootstrap_draws"], random) for head, corpora in by_head.items()}
    one_each = {head: _gain(head, corpora, drawn[head]) for head, corpora in by_head.items()}
    strands = [one_each[strand] for strand in STRAND_ORDER if strand in one_each]
    order = [*(["hate"] if "hate" in one_each else []), *(gain.head for gain in strands)]
    together = [_over_strands(strands, [drawn[gain.head] for gain in strands], found)] if strands else []
    return [*(one_each[head] for head in order), *together]


def mean_curve(rows: Sequence[dict[str, Any]], arm: str) -> tuple[list[int], list[float]]:
    """Labels, and the gain over the warm start then, of a mean over corpora of means over seeds.

    Only the points that every row has.
    """
    shared = set.intersection(*(set(row[arm]["labels"]) for row in rows))
    counts = [count for count in rows[0][arm]["labels"] if count in shared]
    by_corpus: dict[str, list[list[float]]] = {}
    for row in rows:
        value = dict(zip(row[arm]["labels"], row[arm]["average_precision"], strict=True))
        by_corpus.setdefault(row["corpus"], []).append([value[count] - value[0] for count in counts])
    means = np.mean([np.mean(curves, axis=0) for curves in by_corpus.values()], axis=0)
    return counts, [float(value) for value in means]


def strand_curve(rows: Sequence[dict[str, Any]], arm: str) -> tuple[list[int], list[float]]:
    """The mean curve over the strands that there are."""
    each = [
        mean_curve(of_strand, arm)
        for strand in STRAND_ORDER
        if (of_strand := [row for row in rows if row["head"] == strand])
    ]
    counts = [count for count in each[0][0] if all(count in other for other, _ in each)]
    values = [[dict(zip(at, curve, strict=True))[count] for count in counts] for at, curve in each]
    return counts, [float(value) for value in np.mean(values, axis=0)]


def _gain(head: str, corpora: Mapping[str, list[dict[str, Any]]], drawn: Table) -> Gain:
    rows = [row for group in corpora.values() for row in group]
    means = _mean([_table(group) for group in corpora.values()])
    return _made(head, len(corpora), means, drawn, *(mean_curve(rows, arm) for arm in ("sampler", "random")))


def _over_strands(strands: Sequence[Gain], drawn: Sequence[Table], rows: Sequence[dict[str, Any]]) -> Gain:
    means = np.mean(
        [[g.start, g.sampler, g.random, g.random_same, g.hateful_sampler, g.hateful_random] for g in strands],
        axis=0,
    )
    corpora = len({row["corpus"] for row in rows if row["head"] in STRAND_ORDER})
    curves = [strand_curve(rows, arm) for arm in ("sampler", "random")]
    return _made(STRANDS, corpora, means, np.mean(drawn, axis=0), *curves)


def _made(
    head: str,
    corpora: int,
    means: Table,
    drawn: Table,
    sampler: tuple[list[int], list[float]],
    random: tuple[list[int], list[float]],
) -> Gain:
    start, gained, by_chance, same, hateful, hateful_by_chance = (float(value) for value in means)
    low, high = np.quantile(drawn, [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2])
    reached = [count for count, value in zip(*sampler, strict=True) if value >= random[1][-1]]
    return Gain(
        head=head,
        corpora=corpora,
        start=start,
        sampler=gained,
        random=by_chance,
        random_same=same,
        low=float(low),
        high=float(high),
        sampler_reaches=reached[0] if reached else None,
        hateful_sampler=hateful,
        hateful_random=hateful_by_chance,
    )


def _table(rows: Sequence[dict[str, Any]]) -> Table:
    """A corpus's rows as numbers (seeds, 6): start, gains of sampler, random, random at as many, hateful
    shares."""
    found = []
    for row in rows:
        sampler, random = row["sampler"], row["random"]
        at = dict(zip(random["labels"], random["average_precision"], strict=True))
        same = at[max(count for count in at if count <= sampler["labels"][-1])]
        start = sampler["average_precision"][0]
        ends = (sampler["average_precision"][-1], random["average_precision"][-1], same)
        found.append([start, *(end - start for end in ends), sampler["hateful"], random["hateful"]])
    return np.asarray(found, dtype=np.float64)


def _mean(tables: Sequence[Table]) -> Table:
    means: Table = np.mean([table.mean(axis=0) for table in tables], axis=0)
    return means


def _drawn(corpora: Mapping[str, list[dict[str, Any]]], draws: int, random: np.random.Generator) -> Table:
    """Sampler's gain minus random's (draws,), corpora and then their seeds drawn anew."""
    differences = [table[:, 1] - table[:, 2] for table in map(_table, corpora.values())]
    found = []
    for _ in range(draws):
        chosen = random.integers(0, len(differences), len(differences))
        found.append(
            np.mean([random.choice(differences[each], len(differences[each])).mean() for each in chosen])
        )
    return np.asarray(found, dtype=np.float64)
