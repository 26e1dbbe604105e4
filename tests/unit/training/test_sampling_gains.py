"""From the rows of a sampling simulation to gains, the table and the picture."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sklearn")

from rich.console import Console

from model.errors import BadConfig
from training.simulation.gains import STRANDS, gains
from training.simulation.results import read_results
from training.simulation.sampling_output import draw_curves, print_sampling

pytestmark = pytest.mark.training


def made_up_rows(sampler_end: float = 0.5) -> list[dict[str, Any]]:
    """Two corpora and two seeds of a strand, and one of hate; random ends at .4, the start is .2."""
    first = {
        "schema_version": 1,
        "simulation": "sampling",
        "sampled_labels": 100,
        "random_labels": 200,
        "bootstrap_draws": 200,
    }
    rows = [
        {
            "stream": "natural",
            "corpus": corpus,
            "head": head,
            "seed": seed,
            "random": {
                "labels": [0, 50, 100, 200],
                "average_precision": [0.2, 0.25, 0.3, 0.4],
                "positives": 4,
                "hateful": 0.05,
            },
            "sampler": {
                "labels": [0, 50, 100],
                "average_precision": [0.2, 0.41, sampler_end + 0.01 * seed],
                "positives": 30,
                "hateful": 0.3,
            },
        }
        for corpus, head in (("a", "antisemitic"), ("b", "antisemitic"), ("a", "hate"))
        for seed in (1, 2)
    ]
    return [first, *rows]


def test_gains_are_over_the_start_and_intervals_over_corpora_and_seeds() -> None:
    hate, strand, together = gains(made_up_rows(), "natural")

    assert (hate.head, strand.head, together.head) == ("hate", "antisemitic", STRANDS)
    assert strand.corpora == together.corpora == 2
    assert strand.sampler == pytest.approx(0.315)
    assert (strand.random, strand.random_same) == pytest.approx((0.2, 0.1))
    assert together.difference == pytest.approx(strand.difference) == pytest.approx(0.115)
    assert 0.109 < strand.low < 0.115 < strand.high < 0.121
    assert strand.sampler_reaches == 50
    assert gains(made_up_rows(), "published") == []


def test_sampler_that_never_reaches_random_says_so() -> None:
    rows = made_up_rows(sampler_end=0.3)
    for row in rows[1:]:
        row["sampler"]["average_precision"][1] = 0.25
    console = Console(record=True, width=200, file=io.StringIO())

    print_sampling(rows, console)

    assert gains(rows, "natural")[-1].sampler_reaches is None
    assert "by less than what 200 random ones do" in console.export_text()


def test_file_that_is_no_results_is_refused(tmp_path: Path) -> None:
    for text in ("", "[]\n", "{}\n", "no json", '{"schema_version": 2, "simulation": "sampling"}\n'):
        path = tmp_path / "rows.jsonl"
        path.write_text(text, encoding="utf-8")
        with pytest.raises(BadConfig):
            read_results(path)


def test_head_without_a_stream_has_an_empty_panel(tmp_path: Path) -> None:
    draw_curves(made_up_rows(), tmp_path / "curves.svg")

    assert "no stream" in (tmp_path / "curves.svg").read_text(encoding="utf-8")
