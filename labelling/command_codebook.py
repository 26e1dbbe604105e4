"""`watchhouse label codebook-change`: what a new version touches is labelled anew."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table
from sqlalchemy.orm import Session

from labelling.batches import make_batch
from labelling.codebook import Codebook, load_codebook
from labelling.codebook_change import Change, TouchedLabel, changes_between, touched_labels
from labelling.command import COMMAND
from labelling.command_agreement import WIDTH, figure_cell
from labelling.label_rows import entries_of
from labelling.quality.report import AgreementReport, agreement_report
from labelling.task_sources import TaskRow
from labelling.tasks import add_tasks
from model.errors import BadInput, Conflict
from serve.people.administration import open_home
from serve.storage.identifiers import utc_now
from serve.storage.tables import Task

PEOPLE_A_TEXT: Final = 2
"""Who labels a text anew: two, or there would be no agreement to show afterwards."""


def codebook_change(
    home: Path,
    old_file: Path,
    new_file: Path,
    *,
    batch: str | None = None,
    only_show: bool = False,
    console: Console | None = None,
) -> int:
    """Queues the texts of exactly those labels that the new version touches; how many were added.

    They become a batch for two people each, with the severity they had. Prints what changed, how many labels
    each change touches, and how far people agree on these texts under the old version and, once they have
    labelled them anew, under the new one: run it again to see. `only_show` adds nothing.

    Raises: BadConfig for the files; BadInput if they are one version; Conflict while the hub still labels
    with another codebook than the new one.
    """
    old, new = load_codebook(old_file), load_codebook(new_file)
    if old.sha256 == new.sha256:
        raise BadInput("new: is the very same file as the old one", field="new")
    said = console or Console(width=WIDTH)
    settings, database = open_home(home)
    try:
        changes = changes_between(old, new)
        with database.write() as session:
            touched = touched_labels(session, old, changes)
            added = 0
            if not only_show and touched:
                if load_codebook(settings.codebook).sha256 != new.sha256:
                    raise Conflict(
                        "codebook: set the hub's `codebook` to the new file first", field="codebook"
                    )
                name = batch or f"relabel {old.version} to {new.version}"
                added = _queue(session, touched, name, new)
            report = _agreement(session, touched, old, new)
    finally:
        database.close()
    print_changes(changes, touched, said)
    said.print(f"{added} texts added to be labelled anew", highlight=False)
    print_before_and_after(report, old, new, said)
    return added


def _queue(session: Session, touched: Sequence[TouchedLabel], batch: str, new: Codebook) -> int:
    now = utc_now()
    make_batch(session, new, batch=batch, actor=COMMAND, now=now, purpose="relabel", redundancy=PEOPLE_A_TEXT)
    # One text once, the gravest of its labels first; each with its source: shares are counted by it.
    gravest: dict[str, tuple[Task, int]] = {}
    for one in touched:
        known = gravest.get(one.task.text_sha256, (one.task, 0))
        gravest[one.task.text_sha256] = known[0], max(known[1], one.label.severity or 0)
    added = 0
    for source in sorted({task.source for task, _ in gravest.values()}):
        rows = [
            TaskRow(
                task.external_id,
                task.text,
                sample_reason=task.sample_reason,
                inclusion_probability=task.inclusion_probability,
                severity_expected=max(1, severity),
                place=place,
                about=task.about,
            )
            for place, (task, severity) in enumerate(gravest.values())
            if task.source == source
        ]
        done = add_tasks(session, batch=batch, rows=rows, source=source, actor=COMMAND, now=now)
        added += done.added
    return added


def _agreement(
    session: Session, touched: Sequence[TouchedLabel], old: Codebook, new: Codebook
) -> AgreementReport:
    texts = {one.task.text_sha256 for one in touched}
    entries = [
        entry
        for entry in entries_of(session)
        if entry.text in texts and entry.codebook_sha256 in (old.sha256, new.sha256)
    ]
    return agreement_report(entries)


def print_changes(changes: Sequence[Change], touched: Sequence[TouchedLabel], console: Console) -> None:
    """Prints each change of meaning and how many labels it touches."""
    counts = Counter(what for one in touched for what in one.changes)
    table = Table(title="What the new version changes")
    table.add_column("change")
    table.add_column("labels it touches", justify="right")
    for what in dict.fromkeys(change.what for change in changes):
        table.add_row(what, f"{counts[what]}")
    console.print(table)
    texts = len({one.task.text_sha256 for one in touched})
    console.print(f"{len(touched)} labels of {texts} texts are touched", highlight=False)


def print_before_and_after(report: AgreementReport, old: Codebook, new: Codebook, console: Console) -> None:
    """Prints alpha on the touched texts under each version, and how it moved."""
    versions = {version.codebook_sha256: version for version in report.versions}
    before, after = versions.get(old.sha256), versions.get(new.sha256)
    if after is None:
        console.print(f"Nobody has labelled these texts under {new.version} yet", highlight=False)
    moved = report.changes[0].alphas if report.changes else {}
    table = Table(title="Alpha on the touched texts, with 95 % intervals")
    for column in ("question", f"under {old.version}", f"under {new.version}", "change"):
        table.add_column(column, no_wrap=column == "question")
    for name in report.questions:
        cells = [
            "–" if version is None else figure_cell(version.questions[name].alpha)
            for version in (before, after)
        ]
        change = moved.get(name)
        table.add_row(name, *cells, "–" if change is None else f"{change.value:+.2f}, {change.verdict}")
    console.print(table)
