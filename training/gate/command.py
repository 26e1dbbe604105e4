"""`watchhouse gate`: may NEW take the place of OLD? Promote, refuse, or so many labels more."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from model.bundle import Bundle, default_bundle_folder
from training.gate.cases import gather_cases
from training.gate.decision import (
    INFERIOR,
    NEEDS_LABELS,
    NON_INFERIOR,
    PROMOTE,
    UNDECIDED,
    Decision,
    Line,
    judge,
)
from training.gate.measuring import Contender, Speeds, compare
from training.gate.rules import load_rules
from training.gate.simulation import simulate
from training.gate.simulation_output import draw_simulation, print_simulation
from training.gate.speed import posts_per_second

SCHEMA_VERSION = 1
EXIT_STATUS = {PROMOTE: 0, "refuse": 1, NEEDS_LABELS: 3}
STYLES = {INFERIOR: "bold red", UNDECIDED: "yellow"}
REASONS_SHOWN = 10


def run_gate(
    new: Path,
    old: Path | None,
    data: Path,
    *,
    suites: Sequence[Path] = (),
    labels: Sequence[Path] = (),
    gold: Sequence[Path] = (),
    margins: Path | None = None,
    out: Path | None = None,
    speeds: Speeds = posts_per_second,
) -> int:
    """Prints every line with the verdict, writes them to `out` if given, and returns the exit status.

    0: promote; 1: refuse; 3: more labels are needed (2 is a fault). `old` None: the bundle that ships.
    `speeds` is how the two are timed.

    Raises: BundleRefused, BadConfig, BadFile, BadRecord.
    """
    rules, rules_sha256 = load_rules(margins)
    new_bundle, old_bundle = Bundle.load(new), Bundle.load(old or default_bundle_folder())
    with Console(stderr=True).status("gathering cases that neither bundle has seen"):
        cases = gather_cases(
            new_bundle,
            old_bundle,
            data,
            suites=suites,
            labels=labels,
            gold=gold,
            neutral_sample=rules.neutral_sample,
        )
    comparisons = compare(Contender.of(new_bundle), Contender.of(old_bundle), cases, rules, speeds=speeds)
    decision = judge(comparisons, alpha=rules.alpha, power=rules.power)
    console = Console()
    console.print(f"new {new_bundle.bundle_id}, current {old_bundle.bundle_id}")
    print_decision(decision, console)
    if out is not None:
        facts = {
            "new": new_bundle.bundle_id,
            "old": old_bundle.bundle_id,
            "rules": {"version": rules.version, "sha256": rules_sha256, "valid_from": f"{rules.valid_from}"},
            "suites": [{"name": s.name, "version": s.version, "sha256": s.sha256} for s in cases.suites],
        }
        out.write_text(json.dumps(as_json(decision, facts), indent=2) + "\n", encoding="utf-8")
    return EXIT_STATUS[decision.verdict]


def run_simulation(*, seed: int, margins: Path | None = None, out: Path | None = None) -> None:
    """Prints what the gate does to models of known difference.

    With `out`, a folder, writes gate-simulation.json and gate-simulation.svg there. Raises: BadConfig.
    """
    rules, rules_sha256 = load_rules(margins)
    with Console(stderr=True).status("simulating"):
        found = simulate(rules, seed=seed)
    found["rules"]["sha256"] = rules_sha256
    print_simulation(found, Console())
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        text = json.dumps(found, indent=2) + "\n"
        (out / "gate-simulation.json").write_text(text, encoding="utf-8")
        draw_simulation(found, out / "gate-simulation.svg")


def as_json(decision: Decision, facts: dict[str, Any]) -> dict[str, Any]:
    """The decision as a file holds it, `facts` (what was compared with what) beside it."""
    return {
        "schema_version": SCHEMA_VERSION,
        "made_at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        **facts,
        "verdict": decision.verdict,
        "labels_needed": decision.labels,
        "reasons": list(decision.reasons),
        "lines": [line.as_json() for line in decision.lines],
    }


def print_decision(decision: Decision, console: Console) -> None:
    """Prints each family's closest call, then every line that does not hold, then the verdict."""
    table = Table("line", "cases", "current", "new", "difference", "at least", "allowed", "verdict", "more")
    for line, others in _closest(decision.lines):
        table.add_row(*_cells(line, others))
    failing = [line for line in decision.lines if line.verdict != NON_INFERIOR]
    for line in sorted(failing, key=lambda entry: entry.verdict == INFERIOR):
        table.add_row(*_cells(line, 0), style=STYLES.get(line.verdict))
    console.print(table)
    for reason in decision.reasons[:REASONS_SHOWN]:
        console.print(f"- {reason}", highlight=False)
    if len(decision.reasons) > REASONS_SHOWN:
        console.print(f"- and {len(decision.reasons) - REASONS_SHOWN} lines more")
    console.print(verdict_words(decision), style="bold")


def _closest(lines: Sequence[Line]) -> list[tuple[Line, int]]:
    """Of each family's lines that hold, the one nearest to its margin, and how many more hold."""
    families: dict[str, list[Line]] = {}
    for line in lines:
        if line.verdict == NON_INFERIOR:
            families.setdefault(line.family, []).append(line)
    return [
        (min(holding, key=lambda line: (line.low or 0.0) + line.margin), len(holding) - 1)
        for holding in families.values()
    ]


def verdict_words(decision: Decision) -> str:
    """ "promote", "refuse", or "needs N more labels"."""
    if decision.verdict == NEEDS_LABELS:
        return f"needs {decision.labels:,} more labels"
    return decision.verdict


def _cells(line: Line, others: int) -> list[str]:
    numbers = [line.old, line.new, line.value, line.low]
    return [
        f"{line.name}, and {others} lines that hold by more" if others else line.name,
        f"{line.posts:,}",
        *("-" if number is None else f"{number:.3f}" for number in numbers),
        f"{-line.margin:.3f}",
        line.verdict,
        f"{line.more:,}" if line.more else "",
    ]
