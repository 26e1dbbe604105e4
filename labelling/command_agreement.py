"""`watchhouse label agreement`: how far annotators agree, question by question, version by version."""

from __future__ import annotations

import json
from pathlib import Path

from rich.console import Console
from rich.table import Table

from labelling.batches import check_batch
from labelling.interchange.annotations import grouped
from labelling.interchange.command import import_labels
from labelling.interchange.whole_files import whole_file
from labelling.label_rows import entries_of, entries_of_file
from labelling.quality.annotators import NO_PERSONNEL_METRIC
from labelling.quality.entries import LabelEntry
from labelling.quality.figures import Figure
from labelling.quality.report import AgreementReport, QuestionAgreement, agreement_report
from labelling.quality.report_json import report_as_json
from serve.people.administration import open_home

WIDTH = 170


def agreement(
    home: Path,
    *,
    batch: str | None = None,
    file: Path | None = None,
    out: Path | None = None,
    draws: int = 1_000,
    console: Console | None = None,
) -> AgreementReport:
    """The agreement of a hub's labels, or of a file's in any format; printed, and as JSON in `out`.

    Raises: BadInput, BadFile, BadConfig as reading the labels does.
    """
    entries = _of_a_file(file) if file is not None else _of_the_hub(home, batch)
    report = agreement_report(entries, draws=draws)
    if out is not None:
        with whole_file(out) as written:
            written.write(json.dumps(report_as_json(report), indent=2).encode() + b"\n")
    print_agreement(report, console or Console(width=WIDTH))
    return report


def _of_the_hub(home: Path, batch: str | None) -> list[LabelEntry]:
    _, database = open_home(home)
    try:
        with database.read() as session:
            return entries_of(session, batch=None if batch is None else check_batch(batch))
    finally:
        database.close()


def _of_a_file(file: Path) -> list[LabelEntry]:
    found = import_labels(file)
    return list(entries_of_file(grouped(found.items, found.annotations)))


def print_agreement(report: AgreementReport, console: Console) -> None:
    """Prints the report as tables: all labels, each cohort, each change of the codebook."""
    console.print(
        f"{report.labels} labels of {report.texts} texts by {report.annotators} annotators; left out: "
        f"{report.superseded} that the same person labelled anew, {report.assisted} made after a suggestion",
        highlight=False,
    )
    table = Table(title="Agreement, with 95 % intervals (docs/agreement.md)")
    for column in ("question", "alpha", "texts", "kappa (Fleiss)", "AC1", "raw", "on positives", "reading"):
        is_words = column in ("question", "reading")
        table.add_column(column, justify="left" if is_words else "right", no_wrap=column == "question")
    for name, found in report.questions.items():
        table.add_row(name, *_cells(found), found.reading)
    table.add_row("marked words", figure_cell(report.marked_words), f"{report.marked_words.texts}")
    table.add_row("marked characters (F1)", figure_cell(report.marked_characters))
    console.print(table)
    _print_cohorts(report, console)
    for moved in report.changes:
        table = Table(title=f"Alpha from codebook {moved.before} to {moved.after}")
        for column in ("question", "change", "verdict"):
            table.add_column(column)
        for name, change in moved.alphas.items():
            if change is not None:
                interval = f"{change.value:+.2f} [{change.low:+.2f}, {change.high:+.2f}]"
                table.add_row(name, interval, change.verdict)
        console.print(table)
    console.print(NO_PERSONNEL_METRIC, highlight=False)


def _cells(found: QuestionAgreement) -> list[str]:
    others = (found.kappa, found.ac1, found.raw, found.positive)
    return [figure_cell(found.alpha), f"{found.alpha.texts}", *(figure_cell(figure) for figure in others)]


def figure_cell(figure: Figure | None) -> str:
    """A figure with its interval, `–` for none.

    >>> figure_cell(Figure(0.5, 0.25, 0.75, 10, 10))
    '0.50 [0.25, 0.75]'
    """
    if figure is None or figure.value is None:
        return "–"
    return f"{figure.value:.2f} [{figure.low:.2f}, {figure.high:.2f}]"


def _print_cohorts(report: AgreementReport, console: Console) -> None:
    of_cohorts = {
        name: found.cohorts for name, found in report.questions.items() if found.cohorts is not None
    }
    if not of_cohorts:
        return
    table = Table(title="Alpha within and between cohorts")
    for column in ("question", "cohorts", "alpha"):
        table.add_column(column)
    for name, cohorts in of_cohorts.items():
        for cohort, figure in cohorts.within.items():
            table.add_row(name, cohort, figure_cell(figure))
        for pair, figure in cohorts.between.items():
            table.add_row(name, " and ".join(pair), figure_cell(figure))
    console.print(table)
