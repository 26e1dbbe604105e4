"""`--explain`: offsets beside every scored row, nothing beside the others, and a clear refusal."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet
from typer.testing import CliRunner

from model import score_files as score_files_module
from model.bundle import Bundle, write_manifest
from model.calibration import Calibration
from model.errors import BadConfig, BundleRefused
from model.explaining import explainer
from model.onnx_classifier import OnnxClassifier
from model.score_files import score_files
from model.taxonomy import HEAD_ORDER, SPEECH_ACT_ORDER
from watchhouse import app

POSTS = [
    ("p1", "tea \u2615 in the garden"),
    ("p2", "cafe\u0301 tea hate\u200bword, farword"),
    ("p3", " "),
    ("=1+1", "a farword"),
]


@pytest.fixture
def posts(tmp_path: Path) -> str:
    path = tmp_path / "posts.jsonl"
    path.write_text("".join(json.dumps({"id": i, "text": t}) + "\n" for i, t in POSTS), encoding="utf-8")
    return str(path)


def explained(posts: str, bundle: Path, out: Path, method: str) -> list[dict[str, Any]]:
    assert score_files([posts], bundle=bundle, out=out, policy=None, explain=method) == 1
    return [json.loads(line) for line in out.read_text("utf-8").splitlines()]


def test_rationale_gives_raw_offsets_and_the_speech_act(
    posts: str, tiny_bundle: Path, tmp_path: Path
) -> None:
    rows = explained(posts, tiny_bundle, tmp_path / "o.jsonl", "rationale")

    found = [row["explanation"] for row in rows]
    assert found[2] is None
    assert (found[1]["method"], found[1]["head"]) == ("rationale", "hate")
    text = POSTS[1][1]
    assert [text[start:end] for start, end, _ in found[1]["spans"]] == ["hate\u200bword, farword"]
    assert found[1]["spans"][0][2] == pytest.approx(0.982, abs=1e-4)
    assert found[0]["spans"] == []
    assert [row and row["held_back"] for row in found] == [True, False, None, False]
    assert list(found[1]["speech_act"]) == list(SPEECH_ACT_ORDER)
    assert max(found[1]["speech_act"], key=found[1]["speech_act"].get) == "endorses"
    assert max(found[0]["speech_act"], key=found[0]["speech_act"].get) == "neutral"


def test_occlusion_names_its_head_and_agrees_with_the_rationale_where_they_share_it(
    posts: str, tiny_bundle: Path, tmp_path: Path
) -> None:
    (tmp_path / "one.jsonl").write_text('{"id":"x","text":"tea hateword tea"}\n', encoding="utf-8")
    rows = explained(posts, tiny_bundle, tmp_path / "o.jsonl", "occlusion")
    assert rows[2]["explanation"] is None
    assert rows[3]["explanation"]["method"] == "occlusion"
    assert [span[:2] for span in rows[3]["explanation"]["spans"]] == [[2, 9]]

    out = tmp_path / "one-out.jsonl"
    score_files([str(tmp_path / "one.jsonl")], bundle=tiny_bundle, out=out, policy=None, explain="occlusion")
    found = json.loads(out.read_text("utf-8"))["explanation"]
    assert (found["head"], found["agreement"]) == ("hate", 1.0)
    assert found["spans"] == [[4, 12, pytest.approx(0.964, abs=1e-3)]]


def test_explaining_changes_nothing_else_in_a_row(posts: str, tiny_bundle: Path, tmp_path: Path) -> None:
    score_files([posts], bundle=tiny_bundle, out=tmp_path / "plain.jsonl", policy=None)
    plain = [json.loads(line) for line in (tmp_path / "plain.jsonl").read_text("utf-8").splitlines()]

    for method in ("rationale", "occlusion"):
        rows = explained(posts, tiny_bundle, tmp_path / f"{method}.jsonl", method)
        assert [{k: v for k, v in row.items() if k != "explanation"} for row in rows] == plain


@pytest.mark.parametrize("rows_per_chunk", [1, 3])
def test_chunks_do_not_change_the_explanations(
    posts: str, tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows_per_chunk: int
) -> None:
    whole = explained(posts, tiny_bundle, tmp_path / "whole.jsonl", "rationale")
    monkeypatch.setattr(score_files_module, "ROWS_PER_EXPLAINED_CHUNK", rows_per_chunk)

    assert explained(posts, tiny_bundle, tmp_path / "chunks.jsonl", "rationale") == whole


def test_tables_hold_the_explanation_as_json_in_one_column(
    posts: str, tiny_bundle: Path, tmp_path: Path
) -> None:
    expected = [
        row["explanation"] for row in explained(posts, tiny_bundle, tmp_path / "o.jsonl", "rationale")
    ]
    for name in ("o.csv", "o.parquet"):
        score_files([posts], bundle=tiny_bundle, out=tmp_path / name, policy=None, explain="rationale")

    with (tmp_path / "o.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0])[-1] == "explanation"
    assert [json.loads(row["explanation"] or "null") for row in rows] == expected
    column = parquet.read_table(tmp_path / "o.parquet")["explanation"].to_pylist()
    assert column[2] is None
    assert [json.loads(cell or "null") for cell in column] == expected


def test_explanation_repeats_no_word_of_the_post(posts: str, tiny_bundle: Path, tmp_path: Path) -> None:
    for method in ("rationale", "occlusion"):
        for row in explained(posts, tiny_bundle, tmp_path / "o.jsonl", method):
            assert "word" not in json.dumps(row.get("explanation"))


def test_bundle_without_a_rationale_head_is_told_so_before_anything_is_written(
    posts: str, plain_bundle: Path, tmp_path: Path
) -> None:
    out = tmp_path / "o.jsonl"

    with pytest.raises(BadConfig, match="--explain: the bundle has no rationale head"):
        score_files([posts], bundle=plain_bundle, out=out, policy=None, explain="rationale")

    assert not out.exists()
    rows = explained(posts, plain_bundle, out, "occlusion")
    assert rows[1]["explanation"]["speech_act"] is None
    assert rows[1]["explanation"]["agreement"] is None


def test_unknown_method_is_refused_by_its_option(tiny_bundle: Path) -> None:
    with pytest.raises(BadConfig, match="--explain: must be rationale or occlusion"):
        explainer("attention", OnnxClassifier(Bundle.load(tiny_bundle)))


def test_command_line_passes_the_method_on(posts: str, tiny_bundle: Path) -> None:
    done = CliRunner().invoke(app, ["score", posts, "--bundle", str(tiny_bundle), "--explain", "occlusion"])

    assert done.exit_code == 1
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [bool(row["explanation"]) for row in rows] == [True, True, False, True]


@pytest.mark.parametrize("threshold", [0, 1, -0.5, True, "0.5", None, float("nan")])
def test_threshold_that_no_probability_can_mean_is_refused(tiny_bundle: Path, threshold: object) -> None:
    calibration = json.loads((tiny_bundle / "calibration.json").read_text("utf-8"))
    calibration["rationale"] = {"slope": 1.0, "intercept": 0.0, "threshold": threshold}

    with pytest.raises(BundleRefused, match=r"calibration\.json: rationale: threshold must be"):
        Calibration.from_json(json.dumps(calibration).encode())


def remade(tiny_bundle: Path, folder: Path, languages: list[str], **calibration: object) -> Path:
    """The tiny bundle with other languages and further members of its calibration."""
    shutil.copytree(tiny_bundle, folder)
    file = folder / "calibration.json"
    file.write_text(json.dumps({**json.loads(file.read_text("utf-8")), **calibration}), encoding="utf-8")
    (folder / "manifest.json").unlink()
    write_manifest(folder, {"name": "tiny", "max_tokens": 64, "pad_token_id": 0, "languages": languages})
    return folder


def test_words_of_a_post_below_the_recall_first_point_are_held_back(
    posts: str, tiny_bundle: Path, tmp_path: Path
) -> None:
    marked = [row["explanation"] for row in explained(posts, tiny_bundle, tmp_path / "o.jsonl", "rationale")]
    folder = tmp_path / "high"
    shutil.copytree(tiny_bundle, folder)
    thresholds = {"schema_version": 1, "heads": {**dict.fromkeys(HEAD_ORDER, 0.5), "hate": 0.99}}
    (folder / "thresholds.json").write_text(json.dumps(thresholds), encoding="utf-8")
    high = remade(folder, tmp_path / "remade", ["*"])

    held = [row["explanation"] for row in explained(posts, high, tmp_path / "p.jsonl", "rationale")]

    assert marked[1]["spans"]
    assert not marked[1]["held_back"]
    assert held[1]["spans"] == []
    assert held[1]["held_back"]
    assert held[1]["speech_act"] == marked[1]["speech_act"]


def test_threshold_of_the_bundle_decides_which_words_count(
    posts: str, tiny_bundle: Path, tmp_path: Path
) -> None:
    rationale = {"slope": 1.0, "intercept": 0.0, "threshold": 0.99}
    strict = remade(tiny_bundle, tmp_path / "strict", ["*"], rationale=rationale)

    rows = explained(posts, strict, tmp_path / "o.jsonl", "rationale")

    assert [row["explanation"]["spans"] for row in rows if row["explanation"]] == [[], [], []]


def test_post_that_is_not_scored_for_its_language_is_not_explained(tiny_bundle: Path, tmp_path: Path) -> None:
    english = remade(tiny_bundle, tmp_path / "english", ["en"])
    german = "Wir gehen morgen früh mit den Kindern in den Garten."
    path = tmp_path / "posts.txt"
    path.write_text(f"{german}\nwe go to the garden with the children\n", encoding="utf-8")
    out = tmp_path / "o.jsonl"

    assert score_files([str(path)], bundle=english, out=out, policy=None, explain="rationale") == 0

    rows = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert [row["explanation"] is None for row in rows] == [True, False]
