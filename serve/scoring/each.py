"""Scores for every text that can be scored, whatever the others are like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from model.classifier import Classifier, Scores, Span
from model.errors import Fault, InternalError, Unavailable
from model.language import Language, unread_language
from model.text_notes import END_NOT_READ, notes_of
from serve.logs import described

PROBE: Final = "The library opens at nine."
"""A text that every classifier can score: if it cannot either, the texts are not to blame."""


@dataclass(frozen=True, slots=True)
class TextScores:
    """One text's scores by head, the raw [start, end) that decided `hate` of a long one, and its notes."""

    by_head: dict[str, float]
    window: Span | None
    notes: tuple[str, ...]


Result = TextScores | Language | Fault
"""A text's scores; or the language that the classifier does not read; or why there are no scores."""


def score_each(classifier: Classifier, texts: Sequence[str], *, contain: bool = False) -> list[Result]:
    """For each text, in order, its scores, or what kept the classifier from scoring it.

    Texts in a language that the classifier does not read are not shown to it; where the language cannot
    be told, they are.

    Raises: as `_score_read`.
    """
    results: list[Result | None] = [
        _unread_language(text, classifier.languages, contain=contain) for text in texts
    ]
    rest = iter(
        _score_read(
            classifier,
            [text for text, known in zip(texts, results, strict=True) if not known],
            contain=contain,
        )
    )
    return [known or next(rest) for known in results]


def _unread_language(text: str, languages: Sequence[str], *, contain: bool) -> Language | None:
    """As `unread_language`; None, so that the text is scored, where identification fails.

    Contained are faults of its settings, of its model's file and of the text; with `contain` whatever it
    raises: such a post would make its batch fail again and again.
    """
    try:
        return unread_language(text, languages)
    except (Fault, ImportError, OSError, ValueError) as error:
        structlog.get_logger().error("identification failed on a text", **described(error))
    except Exception as error:
        if not contain:
            raise
        structlog.get_logger().error("identification failed on a text", **described(error))
    return None


def _score_read(classifier: Classifier, texts: Sequence[str], *, contain: bool) -> list[Result]:
    """For each text, in order, its scores or the fault that kept the classifier from scoring it.

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
        return [_text_scores(scores, index, text) for index, text in enumerate(texts)]
    middle = len(texts) // 2
    first, second = texts[:middle], texts[middle:]
    return _halved(classifier, first, contain=contain) + _halved(classifier, second, contain=contain)


def _text_scores(scores: Scores, index: int, text: str) -> TextScores:
    notes = notes_of(text) + ((END_NOT_READ,) if index in scores.cut else ())
    return TextScores(scores.row(index), scores.window(index), notes)


def _score(classifier: Classifier, texts: Sequence[str]) -> Scores:
    try:
        return classifier.score(texts)
    except (Exception, KeyboardInterrupt, SystemExit):
        raise
    except BaseException as panic:
        # tokenizers' Rust panics are no `Exception`: no edge above would catch one, and its thread would end.
        raise RuntimeError("the classifier panicked") from panic
