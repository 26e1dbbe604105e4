"""Each text scored once: suites, swaps and perturbed copies share many texts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from model.classifier import Classifier
from model.taxonomy import HEAD_ORDER

CHUNK_POSTS = 500


class Scorer:
    """Gives the scores of texts through a classifier, remembering every text it has scored."""

    def __init__(self, classifier: Classifier) -> None:
        self.classifier = classifier
        self._known: dict[str, NDArray[np.float32]] = {}

    def __call__(self, texts: Sequence[str], what: str = "posts") -> NDArray[np.float32]:
        """Calibrated scores (n, 4) float32 in input order. Raises: BadInput."""
        fresh = [text for text in dict.fromkeys(texts) if text not in self._known]
        if fresh:
            self._known.update(zip(fresh, score_posts(self.classifier, fresh, what), strict=True))
        if not texts:
            return np.zeros((0, len(HEAD_ORDER)), dtype=np.float32)
        return np.stack([self._known[text] for text in texts])


def score_posts(classifier: Classifier, texts: Sequence[str], what: str) -> NDArray[np.float32]:
    """Calibrated scores (n, 4) float32.

    A text that the classifier refuses is a fault of the data and ends the measurement: counting it as
    "not hateful" would flatter. Raises: BadInput.
    """
    found = np.zeros((len(texts), len(HEAD_ORDER)), dtype=np.float32)
    console = Console(stderr=True)
    starts = track(
        range(0, len(texts), CHUNK_POSTS),
        description=f"scoring {what}",
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    for start in starts:
        chunk = texts[start : start + CHUNK_POSTS]
        found[start : start + len(chunk)] = classifier.score(chunk).values
    return found
