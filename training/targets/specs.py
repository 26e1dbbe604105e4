"""What stands behind the `?` of a target's spec: names at the target by head, thresholds, and the like."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from model.errors import BadConfig
from model.taxonomy import HEAD_ORDER

THRESHOLD = "threshold."


@dataclass(frozen=True, slots=True)
class SpecOptions:
    """`?hate=LABEL_1,LABEL_2&threshold.hate=0.6&model=NAME`, read.

    `names` holds by head what the target calls it: labels, attributes, categories or columns.
    `thresholds` are in [0, 1]. `further` are the other parameters that this kind of target knows.
    """

    names: Mapping[str, tuple[str, ...]]
    thresholds: Mapping[str, float]
    further: Mapping[str, str]


def read_options(query: str, further: Collection[str] = ()) -> SpecOptions:
    """The options of a spec; `further` are the parameters that it may have besides heads and thresholds.

    Raises: BadConfig naming the parameter, never its value: somebody may have put a key there.

    >>> read_options("hate=TOXICITY&threshold.hate=0.7").names
    {'hate': ('TOXICITY',)}
    """
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True) if query else []
    except ValueError:
        raise BadConfig(
            "target: what stands behind ? must be NAME=VALUE&NAME=VALUE", field="target"
        ) from None
    if len({name for name, _ in pairs}) != len(pairs):
        raise BadConfig("target: a parameter stands twice behind ?", field="target")
    names: dict[str, tuple[str, ...]] = {}
    thresholds: dict[str, float] = {}
    others: dict[str, str] = {}
    for name, value in pairs:
        if name.startswith(THRESHOLD) and name.removeprefix(THRESHOLD) in HEAD_ORDER:
            thresholds[name.removeprefix(THRESHOLD)] = _threshold(name, value)
        elif name in HEAD_ORDER:
            names[name] = tuple(part.strip() for part in value.split(","))
        elif name in further:
            others[name] = value
        else:
            known = [*HEAD_ORDER, *(THRESHOLD + head for head in HEAD_ORDER), *further]
            shown = f"{name!r}" if name.isidentifier() and len(name) <= 20 else "a parameter behind ?"
            raise BadConfig(f"target: {shown} is not one of {', '.join(known)}", field="target")
        if not value.strip():
            raise BadConfig(f"target: {name} has no value", field="target")
    return SpecOptions(names, thresholds, others)


def _threshold(name: str, value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1:
        raise BadConfig(f"target: {name} must be a number from 0 to 1", field="target")
    return number
