"""A report in a terminal: each target's figures and suites, then what differs between targets and reports."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from training.evaluation.comparison import SAME
from training.evaluation.tables import print_figures


def print_report(
    report: Mapping[str, Any],
    skipped: Mapping[str, Mapping[str, str]],
    unanswered: Mapping[str, Mapping[str, int]],
    console: Console,
) -> None:
    """Prints the report. Names come from files and addresses: none is read as rich's markup.

    `skipped` and `unanswered` hold by target what it was not measured on, and texts without scores by reason.
    """
    for target in report["targets"]:
        name = target["name"]
        console.rule(Text(f"{name} ({target['identity']})"))
        _print_target(report["results"][name], console)
        for what, why in skipped[name].items():
            _say(console, f"not measured: {what}: {why}")
        for reason, texts in unanswered[name].items():
            _say(console, f"not answered: {texts:,} texts ({reason})")
    if report["comparisons"]:
        table = Table("a", "b", "on", "a minus b", "p (Holm)", "a is", title="targets in pairs")
        for row in report["comparisons"]:
            cells = (row["a"], row["b"], row["what"], _shown(row["difference"]), f"{row['holm_p']:.3g}")
            table.add_row(*map(Text, (*cells, row["verdict"])))
        console.print(table)
    if report.get("against"):
        _print_against(report["against"], console)


def _print_target(result: Mapping[str, Any], console: Console) -> None:
    if result.get("figures"):
        print_figures(result["figures"], console)
    else:
        for row in result["headline"]:
            if row["got"] is not None:
                _say(console, f"{row['words']}: {_shown(row['got'])} ({row['verdict']})")
    for name, table in result["suites"].items():
        _say(console, f"suite {name}: {_shown(table['accuracy'])} of {table['cases']:,} cases right")


def _print_against(against: Mapping[str, Any], console: Console) -> None:
    """The lines that got better or worse; of the others only how many there are."""
    lines = against["lines"]
    table = Table(
        "target", "measure", "now minus then", "verdict", title=Text(f"against {against['identity']}")
    )
    for line in lines:
        if line["verdict"] in ("better", "worse"):
            cells = (line["target"], line["measure"], _shown(line["difference"]), line["verdict"])
            table.add_row(*map(Text, cells))
    if table.row_count:
        console.print(table)
    counts = Counter(line["verdict"] for line in lines)
    verdicts = ("better", "worse", SAME, "not comparable")
    said = ", ".join(f"{counts[verdict]} {verdict}" for verdict in verdicts)
    _say(console, f"against {against['identity']}: {said}")


def _shown(figure: Mapping[str, Any] | None) -> str:
    return "-" if figure is None else f"{figure['value']:.3f} ({figure['low']:.3f} to {figure['high']:.3f})"


def _say(console: Console, words: str) -> None:
    console.print(Text(words))
