"""The lint of our own suites: each kind of fault is caught, and nothing else is said."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from tiny_suite import definition, functionality, written
from typer.testing import CliRunner

import watchhouse
from model.configuration import configs_folder
from training.corpora.contrast import contrast_posts
from training.recipe import load_recipe
from training.suites.definition import SuiteDefinition, load_definition
from training.suites.expansion import expand
from training.suites.lint import Finding, lint_suites

Changed = Callable[[dict[str, Any]], Any]

TOO_FEW_OF_ALL = ("error", "size", "(all)", "cases")


def recipe_with(folder: Path, contrast: dict[str, Any] | None) -> Path:
    """The recipe that ships, its contrast posts altered or, because they take a second, left out."""
    recipe = yaml.safe_load((configs_folder() / "train" / "minilm.yaml").read_text(encoding="utf-8"))
    recipe["contrast"] = None if contrast is None else recipe["contrast"] | contrast
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe), encoding="utf-8")
    return path


@pytest.fixture
def findings(tmp_path: Path) -> Callable[..., set[tuple[str, str, str, str]]]:
    """Lints suites given as file name -> content: (level, check, suite, where) of each finding."""

    def found(
        data: Path | None = None, contrast: dict[str, Any] | None = None, **suites: dict[str, Any]
    ) -> set[tuple[str, str, str, str]]:
        paths = [written(tmp_path, content, f"{name}.yaml") for name, content in suites.items()]
        return {_short(finding) for finding in lint_suites(paths, data, recipe_with(tmp_path, contrast))}

    return found


def _short(finding: Finding) -> tuple[str, str, str, str]:
    return finding.level, finding.check, finding.suite, finding.where


def test_small_suite_has_no_other_fault_than_its_size(findings: Callable[..., Any]) -> None:
    assert findings(tiny=definition()) == {TOO_FEW_OF_ALL}


@pytest.mark.parametrize("hateful", [True, False])
def test_form_goes_with_either_answer(findings: Callable[..., Any], hateful: bool) -> None:
    content = definition()
    (_first if hateful else _second)(content, kind="form")

    assert findings(tiny=content) == {TOO_FEW_OF_ALL}


def _first(content: dict[str, Any], **changes: Any) -> None:
    content["functionalities"][0] |= changes


def _second(content: dict[str, Any], **changes: Any) -> None:
    content["functionalities"][1] |= changes


def _repeat(content: dict[str, Any], template: str) -> None:
    content["functionalities"][1]["templates"] += f"\n{template}"


def _drop_templates(content: dict[str, Any]) -> None:
    kept = content["functionalities"][1]["templates"].split("\n")[:8]
    content["functionalities"][1]["templates"] = "\n".join(kept)


NEAR = "one two three four five six seven eight nine {}"

FAULTS: list[tuple[str, Changed, tuple[str, str, str]]] = [
    ("unknown key", lambda c: c.update(extra=1), ("error", "schema", "file")),
    ("unknown kind", lambda c: _first(c, kind="rude"), ("error", "schema", "file")),
    ("other name", lambda c: c.update(suite="other"), ("error", "name", "suite")),
    ("code of another strand", lambda c: _first(c, code="AS01"), ("error", "name", "AS01")),
    ("code twice", lambda c: _second(c, code="IS01"), ("error", "name", "IS01")),
    ("undefined slot", lambda c: _repeat(c, "In {city}."), ("error", "slots", "slots")),
    ("unused slot", lambda c: c["slots"].update(day="Monday"), ("error", "slots", "slots.day")),
    ("slot in a filler", lambda c: c["slots"].update(town="in {town}"), ("error", "slots", "slots")),
    (
        "filler twice",
        lambda c: c["slots"].update(town="Leeds\nHull\nYork\nHull"),
        ("error", "slots", "slots.town"),
    ),
    ("24 cases", _drop_templates, ("error", "size", "tea")),
    ("kind of the other answer", lambda c: _first(c, kind="praise"), ("error", "kind", "IS01")),
    ("no such clause", lambda c: _first(c, clauses=["limb_b", "limb_z"]), ("error", "clauses", "IS01")),
    ("no such exclusion", lambda c: _second(c, clauses=["exclude:6"]), ("error", "clauses", "IS02")),
    ("exclusion nought", lambda c: _second(c, clauses=["exclude:0"]), ("error", "clauses", "IS02")),
    (
        "hateful without a clause",
        lambda c: _first(c, clauses=[], strand_label=0),
        ("error", "clauses", "IS01"),
    ),
    ("clause of another strand", lambda c: _first(c, clauses=["IH2"]), ("error", "clauses", "IS01")),
    ("hateful report", lambda c: _first(c, speech_act="counters"), ("error", "clauses", "IS01")),
    (
        "strand without hate",
        lambda c: _second(c, strand_label=1, clauses=["limb_b"]),
        ("error", "clauses", "IS02"),
    ),
    (
        "no such profile",
        lambda c: _first(c, hateful_under={"ihra_full": False}),
        ("error", "clauses", "IS01"),
    ),
    ("no such codebook", lambda c: c.update(codebook="1999"), ("error", "clauses", "codebook")),
    ("no such contrast", lambda c: _first(c, contrast="coffee"), ("error", "contrast", "IS01")),
    ("contrast with itself", lambda c: _first(c, contrast="keep_out"), ("error", "contrast", "IS01")),
]


@pytest.mark.parametrize(("fault", "found"), [case[1:] for case in FAULTS], ids=[case[0] for case in FAULTS])
def test_fault_is_found(findings: Callable[..., Any], fault: Changed, found: tuple[str, str, str]) -> None:
    content = definition()
    fault(content)
    level, check, where = found
    suite = content["suite"]

    assert (level, check, suite, where) in findings(tiny=content)


def test_template_that_stands_twice_is_found(findings: Callable[..., Any]) -> None:
    content = definition()
    _repeat(content, content["functionalities"][1]["templates"].split("\n")[0])

    assert findings(tiny=content) - {TOO_FEW_OF_ALL} == {("error", "duplicate", "tiny", "IS02")}


def test_near_duplicate_with_the_same_answer_is_found(findings: Callable[..., Any]) -> None:
    content = definition()
    _repeat(content, NEAR.format("ten") + "\n" + NEAR.format("eleven"))

    assert findings(tiny=content) - {TOO_FEW_OF_ALL} == {("error", "near-duplicate", "tiny", "IS02-11-1")}


def test_near_duplicate_with_the_other_answer_is_a_contrast(findings: Callable[..., Any]) -> None:
    content = definition()
    content["functionalities"][0]["templates"] += "\n" + NEAR.format("ten")
    _repeat(content, NEAR.format("eleven"))

    assert findings(tiny=content) == {TOO_FEW_OF_ALL}


def test_more_than_six_in_ten_hateful_is_a_warning(findings: Callable[..., Any]) -> None:
    content = definition()
    content["functionalities"].append(functionality("IS03", "go_home", hateful=True))

    assert findings(tiny=content) - {TOO_FEW_OF_ALL} == {("warning", "balance", "tiny", "cases")}


def test_clause_that_a_profile_leaves_out_wants_its_verdict_said(findings: Callable[..., Any]) -> None:
    content = definition() | {"strand": "antisemitic"}
    hateful = {"code": "AS01", "clauses": ["IH10"], "hateful_under": {"jerusalem": False}}
    _first(content, **hateful)
    _second(content, code="AS02")

    assert findings(tiny=content) - {TOO_FEW_OF_ALL} == {("warning", "clauses", "tiny", "AS01")}
    content["functionalities"][0]["hateful_under"] = {"ihra_without_israel": False}
    assert findings(tiny=content) == {TOO_FEW_OF_ALL}


def test_far_right_ideology_alone_is_no_hate(findings: Callable[..., Any]) -> None:
    content = definition() | {"strand": "far_right"}
    _first(content, code="FR01", clauses=["CN"])
    _second(content, code="FR02", clauses=["exclude:1"])

    assert findings(tiny=content) - {TOO_FEW_OF_ALL} == {("error", "clauses", "tiny", "FR01")}


def test_faults_between_two_suites_are_found(findings: Callable[..., Any]) -> None:
    other = definition() | {"suite": "tiny_too"}

    found = findings(**{"tiny": definition(), "tiny-too": other})

    names = {("error", "name", "tiny_too", name) for name in ("IS01", "IS02", "keep_out", "tea")}
    assert names <= found
    assert ("error", "duplicate", "tiny_too", "IS01-01-1") in found
    assert not [finding for finding in found if finding[2] == "tiny"]


def test_text_near_our_contrast_families_is_found(findings: Callable[..., Any]) -> None:
    recipe = load_recipe(configs_folder() / "train" / "minilm.yaml").recipe
    made = contrast_posts([configs_folder() / "train" / "contrast"], 60, recipe.seed)
    text = next(post.text for post in made if len(post.text.split()) > 8 and not set(post.text) & set("{}\n"))
    content = definition()
    _repeat(content, text + " again")

    found = findings(contrast={"posts": 60}, tiny=content)

    assert found - {TOO_FEW_OF_ALL} == {("error", "training data", "tiny", "IS02-10-1")}
    assert findings(tiny=content) == {TOO_FEW_OF_ALL}


def test_text_of_the_sample_feed_is_found(findings: Callable[..., Any]) -> None:
    feed = (configs_folder() / "hub" / "sample-feed.jsonl").read_text(encoding="utf-8").splitlines()
    content = definition()
    _repeat(content, json.loads(feed[0])["text"])

    assert findings(tiny=content) - {TOO_FEW_OF_ALL} == {("error", "training data", "tiny", "IS02-10-1")}


def test_text_of_a_corpus_is_found_only_with_the_data(
    findings: Callable[..., Any], data_folder: Callable[..., Path]
) -> None:
    content = definition()
    _repeat(content, "{town} library is open late\n" + NEAR.format("ten"))
    rows = [{"id": "1", "text": "HULL LIBRARY is open late!!"}, {"id": "2", "text": NEAR.format("eleven")}]
    content["slots"]["town"] = "Leeds\nHull\nYork"
    data = data_folder({("train", "made_up"): rows})
    cases = expand(SuiteDefinition.model_validate(content)).cases
    hull = next(case for case in cases if case.text.startswith("Hull library"))

    assert findings(tiny=content) == {TOO_FEW_OF_ALL}
    near = {where for _, check, _, where in findings(data, tiny=content) if check == "training data"}
    # The other two towns share four of six words with the post: below the recipe's seven in ten.
    assert near == {hull.case_id, "IS02-11-1"}


def big_suite() -> dict[str, Any]:
    """Just over a thousand cases, without a fault."""
    entries = [functionality(f"IS{n:02d}", f"f{n}", hateful=n % 2 == 0, templates=17) for n in range(20)]
    return definition() | {"functionalities": entries}


def test_command_ends_with_nought_only_for_suites_without_an_error(
    tmp_path: Path, data_folder: Callable[..., Path]
) -> None:
    def lint(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(watchhouse.app, ["suite", "lint", *arguments])
        return done.exit_code, done.output.splitlines()[-1]

    good, small = written(tmp_path, big_suite()), written(tmp_path, definition() | {"suite": "s"}, "s.yaml")
    cases = expand(SuiteDefinition.model_validate(big_suite())).cases
    data = data_folder({("train", "made_up"): [{"id": "1", "text": cases[0].text}]})

    assert lint(str(good)) == (0, "0 errors, 0 warnings")
    assert lint(str(small)) == (1, "1 errors, 0 warnings")
    # The post stands in the corpus, and the two other cases of its template are near it.
    assert lint(str(good), "--data", str(data)) == (1, "3 errors, 0 warnings")


def test_suites_that_ship_have_no_error() -> None:
    paths = sorted((configs_folder() / "suites").glob("*.yaml"))

    assert [load_definition(path).strand for path in paths] == [
        *("antisemitic", "far_right", "islamophobic"),
        "antisemitic",  # contested speech about Israel, in no figure of the antisemitic suite
    ]
    assert [finding for finding in lint_suites(paths) if finding.level == "error"] == []
