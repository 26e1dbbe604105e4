"""`score_files`: order, formats, bad rows, exit status, and an output that is whole or absent."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

from model import score_files as score_files_module
from model.configuration import configs_folder
from model.errors import BadConfig, BadFile, BundleRefused
from model.score_files import score_files
from model.taxonomy import HEAD_ORDER

POSTS = [
    ("p1", "tea in the garden"),
    ("p2", "hateword tea"),
    ("p3", ""),
    ("p4", "antiword " + "tea " * 40),
    ("=cmd()", "a maybeword"),
    ("p6", "the bus is late\nagain"),
]


@pytest.fixture
def posts(tmp_path: Path) -> str:
    path = tmp_path / "posts.jsonl"
    path.write_text("".join(json.dumps({"id": i, "text": t}) + "\n" for i, t in POSTS), encoding="utf-8")
    return str(path)


def read_jsonl(data: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in data.split("\n") if line]


def test_rows_come_out_in_order_with_scores_routes_and_reasons(
    posts: str, tiny_bundle: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert score_files([posts], bundle=tiny_bundle, out=None, policy=None) == 1
    out, err = capsysbinary.readouterr()
    rows = read_jsonl(out.decode())
    assert [row["id"] for row in rows] == [post_id for post_id, _ in POSTS]
    assert [row.get("route") for row in rows] == [
        "low_priority",
        "review",
        None,
        "urgent_review",
        "review",
        "low_priority",
    ]
    assert set(rows[0]) == {"id", "scores", "route", "reason", "bundle"}
    assert rows[1]["scores"] == {
        "hate": 0.982,
        "antisemitic": 0.018,
        "islamophobic": 0.018,
        "far_right": 0.018,
    }
    assert rows[3]["reason"] == "antisemitic 0.98 is at or above 0.90"
    assert set(rows[2]) == {"id", "error", "message", "bundle"}
    assert rows[2]["error"] == "text_empty"
    assert len({row["bundle"] for row in rows}) == 1
    assert err == b"watchhouse: 1 of 6 rows could not be scored\n"


def test_all_rows_good_gives_status_zero_and_silence(
    tmp_path: Path, tiny_bundle: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    (tmp_path / "a.txt").write_text("tea\nbus\n", encoding="utf-8")
    assert score_files([str(tmp_path / "a.txt")], bundle=tiny_bundle, out=None, policy=None) == 0
    assert capsysbinary.readouterr().err == b""


@pytest.mark.parametrize("rows_per_chunk", [1, 2, 5])
def test_chunks_do_not_change_the_output(
    posts: str,
    tiny_bundle: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    rows_per_chunk: int,
) -> None:
    score_files([posts], bundle=tiny_bundle, out=tmp_path / "whole.jsonl", policy=None)
    monkeypatch.setattr(score_files_module, "ROWS_PER_CHUNK", rows_per_chunk)
    score_files([posts], bundle=tiny_bundle, out=tmp_path / "chunks.jsonl", policy=None)
    assert (tmp_path / "chunks.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


def test_csv_holds_the_same_rows_and_no_formula(posts: str, tiny_bundle: Path, tmp_path: Path) -> None:
    score_files([posts], bundle=tiny_bundle, out=tmp_path / "a.csv", policy=None)
    with (tmp_path / "a.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["id", *HEAD_ORDER, "route", "reason", "bundle", "error"]
    assert [row["id"] for row in rows] == ["p1", "p2", "p3", "p4", "'=cmd()", "p6"]
    assert rows[1]["hate"] == "0.982"
    assert (rows[2]["error"], rows[2]["hate"], rows[2]["route"]) == ("text_empty", "", "")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝"])
def test_cell_that_a_spreadsheet_would_run_is_quoted(tiny_bundle: Path, tmp_path: Path, start: str) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps({"id": f"{start}1+1", "text": "tea"}), encoding="utf-8")
    score_files([str(tmp_path / "a.jsonl")], bundle=tiny_bundle, out=tmp_path / "a.csv", policy=None)
    with (tmp_path / "a.csv").open(encoding="utf-8", newline="") as file:
        assert next(csv.DictReader(file))["id"] == f"'{start}1+1"


def test_parquet_holds_the_same_rows(posts: str, tiny_bundle: Path, tmp_path: Path) -> None:
    score_files([posts], bundle=tiny_bundle, out=tmp_path / "a.parquet", policy=None)
    rows = parquet.read_table(tmp_path / "a.parquet").to_pylist()
    assert [row["id"] for row in rows] == [post_id for post_id, _ in POSTS]
    assert rows[3]["antisemitic"] == 0.982
    assert rows[2]["error"] == "text_empty"
    assert rows[2]["hate"] is None


@pytest.mark.parametrize("name", ["a.csv", "a.parquet", "a.jsonl", "a.txt"])
def test_no_rows_give_an_empty_file_of_its_format(tiny_bundle: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "none.jsonl").write_bytes(b"")
    out = tmp_path / name
    assert score_files([str(tmp_path / "none.jsonl")], bundle=tiny_bundle, out=out, policy=None) == 0
    if name == "a.parquet":
        assert parquet.read_table(out).num_rows == 0
    else:
        assert out.read_bytes().count(b"\n") == (1 if name == "a.csv" else 0)


def test_numbers_as_ids_stay_numbers_in_jsonl_and_are_text_in_parquet(
    tiny_bundle: Path, tmp_path: Path
) -> None:
    (tmp_path / "a.jsonl").write_text('{"id":7,"text":"tea"}\n{"id":"x","text":"tea"}\n', encoding="utf-8")
    for name in ("o.jsonl", "o.parquet"):
        score_files([str(tmp_path / "a.jsonl")], bundle=tiny_bundle, out=tmp_path / name, policy=None)
    assert [row["id"] for row in read_jsonl((tmp_path / "o.jsonl").read_text("utf-8"))] == [7, "x"]
    assert parquet.read_table(tmp_path / "o.parquet")["id"].to_pylist() == ["7", "x"]


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.parquet"])
def test_run_that_stops_half_way_leaves_the_old_output_alone(
    posts: str, tiny_bundle: Path, tmp_path: Path, name: str
) -> None:
    out = tmp_path / "out" / name
    out.parent.mkdir()
    out.write_bytes(b"old")
    bad = tmp_path / "bad.csv"
    bad.write_bytes(b"id,body\n")
    with pytest.raises(BadFile):
        score_files([posts, str(bad)], bundle=tiny_bundle, out=out, policy=None)
    assert [path.name for path in out.parent.iterdir()] == [name]
    assert out.read_bytes() == b"old"


def test_output_may_replace_its_own_input(tiny_bundle: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"id":"x","text":"tea"}\n', encoding="utf-8")
    assert score_files([str(path)], bundle=tiny_bundle, out=path, policy=None) == 0
    assert read_jsonl(path.read_text("utf-8"))[0]["route"] == "low_priority"


def test_device_as_output_is_written_to_and_not_replaced(posts: str, tiny_bundle: Path) -> None:
    assert score_files([posts], bundle=tiny_bundle, out=Path("/dev/null"), policy=None) == 1
    assert Path("/dev/null").is_char_device()


def test_output_that_cannot_be_written_is_refused(posts: str, tiny_bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="cannot be written"):
        score_files([posts], bundle=tiny_bundle, out=tmp_path / "no" / "folder.csv", policy=None)
    with pytest.raises(BadFile, match="cannot be written"):
        score_files([posts], bundle=tiny_bundle, out=tmp_path, policy=None)


def test_chosen_policy_gives_its_routes(
    tiny_bundle: Path, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    (tmp_path / "a.txt").write_text("maybeword\n", encoding="utf-8")
    routes = {}
    for name in ("officer", "platform", "researcher"):
        policy = configs_folder() / "policy" / f"{name}.yaml"
        score_files([str(tmp_path / "a.txt")], bundle=tiny_bundle, out=None, policy=policy)
        routes[name] = read_jsonl(capsysbinary.readouterr().out.decode())[0]["route"]
    assert routes == {"officer": "review", "platform": "low_priority", "researcher": "urgent_review"}


def test_nothing_to_start_with_is_refused(posts: str, tiny_bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(BundleRefused):
        score_files([posts], bundle=tmp_path, out=None, policy=None)
    with pytest.raises(BadConfig):
        score_files([posts], bundle=tiny_bundle, out=None, policy=tmp_path / "none.yaml")
    altered = Path(shutil.copytree(tiny_bundle, tmp_path / "altered"))
    (altered / "MODEL_CARD.md").write_bytes(b"# Other\n")
    with pytest.raises(BundleRefused, match=r"MODEL_CARD\.md"):
        score_files([posts], bundle=altered, out=None, policy=None)
