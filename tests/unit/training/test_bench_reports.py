"""Whole reports of the bench: bundle, files and endpoints on a small data folder and a small suite."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from endpoint_stubs import KEY, Stub, as_perspective, listening, serving
from fastapi import FastAPI

pytest.importorskip("torch")
pytest.importorskip("sklearn")

from model.configuration import configs_folder
from model.errors import BadConfig, BadInput
from model.taxonomy import HEAD_ORDER
from serve.storage.engine import Database
from training.bench.command import evaluate_targets
from training.bench.results import columns_of
from training.bench.suites_chosen import chosen_suites
from training.corpora.pack import read_corpus, read_manifest
from training.report.shape import Report
from training.report.writing import read_report

pytestmark = pytest.mark.training

TEXTS = {
    True: [
        "hateword again",
        "tea with hateword",
        "the hateword, they say",
        "oh hateword",
        "no hateword today",
    ],
    False: ["tea again", "tea with milk", "the rain, they say", "oh dear", "no rain today"],
}


def values(table: dict[str, Any], *names: str) -> list[float | None]:
    return [None if table[name] is None else table[name]["value"] for name in names]


def predictions(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def small_configs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The settings that ship, with a suite of ten cases in place of ours, and less to score."""
    folder = tmp_path / "configs"
    folder.mkdir()
    for part in configs_folder().iterdir():
        if part.name not in {"suites", "evaluation"}:
            (folder / part.name).symlink_to(part)
    (folder / "evaluation").mkdir()
    for part in (configs_folder() / "evaluation").iterdir():
        content = yaml.safe_load(part.read_text(encoding="utf-8"))
        if part.stem == "perturbations":
            content["strengths"] = [1.0]
        if part.stem == "neutral-identity":
            del content["templates"][40:]
            del content["identities"][30:]
        (folder / "evaluation" / part.name).write_text(yaml.safe_dump(content), encoding="utf-8")
    (folder / "suites").mkdir()
    suite = {
        "schema_version": 1,
        "suite": "small",
        "version": "1",
        "valid_from": "2026-11-22",
        "title": "Small",
        "about": "Made for a test.",
        "strand": "islamophobic",
        "codebook": "2026-11.1",
        "functionalities": [
            {
                "code": f"IS0{int(hateful)}",
                "name": name,
                "title": name,
                "kind": kind,
                "hateful": hateful,
                "strand_label": 0,
                "speech_act": "endorses" if hateful else "neutral",
                "clauses": ["limb_b"] if hateful else ["exclude:5"],
                "why": "Made for a test.",
                "templates": "\n".join(TEXTS[hateful]),
            }
            for name, kind, hateful in (("said_outright", "exclusion", True), ("tea", "neutral", False))
        ],
    }
    (folder / "suites" / "small.yaml").write_text(yaml.safe_dump(suite), encoding="utf-8")
    monkeypatch.setenv("WATCHHOUSE_CONFIG_DIR", str(folder))
    return folder


@pytest.fixture
def small_data(data_folder: Callable[..., Path]) -> Path:
    """HateCheck of eight cases, and HateXplain's test split of twelve posts."""

    def row(number: int, **more: Any) -> dict[str, Any]:
        hateful = number % 2
        text = f"{'hateword' if hateful else 'tea'} of jewish neighbours number {number}"
        return {"id": f"p{number}", "text": text, **dict.fromkeys(HEAD_ORDER, hateful), **more}

    hatecheck = [
        row(number, functionality="threat_dir_h" if number % 2 else "ident_neutral_nh") for number in range(8)
    ]
    hatexplain = [
        row(
            number + 100,
            split="test",
            kind="hatespeech" if number % 2 else "normal",
            target="Jewish" if number < 6 else "Islam",
            rationale=json.dumps([[0, 8]] if number % 2 else []),
            meta=json.dumps({"dialect": "singlish" if number < 4 else None}),
        )
        for number in range(12)
    ]
    return data_folder({("known", "hatecheck"): hatecheck, ("train", "hatexplain"): hatexplain})


def test_bundle_and_predictions_make_one_report_that_says_who_is_better(
    small_configs: Path,
    small_data: Path,
    tiny_bundle: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    # HateCheck by id, all said to be harmless; our suite by text; HateXplain not at all.
    rows: list[dict[str, Any]] = [{"case_id": f"p{number}", "hate": 0.1} for number in range(8)]
    rows += [{"text": text, "hate": 0.9} for text in TEXTS[True]]
    path = predictions(tmp_path / "[b]theirs[/x].jsonl", rows)

    evaluate_targets([str(tiny_bundle), str(path)], data=small_data, out=tmp_path / "out")

    report = read_report(tmp_path / "out" / "report.json")
    assert (tmp_path / "out" / "report.html").stat().st_size > 1000
    assert [(one["name"], one["kind"]) for one in report["targets"]] == [
        ("tiny", "bundle"),
        (path.stem, "predictions"),
    ]
    assert [(suite["name"], suite["cases"]) for suite in report["suites"]] == [
        ("hatecheck", 8),
        ("small", 10),
    ]
    ours, theirs = report["results"]["tiny"], report["results"][path.stem]
    assert values(ours["suites"]["hatecheck"], "accuracy", "macro") == [1.0, 1.0]
    assert values(theirs["suites"]["hatecheck"], "accuracy", "hateful", "non_hateful") == [0.5, 0.0, 1.0]
    assert theirs["suites"]["small"]["not_answered"] == 5
    assert theirs["suites"]["hatecheck"]["functionalities"][0]["title"] != "ident_neutral_nh"
    by_suite = {row["what"]: row for row in report["comparisons"]}
    assert by_suite["suite:hatecheck"]["only_a_right"] == 4
    assert by_suite["suite:small"]["only_a_right"] == 5
    # The bundle has no recipe, so nobody knows its dev posts; what needs none of them is measured.
    assert ours["figures"] is None
    assert not ours["drift"]
    assert ours["measures"]["hatecheck_accuracy"]["value"] == 1.0
    assert {"hatexplain_toxic_auc", "hatexplain_fped", "flips_hatexplain_jewish"} <= set(ours["measures"])
    assert {row["group"] for row in ours["groups"]} >= {"Jewish", "Islam", "jewish"}
    # A file cannot be asked about disguised or swapped posts.
    assert not theirs["groups"]
    assert not {name for name in theirs["measures"] if name.startswith("flips")}
    assert set(theirs["robustness"]) <= {"paraphrase"} < set(ours["robustness"])
    assert [row["case_id"] for row in theirs["worst"]] == ["p1", "p3", "p5", "p7"]
    printed = capsys.readouterr()
    assert "measured without its dev posts" in printed.err
    assert path.stem in printed.out
    assert "not measured: HateXplain test: answers for 0 of 12" in printed.out


def test_second_report_says_what_changed_since_the_first(
    small_configs: Path, small_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = {text: hateful for hateful, of_kind in TEXTS.items() for text in of_kind}
    before = predictions(tmp_path / "old" / "theirs.jsonl", [{"text": text, "hate": 0.2} for text in texts])
    after = predictions(
        tmp_path / "new" / "theirs.jsonl", [{"text": text, "hate": float(texts[text])} for text in texts]
    )
    evaluate_targets([str(before)], data=small_data, out=tmp_path / "first")
    capsys.readouterr()

    report = evaluate_targets([str(after)], data=small_data, against=tmp_path / "first" / "report.json")

    verdicts = {line["measure"]: line["verdict"] for line in report["against"]["lines"]}
    assert verdicts["suite:small:said_outright"] == "better"
    assert verdicts["suite:small:tea"] == "not distinguishable"
    printed = capsys.readouterr().out
    assert "suite:small:said_outright" in printed
    assert " 0 worse" in printed


def test_our_own_endpoint_answers_as_the_bundle_behind_it(
    small_configs: Path, small_data: Path, tiny_bundle: Path, hub: str
) -> None:
    report = evaluate_targets([str(tiny_bundle), f"watchhouse+http://{hub}"], data=small_data)

    name = f"watchhouse {hub}"
    ours, over_http = report["results"]["tiny"], report["results"][name]
    for part in ("suites", "definition_diff", "robustness"):
        assert ours[part] == over_http[part]
    assert ours["measures"] == over_http["measures"]
    assert {row["verdict"] for row in report["comparisons"]} == {"not distinguishable"}
    facts = Report.model_validate(report).model_dump(mode="json")["targets"][1]
    assert (facts["name"], facts["kind"], facts["heads"]) == (name, "endpoint", list(HEAD_ORDER))


@pytest.fixture
def database(hub_home: Path, sqlite_template: Path) -> Iterator[Database]:
    """One database is enough here: what is stored is not what these tests are about."""
    (hub_home / "hub.sqlite").write_bytes(sqlite_template.read_bytes())
    made = Database(f"sqlite:///{hub_home / 'hub.sqlite'}")
    yield made
    made.close()


@pytest.fixture
def hub(
    hub_app: FastAPI, api_key: Callable[..., dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """Where our own application listens, its key where a target looks for it."""
    key = api_key("score")["Authorization"].removeprefix("Bearer ")
    monkeypatch.setenv("WATCHHOUSE_TARGET_KEY", key)
    with listening(hub_app) as address:
        yield address


def test_endpoint_of_perspectives_shape_is_measured_on_hate_alone_and_its_key_is_nowhere(
    small_configs: Path,
    small_data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("WATCHHOUSE_TARGET_KEY", KEY)
    with serving(Stub(as_perspective)) as stub:
        report = evaluate_targets([f"perspective+{stub.url}"], data=small_data, out=tmp_path / "out")

    (result,) = report["results"].values()
    assert report["targets"][0]["heads"] == ["hate"]
    assert values(result["suites"]["small"], "accuracy", "hateful", "non_hateful") == [1.0, 1.0, 1.0]
    assert all(row["strand_accuracy"] is None for row in result["suites"]["small"]["functionalities"])
    assert [row["strength"] for row in result["robustness"]["zero_width"]] == [0.0, 1.0]
    assert len(stub.asked()) == len({body["comment"]["text"] for body in stub.asked()})
    printed = capsys.readouterr()
    told = [path.read_text(encoding="utf-8") for path in (tmp_path / "out").iterdir()]
    assert all(KEY not in text for text in (printed.out, printed.err, *told))


def test_folder_for_the_report_that_is_a_file_is_refused_first(small_data: Path, tmp_path: Path) -> None:
    taken = predictions(tmp_path / "taken.jsonl", [{"text": "tea", "hate": 0.1}])

    with pytest.raises(BadConfig, match="folder"):
        evaluate_targets([str(taken)], data=small_data, out=taken)


def test_suite_named_twice_is_refused(small_configs: Path, small_data: Path, tmp_path: Path) -> None:
    path = tmp_path / "hatecheck.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["functionality", "text", "label"], ["f", "tea", "0"]])

    assert [suite.name for suite in chosen_suites([], small_data)] == ["hatecheck", "small"]
    with pytest.raises(BadInput, match="hatecheck is there twice"):
        chosen_suites([path], small_data)


def test_posts_say_their_dialect_to_a_rule_that_goes_by_a_column(small_data: Path) -> None:
    columns = columns_of(read_corpus(read_manifest(small_data)["hatexplain"]))

    assert columns["dialect"] == ["singlish"] * 4 + [None] * 8
    assert columns["target"] == ["Jewish"] * 6 + ["Islam"] * 6
