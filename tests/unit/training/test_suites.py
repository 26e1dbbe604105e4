"""Suites expanded and opened: the same file gives the same cases, whatever stands after them."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet
from tiny_suite import definition, functionality, written
from typer.testing import CliRunner

import watchhouse
from model.errors import BadConfig, BadFile, BadRecord
from model.suite import read_suite
from training.suites.command import build
from training.suites.expansion import build_suite, fillings
from training.suites.reading import open_suite


def test_same_file_gives_the_same_suite(tmp_path: Path) -> None:
    path = written(tmp_path, definition())

    assert build_suite(path) == build_suite(path)
    assert (build_suite(path).name, build_suite(path).version) == ("tiny", "1")


def test_built_suite_is_read_back_from_its_csv(tmp_path: Path) -> None:
    path = written(tmp_path, definition())
    done = CliRunner().invoke(watchhouse.app, ["suite", "build", str(path), "--out", str(tmp_path / "out")])

    assert done.exit_code == 0, done.output
    assert read_suite(tmp_path / "out" / "tiny.csv") == build_suite(path) == open_suite(path)


def test_case_has_what_its_functionality_says(tmp_path: Path) -> None:
    content = definition()
    content["functionalities"][0] |= {"clauses": ["limb_a", "limb_b"], "hateful_under": {"appg_2018": True}}
    case = build_suite(written(tmp_path, content)).cases[0]

    assert (case.case_id, case.functionality, case.hateful) == ("IS01-01-1", "keep_out", True)
    assert (case.kind, case.target, case.strand, case.strand_label) == (
        "exclusion",
        "Muslims",
        "islamophobic",
        1,
    )
    assert (case.speech_act, case.clauses) == ("endorses", ("limb_a", "limb_b"))
    assert case.hateful_under == {"appg_2018": True}
    assert case.template_id is not None
    assert case.template_id.startswith("IS01-")


def test_homonym_is_about_no_group(tmp_path: Path) -> None:
    content = definition()
    content["functionalities"][1]["kind"] = "homonym"

    assert {case.target for case in build_suite(written(tmp_path, content)).cases} == {"Muslims", None}


def test_template_gives_three_cases_that_differ_in_every_slot(tmp_path: Path) -> None:
    content = definition()
    content["slots"]["day"] = "Monday\nTuesday\nFriday"
    content["functionalities"][0]["templates"] = "In {town} on {day}.\nNo slot here."
    made = [case.text for case in build_suite(written(tmp_path, content)).cases[:4]]

    assert len({text.split(" on ")[0] for text in made[:3]}) == 3
    assert len({text.split(" on ")[1] for text in made[:3]}) == 3
    assert made[3] == "No slot here."


def test_slot_that_stands_twice_says_the_same_twice(tmp_path: Path) -> None:
    content = definition()
    content["functionalities"][0]["templates"] = "From {town} to {town}."
    first = build_suite(written(tmp_path, content)).cases[0].text

    assert first.split()[1] == first.split()[3].rstrip(".")


def test_text_that_stood_before_makes_no_second_case(tmp_path: Path) -> None:
    content = definition()
    content["functionalities"][0]["templates"] = "We met in {town}.\nwe met in {town}!\nOnly this."
    cases = build_suite(written(tmp_path, content)).cases

    # Four towns: three cases of the first template leave one for the second.
    assert Counter(case.case_id[5:7] for case in cases if case.functionality == "keep_out") == {
        "01": 3,
        "02": 1,
        "03": 1,
    }


def test_appending_a_template_leaves_the_cases_before_it_as_they_were(tmp_path: Path) -> None:
    content = definition()
    before = build_suite(written(tmp_path, content)).cases
    content["functionalities"][0]["templates"] += "\nOne more about {town}."
    after = {case.case_id: case for case in build_suite(written(tmp_path, content)).cases}

    assert len(after) == len(before) + 3
    assert all(after[case.case_id] == case for case in before)


@given(st.dictionaries(st.sampled_from("abc"), st.lists(st.text("xyz", min_size=1), min_size=1, max_size=4)))
def test_fillings_are_every_combination_once(slots: dict[str, list[str]]) -> None:
    distinct = {name: sorted(set(fillers)) for name, fillers in slots.items()}
    template = " ".join(f"{{{name}}}" for name in distinct)
    found = [tuple(filling.values()) for filling in fillings(template, distinct, "seed")]
    wanted = 1
    for fillers in distinct.values():
        wanted *= len(fillers)

    assert len(found) == len(set(found)) == wanted


def test_fillers_are_used_about_evenly(tmp_path: Path) -> None:
    content = definition()
    content["functionalities"] = [functionality("IS01", "keep_out", hateful=True, templates=200)]
    used = Counter(
        town
        for case in build_suite(written(tmp_path, content)).cases
        for town in ("Leeds", "Bradford", "Keighley", "Hull")
        if town in case.text
    )

    assert min(used.values()) >= 0.8 * 150


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("In {city}.", "IS01 template 1: no slot city"),
        ("In {Town}.", "IS01 template 1: a brace that belongs to no slot"),
        ("In {town.", "IS01 template 1: a brace that belongs to no slot"),
    ],
)
def test_suite_with_a_broken_slot_is_not_built(tmp_path: Path, template: str, said: str) -> None:
    content = definition()
    content["functionalities"][0]["templates"] = template

    with pytest.raises(BadConfig, match=said):
        build_suite(written(tmp_path, content))


def test_corpus_of_the_data_folder_is_read_as_a_suite(tmp_path: Path) -> None:
    rows = [
        {"id": "hatecheck:1", "text": "=hello", "hate": 1, "target": None, "functionality": "f"},
        {"id": "hatecheck:2", "text": "Good evening", "hate": 0, "target": "Muslims", "functionality": "g"},
    ]
    for row in rows:
        row["meta"] = json.dumps({"templ": "[GREETING]"})
    parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "known.parquet")

    suite = open_suite(tmp_path / "known.parquet")

    assert [(case.case_id, case.text, case.hateful) for case in suite.cases] == [
        ("hatecheck:1", "=hello", True),
        ("hatecheck:2", "Good evening", False),
    ]
    assert (suite.name, suite.language, suite.cases[1].target) == ("known", "en", "Muslims")
    assert suite.cases[0].template_id == suite.cases[1].template_id is not None


def test_corpus_row_that_nobody_labelled_is_refused(tmp_path: Path) -> None:
    rows = [{"id": "1", "text": "hello", "hate": None, "target": None, "functionality": "f"}]
    parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "known.parquet")

    with pytest.raises(BadRecord, match="row 2, hate: must be hateful or non-hateful"):
        open_suite(tmp_path / "known.parquet")


@pytest.mark.parametrize("data", [b"PAR1 and then nothing", b""])
def test_file_that_is_no_parquet_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "known.parquet").write_bytes(data)

    with pytest.raises(BadFile, match="cannot be read as Parquet"):
        open_suite(tmp_path / "known.parquet")


def test_two_suites_that_would_be_one_file_are_not_built(tmp_path: Path) -> None:
    paths = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        paths.append(written(tmp_path / name, definition()))

    with pytest.raises(BadConfig, match="one file"):
        build(paths, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("said", "label"), [({}, 0), ({"strand_label": 0}, 0), ({"strand_label": None}, None)]
)
def test_null_strand_label_is_no_label_and_an_absent_one_follows_the_answer(
    tmp_path: Path, said: dict[str, Any], label: int | None
) -> None:
    content = definition()
    content["functionalities"][1] |= said

    suite = build_suite(written(tmp_path, content))

    assert {case.strand_label for case in suite.cases if case.functionality == "tea"} == {label}
    assert {case.strand_label for case in suite.cases if case.functionality == "keep_out"} == {1}
