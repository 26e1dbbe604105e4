"""What the gate does to models whose true difference is known: 1,000 made-up pairs for each cell of a grid.

The model of paired outcomes: on a hateful post the current model says yes with chance `RECALL`, on another
with chance `FALSE_POSITIVES`. Each model's yes is a normal variable below its own cut, and the two variables
of a post have correlation `CORRELATION`, so two models tend to fail on the same posts (Gaussian copula). The
new model differs in recall alone, by as much as moves its true F1 by the difference asked for. Posts come in
the proportion `PREVALENCE`. Source: LABELLING.md section 5.4 (recall .75, false positives 1.5 %,
correlation .9, prevalence 5.7 %).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cache
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.gate.audit_intervals import simulate_intervals
from training.gate.audit_simulation import LABELS, simulate_audits, worst_promotion
from training.gate.decision import NEEDS_LABELS, PROMOTE, REFUSE, Comparison, Decision, judge
from training.gate.noninferiority import Evidence, f1_of_cells, paired_shares
from training.gate.rules import GateRules

RECALL = 0.75
FALSE_POSITIVES = 0.015
CORRELATION = 0.9
PREVALENCE = 0.057

POSITIVES = (50, 200, 500, 1000, 2000)
DIFFERENCES = (0.0, -0.03, 0.03)
SIMULATIONS = 1000
SEED = 20261122

PUBLISHED = {-0.05: 0.22, -0.03: 0.32, 0.0: 0.49, 0.05: 0.79}
"""Chance that "F1 not lower" promotes at 50 positives, by true difference in recall. Source: LABELLING.md
section 5.4; reprinted beside ours to show that the model of outcomes is the same."""

STRANDS = 3
DETAIL_LINES, DETAIL_CASES, DETAIL_RIGHT = 40, 400, 0.95
AMPLE = 4000
"""The whole gate of `whole_gate`: three strands, and lines over single groups and kinds. Chosen by us; the
detail lines have about the size and accuracy of HateCheck's targets."""

Cells = NDArray[np.float64]


@cache
def both_say_yes(first: float, second: float, correlation: float) -> float:
    """The chance that two correlated normal variables lie below the cuts of chances `first` and `second`.

    The integral of the density of one up to its cut, times the chance of the other given it, by Gauss and
    Legendre over 64 points. Source: Owen 1956, Annals of Mathematical Statistics 27:1075.
    """
    normal = NormalDist()
    top, cut = normal.inv_cdf(first), normal.inv_cdf(second)
    points, weights = np.polynomial.legendre.leggauss(64)
    bottom = min(-6.0, top - 6.0)  # below it lies less than a billionth
    places = (top - bottom) / 2 * points + (top + bottom) / 2
    scale = math.sqrt(1 - correlation**2)
    values = [normal.pdf(x) * normal.cdf((cut - correlation * x) / scale) for x in places.tolist()]
    return float((top - bottom) / 2 * (weights * np.asarray(values)).sum())


def outcome_chances(old: float, new: float) -> Cells:
    """Chances (2, 2) of (current says yes, new says yes) for yes-chances `old` and `new`."""
    both = both_say_yes(old, new, CORRELATION)
    return np.asarray([[1 - old - new + both, new - both], [old - both, both]])


def true_f1(recall: float) -> float:
    """F1 of a model with this recall and the model's false positives, at the model's prevalence."""
    return 2 * recall / (recall + 1 + _false_positives_each())


def recall_for(f1: float) -> float:
    """The recall that gives this F1."""
    return f1 * (1 + _false_positives_each()) / (2 - f1)


def _false_positives_each() -> float:
    """False positives for each positive post."""
    return FALSE_POSITIVES * (1 - PREVALENCE) / PREVALENCE


def draw_cells(positives: int, new_recall: float, simulations: int, random: np.random.Generator) -> Cells:
    """Counts (simulations, 2, 2, 2): label, current says yes, new says yes."""
    negatives = round(positives * (1 - PREVALENCE) / PREVALENCE)
    hits = random.multinomial(positives, outcome_chances(RECALL, new_recall).ravel(), simulations)
    alarms = random.multinomial(
        negatives, outcome_chances(FALSE_POSITIVES, FALSE_POSITIVES).ravel(), simulations
    )
    return np.stack([alarms, hits], axis=1).reshape(simulations, 2, 2, 2).astype(np.float64)


def simulate(
    rules: GateRules,
    *,
    seed: int = SEED,
    simulations: int = SIMULATIONS,
    positives: Sequence[int] = POSITIVES,
    audit_labels: Sequence[int] = LABELS,
) -> dict[str, Any]:
    """What a plain gate and ours do, for each number of labels and true difference; the same for a seed.

    The grid judges by the F1 of one strand alone: all other lines can hold a promotion back and never bring
    it about, so its shares of promotion are the highest that the whole gate can have.
    """
    random = np.random.default_rng(seed)
    grid = [
        _grid_row(rules, count, difference, simulations, random)
        for difference in DIFFERENCES
        for count in positives
    ]
    published = [
        {
            "recall_difference": difference,
            "published": share,
            "plain": float(_not_lower(draw_cells(50, RECALL + difference, simulations, random)).mean()),
        }
        for difference, share in PUBLISHED.items()
    ]
    audits = simulate_audits(rules, seed=seed, simulations=simulations, labels=audit_labels)
    worse = [row["ours"][PROMOTE] for row in grid if row["difference"] <= -0.03]
    return {
        "schema_version": 1,
        "seed": seed,
        "simulations": simulations,
        "rules": {"version": rules.version, "valid_from": f"{rules.valid_from}"},
        "model": {
            "recall": RECALL,
            "false_positives": FALSE_POSITIVES,
            "correlation": CORRELATION,
            "prevalence": PREVALENCE,
        },
        "grid": grid,
        "worst_promotion_of_a_worse_model": max(worse),
        "published": published,
        "audit": audits,
        "worst_promotion_on_an_audit": worst_promotion(audits),
        "audit_intervals": simulate_intervals(
            rules.alpha, seed=seed, simulations=simulations, labels=audit_labels
        ),
        "whole_gate": whole_gate(rules, simulations, random),
    }


def _grid_row(
    rules: GateRules, positives: int, difference: float, simulations: int, random: np.random.Generator
) -> dict[str, Any]:
    drawn = draw_cells(positives, recall_for(true_f1(RECALL) + difference), simulations, random)
    decisions = [
        judge([_strand(rules, f1_of_cells(cells))], alpha=rules.alpha, power=rules.power) for cells in drawn
    ]
    needed = [decision.labels for decision in decisions if decision.verdict == NEEDS_LABELS]
    return {
        "positives": positives,
        "posts": int(drawn[0].sum()),
        "difference": difference,
        "plain": float(_not_lower(drawn).mean()),
        "ours": shares_of(decisions),
        "labels_needed_median": int(np.median(needed)) if needed else None,
    }


def shares_of(decisions: Sequence[Decision]) -> Mapping[str, float]:
    """How often each verdict was given."""
    verdicts: list[str] = [decision.verdict for decision in decisions]
    return {name: verdicts.count(name) / len(verdicts) for name in (PROMOTE, REFUSE, NEEDS_LABELS)}


def _not_lower(drawn: Cells) -> NDArray[np.bool_]:
    """Whether the F1 of the new model is the higher one: what a plain gate asks. A tie is broken by chance,
    which over many draws is every other tie."""
    old, new = _f1(drawn.sum(axis=3)), _f1(drawn.sum(axis=2))
    ties = np.cumsum(old == new) % 2 == 1
    return np.where(old == new, ties, new > old)


def _f1(table: Cells) -> NDArray[np.float64]:
    """F1 (n,) of tables (n, 2, 2) of label and answer."""
    hits = table[:, 1, 1]
    found: NDArray[np.float64] = 2 * hits / (2 * hits + table[:, 0, 1] + table[:, 1, 0])
    return found


def _strand(rules: GateRules, evidence: Evidence, name: str = "F1") -> Comparison:
    rule = rules.families["strand_f1"]
    return Comparison(name, "strand_f1", None, rule.margin, evidence, rule.least)


def whole_gate(rules: GateRules, simulations: int, random: np.random.Generator) -> list[dict[str, Any]]:
    """A gate of many lines, with ample labels: an equal model, and one that fails a single group.

    Three strands of `AMPLE` positives and 40 lines over groups and kinds of 400 cases, drawn independently.
    In truth lines share posts, so that an equal model passes them together more often than here.
    """
    rows = []
    for words, strand, group in (
        ("equal in all lines", 0.0, 0.0),
        ("3 points of F1 worse in one strand", -0.03, 0.0),
        ("20 points worse for one group", 0.0, -0.2),
    ):
        decisions = []
        recalls = [recall_for(true_f1(RECALL) + strand), RECALL, RECALL]
        strands = [draw_cells(AMPLE, recall, simulations, random) for recall in recalls]
        details = [
            random.multinomial(
                DETAIL_CASES,
                outcome_chances(DETAIL_RIGHT, DETAIL_RIGHT + (group if line == 0 else 0.0)).ravel(),
                simulations,
            )
            for line in range(DETAIL_LINES)
        ]
        for number in range(simulations):
            comparisons = [_strand(rules, f1_of_cells(drawn[number])) for drawn in strands]
            comparisons += [_detail(rules, line, counts[number]) for line, counts in enumerate(details)]
            decisions.append(judge(comparisons, alpha=rules.alpha, power=rules.power))
        rows.append({"words": words, "ours": shares_of(decisions)})
    return rows


def _detail(rules: GateRules, line: int, counts: NDArray[np.int64]) -> Comparison:
    rule = rules.families["suite_target"]
    old = np.repeat([False, False, True, True], counts)
    new = np.repeat([False, True, False, True], counts)
    name = f"group {line + 1}"
    return Comparison(name, "suite_target", name, rule.margin, paired_shares(old, new), rule.least)
