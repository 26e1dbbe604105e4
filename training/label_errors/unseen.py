"""Scores of posts by a model that has not seen their labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_union

from model.classifier import load_classifier
from model.taxonomy import HEAD_ORDER
from training.label_errors.votes import NO_LABEL, Votes

FOLDS = 5
LEAST_A_CLASS = 20
"""Fewer posts with a label of either kind, and a model learns nothing that could contradict people."""

BATCH = 256


@dataclass(frozen=True, slots=True)
class HeadScores:
    """The probability of 1 for each post, (n,), and how well it orders the labels as they stand (ROC-AUC)."""

    values: NDArray[np.float64]
    auc: float


class Baseline:
    """Word and letter n-grams and a logistic regression: a minute for tens of thousands of posts.

    Each post is scored by a model trained on the other folds. Near-duplicates of a post are always in its
    own fold: else its label would come back to it by its repeat. The vocabulary knows all texts, which holds
    no label.
    """

    out_of_fold = True

    def __init__(self, normalised: Sequence[str], families: NDArray[np.int64], *, seed: int) -> None:
        words = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
        letters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), min_df=3, sublinear_tf=True)
        self._features = make_union(words, letters).fit_transform(normalised)
        self._families = families
        self._seed = seed

    @property
    def name(self) -> str:
        """What the summary calls it."""
        return "tf-idf and logistic regression"

    def scores(self, votes: Votes) -> HeadScores | None:
        """The scores of one head; None where there is too little of either label."""
        labelled = np.flatnonzero(votes.given != NO_LABEL)
        labels = votes.given[labelled]
        if min((labels == 1).sum(), (labels == 0).sum()) < LEAST_A_CLASS:
            return None
        values = np.full(len(votes.given), np.nan)
        folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=self._seed)
        for train, held in folds.split(labelled, labels, self._families[labelled]):
            if len(set(labels[train])) < 2:
                return None
            values[labelled[held]] = self._fitted(labelled[train], labels[train], labelled[held])
        tied = np.flatnonzero(votes.given == NO_LABEL)
        if len(tied):
            values[tied] = self._fitted(labelled, labels, tied)
        return HeadScores(values, float(roc_auc_score(labels, values[labelled])))

    def _fitted(
        self, train: NDArray[np.int64], labels: NDArray[np.int64], asked: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        model = LogisticRegression(C=5, solver="liblinear", random_state=self._seed)
        model.fit(self._features[train], labels)
        found: NDArray[np.float64] = model.predict_proba(self._features[asked])[:, 1]
        return found


class BundleScores:
    """The scores of a bundle. One that was trained with these labels agrees with their errors."""

    out_of_fold = False

    def __init__(self, texts: Sequence[str], folder: Path) -> None:
        classifier = load_classifier(folder)
        rows = [
            classifier.score(texts[start : start + BATCH]).values for start in range(0, len(texts), BATCH)
        ]
        self._values = np.concatenate(rows).astype(np.float64)
        self.name = classifier.bundle_id

    def scores(self, votes: Votes) -> HeadScores | None:
        """The scores of one head; None where there is too little of either label."""
        labels = votes.given[votes.given != NO_LABEL]
        if min((labels == 1).sum(), (labels == 0).sum()) < LEAST_A_CLASS:
            return None
        values = self._values[:, HEAD_ORDER.index(votes.head)]
        return HeadScores(values, float(roc_auc_score(labels, values[votes.given != NO_LABEL])))
