"""Whether annotators mark the same words: alpha over words, and F1 over characters.

An annotator who marked nothing at all has not said "no word carries it" (the desk stores no such answer):
that is a missing answer, unless the caller passes an empty mark on purpose.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from labelling.desk import words_of
from labelling.quality.alpha import alpha_of_counts
from labelling.quality.distances import between_values
from labelling.quality.figures import DRAWS, NOT_SHARED, SEED, Figure, Values, measured, undefined

Spans = Sequence[tuple[int, int]]
"""[start, end) in code points of the raw text."""


@dataclass(frozen=True, slots=True)
class MarkedText:
    """A text and what each annotator marked in it; None is no answer, an empty mark says "nothing"."""

    text: str
    marks: Mapping[str, Spans | None]

    def masks(self) -> list[NDArray[np.bool_]]:
        """For each annotator who answered, which code points of the text are marked."""
        return [_mask(spans, len(self.text)) for spans in self.marks.values() if spans is not None]


def _mask(spans: Spans, length: int) -> NDArray[np.bool_]:
    marked = np.zeros(length, dtype=np.bool_)
    for start, end in spans:
        marked[start:end] = True
    return marked


def word_alpha(texts: Iterable[MarkedText], *, draws: int = DRAWS, seed: int = SEED) -> Figure:
    """Nominal alpha of "this word is marked", over the words that the desk lets people mark.

    A word counts as marked when any character of it is. The interval draws whole texts, because the words of
    a text are marked together; `texts` counts texts and `pairs` pairs of answers to a word.
    Source: Krippendorff 2004 for alpha; token-level units as in DeYoung et al. 2020, ERASER.
    """
    counts: list[Values] = []
    clusters: list[int] = []
    for place, marked in enumerate(texts):
        masks = marked.masks()
        if len(masks) < 2:
            continue
        for word in words_of(marked.text):
            if word.can_be_marked:
                yes = sum(bool(mask[word.start : word.end].any()) for mask in masks)
                counts.append(np.array([len(masks) - yes, yes], dtype=np.float64))
                clusters.append(place)
    if not counts:
        return undefined(NOT_SHARED).figure
    nominal = between_values("nominal", np.array([0.0, 1.0]))
    return alpha_of_counts(
        np.array(counts), nominal, clusters=np.array(clusters), draws=draws, seed=seed
    ).figure


def character_f1(texts: Iterable[MarkedText], *, draws: int = DRAWS, seed: int = SEED) -> Figure:
    """The mean over texts of the F1 between two annotators' marked characters, in [0, 1].

    F1 of two marks is the same whichever is called the truth. Two empty marks agree (1), an empty and another
    do not (0). With more than two annotators a text has the mean over their pairs.
    Source: Da San Martino et al. 2019; Pavlopoulos et al. 2021, "SemEval-2021 Task 5: Toxic Spans Detection".
    """
    apart: list[float] = []
    pairs = 0
    for marked in texts:
        masks = marked.masks()
        found = [1 - _f1(first, second) for first, second in combinations(masks, 2)]
        if found:
            apart.append(float(np.mean(found)))
            pairs += len(found)

    def disagreement(sums: Values) -> tuple[Values, Values]:
        return sums[:, 0] / len(apart), np.ones(len(sums))

    parts = np.array(apart, dtype=np.float64)[:, None]
    return measured(parts, disagreement, pairs=pairs, draws=draws, seed=seed).figure


def _f1(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    marked = int(first.sum() + second.sum())
    return 2 * int((first & second).sum()) / marked if marked else 1.0
