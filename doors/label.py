"""`watchhouse label ...`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

label = typer.Typer(help="Labelling tasks in, labels out.", no_args_is_help=True)

Home = Annotated[Path, typer.Option("--home", help="The hub's folder: its database and hub.yaml.")]


@label.command("add-tasks")
def add_tasks(
    batch: Annotated[str, typer.Option(help="Name of the batch.")],
    source: Annotated[str, typer.Option(help="'cases', or a .jsonl or .csv file with id and text.")],
    home: Home = Path("hub"),
) -> None:
    """Make labelling tasks from decided cases or from a file."""
    from labelling.command import add_tasks as add

    raise typer.Exit(add(home, batch=batch, source=source))


@label.command("export")
def export_labels(
    out: Annotated[Path, typer.Option(help="JSONL file to write (schema of model/records.py).")],
    home: Home = Path("hub"),
    batch: Annotated[str | None, typer.Option(help="Only this batch.")] = None,
) -> None:
    """Write the standing labels as labelled posts that `watchhouse train --labels` reads."""
    from labelling.command import export_labels as export

    typer.echo(f"{export(home, out=out, batch=batch)} labelled posts written to {out}")


@label.command("find-errors")
def find_errors(
    labels: Annotated[
        Path, typer.Option(help="JSONL of `watchhouse label export`, or of model/post_labels.py.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for suspects.jsonl, consensus.jsonl and summary.json.")],
    bundle: Annotated[
        Path | None,
        typer.Option(
            help="Score with this bundle, which these labels did not train; default: TF-IDF, out of fold."
        ),
    ] = None,
    most: Annotated[int | None, typer.Option(min=1, help="Keep only so many suspects.")] = None,
) -> None:
    """Rank labels that are probably wrong, each with its reasons. Wants the extra `training`."""
    from training.label_errors.command import find_label_errors

    found = find_label_errors(labels, out, bundle=bundle, most=most)
    typer.echo(f"{len(found.suspects)} suspects among {found.summary['posts']} posts written to {out}")
