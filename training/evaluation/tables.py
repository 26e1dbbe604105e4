"""Figures as tables: on a terminal, and as Markdown for the model card. One source for both."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from training.evaluation.sections import Section, figure_tables

STYLES = {"missed": "bold red", "holds": "green", "aim": "bold green"}


def print_figures(figures: dict[str, Any], console: Console) -> None:
    """Prints every table, the gates last, where the reader's eye is."""
    console.print(f"bundle {figures.get('bundle', '')}")
    for title, columns, rows in reversed(figure_tables(figures)):
        table = Table(title=title)
        for number, column in enumerate(columns):
            table.add_column(column, justify="left" if number == 0 else "right", overflow="fold")
        for row in rows:
            table.add_row(*row, style=STYLES.get(row[-1]))
        console.print(table)
    verdicts = [row["verdict"] for row in figures.get("gates", [])]
    if verdicts:
        console.print(
            f"{verdicts.count('aim')} at the aim, {verdicts.count('holds')} at the must, "
            f"{verdicts.count('missed')} missed, {verdicts.count('-')} not measured"
        )


def markdown_tables(figures: dict[str, Any]) -> str:
    """The same tables in Markdown, the gates first."""
    return "\n\n".join(_markdown(section) for section in figure_tables(figures))


def _markdown(section: Section) -> str:
    title, columns, rows = section
    lines = [f"### {title}", "", "| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])
