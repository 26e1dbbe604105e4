"""What new labels would do to the gold set, by a baseline that is trained twice: without them and with them.

A baseline, because it answers in a minute: labels that turn it the wrong way turn a bundle the same way.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, vstack
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score

from model.errors import BadInput
from model.normalise import normalise_text
from model.records import LabelledPost
from model.taxonomy import HEAD_ORDER
from training.corpora.mixture import build_mixture
from training.corpora.overlap import text_key
from training.corpora.pack import NOT_ANNOTATED, read_manifest
from training.gate.gold import read_gold
from training.recipe import Recipe

POSTS_AT_MOST: Final = 60_000
"""Of the corpora, drawn with a fixed seed: more of them change the baseline little and take minutes."""

SEED: Final = 20261123
LEAST_POSITIVES: Final = 10
"""Gold posts of a head below which its F1 is chance."""

Labels = NDArray[np.int8]


class GoldDrift:
    """Measures labels against gold posts; the corpora are read once. Call it with the posts that would train.

    Raises: BadInput if no head of the gold set has enough posts of either kind; BadConfig, BadRecord as
    reading the folder and the gold files does.
    """

    def __init__(self, data: Path, gold: Sequence[Path], recipe: Recipe) -> None:
        texts, self._labels, _ = read_gold(gold)
        # What people wrote is enough; made posts take minutes to make.
        self._recipe = recipe.model_copy(update={"contrast": None})
        self._heads = [head for head in range(len(HEAD_ORDER)) if _is_measured(self._labels[:, head])]
        if not self._heads:
            raise BadInput(f"gold: no head has {LEAST_POSITIVES} posts of either kind", field="gold")
        self._gold = {text_key(normalise_text(text)) for text in texts}
        mixture = build_mixture(self._recipe, data, drop_near_duplicates=False)
        kept = [post for post in mixture.train if text_key(post.text) not in self._gold]
        if len(kept) > POSTS_AT_MOST:
            kept = random.Random(SEED).sample(kept, POSTS_AT_MOST)  # noqa: S311 - a sample, not a secret
        self._vectors = HashingVectorizer(ngram_range=(1, 2), n_features=2**18, alternate_sign=False)
        self._known = self._matrix([post.text for post in kept])
        self._known_labels = _table([post.labels for post in kept])
        self._gold_rows = self._matrix([normalise_text(text) for text in texts])

    def __call__(self, posts: Sequence[LabelledPost]) -> tuple[float, float, int]:
        """F1 without the posts and with them, as means over the heads of the gold set, and its size."""
        new = [post for post in posts if text_key(normalise_text(post.text)) not in self._gold]
        rows = _table([[_label(post, head) for head in HEAD_ORDER] for post in new])
        times = max(1, self._recipe.labels_repeat)
        added = self._matrix([normalise_text(post.text) for post in new])
        together = vstack([self._known, *[added] * times]).tocsr()
        labels = np.concatenate([self._known_labels, *[rows] * times])
        before = self._f1(self._known, self._known_labels)
        after = self._f1(together, labels)
        return before, after, len(self._labels)

    def _matrix(self, texts: Sequence[str]) -> csr_matrix:
        return self._vectors.transform(texts) if texts else csr_matrix((0, 2**18))

    def _f1(self, rows: csr_matrix, labels: Labels) -> float:
        found = []
        for head in self._heads:
            answered = np.flatnonzero(labels[:, head] != NOT_ANNOTATED)
            asked = np.flatnonzero(self._labels[:, head] != NOT_ANNOTATED)
            model = LogisticRegression(C=5, solver="liblinear", random_state=SEED)
            model.fit(rows[answered], labels[answered, head])
            said = model.predict(self._gold_rows[asked])
            found.append(float(f1_score(self._labels[asked, head], said, zero_division=0.0)))
        return float(np.mean(found))


def posts_beside(data: Path) -> int:
    """How many posts the corpora of a data folder bring to a training set, at least: rows of `train/`.

    Raises: BadConfig if there is no manifest.
    """
    import pyarrow.parquet as parquet

    files = [corpus.path for corpus in read_manifest(data).values() if corpus.group == "train"]
    return sum(parquet.read_metadata(path).num_rows for path in files)


def _is_measured(labels: Labels) -> bool:
    return bool(min((labels == 1).sum(), (labels == 0).sum()) >= LEAST_POSITIVES)


def _table(rows: Sequence[Sequence[int]]) -> Labels:
    return np.asarray(rows, dtype=np.int8).reshape(len(rows), len(HEAD_ORDER))


def _label(post: LabelledPost, head: str) -> int:
    answer: int | None = getattr(post, head)
    return NOT_ANNOTATED if answer is None else answer
