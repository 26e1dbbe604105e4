"""What the gate does to models of known difference, and the model of outcomes behind it."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn")

from training.gate.decision import PROMOTE, REFUSE
from training.gate.noninferiority import f1_of_cells
from training.gate.rules import load_rules
from training.gate.simulation import (
    CORRELATION,
    RECALL,
    both_say_yes,
    draw_cells,
    recall_for,
    simulate,
    true_f1,
)
from training.gate.simulation_output import draw_simulation, print_simulation

pytestmark = pytest.mark.training


@pytest.fixture(scope="module")
def found() -> dict:
    return simulate(load_rules()[0], seed=7, simulations=120, positives=(50, 500, 2000), audit_labels=(500,))


def test_joint_chance_is_the_arcsine_law_at_one_half_and_the_product_without_correlation() -> None:
    # Source of the law: Sheppard 1899; P(X<0, Y<0) = 1/4 + arcsin(rho) / (2 pi).
    assert both_say_yes(0.5, 0.5, CORRELATION) == pytest.approx(0.25 + np.arcsin(0.9) / (2 * np.pi), abs=1e-5)
    assert both_say_yes(0.75, 0.2, 0.0) == pytest.approx(0.15, abs=1e-5)


def test_drawn_models_have_the_recall_and_f1_asked_for() -> None:
    worse = recall_for(true_f1(RECALL) - 0.03)
    drawn = draw_cells(2000, worse, 400, np.random.default_rng(1))

    values = [f1_of_cells(cells) for cells in drawn]

    assert np.mean([value.value for value in values]) == pytest.approx(-0.03, abs=0.001)
    assert np.mean(drawn[:, 1, :, 1].sum(axis=1) / 2000) == pytest.approx(worse, abs=0.002)
    spread = np.std([value.value for value in values]) * np.sqrt(values[0].posts)
    assert np.mean([value.spread for value in values]) == pytest.approx(spread, rel=0.12)


def test_bound_errs_as_often_as_it_says_for_a_model_that_is_worse_by_exactly_the_margin() -> None:
    on_the_margin = recall_for(true_f1(RECALL) - 0.02)
    drawn = draw_cells(300, on_the_margin, 1500, np.random.default_rng(11))

    passed = np.mean([f1_of_cells(cells).bounds(0.05)[0] >= -0.02 for cells in drawn])

    assert 0.03 <= passed <= 0.07


def test_model_three_points_worse_is_hardly_ever_promoted_and_a_better_one_is(found: dict) -> None:
    by_cell = {(row["difference"], row["positives"]): row for row in found["grid"]}

    assert found["worst_promotion_of_a_worse_model"] <= 0.05
    assert by_cell[(-0.03, 50)]["plain"] > 0.1
    assert by_cell[(0.03, 2000)]["ours"][PROMOTE] >= 0.98
    assert by_cell[(0.0, 2000)]["ours"][PROMOTE] >= 0.85
    assert by_cell[(0.0, 50)]["ours"][PROMOTE] == 0.0
    assert by_cell[(0.0, 50)]["labels_needed_median"] >= 3508  # at least the 200 positives that are missing


def test_gate_of_many_lines_promotes_an_equal_model_and_refuses_one_bad_for_a_group(found: dict) -> None:
    equal, worse, group = (row["ours"] for row in found["whole_gate"])

    assert equal[PROMOTE] >= 0.9
    assert worse[PROMOTE] <= 0.05
    assert group[REFUSE] >= 0.95


def test_plain_gate_errs_as_often_as_was_published(found: dict) -> None:
    for row in found["published"]:
        assert row["plain"] == pytest.approx(row["published"], abs=0.15)


def test_simulation_repeats_for_a_seed_and_is_printed_and_drawn(found: dict, tmp_path: Path) -> None:
    from rich.console import Console

    rules = load_rules()[0]
    first, again = (
        simulate(rules, seed=3, simulations=5, positives=(50,), audit_labels=(500,)) for _ in range(2)
    )
    console = Console(record=True, width=160, file=io.StringIO())
    print_simulation(found, console)
    draw_simulation(found, tmp_path / "simulation.svg")

    assert json.dumps(first) == json.dumps(again)
    assert "a model 3 points of F1 worse is promoted in at most" in console.export_text(clear=False)
    assert "Intervals on such an audit" in console.export_text(clear=False)
    assert "F1 not lower" in (tmp_path / "simulation.svg").read_text(encoding="utf-8")
