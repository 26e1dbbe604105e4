"""Annotators and model weighed together (CROWDLAB), by cleanlab.

CROWDLAB weighs an annotator by how much less they disagree with others than a constant answer would be
wrong. Where a label is rare, a constant "no" is hardly ever wrong, and careful people disagree more often
than that: every annotator's weight then falls to nothing, and the "consensus" is the model's answer alone.
`collapsed` says so, and nothing is concluded from such a crowd. `tests/benchmarks/bench_consensus.py` shows
when it happens.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from cleanlab.multiannotator import get_label_quality_multiannotator
from numpy.typing import NDArray

from training.label_errors.votes import Votes

_EVEN = 1e-6
_NO_WEIGHT = 1e-5
"""cleanlab's floor for a weight is 1e-6."""


@dataclass(frozen=True, slots=True)
class Crowd:
    """Per post: the `consensus` (n,) 0 or 1, its `quality` in [0, 1], and the annotators' `agreement`.

    Where nobody answered, `consensus` is -1 and the other two are NaN. `collapsed`: no annotator has any
    weight.
    """

    consensus: NDArray[np.int64]
    quality: NDArray[np.float64]
    agreement: NDArray[np.float64]
    collapsed: bool

    def quality_of(self, label: int, place: int) -> float:
        """How sure the crowd is of this label of one post."""
        sure = float(self.quality[place])
        return sure if self.consensus[place] == label else 1 - sure


def crowd_of(votes: Votes, scores: NDArray[np.float64]) -> Crowd | None:
    """What annotators and a model's `scores` (n,) of the head make of each post.

    None where no two annotators agree on any post: then nothing tells how far to trust anybody.
    Source: Goh, Tkachenko and Mueller 2022, "CROWDLAB: Supervised learning to infer consensus labels and
    quality scores for data with multiple annotators".
    """
    answered = np.flatnonzero(votes.counts > 0)
    columns = ~np.isnan(votes.values).all(axis=0)
    table = votes.values[answered][:, columns]
    agreed = [((table == value).sum(axis=1) >= 2).any() for value in (0, 1)]
    if table.shape[1] < 2 or not any(agreed):
        return None
    # At exactly one half cleanlab may break a tie of the votes by lot, which would differ from run to run.
    ones = np.where(scores[answered] == 0.5, 0.5 - _EVEN, scores[answered])
    info = get_label_quality_multiannotator(
        table,
        np.column_stack([1 - ones, ones]),
        return_detailed_quality=False,
        return_annotator_stats=False,
        return_weights=True,
        verbose=False,
    )
    found = info["label_quality"]
    consensus = np.full(len(scores), -1, dtype=np.int64)
    quality, agreement = np.full(len(scores), np.nan), np.full(len(scores), np.nan)
    consensus[answered] = found["consensus_label"].to_numpy()
    quality[answered] = found["consensus_quality_score"].to_numpy()
    agreement[answered] = found["annotator_agreement"].to_numpy()
    return Crowd(consensus, quality, agreement, bool(np.max(info["annotator_weight"]) <= _NO_WEIGHT))
