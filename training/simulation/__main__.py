"""`python -m training.simulation FILE`: prints the tables of a file of results again, and draws them."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console

from training.simulation.poison_output import print_poison
from training.simulation.results import read_results
from training.simulation.sampling_output import draw_curves, print_sampling


def main() -> None:
    """Prints what a simulation found, without running it."""
    parser = argparse.ArgumentParser(prog="python -m training.simulation", description=__doc__)
    parser.add_argument("results", type=Path, help="such as docs/sampling.jsonl or docs/poison.jsonl")
    parser.add_argument("--picture", type=Path, help="write the curves of the sampler to this SVG")
    chosen = parser.parse_args()
    rows, console = read_results(chosen.results), Console(width=170)
    if rows[0]["simulation"] == "poison":
        print_poison(rows, console)
        return
    print_sampling(rows, console)
    if chosen.picture is not None:
        draw_curves(rows, chosen.picture)


if __name__ == "__main__":
    main()
