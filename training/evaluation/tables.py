"""Figures as tables: on a terminal, and as Markdown for the model card. One source for both."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

Rows = list[list[str]]


def figure_tables(figures: dict[str, Any]) -> list[tuple[str, list[str], Rows]]:
    """(title, column names, rows) for every table that the figures fill."""
    tables = [_dev_table(figures)]
    if "hatecheck" in figures:
        tables += [_suite_table(figures["hatecheck"]), _functionality_table(figures["hatecheck"])]
    tables += [_background_table(figures), _corpus_table(figures)]
    return tables


def print_figures(figures: dict[str, Any], console: Console) -> None:
    """Prints every table."""
    console.print(f"bundle {figures['bundle']}")
    for title, columns, rows in figure_tables(figures):
        table = Table(title=title)
        for number, column in enumerate(columns):
            table.add_column(column, justify="left" if number == 0 else "right")
        for row in rows:
            table.add_row(*row)
        console.print(table)


def markdown_tables(figures: dict[str, Any]) -> str:
    """The same tables in Markdown."""
    parts = []
    for title, columns, rows in figure_tables(figures):
        lines = [f"### {title}", "", "| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
        lines += ["| " + " | ".join(row) + " |" for row in rows]
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _dev_table(figures: dict[str, Any]) -> tuple[str, list[str], Rows]:
    columns = ["head", "hateful", "not", "ROC-AUC", "AP", "threshold", "F1", "ECE", "Brier"]
    rows = [
        [
            head,
            f"{row['positives']:,}",
            f"{row['negatives']:,}",
            _number(row["roc_auc"]),
            _number(row["average_precision"]),
            f"{row['threshold']:.2f}",
            _number(row["f1"]),
            _number(row["ece"]),
            _number(row["brier"]),
        ]
        for head, row in figures["dev"]["heads"].items()
    ]
    return "Dev posts that calibration has not seen, per head", columns, rows


def _suite_table(suite: dict[str, Any]) -> tuple[str, list[str], Rows]:
    columns = ["HateCheck", "accuracy", "hateful", "non-hateful", "ROC-AUC"]
    row = [
        f"{suite['cases']:,} cases, hate >= {suite['threshold']:.2f}",
        _number(suite["accuracy"]),
        _number(suite["hateful_accuracy"]),
        _number(suite["non_hateful_accuracy"]),
        _number(suite["roc_auc"]),
    ]
    return "HateCheck (Röttger et al. 2021; never trained on)", columns, [row]


def _functionality_table(suite: dict[str, Any]) -> tuple[str, list[str], Rows]:
    rows = [
        [name, f"{row['cases']:,}", _number(row["accuracy"])]
        for name, row in suite["functionalities"].items()
    ]
    return "HateCheck per functionality (_nh: not hateful)", ["functionality", "cases", "accuracy"], rows


def _background_table(figures: dict[str, Any]) -> tuple[str, list[str], Rows]:
    columns = [
        "unlabelled traffic",
        "posts",
        "hate >= 0.5",
        "hate",
        "antisemitic",
        "islamophobic",
        "far_right",
    ]
    rows = [
        [name, f"{row['posts']:,}", f"{row['hate_share_at_half']:.2%}"]
        + [f"{share:.2%}" for share in row["share_at_threshold"].values()]
        for name, row in figures["background"].items()
    ]
    return "Share of background posts at or above each threshold", columns, rows


def _corpus_table(figures: dict[str, Any]) -> tuple[str, list[str], Rows]:
    rows = [
        [name, f"{row['positives']:,}", f"{row['negatives']:,}", _number(row["roc_auc"]), _number(row["f1"])]
        for name, row in figures["dev"]["hate_by_corpus"].items()
    ]
    return "Dev posts, head hate, per corpus", ["corpus", "hateful", "not", "ROC-AUC", "F1"], rows
