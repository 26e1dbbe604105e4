"""The fast baseline: a logistic regression a head on fixed vectors, warm-started and then held to its
start."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression

from training.corpora.pack import NOT_ANNOTATED
from training.simulation.streams import Labels
from training.simulation.vectors import Vectors

Floats = NDArray[np.float64]

LEAST_POSITIVES = 20
"""Positive posts that a head needs for a warm start. Source: LABELLING.md section 5.5 (Label Sleuth: 20)."""

STEPS = 60


@dataclass(frozen=True, slots=True)
class Line:
    """A head's regression: `slope` (d,) and `bias`, as one row of d + 1 numbers, the bias last."""

    row: Floats

    def chances(self, vectors: Vectors) -> Floats:
        """The head's chance (n,) for each post."""
        found: Floats = 1 / (1 + np.exp(-(vectors @ self.row[:-1].astype(np.float32) + self.row[-1])))
        return found.astype(np.float64)


def warm_start(vectors: Vectors, labels: Labels, inverse_penalty: float) -> tuple[Line | None, ...]:
    """A regression for each head (h), on the posts (n, d) that have a label for it; None with too few."""
    found: list[Line | None] = []
    for column in labels.T:
        known = column != NOT_ANNOTATED
        if (column == 1).sum() < LEAST_POSITIVES or not (column == 0).any():
            found.append(None)
            continue
        model = LogisticRegression(C=inverse_penalty, tol=1e-3, max_iter=1000).fit(
            vectors[known], column[known]
        )
        found.append(Line(np.append(model.coef_[0], model.intercept_[0]).astype(np.float64)))
    return tuple(found)


def adapted(
    vectors: Vectors, positive: NDArray[np.bool_], start: Line, penalty: float, begin: Line | None = None
) -> Line:
    """The regression of the labelled posts (n, d), pulled towards `start` instead of towards nothing.

    The sum of the posts' log losses and of penalty / 2 times the squared distance from the start. `begin` is
    where the search begins: it changes the time and not the answer. Source: Chelba and Acero 2006, Computer
    Speech and Language 20:382 (adaptation of a maximum entropy model with a prior at the model before).
    """
    sign = np.where(positive, 1.0, -1.0)
    inputs = vectors.astype(np.float64)

    def loss(row: Floats) -> tuple[float, Floats]:
        margin = sign * (inputs @ row[:-1] + row[-1])
        away = row - start.row
        slope = -sign / (1 + np.exp(margin))
        gradient = np.append(inputs.T @ slope, slope.sum()) + penalty * away
        return float(np.logaddexp(0, -margin).sum() + penalty / 2 * away @ away), gradient

    first = (begin or start).row
    found = minimize(loss, first, jac=True, method="L-BFGS-B", options={"maxiter": STEPS})
    return Line(np.asarray(found.x, dtype=np.float64))
