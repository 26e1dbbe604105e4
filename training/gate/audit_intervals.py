"""How often the intervals on an audit drawn by strata hold the truth, which here is known.

The frames and audits are those of `audit_simulation.py`, post by post, since an area hangs on scores. What
`above_truth` says is the chance that a model which is worse by exactly the margin passes its line, whatever
the margin is: the lower bound then lies above minus the margin.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Any

import numpy as np

from training.gate.audit_simulation import (
    CASES,
    FALSE_POSITIVES,
    LABELS,
    RECALL,
    Frame,
    Outcomes,
    Places,
    frame_of,
    labels_by_stratum,
)
from training.gate.noninferiority import Evidence
from training.gate.weighted import Drawn, weighted_auc, weighted_f1


def true_area_difference(outcomes: Outcomes) -> float:
    """New minus current area under the ROC curve, of scores that are normal around a label's cut.

    Source: Hanley and McNeil 1982, Radiology 143:29 (the area is the chance of the right order).
    """
    normal = NormalDist()

    def area(recall: float, false_positives: float) -> float:
        return normal.cdf((normal.inv_cdf(recall) - normal.inv_cdf(false_positives)) / math.sqrt(2))

    return area(outcomes.new_recall, outcomes.new_false_positives) - area(RECALL, FALSE_POSITIVES)


def audit_posts(frame: Frame, labels: int, random: np.random.Generator) -> tuple[Places, Drawn]:
    """The places in a frame of an audit's posts (n,), and the chance of each."""
    sizes = frame.sizes
    wanted = labels_by_stratum(sizes, frame.mean, labels)
    mixed = random.permutation(len(frame.stratum))
    places = np.concatenate(
        [mixed[frame.stratum[mixed] == number][:count] for number, count in enumerate(wanted)]
    )
    return places, Drawn.of((wanted / np.maximum(sizes, 1))[frame.stratum[places]])


def simulate_intervals(
    alpha: float, *, seed: int, simulations: int, labels: Sequence[int] = LABELS
) -> list[dict[str, Any]]:
    """A row for each measure, kind of new model and number of audit labels.

    `coverage`: how often the two-sided 95 % interval holds the truth; `above_truth` and `below_truth`: how
    often the one-sided bounds at `alpha` miss it; `spread_said`: the median standard error over the true one.
    """
    random = np.random.default_rng([seed, 3])
    rows = []
    for difference, way in CASES:
        outcomes = Outcomes.worse_by(difference, way)
        truths = {"F1": difference, "ROC-AUC": true_area_difference(outcomes)}
        found: dict[tuple[str, int], list[Evidence]] = {
            (measure, count): [] for measure in truths for count in labels
        }
        for _ in range(simulations):
            frame = frame_of(outcomes, random)
            for count in labels:
                places, drawn = audit_posts(frame, count, random)
                positive = frame.positive[places]
                old, new = (scores[places].astype(np.float32) for scores in (frame.old, frame.new))
                found["F1", count].append(weighted_f1(positive, old > 0, new > 0, drawn))
                found["ROC-AUC", count].append(weighted_auc(old, new, positive, drawn))
        rows += [
            {
                "measure": measure,
                "difference": truths[measure],
                "way": way,
                "labels": count,
                **_held(evidence, truths[measure], alpha),
            }
            for (measure, count), evidence in found.items()
        ]
    return rows


def _held(found: Sequence[Evidence], truth: float, alpha: float) -> dict[str, float]:
    both = np.asarray([one.bounds(0.025) for one in found])
    single = np.asarray([one.bounds(alpha) for one in found])
    said = np.median([one.spread / math.sqrt(one.posts) for one in found])
    return {
        "positives_median": int(np.median([one.positives or 0 for one in found])),
        "coverage": float(((both[:, 0] <= truth) & (truth <= both[:, 1])).mean()),
        "above_truth": float((single[:, 0] > truth).mean()),
        "below_truth": float((single[:, 1] < truth).mean()),
        "spread_said": float(said / np.std([one.value for one in found])),
    }
