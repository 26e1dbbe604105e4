"""Annotators who, where nobody else looked, give one label much more rarely or often than a model expects."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.label_errors.votes import Votes

LEAST_ALONE = 30
"""With fewer posts that an annotator labelled alone there is no word about a blind spot: "not enough yet"."""

LEVEL = 0.001
"""The chance of such a difference, if the model were right, from which on it is one. Ours, and small: several
annotators and heads are looked at together, and the model is not right."""

HALF = 0.5
"""A blind spot is named where the model expects at least twice as many as were given (or half as many)."""


@dataclass(frozen=True, slots=True)
class BlindSpot:
    """One annotator and one head: `given` 1s where `expected` were, over the posts they alone labelled."""

    annotator: str
    too_few: bool
    given: int
    expected: float
    alone: tuple[int, ...]


def blind_spots(votes: Votes, scores: NDArray[np.float64]) -> list[BlindSpot]:
    """The annotators with a blind spot, by name, from the probability of 1 (n,) of each post.

    The sum of the scores is the number of 1s to expect; its spread is that of so many unequal coins.
    """
    found = []
    for column, annotator in enumerate(votes.annotators):
        answered = ~np.isnan(votes.values[:, column])
        alone = np.flatnonzero(answered & (votes.counts == 1) & ~votes.adjudicated)
        if len(alone) < LEAST_ALONE:
            continue
        chances = scores[alone]
        given, expected = int(votes.values[alone, column].sum()), float(chances.sum())
        spread = math.sqrt(float((chances * (1 - chances)).sum())) or 1.0
        far = math.erfc(abs(given - expected) / spread / math.sqrt(2)) <= LEVEL
        too_few, too_many = given <= HALF * expected, expected <= HALF * given
        if far and (too_few or too_many):
            found.append(BlindSpot(annotator, too_few, given, expected, tuple(int(p) for p in alone)))
    return found


def in_blind_spots(spots: list[BlindSpot], votes: Votes, scores: NDArray[np.float64]) -> dict[int, BlindSpot]:
    """The posts to look at: those in a spot whose label the model would not give, by place."""
    found = {}
    for spot in spots:
        for place in spot.alone:
            label = int(votes.given[place])
            chance = scores[place] if spot.too_few else 1 - scores[place]
            if label == int(not spot.too_few) and chance >= HALF:
                found[place] = spot
    return found
