"""Scores for every text that can be scored, whatever the others are like."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import structlog

from model.classifier import Classifier, Scores
from model.errors import Fault, InternalError, Unavailable
from serve.logs import described

PROBE: Final = "The library opens at nine."
"""A text that every classifier can score: if it cannot either, the texts are not to blame."""

Result = dict[str, float] | Fault


def score_each(classifier: Classifier, texts: Sequence[str], *, contain: bool = False) -> list[Result]:
    """For each text, in order, its scores by head, or the fault that kept the classifier from scoring it.

    One call when all is well. When the classifier refuses, the batch is halved until the texts at
    fault stand alone: one among 64 costs 12 further calls. With `contain` a text on which the classifier
    breaks is found in the same way and gets an InternalError: one such post must not keep others waiting.

    Raises: whatever the classifier raises that is no Fault; with `contain`, and then Faults too, only if
        it cannot score any text at all.
    """
    if not texts:
        return []
    if not contain:
        return _halved(classifier, texts, contain=False)
    try:
        results = _halved(classifier, texts, contain=False)
    except Exception as error:  # told apart below: the classifier is down, or one text breaks it
        structlog.get_logger().error("classifier failed on a batch", texts=len(texts), **described(error))
        results = []
    if results and not all(isinstance(result, Unavailable) for result in results):
        return results
    _score(classifier, [PROBE])  # raises if the classifier is down: then nobody is scored, and posts wait
    return results or _halved(classifier, texts, contain=True)


def _halved(classifier: Classifier, texts: Sequence[str], *, contain: bool) -> list[Result]:
    try:
        scores = _score(classifier, texts)
    except Fault as fault:
        if len(texts) == 1:
            return [fault]
    except Exception as error:
        if not contain:
            raise
        if len(texts) == 1:
            structlog.get_logger().error("classifier failed on a text", **described(error))
            return [InternalError("the classifier failed on this text")]
    else:
        return [scores.row(index) for index in range(len(texts))]
    middle = len(texts) // 2
    first, second = texts[:middle], texts[middle:]
    return _halved(classifier, first, contain=contain) + _halved(classifier, second, contain=contain)


def _score(classifier: Classifier, texts: Sequence[str]) -> Scores:
    try:
        return classifier.score(texts)
    except (Exception, KeyboardInterrupt, SystemExit):
        raise
    except BaseException as panic:
        # tokenizers' Rust panics are no `Exception`: no edge above would catch one, and its thread would end.
        raise RuntimeError("the classifier panicked") from panic
