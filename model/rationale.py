"""Which words carry the score: token rationales made into words and spans of the raw text.

A word here is what stands between white space in the raw text, because that is what a reader sees:
`h a t e` is four words, an emoji glued to a word is part of it. Everything is an offset in code points
of the raw text, end exclusive; no text is copied, so none can reach a log.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from model.calibration import DEFAULT_RATIONALE_THRESHOLD
from model.classifier import Annotation

_WORD = re.compile(r"\S+")

WordSpan = tuple[int, int]
"""[start, end) of one word in code points of the raw text."""

TokenRationale = tuple[int, int, float]
"""[start, end) of one token in code points of the raw text, and its probability in [0, 1]."""


@dataclass(frozen=True, slots=True)
class Span:
    """[start, end) in code points of the raw text, and the largest score of the words in it."""

    start: int
    end: int
    score: float


def words(text: str) -> list[WordSpan]:
    """The words of a raw text in order, each [start, end) without the white space around it."""
    return [found.span() for found in _WORD.finditer(text)]


def word_scores(tokens: Sequence[TokenRationale], word_spans: Sequence[WordSpan]) -> list[float]:
    """One score in [0, 1] per word: the largest probability of the tokens that touch it.

    0 for a word without a token: the text was cut before it, or the normaliser dropped all of it.
    A token that stands for several words (spaced-out letters that the normaliser joined) counts for each.
    """
    scores = [0.0] * len(word_spans)
    first = 0
    for start, end, probability in sorted(tokens, key=lambda token: token[0]):
        while first < len(word_spans) and word_spans[first][1] <= start:
            first += 1
        at = first
        while at < len(word_spans) and word_spans[at][0] < end:
            scores[at] = max(scores[at], probability)
            at += 1
    return scores


def merge(word_spans: Sequence[WordSpan], scores: Sequence[float], threshold: float) -> list[Span]:
    """Spans of neighbouring words that score `threshold` or more: disjoint, in order."""
    found: list[Span] = []
    follows = False
    for (start, end), score in zip(word_spans, scores, strict=True):
        if score < threshold:
            follows = False
            continue
        if follows:
            found[-1] = Span(found[-1].start, end, max(found[-1].score, score))
        else:
            found.append(Span(start, end, score))
        follows = True
    return found


def spans(
    annotation: Annotation, text: str, threshold: float = DEFAULT_RATIONALE_THRESHOLD
) -> list[Span] | None:
    """The spans of the raw `text` that carry the score; None where the bundle has no rationale head.

    `threshold` is the bundle's own, chosen on dev; words at or above it count.
    """
    if annotation.token_rationales is None:
        return None
    word_spans = words(text)
    return merge(word_spans, word_scores(annotation.token_rationales, word_spans), threshold)
