"""`score_files`: order, formats, bad rows, exit status, and an output that is whole or absent."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet
from tiny_bundle import build_tiny_bundle

from model import score_files as score_files_module
from model.bundle import write_manifest
from model.classifier import Scores
from model.configuration import configs_folder
from model.errors import BadConfig, BadFile, BundleRefused, TextEmpty
from model.onnx_classifier import OnnxClassifier
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
    further = ["not_scored", "language", "notes", "window_start", "window_end"]
    assert list(rows[0]) == ["id", *HEAD_ORDER, "route", "reason", "bundle", "error", *further]
    assert [row["id"] for row in rows] == ["p1", "p2", "p3", "p4", "'=cmd()", "p6"]
    assert rows[1]["hate"] == "0.982"
    assert (rows[2]["error"], rows[2]["hate"], rows[2]["route"]) == ("text_empty", "", "")


GERMAN = "Die neue Bibliothek in der Innenstadt öffnet morgen früh um neun Uhr."
LONG = "tea " * 100 + "hateword"
HONEST = [
    ("de", GERMAN),
    ("long", LONG),
    ("links", "https://example.org/a/b hello"),
    ("en", "what about the tea"),
]


@pytest.fixture
def honest(tmp_path: Path) -> str:
    """A post in German, a long one, one of links, and an ordinary one."""
    path = tmp_path / "honest.jsonl"
    path.write_text("".join(json.dumps({"id": i, "text": t}) + "\n" for i, t in HONEST), encoding="utf-8")
    return str(path)


def test_row_in_another_language_says_so_and_is_no_bad_row(
    honest: str, english_bundle: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert score_files([honest], bundle=english_bundle, out=None, policy=None) == 0
    out, err = capsysbinary.readouterr()
    german, long, links, plain = read_jsonl(out.decode())
    assert german == {
        "id": "de",
        "scores": None,
        "not_scored": "language",
        "language": "de",
        "route": "unscored",
        "reason": "not scored: the text seems to be in German (de), which this model does not read",
        "bundle": plain["bundle"],
    }
    start, end = long["window"]
    assert LONG[start:end].endswith("tea hateword")
    assert len(LONG[start:end].split()) == 62
    assert long["scores"]["hate"] == 0.982
    assert links["notes"] == ["mostly_links", "few_words"]
    assert "the text is mostly links; the model reads words only" in links["reason"]
    assert set(plain) == {"id", "scores", "route", "reason", "bundle"}
    assert err == b"watchhouse: 1 of 4 rows not scored: in a language the model does not read\n"


def test_any_language_scores_every_row(
    honest: str, english_bundle: Path, tiny_bundle: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert score_files([honest], bundle=english_bundle, out=None, policy=None, language="any") == 0
    chosen = read_jsonl(capsysbinary.readouterr().out.decode())
    assert score_files([honest], bundle=tiny_bundle, out=None, policy=None) == 0
    by_bundle = read_jsonl(capsysbinary.readouterr().out.decode())
    assert [row["scores"]["hate"] for row in chosen] == [row["scores"]["hate"] for row in by_bundle]
    assert chosen[0]["route"] == "low_priority"


def test_option_of_another_language_is_refused(honest: str, english_bundle: Path) -> None:
    with pytest.raises(BadConfig, match="--language"):
        score_files([honest], bundle=english_bundle, out=None, policy=None, language="de")
    with pytest.raises(BadConfig, match="--language"):  # before a bundle is looked for
        score_files([honest], bundle=Path("nowhere"), out=None, policy=None, language="de")


def test_bundle_of_a_language_that_cannot_be_named_is_refused(honest: str, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    build_tiny_bundle(bundle, languages=("en", "xx"))
    with pytest.raises(BadConfig, match="lacks xx"):
        score_files([honest], bundle=bundle, out=None, policy=None)
    assert score_files([honest], bundle=bundle, out=None, policy=None, language="any") == 0


def test_text_that_only_the_classifier_refuses_is_one_bad_row(
    tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a text does of which the tokenizer leaves nothing, though the normaliser left something."""
    score = OnnxClassifier.score

    def refusing(self: OnnxClassifier, texts: Sequence[str]) -> Scores:
        if any("\ufffd" in text for text in texts):
            raise TextEmpty("text: has no characters that can be read", field="text")
        return score(self, texts)

    monkeypatch.setattr(OnnxClassifier, "score", refusing)
    (tmp_path / "a.txt").write_text("tea\n\ufffd\nhateword\n\u200b\n", encoding="utf-8")
    out = tmp_path / "out.jsonl"
    assert score_files([str(tmp_path / "a.txt")], bundle=tiny_bundle, out=out, policy=None) == 1
    rows = read_jsonl(out.read_text(encoding="utf-8"))
    assert [row.get("error") for row in rows] == [None, "text_empty", None, "text_empty"]
    assert rows[2]["scores"]["hate"] == 0.982


def test_post_whose_end_was_padded_away_is_reviewed(tiny_bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("!?" * 4_000 + "\n", encoding="utf-8")
    out = tmp_path / "out.jsonl"
    assert score_files([str(tmp_path / "a.txt")], bundle=tiny_bundle, out=out, policy=None) == 0
    (row,) = read_jsonl(out.read_text(encoding="utf-8"))
    assert row["route"] == "review"
    assert row["reason"].startswith("the text is too long for the model to read all of it")
    assert "end_not_read" in row["notes"]


def test_columns_hold_language_notes_and_window(honest: str, english_bundle: Path, tmp_path: Path) -> None:
    score_files([honest], bundle=english_bundle, out=tmp_path / "a.csv", policy=None)
    score_files([honest], bundle=english_bundle, out=tmp_path / "a.parquet", policy=None)
    with (tmp_path / "a.csv").open(encoding="utf-8", newline="") as file:
        from_csv = list(csv.DictReader(file))
    from_parquet = parquet.read_table(tmp_path / "a.parquet").to_pylist()
    for rows, nothing in ((from_csv, ""), (from_parquet, None)):
        cells = [
            tuple(row[name] for name in ("not_scored", "language", "notes", "window_start", "window_end"))
            for row in rows
        ]
        assert cells[0] == ("language", "de", nothing, nothing, nothing)
        window = (from_parquet[1]["window_start"], from_parquet[1]["window_end"])
        assert LONG[slice(*window)].endswith("tea hateword")
        assert cells[1][3:] == (window if rows is from_parquet else tuple(map(str, window)))
        assert cells[2] == (nothing, nothing, "mostly_links few_words", nothing, nothing)
        assert cells[3] == (nothing,) * 5
        assert rows[0]["hate"] == nothing
        assert rows[0]["error"] == nothing


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
    bundle = Path(shutil.copytree(tiny_bundle, tmp_path / "bundle"))
    thresholds = json.loads((bundle / "thresholds.json").read_bytes())
    thresholds["operating_points"] = {
        "recall_first": thresholds["heads"],
        "precision_first": dict.fromkeys(HEAD_ORDER, 0.9),
    }
    (bundle / "thresholds.json").write_text(json.dumps(thresholds), encoding="utf-8")
    write_manifest(bundle, {"name": "tiny", "max_tokens": 64, "pad_token_id": 0, "languages": ["*"]})
    routes = {}
    for name in ("officer", "platform", "researcher"):
        policy = configs_folder() / "policy" / f"{name}.yaml"
        score_files([str(tmp_path / "a.txt")], bundle=bundle, out=None, policy=policy)
        routes[name] = read_jsonl(capsysbinary.readouterr().out.decode())[0]["route"]
    assert routes == {"officer": "review", "platform": "low_priority", "researcher": "review"}


def test_nothing_to_start_with_is_refused(posts: str, tiny_bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(BundleRefused):
        score_files([posts], bundle=tmp_path, out=None, policy=None)
    with pytest.raises(BadConfig):
        score_files([posts], bundle=tiny_bundle, out=None, policy=tmp_path / "none.yaml")
    altered = Path(shutil.copytree(tiny_bundle, tmp_path / "altered"))
    (altered / "MODEL_CARD.md").write_bytes(b"# Other\n")
    with pytest.raises(BundleRefused, match=r"MODEL_CARD\.md"):
        score_files([posts], bundle=altered, out=None, policy=None)
