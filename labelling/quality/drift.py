"""Whether an annotator's gold answers grow worse: a cumulative sum with a known rate of false alarms.

Gold texts are those with a known answer, mixed into the work. The cumulative sum of (right - the person's
own mean) rises while they do better than their mean and falls after it: where it climbs higher than chance
would let it, the end of the row is worse than its beginning. Nobody is held to anybody else's accuracy.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

LEAST_GOLD: Final = 30
"""No word about drift below so many gold answers; the house's number for "not enough yet"."""

LEVEL: Final = 0.01
"""The chance of an alarm at one look, at most. `drift_simulation` says what many looks come to."""

RECENT: Final = 0.1
"""The weight of the newest gold answer in the recent accuracy: about the last twenty answers speak."""


@dataclass(frozen=True, slots=True)
class Drift:
    """What the gold answers say so far. `chance` is that of such a climb without any drift, in [0, 1].

    `recent_accuracy` is the exponentially weighted share of right answers, and `since` the number of the
    gold answer (from 1) after which the cumulative sum fell, where there is an alarm.
    """

    alarm: bool
    chance: float
    recent_accuracy: float
    gold: int
    since: int | None


def drift_of(right: Sequence[bool]) -> Drift | None:
    """The drift in gold answers in the order of time; None with fewer than LEAST_GOLD.

    The highest point of the standardised sum, tied down at both ends, exceeds x with a chance of exp(-2 x²)
    for long rows, and less for short ones.
    Source: Ploberger and Kraemer 1992, "The CUSUM test with OLS residuals"; the limit is that of Kolmogorov
    and Smirnov for one side. Recent accuracy: Roberts 1959 (EWMA).
    """
    count = len(right)
    if count < LEAST_GOLD:
        return None
    answers = np.asarray(right, dtype=np.float64)
    chance, peak = _climb(answers)
    alarm = chance <= LEVEL
    return Drift(alarm, chance, _recent(answers), count, peak if alarm else None)


def _climb(answers: NDArray[np.float64]) -> tuple[float, int]:
    mean = float(answers.mean())
    spread = math.sqrt(mean * (1 - mean) * len(answers))
    if spread == 0:
        return 1.0, 0
    path = np.cumsum(answers - mean)
    peak = int(path.argmax())
    height = max(0.0, float(path[peak])) / spread
    return math.exp(-2 * height**2), peak + 1


def _recent(answers: NDArray[np.float64]) -> float:
    # Starts at the person's own mean of the first answers, so that one early slip does not weigh for ever.
    first = min(len(answers), round(1 / RECENT))
    recent = float(answers[:first].mean())
    for answer in answers[first:]:
        recent += RECENT * (float(answer) - recent)
    return recent
