"""How often the drift alarm rings for people who are steady, and for people who are not.

`python -m labelling.quality.drift_simulation` prints the table that docs/agreement.md quotes.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np

from labelling.quality.drift import LEAST_GOLD, drift_of

LOOK_EVERY = 10
GOLD = 120
PEOPLE = 2000
SEED = 20261123


@dataclass(frozen=True, slots=True)
class Alarms:
    """Shares of simulated annotators with an alarm: at the last look, and at any of the looks."""

    at_the_end: float
    at_any_look: float


def simulate(before: float, after: float, *, people: int = PEOPLE, seed: int = SEED) -> Alarms:
    """Alarms of annotators right with a chance `before` on the first half of GOLD answers, `after` then.

    Somebody looks after every LOOK_EVERY gold answers, from LEAST_GOLD to GOLD.
    """
    generator = np.random.default_rng(seed)
    chances = np.where(np.arange(GOLD) < GOLD // 2, before, after)
    at_the_end = at_any_look = 0
    for _ in range(people):
        right = (generator.random(GOLD) < chances).tolist()
        looks = [drift_of(right[:seen]) for seen in range(LEAST_GOLD, GOLD + 1, LOOK_EVERY)]
        alarms = [look is not None and look.alarm for look in looks]
        at_the_end += alarms[-1]
        at_any_look += any(alarms)
    return Alarms(at_the_end / people, at_any_look / people)


def main() -> None:
    """Prints the table."""
    sys.stdout.write("| right at first | right later | alarm at the last look | alarm at any look |\n")
    sys.stdout.write("|---|---|---|---|\n")
    for before, after in (
        (0.95, 0.95),
        (0.9, 0.9),
        (0.8, 0.8),
        (0.6, 0.6),
        (0.9, 0.8),
        (0.9, 0.7),
        (0.9, 0.6),
    ):
        found = simulate(before, after)
        sys.stdout.write(
            f"| {before:.0%} | {after:.0%} | {found.at_the_end:.1%} | {found.at_any_look:.1%} |\n"
        )


if __name__ == "__main__":
    main()
