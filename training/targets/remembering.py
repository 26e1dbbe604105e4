"""What all targets share: each text is asked once, with a progress bar, and the unanswered are counted."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.markup import escape
from rich.progress import track

from model.taxonomy import HEAD_ORDER

Answer = Mapping[str, float] | str
"""A text's scores by head; or in a word why it has none."""

LANGUAGE = "language"
"""The target says that it does not read the text's language."""

NOT_SCORED = "not_scored"
"""The target answers, and says that it has not scored the text."""


class RememberingTarget(ABC):
    """A target that asks for every text once, however often it comes: suites and swaps share many texts."""

    def __init__(
        self, name: str, identity: str, heads: Sequence[str], thresholds: Mapping[str, float]
    ) -> None:
        self._name = name
        self._identity = identity
        self._heads = tuple(head for head in HEAD_ORDER if head in heads)
        self._thresholds = thresholds
        self._known: dict[str, NDArray[np.float32]] = {}
        self._reasons: dict[str, str] = {}

    @property
    def name(self) -> str:
        """A short name for tables."""
        return self._name

    @property
    def identity(self) -> str:
        """What was measured, so that it can be found again."""
        return self._identity

    @property
    def heads(self) -> tuple[str, ...]:
        """The heads that it answers for, in HEAD_ORDER."""
        return self._heads

    @property
    def thresholds(self) -> Mapping[str, float]:
        """From which score in [0, 1] on each of its `heads` says yes."""
        return self._thresholds

    @property
    def unanswered(self) -> Mapping[str, int]:
        """How many different texts asked so far have no scores, by reason."""
        return dict(Counter(self._reasons.values()))

    def score(self, texts: Sequence[str], what: str = "posts") -> NDArray[np.float32]:
        """Scores (n, 4) float32 by HEAD_ORDER, NaN where there is no answer. Raises: as `Target.score`.

        What was answered before a failure is remembered: asked again, only the rest is.
        """
        fresh = [text for text in dict.fromkeys(texts) if text not in self._known]
        if fresh:
            console = Console(stderr=True)
            answers = track(
                self._ask(fresh),
                total=len(fresh),
                description=escape(f"{self._name}: {what}"),
                console=console,
                transient=True,
                disable=not console.is_terminal,
            )
            for text, answer in zip(fresh, answers, strict=True):
                self._known[text] = self._row(text, answer)
        if not texts:
            return np.zeros((0, len(HEAD_ORDER)), dtype=np.float32)
        return np.stack([self._known[text] for text in texts])

    def for_cases(
        self, case_ids: Sequence[str], texts: Sequence[str], what: str = "posts"
    ) -> NDArray[np.float32]:
        """As `score`: what scores texts needs no ids. Raises: ValueError if they are not as many."""
        if len(case_ids) != len(texts):
            raise ValueError("as many case ids as texts are wanted")
        return self.score(texts, what)

    def answered(self, texts: Sequence[str], what: str = "posts") -> NDArray[np.bool_]:
        """Which texts (n,) have a score of at least one head. Raises: as `score`."""
        return np.asarray(np.isfinite(self.score(texts, what)).any(axis=1), dtype=np.bool_)

    @abstractmethod
    def _ask(self, texts: Sequence[str]) -> Iterator[Answer]:
        """The answers for different texts, in order, as they come."""

    def _row(self, text: str, answer: Answer) -> NDArray[np.float32]:
        """(4,) float32 of one text's answer; if it has no scores, the reason is kept."""
        row = np.full(len(HEAD_ORDER), np.nan, dtype=np.float32)
        if isinstance(answer, str):
            self._reasons[text] = answer
            return row
        for head, value in answer.items():
            row[HEAD_ORDER.index(head)] = value
        return row
