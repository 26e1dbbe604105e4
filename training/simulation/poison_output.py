"""The poison simulation as a table, and what it says in a sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from training.evaluation.bootstrap import SEED, Measured

Row = dict[str, Any]


def moved(row: Row, arm: str) -> float:
    """By how much F1 on the gold set fell through the poison, in one row."""
    return float(row["honest"][arm] - row["poisoned"][arm])


def fall(rows: Sequence[Row], arm: str, draws: int) -> Measured:
    """The mean fall over corpora and seeds, corpora and then their seeds drawn anew for the interval."""
    by_corpus: dict[str, list[float]] = {}
    for row in rows:
        by_corpus.setdefault(row["corpus"], []).append(moved(row, arm))
    groups = [np.asarray(values) for values in by_corpus.values()]
    random = np.random.default_rng(SEED)
    found = []
    for _ in range(draws):
        chosen = random.integers(0, len(groups), len(groups))
        found.append(np.mean([random.choice(groups[each], len(groups[each])).mean() for each in chosen]))
    low, high = np.quantile(found, [0.025, 0.975])
    return Measured(float(np.mean([g.mean() for g in groups])), float(low), float(high), len(rows))


def print_poison(rows: Sequence[Row], console: Console) -> None:
    """Prints a line a corpus, the mean over all, what became of the entries, and whether the promise
    holds."""
    first, found = rows[0], rows[1:]
    if not found:
        console.print("no stream has the head that the plan asks for")
        return
    table = Table(
        "corpus left out",
        "start",
        "firewall: honest",
        "poisoned",
        "fell by",
        "none: honest",
        "poisoned",
        "fell by",
        title=f"F1 on the gold set at fitted thresholds; {len({row['seed'] for row in found})} seeds",
    )
    for corpus in dict.fromkeys(row["corpus"] for row in found):
        table.add_row(corpus, *_cells([row for row in found if row["corpus"] == corpus]))
    table.add_row("mean", *_cells(found), style="bold")
    console.print(table)
    verdicts: Counter[str] = Counter()
    for row in found:
        verdicts.update(row["poisoned"]["verdicts"])
    total = sum(verdicts.values())
    words = ", ".join(f"{name} {count / total:.1%}" for name, count in verdicts.most_common() if count)
    console.print(f"verdicts on {total:,} entries of the poisoned worlds: {words}", highlight=False)
    for suffix, where in (("", "at fitted thresholds"), ("_fixed", "at a fixed one")):
        for arm, name in (("firewall", "with the firewall"), ("no_firewall", "without it")):
            found_fall = fall(found, f"{arm}{suffix}", first["bootstrap_draws"])
            console.print(
                f"{name}, {where}: F1 on the gold set falls by {100 * found_fall.value:.2f} points "
                f"(95 %: {100 * found_fall.low:.2f} to {100 * found_fall.high:.2f}); "
                f"{100 * first['moves_at_most']:.0f} is allowed",
                highlight=False,
            )


def _cells(rows: Sequence[Row]) -> list[str]:
    cells = [f"{np.mean([row['start'] for row in rows]):.3f}"]
    for arm in ("firewall", "no_firewall"):
        cells += [f"{np.mean([row[world][arm] for row in rows]):.3f}" for world in ("honest", "poisoned")]
        cells.append(f"{np.mean([moved(row, arm) for row in rows]):+.3f}")
    return cells
