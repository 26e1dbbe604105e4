"""`python -m labelling.sampling.comparison`: what a stratified audit is worth beside a random one.

A made-up stream of posts with known labels: the scores' logits are normal, and a label is drawn with the
chance that the score states, or, in the second stream, with another: a bundle that is too sure of itself.
Both audits are drawn over and over, and their estimates compared with the truth. Same seed, same table.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.table import Table

from labelling.sampling.audit import Counts, allocate, strata
from labelling.sampling.audit_estimates import MEASURES, AuditedPosts, estimate
from labelling.sampling.pool import Flags, Floats, Places
from labelling.sampling.rules import AuditDesign, load_sampling_rules

POSTS = 20_000
LABELS = (300, 500, 1000)
DRAWS = 1_000
SEED = 20261123
THRESHOLD = 0.5

LOGIT_MEAN, LOGIT_SPREAD = -7.0, 4.0
"""Gives 5.5 % hateful posts and an F1 of .64: a bundle that is useful and far from perfect. Ours."""

STREAMS: Mapping[str, float] = {"scores mean what they say": 1.0, "scores too sure of themselves": 0.6}
"""By what the logit of the true chance is the score's."""


@dataclass(frozen=True, slots=True)
class Stream:
    """A frame (n,) with the truth: scores, labels, what the bundle says."""

    risk: Floats
    positive: Flags
    said: Flags

    def truth(self) -> dict[str, float]:
        """The four measures over all posts."""
        label, said = self.positive.astype(np.float64), self.said.astype(np.float64)
        totals = {name: measure(label, said) for name, measure in MEASURES.items()}
        return {name: float(above.sum() / below.sum()) for name, (above, below) in totals.items()}


@dataclass(frozen=True, slots=True)
class Cell:
    """One design at one number of labels, per measure: root mean square error, mean error, and coverage.

    `coverage` is the share of 95 % intervals that hold the truth, of the draws that could say anything.
    """

    stream: str
    design: str
    labels: int
    rmse: dict[str, float]
    bias: dict[str, float]
    coverage: dict[str, float]


def made_up_stream(truthfulness: float, random: np.random.Generator, posts: int = POSTS) -> Stream:
    """A stream whose labels' true logits are the scores' logits times `truthfulness`."""
    logits = random.normal(LOGIT_MEAN, LOGIT_SPREAD, posts)
    risk = 1 / (1 + np.exp(-logits))
    positive = random.random(posts) < 1 / (1 + np.exp(-logits * truthfulness))
    return Stream(risk, positive, risk >= THRESHOLD)


def compare(
    design: AuditDesign, *, seed: int = SEED, draws: int = DRAWS, labels: Sequence[int] = LABELS
) -> list[Cell]:
    """Both designs on both streams, for each number of labels; the same for a seed."""
    random = np.random.default_rng(seed)
    designs = [design.model_copy(update={"design": name}) for name in ("uniform", "stratified")]
    cells = []
    for words, truthfulness in STREAMS.items():
        stream = made_up_stream(truthfulness, random)
        cells += [
            _measured(words, stream, chosen, count, draws, random) for count in labels for chosen in designs
        ]
    return cells


def _measured(
    words: str, stream: Stream, design: AuditDesign, labels: int, draws: int, random: np.random.Generator
) -> Cell:
    stratum = strata(stream.risk, labels, design)
    sizes, places = np.bincount(stratum), allocate(stream.risk, stratum, labels, design)
    inside = [np.flatnonzero(stratum == number) for number in range(len(sizes))]
    truth = stream.truth()
    errors: dict[str, list[float]] = {name: [] for name in truth}
    held: dict[str, list[bool]] = {name: [] for name in truth}
    for _ in range(draws):
        drawn = _drawn(inside, places, random)
        found = estimate(
            AuditedPosts(stream.positive[drawn], stream.said[drawn], stratum[drawn], tuple(sizes.tolist()))
        )
        for name, value in found.items():
            if value is not None:
                errors[name].append(value.value - truth[name])
                held[name].append(value.low <= truth[name] <= value.high)
    return Cell(
        stream=words,
        design=design.design,
        labels=labels,
        rmse={name: float(np.sqrt(np.mean(np.square(rest)))) for name, rest in errors.items()},
        bias={name: float(np.mean(rest)) for name, rest in errors.items()},
        coverage={name: float(np.mean(hits)) for name, hits in held.items()},
    )


def _drawn(inside: Sequence[Places], places: Counts, random: np.random.Generator) -> Places:
    return np.concatenate(
        [random.choice(posts, count, replace=False) for posts, count in zip(inside, places, strict=True)]
    )


def print_comparison(cells: Sequence[Cell], console: Console, *, draws: int, seed: int) -> None:
    """Prints a table a stream: the root mean square error of each design, then how often intervals hold."""
    for words in dict.fromkeys(cell.stream for cell in cells):
        table = Table(
            "labels",
            "audit",
            *(f"{name}: error" for name in MEASURES),
            *(f"{name}: holds" for name in MEASURES),
            title=f"{words}; {draws:,} draws of {POSTS:,} posts, seed {seed}",
        )
        for cell in (cell for cell in cells if cell.stream == words):
            table.add_row(
                f"{cell.labels:,}",
                cell.design,
                *(f"{cell.rmse[name]:.3f}" for name in MEASURES),
                *(f"{cell.coverage[name]:.1%}" for name in MEASURES),
            )
        console.print(table)


def main() -> None:
    """Prints the comparison."""
    parser = argparse.ArgumentParser(prog="python -m labelling.sampling.comparison", description=__doc__)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--draws", type=int, default=DRAWS)
    chosen = parser.parse_args()
    cells = compare(load_sampling_rules().rules.audit, seed=chosen.seed, draws=chosen.draws)
    print_comparison(cells, Console(width=160), draws=chosen.draws, seed=chosen.seed)


if __name__ == "__main__":
    main()
