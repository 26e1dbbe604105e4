"""Answers of annotators to one question, as a table: texts down, annotators across, NaN for no answer."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.errors import BadInput

Table = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Ratings:
    """Who answered what: `values` is (texts, annotators), NaN where an annotator did not answer a text."""

    texts: tuple[str, ...]
    annotators: tuple[str, ...]
    values: Table

    def only(self, annotators: Collection[str]) -> Ratings:
        """The same texts with these annotators' answers alone."""
        places = [place for place, name in enumerate(self.annotators) if name in annotators]
        return Ratings(self.texts, tuple(self.annotators[p] for p in places), self.values[:, places])

    @property
    def shared_texts(self) -> int:
        """How many texts two or more annotators answered."""
        return int((answers_a_text(self.values) >= 2).sum())


def ratings_of(answers: Iterable[tuple[str, str, float]], *, annotators: Collection[str] = ()) -> Ratings:
    """The table of (text, annotator, value) triples, texts and annotators in sorted order.

    `annotators` get a column even if they answered nothing.

    Raises: BadInput when an annotator answered a text twice, or a value is no finite number.
    """
    found: dict[tuple[str, str], float] = {}
    for text, annotator, value in answers:
        if (text, annotator) in found:
            raise BadInput("answers: an annotator answered a text twice", field="answers")
        found[text, annotator] = _checked(value)
    texts = sorted({text for text, _ in found})
    names = sorted({annotator for _, annotator in found} | set(annotators))
    rows = {text: row for row, text in enumerate(texts)}
    columns = {annotator: column for column, annotator in enumerate(names)}
    values = np.full((len(texts), len(names)), np.nan)
    for (text, annotator), value in found.items():
        values[rows[text], columns[annotator]] = value
    return Ratings(tuple(texts), tuple(names), values)


def _checked(value: float) -> float:
    if not np.isfinite(value):
        raise BadInput("answers: a value is not a finite number", field="answers")
    return float(value)


def set_ratings_of(
    answers: Iterable[tuple[str, str, Collection[str]]],
) -> tuple[Ratings, tuple[frozenset[str], ...]]:
    """The table of (text, annotator, labels) triples: a value is a place in the list of sets beside it.

    Raises: BadInput when an annotator answered a text twice.
    """
    rows = [(text, annotator, frozenset(labels)) for text, annotator, labels in answers]
    sets = sorted({labels for _, _, labels in rows}, key=sorted)
    places = {labels: place for place, labels in enumerate(sets)}
    return ratings_of((text, who, places[labels]) for text, who, labels in rows), tuple(sets)


def answers_a_text(values: Table) -> NDArray[np.int64]:
    """How many annotators answered each text, (n,)."""
    counts: NDArray[np.int64] = (~np.isnan(values)).sum(axis=1)
    return counts


def counts_of(values: Table, used: Sequence[float] | Table) -> Table:
    """How many annotators gave each of the `used` values to each text, (n, values)."""
    counts = np.zeros((len(values), len(used)))
    for place, value in enumerate(used):
        counts[:, place] = (values == value).sum(axis=1)
    return counts


def shared(values: Table) -> Table:
    """The rows that two or more annotators answered: nothing else says whether people agree."""
    found: Table = values[answers_a_text(values) >= 2]
    return found


def used_values(values: Table) -> Table:
    """The different values that were given, in rising order."""
    found: Table = np.unique(values[~np.isnan(values)])
    return found


def pair_count(counts: Table) -> int:
    """How many pairs of answers to one text there are, from counts (n, values)."""
    answers = counts.sum(axis=1)
    return int((answers * (answers - 1) / 2).sum())
