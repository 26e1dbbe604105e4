"""Fields of an endpoint's answer, each checked as it is read: a wrong one is named, its value never told."""

from __future__ import annotations

import re
from typing import Any

from model.errors import BadRecord

_PLAIN = re.compile(r"[A-Za-z0-9][\w.:/@+-]{0,199}", re.ASCII)
Step = str | int


def wrong(path: tuple[Step, ...], why: str) -> BadRecord:
    """The fault of one field: `answer: results.0.scores.hate: must be ...`."""
    shown = ".".join(map(str, path)) or "body"
    return BadRecord(f"answer: {shown}: {why}", field=shown)


def at(answer: Any, *path: Step) -> Any:
    """The value at `path`: keys of objects, places in lists. Raises: BadRecord naming what is missing."""
    value = answer
    for depth, step in enumerate(path):
        if isinstance(step, int):
            if not isinstance(value, list):
                raise wrong(path[:depth], "must be a list")
            if step >= len(value):
                raise wrong(path[: depth + 1], "missing")
        elif not isinstance(value, dict):
            raise wrong(path[:depth], "must be an object")
        elif step not in value:
            raise wrong(path[: depth + 1], "missing")
        value = value[step]
    return value


def share(answer: Any, *path: Step) -> float:
    """The number from 0 to 1 at `path`. Raises: BadRecord."""
    value = at(answer, *path)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise wrong(path, "must be a number from 0 to 1")
    return float(value)


def whole(answer: Any, *path: Step, most: int) -> int:
    """The whole number from 0 to `most` at `path`. Raises: BadRecord."""
    value = at(answer, *path)
    if type(value) is not int or not 0 <= value <= most:
        raise wrong(path, f"must be a whole number from 0 to {most}")
    return value


def plain(answer: Any, *path: Step) -> str:
    """The name or code at `path`: short, no blanks, fit to be printed. Raises: BadRecord."""
    value = at(answer, *path)
    if not isinstance(value, str) or not _PLAIN.fullmatch(value):
        raise wrong(path, "must be a name of at most 200 plain characters")
    return value


def rows(answer: Any, *path: Step, count: int) -> list[Any]:
    """The list of `count` entries at `path`. Raises: BadRecord."""
    value = at(answer, *path)
    if not isinstance(value, list) or len(value) != count:
        raise wrong(path, f"must be a list of {count}, one for each post of the request")
    return value
