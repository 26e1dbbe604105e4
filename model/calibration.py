"""Turns the network's logits into probabilities that mean what they say: one Platt line per head."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.errors import BundleRefused
from model.taxonomy import HEAD_ORDER

SCHEMA_VERSION = 1
FILE_NAME = "calibration.json"


@dataclass(frozen=True, slots=True)
class Calibration:
    """`p = sigmoid(slope * logit + intercept)` for each head, in `HEAD_ORDER`.

    Source: Platt 1999, "Probabilistic outputs for support vector machines"; the slopes and
    intercepts are fitted on dev by training and stand in the bundle's `calibration.json`.
    """

    slopes: tuple[float, ...]
    intercepts: tuple[float, ...]

    @classmethod
    def from_json(cls, data: bytes) -> Calibration:
        """The calibration of a bundle, every number finite and every slope above zero.

        A slope of zero or less would turn the order of posts round, which no calibration may do.

        Raises: BundleRefused naming calibration.json.
        """
        try:
            raw: Any = json.loads(data)
        except (ValueError, RecursionError):
            raise BundleRefused(f"{FILE_NAME}: not JSON", field=FILE_NAME) from None
        if not isinstance(raw, dict) or set(raw) != {"schema_version", "method", "heads"}:
            raise BundleRefused(f"{FILE_NAME}: wants schema_version, method and heads", field=FILE_NAME)
        if raw["schema_version"] != SCHEMA_VERSION or raw["method"] != "platt":
            raise BundleRefused(f"{FILE_NAME}: unknown schema_version or method", field=FILE_NAME)
        heads = raw["heads"]
        if not isinstance(heads, dict) or set(heads) != set(HEAD_ORDER):
            raise BundleRefused(f"{FILE_NAME}: heads must be {', '.join(HEAD_ORDER)}", field=FILE_NAME)
        slopes = tuple(_number(heads[head], "slope", head) for head in HEAD_ORDER)
        intercepts = tuple(_number(heads[head], "intercept", head) for head in HEAD_ORDER)
        for head, slope in zip(HEAD_ORDER, slopes, strict=True):
            if slope <= 0:
                raise BundleRefused(f"{FILE_NAME}: {head}: slope must be above zero", field=FILE_NAME)
        return cls(slopes, intercepts)

    def apply(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities (b, 4) float32 in [0, 1] for logits (b, 4) float32.

        Computed in float64 as `0.5 * (1 + tanh(z / 2))`, which is the same sigmoid and cannot
        overflow; an infinite logit gives exactly 0 or 1.

        >>> one = Calibration((1.0,) * 4, (0.0,) * 4)
        >>> one.apply(np.array([[0.0, 1000.0, -1000.0, 0.0]], dtype=np.float32)).tolist()
        [[0.5, 1.0, 0.0, 0.5]]
        """
        slopes = np.asarray(self.slopes, dtype=np.float64)
        intercepts = np.asarray(self.intercepts, dtype=np.float64)
        scaled = logits.astype(np.float64) * slopes + intercepts
        probabilities = 0.5 * (1.0 + np.tanh(0.5 * scaled))
        return np.asarray(probabilities, dtype=np.float32)


def _number(member: Any, name: str, head: str) -> float:
    value = member.get(name) if isinstance(member, dict) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= 1e6:
        raise BundleRefused(f"{FILE_NAME}: {head}: {name} must be a finite number", field=FILE_NAME)
    return float(value)
