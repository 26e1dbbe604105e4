"""Results of a simulation as a JSONL file: the first row says what was run, the others what was found."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from model.errors import BadConfig

SCHEMA_VERSION = 1


def write_results(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Writes the rows, one a line."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def kept_rows(
    folder: Path | None, name: str, make: Callable[[], list[dict[str, Any]]]
) -> list[dict[str, Any]]:
    """The rows that `make` gives, from a file of `folder` if they were made before a stop.

    The folder has to be of one plan, one data folder and one version of what is simulated. None keeps
    nothing.
    """
    if folder is None:
        return make()
    path = folder / f"{name}.json"
    if path.is_file():
        found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
        return found
    rows = make()
    folder.mkdir(parents=True, exist_ok=True)
    # Whole or not at all: a stop in the middle leaves a file that nobody reads.
    unfinished = path.with_suffix(".part")
    unfinished.write_text(json.dumps(rows), encoding="utf-8")
    unfinished.replace(path)
    return rows


def read_results(path: Path) -> list[dict[str, Any]]:
    """The rows of a file that `write_results` wrote. Raises: BadConfig if it is no such file."""
    try:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError):
        raise BadConfig(f"{path}: cannot be read as results of a simulation") from None
    first = rows[0] if rows else None
    if (
        not isinstance(first, dict)
        or first.get("schema_version") != SCHEMA_VERSION
        or "simulation" not in first
    ):
        raise BadConfig(f"{path}: not results of a simulation, or of another version")
    return rows
