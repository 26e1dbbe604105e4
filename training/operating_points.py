"""Two named operating points per head, chosen on the calibration half of dev and on ordinary traffic.

`recall_first` is the highest score that finds the wanted share of hateful posts, raised if it would send
more ordinary traffic to review than people can read. `precision_first` is the lowest score from which the
wanted share of what is taken is hateful, where all that is taken of the ordinary traffic counts as wrong.
Traffic that nobody has judged holds some hate, so both err to the side of too few reviews.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.taxonomy import HEAD_ORDER
from training.abstention import SCORE_STEPS, score_steps
from training.calibrate import LEAST_EXAMPLES
from training.corpora.pack import NOT_ANNOTATED
from training.recipe import OperatingRule

PER = 10_000
"""Review load is counted per this many posts of ordinary traffic."""

Counts = NDArray[np.int64]
"""(SCORE_STEPS + 1,) int64: at place k, the posts with a score of k steps or more."""


def choose_operating_points(
    scores: NDArray[np.float32],
    labels: NDArray[np.int8],
    background: NDArray[np.float32],
    thresholds: Mapping[str, float],
    rule: OperatingRule,
) -> tuple[dict[str, dict[str, float]], dict[str, dict[str, Any]]]:
    """The member `operating_points` of `thresholds.json`, and per point and head how it came about.

    `scores` (n, h) and `background` (m, h) float32 calibrated, `labels` (n, h). A head with too few posts of
    either kind keeps its plain threshold for both.
    """
    points: dict[str, dict[str, float]] = {"recall_first": {}, "precision_first": {}}
    fit: dict[str, dict[str, Any]] = {"recall_first": {}, "precision_first": {}}
    for number, head in enumerate(HEAD_ORDER):
        annotated = labels[:, number] != NOT_ANNOTATED
        positive = labels[annotated, number] == 1
        found = _choose(scores[annotated, number], positive, background[:, number], thresholds[head], rule)
        for name, (at, facts) in zip(points, found, strict=True):
            points[name][head] = at
            fit[name][head] = facts
    return points, fit


def _choose(
    scores: NDArray[np.float32],
    positive: NDArray[np.bool_],
    background: NDArray[np.float32],
    threshold: float,
    rule: OperatingRule,
) -> list[tuple[float, dict[str, Any]]]:
    """Threshold and facts of one head: recall first, then precision first."""
    if min(positive.sum(), (~positive).sum()) < LEAST_EXAMPLES:
        return [(threshold, {"chosen_by": "too few posts"})] * 2
    found = at_or_above(scores[positive])
    wrong = at_or_above(scores[~positive])
    reviews = at_or_above(background)
    wide, bound_by = recall_first(found, reviews, rule)
    narrow, reached = precision_first(found, wrong + reviews, rule, wide)
    if not reached:  # the best of few posts may lie anywhere: never let in what the plain threshold keeps out
        narrow = max(narrow, round(threshold * SCORE_STEPS))
    return [
        (at / SCORE_STEPS, {"chosen_by": chosen_by, **_facts(at, found, wrong, reviews)})
        for at, chosen_by in ((wide, bound_by), (narrow, "precision" if reached else "best precision"))
    ]


def at_or_above(scores: NDArray[np.float32]) -> Counts:
    """How many of `scores` (n,) float32 lie at each step of a ten-thousandth or above it."""
    tally = np.bincount(score_steps(scores), minlength=SCORE_STEPS + 1)
    return np.cumsum(tally[::-1])[::-1]


def recall_first(found: Counts, reviews: Counts, rule: OperatingRule) -> tuple[int, str]:
    """The step from which the wanted recall is found within the review load, and which of the two bound it.

    A step within the load always exists short of 1, unless more traffic than that scores exactly 1.
    """
    wanted = math.ceil(rule.recall * int(found[0]) - 1e-9)
    by_recall = int(np.flatnonzero(found >= wanted)[-1])
    allowed = rule.reviews_per_10000 * int(reviews[0]) / PER
    by_load = int(np.flatnonzero(reviews <= allowed)[0]) if reviews[-1] <= allowed else SCORE_STEPS
    return _inside(max(by_recall, by_load)), "recall" if by_recall >= by_load else "review load"


def precision_first(found: Counts, wrong: Counts, rule: OperatingRule, least: int) -> tuple[int, bool]:
    """The lowest step, from `least` on, of the wanted precision; where none has it, the step of the best.

    Only steps that find ten hateful posts count: less is chance. Without any, `least` itself.
    """
    steps = np.arange(_inside(least), SCORE_STEPS)
    steps = steps[found[steps] >= LEAST_EXAMPLES]
    if not len(steps):
        return _inside(least), False
    precision = found[steps] / (found[steps] + wrong[steps])
    enough = np.flatnonzero(precision >= rule.precision)
    return (int(steps[enough[0]]), True) if len(enough) else (int(steps[int(precision.argmax())]), False)


def _inside(step: int) -> int:
    """A step that a threshold may stand at: above 0 and below 1."""
    return min(max(step, 1), SCORE_STEPS - 1)


def _facts(at: int, found: Counts, wrong: Counts, reviews: Counts) -> dict[str, Any]:
    """What the point gives on the posts it was chosen on."""
    taken = int(found[at] + wrong[at] + reviews[at])
    return {
        "recall": round(int(found[at]) / int(found[0]), 5),
        "precision": round(int(found[at]) / taken, 5) if taken else None,
        "reviews_per_10000": round(PER * int(reviews[at]) / int(reviews[0]), 1) if reviews[0] else None,
    }
