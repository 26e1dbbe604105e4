"""What any classifier promises: texts in, calibrated scores out, in `HEAD_ORDER`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from model.taxonomy import HEAD_ORDER

Span = tuple[int, int]
"""[start, end) in code points of the raw text."""


@dataclass(frozen=True, slots=True)
class Scores:
    """Calibrated probabilities for a batch of texts, and the bundle that gave them.

    `values` is (b, 4) float32 in [0, 1], columns in `HEAD_ORDER`. `windows`, where the classifier reads
    long texts in windows, holds for each text None, or the raw [start, end) in code points of the window
    that decided `hate`; empty means that no text had more than one window. `cut` holds the places of the
    texts that were too long to be read whole: a low score of one says nothing of the rest of it.
    """

    values: NDArray[np.float32]
    bundle_id: str
    windows: tuple[Span | None, ...] = ()
    cut: frozenset[int] = frozenset()

    def row(self, index: int) -> dict[str, float]:
        """One text's scores by head, rounded to four decimals (int8 noise is larger than that)."""
        return {
            head: round(float(value), 4) for head, value in zip(HEAD_ORDER, self.values[index], strict=True)
        }

    def window(self, index: int) -> Span | None:
        """The raw [start, end) that decided one text's `hate`; None if it was read in one piece."""
        return self.windows[index] if self.windows else None


@dataclass(frozen=True, slots=True)
class Annotation:
    """All that the network says of one text.

    `logits` is (4,) float32 by HEAD_ORDER, the largest over the text's windows. `speech_act` is (5,)
    float32 probabilities by SPEECH_ACT_ORDER, read in the window that decided `hate`. `token_rationales`
    holds each token's raw [start, end) in code points and its probability of being part of the reason,
    in order of the text. Both are None where the bundle has no such output. `window` is the raw
    [start, end) of the deciding window, None if the text was read in one piece.
    """

    logits: NDArray[np.float32]
    speech_act: NDArray[np.float32] | None
    token_rationales: list[tuple[int, int, float]] | None
    window: Span | None


class Classifier(Protocol):
    """Scores texts. Implementations are safe to call from several threads."""

    @property
    def bundle_id(self) -> str:
        """The id that stands beside every score this classifier gives."""

    @property
    def thresholds(self) -> Mapping[str, float]:
        """The bundle's own threshold of each head, chosen on dev; policy may refer to them.

        A `model.thresholds.Thresholds` where the bundle has operating points and bands besides.
        """

    @property
    def languages(self) -> tuple[str, ...]:
        """ISO 639 codes of the languages that the bundle reads; `*` among them means any."""

    def score(self, texts: Sequence[str]) -> Scores:
        """Scores in input order. Raises: NotText, TextEmpty, TextTooLong for the first bad text."""


@runtime_checkable
class CountsWindows(Protocol):
    """A classifier that reads long texts in windows, and can tell how many before it does."""

    def count_fitting(self, texts: Sequence[str], most_windows: int) -> int:
        """How many of the texts, from the first on, are together no more than `most_windows` windows."""


def load_classifier(folder: Path | None = None, *, threads: int | None = None) -> Classifier:
    """The classifier of a bundle folder (default: the bundle that ships), verified before use.

    Raises: BundleRefused naming the file at fault.
    """
    # Here, not at the top: onnxruntime takes a quarter second that callers of `Scores` need not pay.
    from model.bundle import Bundle, default_bundle_folder
    from model.onnx_classifier import OnnxClassifier

    return OnnxClassifier(Bundle.load(folder or default_bundle_folder()), threads=threads)
