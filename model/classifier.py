"""What any classifier promises: texts in, calibrated scores out, in `HEAD_ORDER`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from model.taxonomy import HEAD_ORDER


@dataclass(frozen=True, slots=True)
class Scores:
    """Calibrated probabilities for a batch of texts, and the bundle that gave them.

    `values` is (b, 4) float32 in [0, 1], columns in `HEAD_ORDER`.
    """

    values: NDArray[np.float32]
    bundle_id: str

    def row(self, index: int) -> dict[str, float]:
        """One text's scores by head, rounded to four decimals (int8 noise is larger than that)."""
        return {
            head: round(float(value), 4) for head, value in zip(HEAD_ORDER, self.values[index], strict=True)
        }


class Classifier(Protocol):
    """Scores texts. Implementations are safe to call from several threads."""

    @property
    def bundle_id(self) -> str:
        """The id that stands beside every score this classifier gives."""

    @property
    def thresholds(self) -> dict[str, float]:
        """The bundle's own threshold of each head, chosen on dev; policy may refer to them."""

    def score(self, texts: Sequence[str]) -> Scores:
        """Scores in input order. Raises: NotText, TextEmpty, TextTooLong for the first bad text."""


def load_classifier(folder: Path | None = None, *, threads: int | None = None) -> Classifier:
    """The classifier of a bundle folder (default: the bundle that ships), verified before use.

    Raises: BundleRefused naming the file at fault.
    """
    # Here, not at the top: onnxruntime takes a quarter second that callers of `Scores` need not pay.
    from model.bundle import Bundle, default_bundle_folder
    from model.onnx_classifier import OnnxClassifier

    return OnnxClassifier(Bundle.load(folder or default_bundle_folder()), threads=threads)
