"""Attempts beside one another: recorded from a bundle's own figures, printed as they stand."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from model.errors import BadConfig
from training.attempts import attempt_of, main, print_attempts, read_attempts

pytestmark = pytest.mark.training


def bundle(folder: Path, name: str, value: float | None, verdict: str) -> Path:
    folder.mkdir()
    (folder / "manifest.json").write_text(json.dumps({"name": name, "manifest_sha256": "a" * 64}))
    got = None if value is None else {"value": value, "low": 0.0, "high": 1.0, "posts": 4}
    gate = {"measure": "m", "words": "a measure", "must": 0.8, "aim": 0.9, "got": got, "verdict": verdict}
    (folder / "figures.json").write_text(json.dumps({"gates": [gate]}))
    return folder


def test_attempts_are_recorded_and_printed_with_what_they_reached(tmp_path: Path) -> None:
    file = tmp_path / "attempts.jsonl"
    main(file, record=bundle(tmp_path / "one", "first", 0.75, "missed"), note="the first")
    main(file, record=bundle(tmp_path / "two", "second", 0.8125, "holds"), note="the second")

    out = io.StringIO()
    print_attempts(read_attempts(file), Console(file=out, width=200))

    row = next(line for line in out.getvalue().splitlines() if "a measure" in line)
    assert [cell for cell in row.split() if cell.startswith("0.")] == ["0.800", "0.750", "0.812"]
    assert "first-aaaaaaaaaaaa: 0 of 1 hold. the first" in out.getvalue()
    assert "second-aaaaaaaaaaaa: 1 of 1 hold. the second" in out.getvalue()


def test_measure_that_an_attempt_lacks_is_said_and_not_made_up(tmp_path: Path) -> None:
    attempt = attempt_of(bundle(tmp_path / "one", "first", None, "-"), "")
    out = io.StringIO()

    print_attempts([attempt], Console(file=out, width=200))

    assert "│ -" in next(line for line in out.getvalue().splitlines() if "a measure" in line)


def test_folder_without_figures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match=r"figures\.json"):
        attempt_of(tmp_path, "")


def test_broken_line_is_refused_by_its_number(tmp_path: Path) -> None:
    file = tmp_path / "attempts.jsonl"
    file.write_text("{}\n")

    with pytest.raises(BadConfig, match="line 1"):
        read_attempts(file)


def test_attempts_that_ship_can_be_read() -> None:
    found = read_attempts(Path(__file__).resolve().parents[3] / "docs" / "attempts.jsonl")

    assert len(found) >= 2
    assert all(one.reached for one in found)
