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
DEFAULT_RATIONALE_THRESHOLD = 0.5
"""Where `calibration.json` names none: the calibrated probability from which a word counts as a reason."""

_OPTIONAL = {"speech_act", "rationale", "calibrated_to"}


@dataclass(frozen=True, slots=True)
class Calibration:
    """`p = sigmoid(slope * logit + intercept)` for each head, in `HEAD_ORDER`.

    Source: Platt 1999, "Probabilistic outputs for support vector machines"; the slopes and
    intercepts are fitted on dev by training and stand in the bundle's `calibration.json`.
    """

    slopes: tuple[float, ...]
    intercepts: tuple[float, ...]
    speech_act_temperature: float = 1.0
    """Divides the speech act's logits before the softmax. Source: Guo et al. 2017, temperature scaling."""
    rationale_slope: float = 1.0
    rationale_intercept: float = 0.0
    rationale_threshold: float = DEFAULT_RATIONALE_THRESHOLD

    @classmethod
    def from_json(cls, data: bytes) -> Calibration:
        """The calibration of a bundle, every number finite, every slope and temperature above zero.

        `speech_act` ({"temperature"}) and `rationale` ({"slope", "intercept", "threshold"}) may be absent:
        then their logits are taken as they are. So may the threshold: then it is 0.5. `calibrated_to` says
        which posts, and what share of them hateful, the probabilities hold for; nothing is computed from it.

        A slope of zero or less would turn the order of posts round, which no calibration may do.

        Raises: BundleRefused naming calibration.json.
        """
        try:
            raw: Any = json.loads(data)
        except (ValueError, RecursionError):
            raise BundleRefused(f"{FILE_NAME}: not JSON", field=FILE_NAME) from None
        if not isinstance(raw, dict) or set(raw) - _OPTIONAL != {"schema_version", "method", "heads"}:
            raise BundleRefused(f"{FILE_NAME}: wants schema_version, method and heads", field=FILE_NAME)
        if raw["schema_version"] != SCHEMA_VERSION or raw["method"] != "platt":
            raise BundleRefused(f"{FILE_NAME}: unknown schema_version or method", field=FILE_NAME)
        if not isinstance(raw.get("calibrated_to", {}), dict):
            raise BundleRefused(f"{FILE_NAME}: calibrated_to must be an object", field=FILE_NAME)
        heads = raw["heads"]
        if not isinstance(heads, dict) or set(heads) != set(HEAD_ORDER):
            raise BundleRefused(f"{FILE_NAME}: heads must be {', '.join(HEAD_ORDER)}", field=FILE_NAME)
        slopes = tuple(_number(heads[head], "slope", head) for head in HEAD_ORDER)
        intercepts = tuple(_number(heads[head], "intercept", head) for head in HEAD_ORDER)
        for head, slope in zip(HEAD_ORDER, slopes, strict=True):
            if slope <= 0:
                raise BundleRefused(f"{FILE_NAME}: {head}: slope must be above zero", field=FILE_NAME)
        further = {}
        if "speech_act" in raw:
            further["speech_act_temperature"] = _above_zero(raw["speech_act"], "temperature", "speech_act")
        if "rationale" in raw:
            further["rationale_slope"] = _above_zero(raw["rationale"], "slope", "rationale")
            further["rationale_intercept"] = _number(raw["rationale"], "intercept", "rationale")
            if "threshold" in raw["rationale"]:
                further["rationale_threshold"] = _probability(raw["rationale"], "threshold", "rationale")
        return cls(slopes, intercepts, **further)

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
        return _sigmoid(scaled)

    def apply_to_speech_act(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities (b, 5) float32, each row summing to 1, for speech act logits (b, 5) float32."""
        scaled = logits.astype(np.float64) / self.speech_act_temperature
        powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True), dtype=np.float32)

    def apply_to_rationale(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities (s,) float32 in [0, 1] for a text's token rationale logits (s,) float32."""
        return _sigmoid(logits.astype(np.float64) * self.rationale_slope + self.rationale_intercept)


def _sigmoid(scaled: NDArray[np.float64]) -> NDArray[np.float32]:
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * scaled)), dtype=np.float32)


def _above_zero(member: Any, name: str, head: str) -> float:
    value = _number(member, name, head)
    if value < 1e-6:  # less would overflow what it divides
        raise BundleRefused(f"{FILE_NAME}: {head}: {name} must be at least 0.000001", field=FILE_NAME)
    return value


def _probability(member: Any, name: str, head: str) -> float:
    value = _number(member, name, head)
    if not 0 < value < 1:
        raise BundleRefused(f"{FILE_NAME}: {head}: {name} must be above 0 and below 1", field=FILE_NAME)
    return value


def _number(member: Any, name: str, head: str) -> float:
    value = member.get(name) if isinstance(member, dict) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= 1e6:
        raise BundleRefused(f"{FILE_NAME}: {head}: {name} must be a finite number", field=FILE_NAME)
    return float(value)
