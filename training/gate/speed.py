"""How fast two classifiers score the same posts, measured in turn in one process."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np

from model.classifier import Classifier

ROUNDS = 5
"""Rounds that count, after one that warms both up. Chosen by us: odd, so that the median is a round."""

Clock = Callable[[], float]


def posts_per_second(
    new: Classifier, old: Classifier, texts: Sequence[str], *, clock: Clock = time.perf_counter
) -> tuple[float, float]:
    """Posts a second of the new and the old classifier: the round whose ratio is the median one.

    Both score in every round, taking turns at going first: what else the machine does falls on both.
    """
    _seconds(new, texts, clock)
    _seconds(old, texts, clock)
    rounds = []
    for number in range(ROUNDS):
        if number % 2:
            after, before = _seconds(new, texts, clock), _seconds(old, texts, clock)
        else:
            before, after = _seconds(old, texts, clock), _seconds(new, texts, clock)
        rounds.append((before / after, len(texts) / after, len(texts) / before))
    order = np.argsort([ratio for ratio, _, _ in rounds], kind="stable")
    _, of_new, of_old = rounds[int(order[ROUNDS // 2])]
    return of_new, of_old


def _seconds(classifier: Classifier, texts: Sequence[str], clock: Clock) -> float:
    started = clock()
    classifier.score(texts)
    return max(clock() - started, 1e-9)
