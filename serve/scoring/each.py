"""Scores for every text that can be scored, whatever the others are like."""

from __future__ import annotations

from collections.abc import Sequence

from model.classifier import Classifier
from model.errors import Fault


def score_each(classifier: Classifier, texts: Sequence[str]) -> list[dict[str, float] | Fault]:
    """For each text, in order, its scores by head, or the fault that kept the classifier from scoring it.

    One call when all is well. When the classifier refuses, the batch is halved until the texts at
    fault stand alone: one among 64 costs 12 further calls.
    """
    if not texts:
        return []
    try:
        scores = classifier.score(texts)
    except Fault as fault:
        if len(texts) == 1:
            return [fault]
        middle = len(texts) // 2
        return score_each(classifier, texts[:middle]) + score_each(classifier, texts[middle:])
    return [scores.row(index) for index in range(len(texts))]
