"""Leave-one-word-out: how far a score falls when a word is taken away. Slow, and needs no rationale head.

Source: Zeiler and Fergus 2014 (occlusion), Li, Monroe and Jurafsky 2016, "Understanding neural networks
through representation erasure" (words). Why a second opinion: CLASSIFIER.md section G.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.classifier import Classifier
from model.errors import TextEmpty
from model.rationale import Span, WordSpan, merge, words
from model.taxonomy import HEAD_ORDER

MAX_VARIANTS: Final = 200
"""Most texts that are scored beside the full one, however many words it has."""

LEAST_IMPORTANCE: Final = 0.01
"""A smaller fall is noise of int8, and no reason to show anybody a word."""

SHARE_OF_LARGEST: Final = 0.25
"""Words whose fall is at least this share of the largest fall make the spans. Of 0.05 to 0.5, the share with
the best token-F1 on 200 posts of HateXplain dev."""


@dataclass(frozen=True, slots=True)
class Occlusion:
    """What each word of one text does to one head.

    `importance` is (words,) float32 in [-1, 1]: the full text's score less the score without the word;
    below zero where the word holds the score down.
    """

    head: str
    word_spans: tuple[WordSpan, ...]
    importance: NDArray[np.float32]

    @property
    def threshold(self) -> float:
        """The least importance of a word that makes the spans: a share of the largest one in the text."""
        return max(LEAST_IMPORTANCE, SHARE_OF_LARGEST * float(self.importance.max(initial=0.0)))

    def spans(self) -> list[Span]:
        """The spans of the raw text that hold the score up: disjoint, in order; empty if no word matters."""
        return merge(self.word_spans, [float(value) for value in self.importance], self.threshold)


def occlude(classifier: Classifier, text: str, *, head: str | None = None) -> Occlusion:
    """The importance of each word of `text` for `head` (default: the head with the highest score).

    One call of `classifier.score`, more only where a word alone makes the text readable. Up to
    `MAX_VARIANTS` words each are left out in turn; beyond that, neighbouring words are left out together in
    `MAX_VARIANTS` windows as even as can be, and every word has the importance of its window. So the work is
    bounded, and memory is linear in the text.
    Links and handles are words like any other. Where nothing that can be read is left of a text, as of one
    word, that scores 0.

    Raises: as `Classifier.score`.
    """
    word_spans = words(text)
    windows = _windows(len(word_spans), MAX_VARIANTS)
    cuts = [(word_spans[first][0], word_spans[last - 1][1]) for first, last in windows]
    variants = [text[:start] + text[end:] for start, end in cuts] if len(cuts) > 1 else []
    scores = _scores(classifier, text, variants)
    number = HEAD_ORDER.index(head) if head is not None else int(scores[0].argmax())
    without = scores[1:, number] if variants else np.zeros(len(cuts), dtype=np.float32)
    importance = np.repeat(scores[0, number] - without, [last - first for first, last in windows])
    return Occlusion(HEAD_ORDER[number], tuple(word_spans), importance.astype(np.float32))


def _scores(classifier: Classifier, text: str, variants: Sequence[str]) -> NDArray[np.float32]:
    """The scores (1 + variants, 4) of the text and its variants; 0 for a variant with nothing to read."""
    try:
        return classifier.score([text, *variants]).values
    except TextEmpty:
        rows = [classifier.score([text]).values[0]]
    for variant in variants:
        try:
            rows.append(classifier.score([variant]).values[0])
        except TextEmpty:
            rows.append(np.zeros(len(HEAD_ORDER), dtype=np.float32))
    return np.stack(rows)


def _windows(word_count: int, most: int) -> list[tuple[int, int]]:
    """[first, last) of at most `most` runs of words, in order, their lengths at most one apart."""
    count = min(word_count, most)
    edges = [number * word_count // count for number in range(count + 1)] if count else [0]
    return list(pairwise(edges))


def kendall_tau(first: Sequence[float], second: Sequence[float]) -> float | None:
    """How far two scorings order the same words alike: 1 the same order, 0 unrelated, -1 reversed.

    None where either scoring ties all words, fewer than two words included: there is no order to compare.
    Source: Kendall 1945, tau-b, which corrects for ties.
    """
    ours, theirs = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if ours.shape != theirs.shape:
        raise ValueError("both scorings must have one score per word")
    agreeing = our_pairs = their_pairs = 0.0
    # Row by row: all pairs at once would take memory quadratic in the words.
    for at in range(len(ours)):
        our_order, their_order = np.sign(ours[at + 1 :] - ours[at]), np.sign(theirs[at + 1 :] - theirs[at])
        agreeing += float(our_order @ their_order)
        our_pairs += float(np.abs(our_order).sum())
        their_pairs += float(np.abs(their_order).sum())
    if not our_pairs or not their_pairs:
        return None
    return agreeing / float(np.sqrt(our_pairs * their_pairs))
