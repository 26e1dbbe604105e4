"""What a bundle says of its own scores: where they part, where to look first, where it is not certain."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from model.errors import BundleRefused
from model.taxonomy import HEAD_ORDER

SCHEMA_VERSION = 1
FILE_NAME = "thresholds.json"
POINTS = ("recall_first", "precision_first")
"""The named operating points, the wider one first: no head's second lies below its first."""

BoundWord = Literal["threshold", "recall_first", "precision_first"]
"""A bound that the bundle knows: its plain threshold, or one of `POINTS`."""

_OPTIONAL = {"abstain", "operating_points", "fit"}


@dataclass(frozen=True, slots=True)
class Band:
    """Scores in [low, high), in [0, 1], that say neither "hateful" nor "not hateful"."""

    low: float
    high: float

    def holds(self, score: float) -> bool:
        """Whether the bundle is not certain of a head at this score."""
        return self.low <= score < self.high


@dataclass(frozen=True, slots=True, eq=False)
class Thresholds(Mapping[str, float]):
    """The plain threshold of each head, as a mapping by head; beside it, what newer bundles know too.

    `points` holds by name of `POINTS` a threshold per head; `bands` a band for each head that has one (a
    head without: no band keeps the error bound); `error_at_most` is that bound. `fit` says how each was
    chosen and is for reading only. All four are empty in bundles from before step 2.
    """

    heads: Mapping[str, float]
    points: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    bands: Mapping[str, Band] = field(default_factory=dict)
    error_at_most: float | None = None
    fit: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, plain: Mapping[str, float]) -> Thresholds:
        """The same, with what only newer bundles know left empty where `plain` is no more than a mapping."""
        return plain if isinstance(plain, Thresholds) else cls(plain)

    @classmethod
    def from_json(cls, data: bytes) -> Thresholds:
        """The contents of a bundle's `thresholds.json`; `abstain`, `operating_points`, `fit` may be absent.

        Raises: BundleRefused naming thresholds.json.
        """
        try:
            raw: Any = json.loads(data)
        except (ValueError, RecursionError):
            raise _refused("not JSON") from None
        if not isinstance(raw, dict) or set(raw) - _OPTIONAL != {"schema_version", "heads"}:
            raise _refused("wants schema_version and heads")
        if raw["schema_version"] != SCHEMA_VERSION:
            raise _refused(f"schema_version must be {SCHEMA_VERSION}")
        if not isinstance(raw.get("fit", {}), dict):
            raise _refused("fit must be an object")
        bands, error_at_most = _bands(raw["abstain"]) if "abstain" in raw else ({}, None)
        return cls(
            heads=_by_head(raw["heads"], "heads"),
            points=_points(raw["operating_points"]) if "operating_points" in raw else {},
            bands=bands,
            error_at_most=error_at_most,
            fit=raw.get("fit", {}),
        )

    def bound(self, word: BoundWord, head: str) -> float:
        """The score that the word stands for; the plain threshold where the bundle has no such point."""
        return self.points.get(word, self.heads)[head]

    def __getitem__(self, head: str) -> float:
        return self.heads[head]

    def __iter__(self) -> Iterator[str]:
        return iter(self.heads)

    def __len__(self) -> int:
        return len(self.heads)


def _points(raw: Any) -> dict[str, dict[str, float]]:
    if not isinstance(raw, dict) or set(raw) != set(POINTS):
        raise _refused(f"operating_points must be {', '.join(POINTS)}")
    points = {name: _by_head(raw[name], name) for name in POINTS}
    for head in HEAD_ORDER:
        if points["recall_first"][head] > points["precision_first"][head]:
            raise _refused(f"{head}: recall_first lies above precision_first")
    return points


def _bands(raw: Any) -> tuple[dict[str, Band], float]:
    if not isinstance(raw, dict) or set(raw) != {"error_at_most", "confidence", "heads"}:
        raise _refused("abstain wants error_at_most, confidence and heads")
    error_at_most = _between(raw["error_at_most"], "error_at_most")
    _between(raw["confidence"], "confidence")
    heads = raw["heads"]
    if not isinstance(heads, dict) or set(heads) - set(HEAD_ORDER):
        raise _refused(f"abstain: heads must be among {', '.join(HEAD_ORDER)}")
    bands = {}
    for head in HEAD_ORDER:
        if head not in heads:
            continue
        if not isinstance(heads[head], dict) or set(heads[head]) != {"low", "high"}:
            raise _refused(f"abstain: {head} wants low and high")
        band = Band(_between(heads[head]["low"], head), _between(heads[head]["high"], head))
        if band.low > band.high:
            raise _refused(f"abstain: {head}: low lies above high")
        bands[head] = band
    return bands, error_at_most


def _by_head(raw: Any, name: str) -> dict[str, float]:
    if not isinstance(raw, dict) or set(raw) != set(HEAD_ORDER):
        raise _refused(f"{name} must be {', '.join(HEAD_ORDER)}")
    return {head: _between(raw[head], head) for head in HEAD_ORDER}


def _between(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1:
        raise _refused(f"{name} must be above 0 and below 1")
    return float(value)


def _refused(why: str) -> BundleRefused:
    return BundleRefused(f"{FILE_NAME}: {why}", field=FILE_NAME)
