"""The sampling simulation as tables and as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from model.taxonomy import STRAND_ORDER
from training.simulation.gains import STRANDS, Gain, gains, mean_curve, strand_curve

WORDS = {
    "natural": "streams thinned and mixed with background traffic to a natural rate of hate",
    "published": "streams of the corpora alone, at the rate they were published with",
}


def print_sampling(rows: Sequence[dict[str, Any]], console: Console) -> None:
    """Prints a table for each kind of stream, and in a sentence whether the sampler's labels were worth
    more."""
    first = rows[0]
    sampled, by_chance = first["sampled_labels"], first["random_labels"]
    seeds = len({row["seed"] for row in rows[1:]})
    for kind, words in WORDS.items():
        found = gains(rows, kind)
        if not found:
            continue
        table = Table(
            "head",
            "corpora",
            "AP at start",
            f"random at {sampled:,}",
            f"random at {by_chance:,}",
            f"sampler at {sampled:,}",
            "sampler minus random",
            "95 %",
            "sampler reaches it at",
            "hateful of what was read",
            title=f"Gain of average precision: {words}; {seeds} seeds",
        )
        for gain in found:
            table.add_row(*_cells(gain), style="bold" if gain.head == STRANDS else None)
        console.print(table)
        _say(found, kind, sampled, by_chance, console)


def _cells(gain: Gain) -> list[str]:
    return [
        "mean over strands" if gain.head == STRANDS else gain.head,
        str(gain.corpora),
        f"{gain.start:.3f}",
        f"{gain.random_same:+.3f}",
        f"{gain.random:+.3f}",
        f"{gain.sampler:+.3f}",
        f"{gain.difference:+.3f}",
        f"{gain.low:+.3f} to {gain.high:+.3f}",
        "-" if gain.sampler_reaches is None else f"{gain.sampler_reaches:,}",
        f"{gain.hateful_sampler:.0%} against {gain.hateful_random:.0%}",
    ]


def _say(found: Sequence[Gain], kind: str, sampled: int, by_chance: int, console: Console) -> None:
    last = found[-1]
    if last.head == STRANDS:
        verdict = "at least" if last.difference >= 0 else "less than"
        console.print(
            f"{kind}: {sampled:,} labels from the sampler raise average precision by {verdict} what "
            f"{by_chance:,} random ones do, averaged over strands: "
            f"{last.sampler:.3f} against {last.random:.3f}",
            highlight=False,
        )


def draw_curves(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Writes an SVG: the mean gain over the labels, both arms; a panel a head and kind of stream."""
    # Here, not at the top: matplotlib takes a second that the table need not pay.
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    kinds = [kind for kind in WORDS if any(row["stream"] == kind for row in rows[1:])]
    names = ["hate", *STRAND_ORDER, STRANDS]
    # Without a salt the ids inside the file, and so its hash, would differ from run to run.
    with rc_context({"svg.hashsalt": "watchhouse"}):
        figure = Figure(figsize=(3.2 * len(names), 3.1 * len(kinds)), layout="constrained")
        grid = figure.subplots(len(kinds), len(names), squeeze=False)
        for kind, panels in zip(kinds, grid, strict=True):
            for head, panel in zip(names, panels, strict=True):
                chosen = [
                    row for row in rows[1:] if row["stream"] == kind and row["head"] in (head, *_of(head))
                ]
                panel.set(
                    title=f"{'mean over strands' if head == STRANDS else head}, {kind}", xlabel="labels"
                )
                if not chosen:
                    panel.text(0.5, 0.5, "no stream", ha="center")
                    continue
                for arm, line in (("random", "o--"), ("sampler", "s-")):
                    counts, values = strand_curve(chosen, arm) if head == STRANDS else mean_curve(chosen, arm)
                    panel.plot(counts, values, line, label=arm, markersize=3)
                panel.axhline(values_at_end(chosen, head), linewidth=0.8, color="grey")
            panels[0].set_ylabel("gain of average precision")
        grid[0][0].legend()
        figure.savefig(path, format="svg", metadata={"Date": None})


def _of(head: str) -> tuple[str, ...]:
    return STRAND_ORDER if head == STRANDS else ()


def values_at_end(rows: Sequence[dict[str, Any]], head: str) -> float:
    """The random arm's gain at its last label: the line that the sampler has to cross."""
    return (strand_curve(rows, "random") if head == STRANDS else mean_curve(rows, "random"))[1][-1]
