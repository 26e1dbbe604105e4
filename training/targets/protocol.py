"""What the bench asks of anything that it measures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Target(Protocol):
    """A bundle, a network of somebody else, a scoring endpoint or a file of predictions."""

    @property
    def name(self) -> str:
        """A short name for tables: the bundle's, the folder's, the host's or the file's."""

    @property
    def identity(self) -> str:
        """What was measured: bundle id, SHA-256 of weights or file, address with the model's name."""

    @property
    def heads(self) -> tuple[str, ...]:
        """The heads that it answers for, in HEAD_ORDER; the columns of the others are NaN."""

    @property
    def thresholds(self) -> Mapping[str, float]:
        """From which score in [0, 1] on each of its `heads` says yes."""

    @property
    def unanswered(self) -> Mapping[str, int]:
        """How many different texts asked so far have no scores, by reason: `language`, `missing`, ..."""

    def score(self, texts: Sequence[str], what: str = "posts") -> NDArray[np.float32]:
        """Scores (n, 4) float32 in [0, 1], columns by HEAD_ORDER, NaN where the target gives no answer.

        `what` names the texts on the progress bar. A text is asked once, however often it comes.

        Raises: Unavailable if the target cannot be reached; BadRecord if its answer is of the wrong shape.
        """

    def for_cases(
        self, case_ids: Sequence[str], texts: Sequence[str], what: str = "posts"
    ) -> NDArray[np.float32]:
        """As `score`, for cases of a suite: a file of predictions looks them up by id where it has ids."""

    def answered(self, texts: Sequence[str], what: str = "posts") -> NDArray[np.bool_]:
        """Which texts (n,) have a score of at least one head; scores those that were not asked yet."""
