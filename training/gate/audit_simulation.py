"""What the gate does on an audit drawn by strata of score, to models whose true difference is known.

The outcomes are those of `simulation.py`, with the score behind them: the variable that decides the current
model's answer, turned into the chance that a post is hateful by Bayes' rule. The audit is drawn from a
frame by the strata and shares of the labelling desk (configs/labelling/sampling.yaml). A new model is worse
in recall, or by false positives: those lie among posts that the current model thinks harmless, of which the
audit has few.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from training.gate.decision import NEEDS_LABELS, PROMOTE, REFUSE, Comparison, judge
from training.gate.rules import GateRules
from training.gate.weighted import f1_of_strata

RECALL, FALSE_POSITIVES, CORRELATION, PREVALENCE = 0.75, 0.015, 0.9, 0.057
"""As in `simulation.py`."""

FRAME = 40_000
LABELS = (500, 1000, 2000, 4000)
STRATA_FROM = (0.02, 0.1, 0.3, 0.6, 0.85)
BY_SIZE = 0.3
LEAST = 2
"""Source: configs/labelling/sampling.yaml, which training does not read: the labelling tool is another
room's."""

Way = Literal["recall", "false positives"]
CASES: tuple[tuple[float, Way], ...] = (
    (0.0, "recall"),
    (-0.03, "recall"),
    (-0.03, "false positives"),
    (0.03, "recall"),
)

Cells = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Places = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Outcomes:
    """A pair of models: their chances to say yes, of the new one by label."""

    new_recall: float
    new_false_positives: float

    @classmethod
    def worse_by(cls, difference: float, way: Way) -> Outcomes:
        """A new model whose true F1 differs by so much, in one way alone."""
        each = (1 - PREVALENCE) / PREVALENCE
        f1 = 2 * RECALL / (RECALL + 1 + FALSE_POSITIVES * each) + difference
        if way == "recall":
            return cls(f1 * (1 + FALSE_POSITIVES * each) / (2 - f1), FALSE_POSITIVES)
        return cls(RECALL, (2 * RECALL / f1 - RECALL - 1) / each)


@dataclass(frozen=True, slots=True)
class Frame:
    """Posts (n,): the label, either model's score as it compares with a cut of 0, and the stratum; and the
    mean chance of hate of each stratum (h,) as the current model has it."""

    positive: Flags
    old: Floats
    new: Floats
    stratum: Places
    mean: Floats

    @property
    def sizes(self) -> Cells:
        """How many posts each stratum (h,) has."""
        return np.bincount(self.stratum, minlength=len(self.mean))


def frame_of(outcomes: Outcomes, random: np.random.Generator, posts: int = FRAME) -> Frame:
    """A frame drawn anew, with both models' scores: each says yes above 0."""
    quantile = NormalDist().inv_cdf
    label = (random.random(posts) < PREVALENCE).astype(np.intp)
    own = random.normal(size=posts)
    other = CORRELATION * own + np.sqrt(1 - CORRELATION**2) * random.normal(size=posts)
    old_cut = np.asarray([quantile(FALSE_POSITIVES), quantile(RECALL)])
    new_cut = np.asarray([quantile(outcomes.new_false_positives), quantile(outcomes.new_recall)])
    old = old_cut[label] - own
    score = chance_of(old, old_cut)
    stratum = np.searchsorted(np.asarray(STRATA_FROM), score, side="right")
    strata = len(STRATA_FROM) + 1
    sizes = np.maximum(np.bincount(stratum, minlength=strata), 1)
    mean = np.bincount(stratum, weights=score, minlength=strata) / sizes
    return Frame(label == 1, old, new_cut[label] - other, stratum, mean)


def frame_cells(outcomes: Outcomes, random: np.random.Generator, posts: int = FRAME) -> tuple[Cells, Floats]:
    """Counts (h, 2, 2, 2) of a frame by stratum, label, old and new answer, and the mean score of each
    stratum."""
    frame = frame_of(outcomes, random, posts)
    place = ((frame.stratum * 2 + frame.positive) * 2 + (frame.old > 0)) * 2 + (frame.new > 0)
    cells = np.bincount(place, minlength=len(frame.mean) * 8).reshape(-1, 2, 2, 2)
    return cells, frame.mean


def chance_of(score: Floats, cuts: Floats) -> Floats:
    """The chance (n,) of hate given the variable that is normal around `cuts[label]`: Bayes' rule."""
    apart, middle = cuts[1] - cuts[0], cuts.mean()
    logit = np.log(PREVALENCE / (1 - PREVALENCE)) + apart * (score - middle)
    found: Floats = 1 / (1 + np.exp(-logit))
    return found


def labels_by_stratum(sizes: Cells, mean: Floats, labels: int) -> Cells:
    """How many of `labels` each stratum (h,) gets: by its size, and by size times spread (Neyman 1934)."""
    spread = sizes * np.sqrt(mean * (1 - mean))
    wanted = labels * (BY_SIZE * sizes / sizes.sum() + (1 - BY_SIZE) * spread / spread.sum())
    places: Cells = np.minimum(np.maximum(wanted.astype(np.int64), LEAST), sizes)
    for _ in range(labels - int(places.sum())):
        places[int(np.argmax(np.where(places < sizes, wanted - places, -np.inf)))] += 1
    return places


def draw(cells: Cells, mean: Floats, labels: int, random: np.random.Generator) -> tuple[Cells, Floats]:
    """An audit's counts (h, 2, 2, 2), and the chance (h,) that a post of each stratum had."""
    sizes = cells.sum(axis=(1, 2, 3))
    places = labels_by_stratum(sizes, mean, labels)
    drawn = np.stack(
        [
            random.multivariate_hypergeometric(inside.ravel(), count).reshape(2, 2, 2)
            for inside, count in zip(cells, places, strict=True)
        ]
    )
    return drawn, places / np.maximum(sizes, 1)


def simulate_audits(
    rules: GateRules,
    *,
    seed: int,
    simulations: int,
    labels: Sequence[int] = LABELS,
    tick: Callable[[], None] = lambda: None,
) -> list[dict[str, Any]]:
    """A row for each kind of new model and number of audit labels: how often the gate gives each verdict."""
    random = np.random.default_rng([seed, 2])
    rule = rules.families["strand_f1"]
    rows = []
    for difference, way in CASES:
        verdicts: dict[int, list[str]] = {count: [] for count in labels}
        needed: dict[int, list[int]] = {count: [] for count in labels}
        positives: dict[int, list[int]] = {count: [] for count in labels}
        outcomes = Outcomes.worse_by(difference, way)
        for _ in range(simulations):
            cells, mean = frame_cells(outcomes, random)
            for count in labels:
                audit, chance = draw(cells, mean, count, random)
                kept = audit.sum(axis=(1, 2, 3)) > 0
                evidence = f1_of_strata(audit[kept].astype(np.float64), chance[kept])
                line = Comparison("F1", "strand_f1", None, rule.margin, evidence, rule.least)
                decision = judge([line], alpha=rules.alpha, power=rules.power)
                verdicts[count].append(decision.verdict)
                positives[count].append(evidence.positives or 0)
                if decision.verdict == NEEDS_LABELS:
                    needed[count].append(decision.labels)
            tick()
        rows += [
            {
                "difference": difference,
                "way": way,
                "labels": count,
                "positives_median": int(np.median(positives[count])),
                "ours": {
                    name: verdicts[count].count(name) / simulations
                    for name in (PROMOTE, REFUSE, NEEDS_LABELS)
                },
                "labels_needed_median": int(np.median(needed[count])) if needed[count] else None,
            }
            for count in labels
        ]
    return rows


def worst_promotion(rows: Sequence[dict[str, Any]]) -> float:
    """How often a model that is 3 points of F1 worse was promoted, in the row where that happened most."""
    return max(float(row["ours"][PROMOTE]) for row in rows if row["difference"] <= -0.03)
