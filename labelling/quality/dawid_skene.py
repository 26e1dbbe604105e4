"""What annotators' answers say of the truth, weighing each annotator by what they mix up (Dawid-Skene)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import permutations
from typing import Final

import numpy as np
from numpy.typing import NDArray

from labelling.quality.figures import SEED, Values
from labelling.quality.ratings import Ratings, answers_a_text
from model.errors import BadInput

PRIOR_RIGHT: Final = 2.0
PRIOR_WRONG: Final = 1.0
"""Dirichlet smoothing of each row of a confusion, as so many answers seen before: an annotator of whom
nothing is known is right a little more often than not. Ours; 1 everywhere would be Laplace's rule."""

MOST_CLASSES: Final = 7
_INTERVAL_DRAWS: Final = 4000


@dataclass(frozen=True, slots=True)
class Confusion:
    """What one annotator answers to texts of each class.

    `rates` (classes, classes): row the class, column the answer, rows sum to 1; `low` and `high` are the
    ends of each rate's 95 % posterior interval. `expected` (classes,) is how many of the `answers` fell on
    texts of each class, so far as the posterior knows: a row with few says little.
    """

    rates: Values
    low: Values
    high: Values
    expected: Values
    answers: int


@dataclass(frozen=True, slots=True)
class DawidSkene:
    """The fit: `posterior` (texts, classes), rows sum to 1; `prevalence` (classes,); confusions by annotator.

    `shared_texts` were answered by two or more annotators. With none the fit knows no more than the answers:
    nobody can be weighed. `relabelled`: the classes came out under each other's names and were put back.
    """

    texts: tuple[str, ...]
    posterior: Values
    prevalence: Values
    confusions: Mapping[str, Confusion]
    shared_texts: int
    iterations: int
    converged: bool
    relabelled: bool


def dawid_skene(
    ratings: Ratings,
    classes: int,
    *,
    start: Values | None = None,
    iterations: int = 500,
    tolerance: float = 1e-6,
    seed: int = SEED,
) -> DawidSkene:
    """The posterior of each text's class 0 .. classes - 1, by expectation-maximisation.

    Starts from the share of votes (or from `start`, (texts, classes), such as an earlier posterior) and ends
    when no posterior moves by more than `tolerance`. Class 1 must not come out as class 0: the classes are
    named so that annotators are right as often as can be, because codes that most people got wrong would be
    no codes.
    Source: Dawid and Skene 1979, "Maximum likelihood estimation of observer error-rates using the EM
    algorithm".

    Raises: BadInput when a value is no class, or there are too many classes.
    """
    answers = _answers(ratings, classes)
    posterior = _vote_shares(answers) if start is None else start / start.sum(axis=1, keepdims=True)
    converged, done = False, 0
    while done < iterations and not converged:
        prevalence, rates, _ = _estimate(answers, posterior)
        moved = _posterior(answers, prevalence, rates)
        converged = bool(np.abs(moved - posterior).max(initial=0.0) <= tolerance)
        posterior, done = moved, done + 1
    posterior, relabelled = _named(answers, posterior)
    prevalence, _, expected = _estimate(answers, posterior)
    confusions = _confusions(ratings, expected, classes, seed)
    shared_texts = int((answers_a_text(ratings.values) >= 2).sum())
    return DawidSkene(
        ratings.texts, posterior, prevalence, confusions, shared_texts, done, converged, relabelled
    )


def dawid_skene_per_label(ratings: Mapping[str, Ratings], *, seed: int = SEED) -> dict[str, DawidSkene]:
    """One fit a label, each a binary question of its own: several labels of a text are no classes."""
    return {label: dawid_skene(table, 2, seed=seed) for label, table in ratings.items()}


def _answers(ratings: Ratings, classes: int) -> Values:
    """(texts, annotators, classes), 1 where that annotator gave that answer."""
    if not 2 <= classes <= MOST_CLASSES:
        raise BadInput(f"classes: 2 to {MOST_CLASSES}", field="classes")
    values = ratings.values
    given = values[~np.isnan(values)]
    if not np.isin(given, np.arange(classes)).all():
        raise BadInput(f"answers: a value is none of the {classes} classes", field="answers")
    answers: Values = (values[:, :, None] == np.arange(classes)).astype(np.float64)
    return answers


def _vote_shares(answers: Values) -> Values:
    votes = answers.sum(axis=1)
    total = votes.sum(axis=1, keepdims=True)
    even = np.full_like(votes, 1 / votes.shape[1])
    shares: Values = np.divide(votes, total, out=even, where=total > 0)
    return shares


def _estimate(answers: Values, posterior: Values) -> tuple[Values, Values, Values]:
    """Prevalence (c,), confusions (annotators, c, c) and expected counts of the same shape."""
    classes = posterior.shape[1]
    expected: Values = np.einsum("tc,tak->ack", posterior, answers)
    smoothed = expected + _prior(classes)
    prevalence = posterior.sum(axis=0) + 1
    return prevalence / prevalence.sum(), smoothed / smoothed.sum(axis=2, keepdims=True), expected


def _prior(classes: int) -> Values:
    return np.full((classes, classes), PRIOR_WRONG) + np.eye(classes) * (PRIOR_RIGHT - PRIOR_WRONG)


def _posterior(answers: Values, prevalence: Values, rates: Values) -> Values:
    logs = np.log(prevalence) + np.einsum("tak,ack->tc", answers, np.log(rates))
    likely: Values = np.exp(logs - logs.max(axis=1, keepdims=True))
    found: Values = likely / likely.sum(axis=1, keepdims=True)
    return found


def _named(answers: Values, posterior: Values) -> tuple[Values, bool]:
    """The posterior with its classes in the order in which most answers are right; did that move any?"""
    together = np.einsum("tc,tak->ck", posterior, answers)
    classes = posterior.shape[1]

    def right(order: tuple[int, ...]) -> float:
        return float(sum(together[found, code] for code, found in enumerate(order)))

    straight = tuple(range(classes))
    best = max(permutations(straight), key=lambda order: (right(order), order == straight))
    return (posterior, False) if best == straight else (posterior[:, best], True)


def _confusions(ratings: Ratings, expected: Values, classes: int, seed: int) -> dict[str, Confusion]:
    """Posterior of each row: Dirichlet. Takes the expected counts as if they had been counted."""
    generator = np.random.default_rng(seed)
    found = {}
    for place, annotator in enumerate(ratings.annotators):
        strength = expected[place] + _prior(classes)
        rest = strength.sum(axis=1, keepdims=True) - strength
        drawn = generator.beta(strength, rest, size=(_INTERVAL_DRAWS, classes, classes))
        low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
        found[annotator] = Confusion(
            rates=strength / strength.sum(axis=1, keepdims=True),
            low=low,
            high=high,
            expected=expected[place].sum(axis=1),
            answers=_count(~np.isnan(ratings.values[:, place])),
        )
    return found


def _count(yes: NDArray[np.bool_]) -> int:
    return int(yes.sum())
