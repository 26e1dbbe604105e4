"""`watchhouse label ...`: tasks in from cases or a file, labels out as labelled posts."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

from labelling import batches, tasks
from labelling import export as exporting
from labelling.batches import make_batch
from labelling.codebook import load_codebook
from labelling.task_sources import rows_from_cases, rows_from_file
from model.errors import BadInput
from model.records import write_jsonl
from serve.audit.events import Event
from serve.audit.log import record
from serve.people.administration import open_home
from serve.storage.identifiers import utc_now

COMMAND: Final = "system:label-command"
"""The actor of what the command line does: whoever may read the hub's folder."""


def add_tasks(home: Path, *, batch: str, source: str, purpose: str = "train", redundancy: int = 1) -> int:
    """Adds tasks to a batch from `cases` or a file, prints what became of every row; makes the batch first.

    The exit status is 1 if any row was bad, else 0; good rows are added either way.

    Raises: BadInput when the batch's name or the file cannot be used, Conflict if it has other rules.
    """
    settings, database = open_home(home)
    codebook = load_codebook(settings.codebook)
    try:
        with database.write() as session:
            now = utc_now()
            make_batch(
                session, codebook, batch=batch, actor=COMMAND, now=now, purpose=purpose, redundancy=redundancy
            )
            rows = rows_from_cases(session) if source == "cases" else rows_from_file(Path(source))
            name = source if source == "cases" else Path(source).name
            done = tasks.add_tasks(session, batch=batch, rows=rows, source=name, actor=COMMAND, now=now)
    finally:
        database.close()
    for bad in done.bad:
        sys.stderr.write(f"{name}: line {bad.line}: {bad.code}: {bad.reason}\n")
    sys.stdout.write(
        f"{done.added} tasks added to {batch}, {done.duplicates} texts were there already, "
        f"{len(done.bad)} bad rows\n"
    )
    return 1 if done.bad else 0


def release_audit(home: Path, *, batch: str) -> None:
    """Lets a batch's audit train from now on; it judges no bundle any more. Raises: NotFound, Conflict."""
    _, database = open_home(home)
    try:
        with database.write() as session:
            batches.release_audit(session, batch=batch, actor=COMMAND, now=utc_now())
    finally:
        database.close()


def export_labels(home: Path, *, out: Path, batch: str | None) -> int:
    """Writes the standing labels to `out` and returns how many; `out` is whole or as it was before.

    Raises: BadInput when the batch's name or the folder of `out` cannot be used.
    """
    if not out.resolve().parent.is_dir():
        raise BadInput(f"out: {out}: its folder does not exist", field="out")
    beside = out.with_name(f".{out.name}.{os.getpid()}.part")
    _, database = open_home(home)
    try:
        # One transaction reads the labels and says that they left; the file appears only after its commit.
        with database.write() as session:
            count = write_jsonl(exporting.export(session, batch), beside)
            record(
                session,
                actor=COMMAND,
                event=Event.LABELS_EXPORTED,
                subject=batch or "all batches",
                details={"labels": count, "file": out.name[:200]},
                at=utc_now(),
            )
        beside.replace(out)
    finally:
        beside.unlink(missing_ok=True)
        database.close()
    return count
