"""The simulation as tables and as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from training.gate.decision import NEEDS_LABELS, PROMOTE, REFUSE


def print_simulation(found: dict[str, Any], console: Console) -> None:
    """Prints the grid, the plain gate beside the published figures, and the gate of many lines."""
    grid = Table(
        "true difference in F1",
        "positives",
        "posts",
        "F1 not lower: promotes",
        "ours: promotes",
        "refuses",
        "needs labels",
        "median of posts asked for",
        title=f"One strand, {found['simulations']:,} simulations a row, seed {found['seed']}",
    )
    for row in found["grid"]:
        asked = row["labels_needed_median"]
        grid.add_row(
            f"{row['difference']:+.2f}",
            f"{row['positives']:,}",
            f"{row['posts']:,}",
            f"{row['plain']:.1%}",
            *_shares(row["ours"]),
            "-" if asked is None else f"{asked:,}",
        )
    plain = Table(
        "true difference in recall",
        "F1 not lower: promotes",
        "LABELLING.md section 5.4",
        title="A plain gate at 50 positives",
    )
    for row in found["published"]:
        plain.add_row(f"{row['recall_difference']:+.2f}", f"{row['plain']:.1%}", f"{row['published']:.0%}")
    whole = Table("a new model that is", "promotes", "refuses", "needs labels", title="A gate of 43 lines")
    for row in found["whole_gate"]:
        whole.add_row(row["words"], *_shares(row["ours"]))
    audit = Table(
        "true difference in F1",
        "through",
        "audit labels",
        "of them positive",
        "ours: promotes",
        "refuses",
        "needs labels",
        "median of labels asked for",
        title="An audit drawn by strata of score, weighed by the chance of the draw",
    )
    for row in found["audit"]:
        asked = row["labels_needed_median"]
        audit.add_row(
            f"{row['difference']:+.2f}",
            row["way"],
            f"{row['labels']:,}",
            f"{row['positives_median']:,}",
            *_shares(row["ours"]),
            "-" if asked is None else f"{asked:,}",
        )
    intervals = Table(
        "measure",
        "true difference",
        "through",
        "audit labels",
        "of them positive",
        "95 % interval holds the truth",
        "lower bound above it",
        "upper bound below it",
        "median error said, over the true one",
        title="Intervals on such an audit; each one-sided bound may miss the truth in 5 %",
    )
    for row in found["audit_intervals"]:
        intervals.add_row(
            row["measure"],
            f"{row['difference']:+.4f}",
            row["way"],
            f"{row['labels']:,}",
            f"{row['positives_median']:,}",
            *(f"{row[name]:.1%}" for name in ("coverage", "above_truth", "below_truth")),
            f"{row['spread_said']:.2f}",
        )
    for table in (grid, plain, whole, audit, intervals):
        console.print(table)
    worst = found["worst_promotion_of_a_worse_model"]
    console.print(f"a model 3 points of F1 worse is promoted in at most {worst:.1%} of simulations")
    on_audit = found["worst_promotion_on_an_audit"]
    console.print(f"on an audit drawn by strata it is promoted in at most {on_audit:.1%} of simulations")


def _shares(ours: dict[str, float]) -> list[str]:
    return [f"{ours[name]:.1%}" for name in (PROMOTE, REFUSE, NEEDS_LABELS)]


def draw_simulation(found: dict[str, Any], path: Path) -> None:
    """Writes an SVG: how often either gate promotes, by positives, one panel for each true difference."""
    # Here, not at the top: matplotlib takes a second that the gate itself need not pay.
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    differences = list(dict.fromkeys(row["difference"] for row in found["grid"]))
    # Without a salt the ids inside the file, and so its hash, would differ from run to run.
    with rc_context({"svg.hashsalt": "watchhouse"}):
        figure = Figure(figsize=(3.6 * len(differences), 3.4), layout="constrained")
        panels = figure.subplots(1, len(differences), squeeze=False)[0]
        for panel, difference in zip(panels, differences, strict=True):
            rows = [row for row in found["grid"] if row["difference"] == difference]
            positives = [row["positives"] for row in rows]
            panel.plot(positives, [row["plain"] for row in rows], "o--", label="F1 not lower")
            panel.plot(positives, [row["ours"][PROMOTE] for row in rows], "s-", label="this gate")
            panel.axhline(0.05, linewidth=0.8, color="grey")
            panel.set(
                title=f"true difference {difference:+.2f}",
                xlabel="positive labels",
                ylabel="share promoted",
                xscale="log",
                ylim=(-0.02, 1.02),
            )
        panels[0].legend()
        figure.savefig(path, format="svg", metadata={"Date": None})
