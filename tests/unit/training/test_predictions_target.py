"""Files of predictions as targets: looked up by text or case, refused where they contradict themselves."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.configuration import sha256_of
from model.errors import BadFile
from model.taxonomy import HEAD_ORDER
from training.targets import open_target

Write = Callable[..., Path]


@pytest.fixture
def predictions(tmp_path: Path) -> Write:
    """Writes rows under a name whose suffix says the format; gives the path."""

    def write(name: str, rows: list[dict[str, Any]]) -> Path:
        path = tmp_path / name
        if path.suffix == ".parquet":
            parquet.write_table(pa.Table.from_pylist(rows), path)
        elif path.suffix == ".csv":
            with path.open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, list(rows[0]))
                writer.writeheader()
                writer.writerows(rows)
        else:
            path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet"])
def test_predictions_are_looked_up_by_text(predictions: Write, suffix: str) -> None:
    rows = [
        {"text": "tea,\nat ten", "hate": 0.25, "far_right": 0.5},
        {"text": "rain", "hate": 1.0, "far_right": None},
    ]
    path = predictions(f"theirs.{suffix}", rows)
    target = open_target(str(path))

    found = target.score(["rain", "snow", "tea,\nat ten"])

    nan = math.nan
    wanted = [[1, nan, nan, nan], [nan] * 4, [0.25, nan, nan, 0.5]]
    assert np.array_equal(found, np.asarray(wanted, dtype=np.float32), equal_nan=True)
    assert target.answered(["rain", "snow"]).tolist() == [True, False]
    assert (target.name, target.heads) == ("theirs", ("hate", "far_right"))
    assert target.identity == f"sha256:{sha256_of(path.read_bytes())}"
    assert target.unanswered == {"missing": 1}


def test_score_column_stands_for_hate_and_any_column_can_be_named(predictions: Write) -> None:
    path = predictions("theirs.csv", [{"text": "tea", "score": 0.5, "toxicity": 0.75}])

    assert open_target(str(path)).score(["tea"])[0, 0] == 0.5
    assert open_target(f"{path}?hate=toxicity").score(["tea"])[0, 0] == 0.75
    with pytest.raises(BadFile, match="has text, score, toxicity"):
        open_target(f"{path}?hate=severity")


@pytest.mark.parametrize("column", ["id", "case_id"])
def test_predictions_are_looked_up_by_case_id(predictions: Write, column: str) -> None:
    path = predictions("theirs.jsonl", [{column: "AS01-3", "score": 0.5}, {column: 7, "score": 0.25}])
    target = open_target(str(path))

    found = target.for_cases(["7", "AS01-3", "AS01-4"], ["rain", "tea", "snow"])

    assert found[:2, 0].tolist() == [0.25, 0.5]
    assert np.isnan(found[2]).all()
    assert target.unanswered == {"missing": 1}


def test_case_of_another_suite_with_the_same_id_is_not_taken(predictions: Write) -> None:
    path = predictions("theirs.jsonl", [{"id": 1, "text": "tea", "score": 0.5}])
    target = open_target(str(path))

    assert np.isnan(target.for_cases(["1"], ["rain"])).all()
    assert target.for_cases(["1", "2"], ["tea", "tea"])[:, 0].tolist() == [0.5, 0.5]


def test_row_without_text_for_cases_of_two_suites_is_refused(predictions: Write) -> None:
    target = open_target(str(predictions("theirs.csv", [{"case_id": "1", "hate": "0.9"}])))

    assert target.for_cases(["1", "1"], ["tea", "tea"])[:, 0].tolist() == pytest.approx([0.9, 0.9])
    with pytest.raises(BadFile, match="two suites"):
        target.for_cases(["1"], ["rain"])


def test_what_watchhouse_score_writes_can_be_read(predictions: Write) -> None:
    rows = [
        {"id": "c", "error": "text_empty", "message": "text: empty", "bundle": "b"},
        {"id": "b", "scores": None, "not_scored": "language", "language": "de", "bundle": "b"},
        {"id": "a", "scores": dict.fromkeys(HEAD_ORDER, 0.5), "route": "none", "bundle": "b"},
    ]
    target = open_target(str(predictions("ours.jsonl", rows)))

    found = target.for_cases(["a", "b", "c"], ["tea", "Die Bibliothek", " "])

    assert target.heads == HEAD_ORDER
    assert np.isnan(found).all(axis=1).tolist() == [False, True, True]
    assert target.unanswered == {"not_scored": 2}


BAD_ROWS: list[tuple[list[dict[str, Any]], str]] = [
    ([{"text": "tea", "hate": 0.5}, {"text": "tea", "hate": 0.6}], "row 2: contradicts .* same text"),
    ([{"id": 1, "hate": 0.5}, {"id": 1, "hate": 0.6}], "row 2: contradicts .* same id"),
    ([{"text": "tea", "hate": 1.5}], "row 1: hate: must be a number from 0 to 1"),
    ([{"text": "tea", "hate": "much"}], "row 1: hate: must be a number from 0 to 1"),
    ([{"text": "tea", "hate": True}], "row 1: hate: must be a number from 0 to 1"),
    ([{"text": 5, "hate": 0.5}], "row 1: text: must be a string"),
    ([{"hate": 0.5}], "row 1: has neither text nor"),
    ([{"text": "tea", "hate": 0.5, "score": 0.5}], "both hate and score"),
    ([{"text": "tea", "verdict": 0.5}], "has no column"),
    ([], "has no rows"),
]


@pytest.mark.parametrize(("rows", "why"), BAD_ROWS, ids=[why for _, why in BAD_ROWS])
def test_predictions_that_cannot_be_used_are_refused(
    predictions: Write, rows: list[dict[str, Any]], why: str
) -> None:
    with pytest.raises(BadFile, match=why) as refused:
        open_target(str(predictions("theirs.jsonl", rows)))
    assert "tea" not in refused.value.message
    assert "much" not in refused.value.message


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.jsonl", b"{\n"),
        ("a.jsonl", b"\xff\n"),
        ("a.csv", b"text,hate\ntea\n"),
        ("a.csv", b"text,hate\ntea,0.5,0.6\n"),
        ("a.parquet", b"PAR1 and no more"),
    ],
)
def test_file_of_another_format_is_refused(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)

    with pytest.raises(BadFile, match=name):
        open_target(str(tmp_path / name))


def test_duplicates_that_agree_are_one(predictions: Write) -> None:
    path = predictions("theirs.jsonl", [{"text": "tea", "score": 0.5}] * 3)

    assert open_target(str(path)).score(["tea"])[0, 0] == 0.5


@given(
    st.dictionaries(st.text(st.characters(codec="utf-8"), min_size=1), st.floats(0, 1, width=32), min_size=1)
)
def test_any_text_finds_its_own_score(
    tmp_path_factory: pytest.TempPathFactory, scores: dict[str, float]
) -> None:
    path = tmp_path_factory.mktemp("any") / "theirs.jsonl"
    path.write_text("".join(json.dumps({"text": t, "score": s}) + "\n" for t, s in scores.items()))
    asked = [*reversed(scores), *scores]

    found = open_target(str(path)).score(asked)

    assert found[:, 0].tolist() == [scores[text] for text in asked]
