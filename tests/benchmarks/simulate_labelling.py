"""The simulations of the labelling tool, run anew: some fifteen minutes of one core.

    python tests/benchmarks/simulate_labelling.py sampling --data DIR [--out FILE] [--picture FILE] [--seed N]
    python tests/benchmarks/simulate_labelling.py poison --data DIR [--out FILE]

Here, because labelling and training do not import each other, and each simulation needs both: the labelling
tool's rules are handed to it. What it wrote is printed again by `python -m training.simulation FILE`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from labelling.firewall import admit_by_shipped_rules
from labelling.sampling.simulated_desk import open_desk
from training.simulation.poison import simulate_poison
from training.simulation.sampling import simulate_sampling


def main() -> None:
    """Runs the simulation that is asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["sampling", "poison"])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--seed", type=int, action="append", default=[])
    chosen = parser.parse_args()
    if chosen.what == "poison":
        simulate_poison(chosen.data, admit_by_shipped_rules, out=chosen.out)
        return
    simulate_sampling(chosen.data, open_desk, out=chosen.out, picture=chosen.picture, seeds=chosen.seed)


if __name__ == "__main__":
    main()
