"""The attempts at what a bundle has to show, side by side: `python -m training.attempts docs/attempts.jsonl`.

A line of the file is one bundle with the gated measures of its own `figures.json`, as its export measured
them. `python -m training.attempts FILE --record FOLDER` adds the bundle in FOLDER.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from pydantic import Field
from rich.console import Console
from rich.table import Table

from model.configuration import FrozenConfig
from model.errors import BadConfig, Fault

STYLES: Final = {"missed": "red", "aim": "green", "holds": ""}


class Reached(FrozenConfig):
    """One measure of one attempt."""

    measure: str
    words: str
    must: float
    value: float | None
    verdict: str


class Attempt(FrozenConfig):
    """One bundle, what was new about it, and what it reached."""

    bundle: str
    note: str = Field(max_length=300)
    reached: tuple[Reached, ...]


def read_attempts(path: Path) -> list[Attempt]:
    """The attempts of a file, in order. Raises: BadConfig naming the line."""
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            found.append(Attempt.model_validate_json(line))
        except ValueError:
            raise BadConfig(f"{path}: line {number} is no attempt") from None
    return found


def attempt_of(folder: Path, note: str) -> Attempt:
    """What the bundle in a folder reached, by its own figures. Raises: BadConfig."""
    try:
        manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_bytes())
        figures: dict[str, Any] = json.loads((folder / "figures.json").read_bytes())
    except (OSError, ValueError):
        raise BadConfig(f"{folder}: no manifest.json and figures.json that can be read") from None
    return Attempt(
        bundle=f"{manifest['name']}-{manifest['manifest_sha256'][:12]}",
        note=note,
        reached=tuple(
            Reached(
                measure=gate["measure"],
                words=gate["words"],
                must=gate["must"],
                value=None if gate["got"] is None else gate["got"]["value"],
                verdict=gate["verdict"],
            )
            for gate in figures["gates"]
        ),
    )


def print_attempts(attempts: Sequence[Attempt], console: Console) -> None:
    """Prints a row for every measure of the newest attempt, and a column for every attempt."""
    table = Table("measure", "must", *(attempt.bundle for attempt in attempts))
    for wanted in attempts[-1].reached:
        cells = []
        for attempt in attempts:
            found = next((one for one in attempt.reached if one.measure == wanted.measure), None)
            if found is None or found.value is None:
                cells.append("-")
            else:
                style = STYLES.get(found.verdict, "")
                cells.append(f"[{style}]{found.value:.3f}[/]" if style else f"{found.value:.3f}")
        table.add_row(wanted.words, f"{wanted.must:.3f}", *cells)
    console.print(table)
    for attempt in attempts:
        held = sum(one.verdict != "missed" for one in attempt.reached)
        console.print(
            f"{attempt.bundle}: {held} of {len(attempt.reached)} hold. {attempt.note}", highlight=False
        )


def main(
    file: Annotated[Path, typer.Argument(help="The file of attempts.")],
    record: Annotated[Path | None, typer.Option(help="Folder of a bundle to add.")] = None,
    note: Annotated[str, typer.Option(help="What was new about it.")] = "",
) -> None:
    """Print the attempts of a file, or add one."""
    if record is not None:
        line = attempt_of(record, note).model_dump_json()
        with file.open("a", encoding="utf-8") as out:
            out.write(line + "\n")
    print_attempts(read_attempts(file), Console())


if __name__ == "__main__":
    try:
        typer.run(main)
    except Fault as fault:
        sys.stderr.write(f"{fault.message}\n")
        raise SystemExit(2) from None
