"""`watchhouse suite ...`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

suite = typer.Typer(help="Our own functional suites: build and lint them.", no_args_is_help=True)


@suite.command("build")
def build_suites(
    out: Annotated[Path, typer.Option(help="Folder to write a CSV file for each suite into.")],
    files: Annotated[
        list[Path] | None, typer.Argument(help="Suite YAML; default: all of configs/suites.")
    ] = None,
) -> None:
    """Expand suites into CSV files of HateCheck's shape."""
    from training.suites.command import build

    for path in build(files or [], out):
        typer.echo(path)


@suite.command("lint")
def lint_suites(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Suite YAML; default: all of configs/suites.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Data folder: compare with its corpora too (a few minutes).")
    ] = None,
) -> None:
    """Check suites: shape, sizes, clauses, repeated texts, training data. Exit status 1 on any error."""
    from training.suites.command import lint

    raise typer.Exit(0 if lint(files or [], data) else 1)
