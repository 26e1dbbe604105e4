"""Definition diff: labels by each definition, accuracy by each, and the cases on which they part."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("sklearn")

from model.errors import BadConfig
from model.suite import SuiteCase
from model.taxonomy import Strand
from training.evaluation.definitions import (
    DefinitionPairs,
    DefinitionProfile,
    definition_diff,
    hateful_under,
    load_definition_pairs,
)

pytestmark = pytest.mark.training


def profile(name: str, *leaves_out: str, strand: str = "antisemitic") -> DefinitionProfile:
    return DefinitionProfile.model_validate(
        {
            "value": name,
            "strand": strand,
            "leaves_out": leaves_out,
            "title": name.title(),
            "source": {"name": "us", "date": "2026"},
        }
    )


FULL, CUT = profile("full"), profile("cut", "IH7", "IH8")


def case(
    number: int,
    clauses: tuple[str, ...] = ("IH2",),
    *,
    hateful: bool = True,
    functionality: str = "control",
    strand: Strand = Strand.ANTISEMITIC,
    template: str | None = None,
    **under: bool,
) -> SuiteCase:
    return SuiteCase(
        f"c{number}",
        f"Post number {number}.",
        functionality,
        hateful,
        strand=strand,
        clauses=clauses,
        template_id=template,
        hateful_under=under,
    )


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (case(1, ("IH7",)), (True, False)),
        (case(1, ("IH7", "IH8")), (True, False)),
        (case(1, ("IH7", "IH2")), (True, True)),
        (case(1, ()), (True, True)),
        (case(1, ("exclude:1",), hateful=False), (False, False)),
        (case(1, ("exclude:1",), hateful=False, cut=True), (False, True)),
        (case(1, ("IH7",), cut=True), (True, True)),
        (case(1, ("IH2",), full=False), (False, True)),
    ],
)
def test_label_by_a_definition_is_the_suites_word_else_what_its_clauses_leave(
    one: SuiteCase, expected: tuple[bool, bool]
) -> None:
    assert (hateful_under(one, FULL), hateful_under(one, CUT)) == expected


@given(
    st.sets(st.sampled_from(["IH1", "IH2", "IH7", "IH8"])),
    st.booleans(),
    st.sets(st.sampled_from(["IH1", "IH8"])),
)
def test_definition_that_leaves_clauses_out_never_makes_a_case_hateful(
    clauses: set[str], hateful: bool, left_out: set[str]
) -> None:
    one = case(1, tuple(sorted(clauses)), hateful=hateful)
    assert hateful_under(one, profile("cut", *left_out)) <= one.hateful
    assert hateful_under(one, FULL) == one.hateful


def some_cases() -> list[SuiteCase]:
    """Six that both call hateful, six on which they part, six that neither does, one of another strand."""
    return [
        *(case(n) for n in range(6)),
        *(case(10 + n, ("IH7",), functionality="state") for n in range(6)),
        *(case(20 + n, ("exclude:1",), hateful=False, functionality="news") for n in range(6)),
        case(30, ("limb_b",), strand=Strand.ISLAMOPHOBIC),
    ]


def test_target_that_follows_the_wider_definition_is_right_by_it_and_wrong_by_the_other() -> None:
    cases = some_cases()
    scores = np.asarray([0.9 if one.hateful else 0.1 for one in cases], dtype=np.float32)
    (entry,) = definition_diff(cases, scores, 0.5, DefinitionPairs(((FULL, CUT),), 10))
    assert (entry["strand"], entry["profile_a"], entry["profile_b"]) == ("antisemitic", "full", "cut")
    assert (entry["cases"], entry["label_flips"]) == (18, 6)
    # All right on 18 single cases: Wilson's interval of 18 of 18.
    assert entry["accuracy_a"] == {"value": 1.0, "low": 0.82412, "high": 1.0, "posts": 18}
    assert entry["accuracy_b"]["value"] == pytest.approx(12 / 18, abs=1e-5)
    (state,) = entry["by_functionality"]
    assert (state["name"], state["cases"], state["label_a"], state["label_b"]) == ("state", 6, True, False)
    assert state["flagged"]["value"] == 1.0
    assert [one["case_id"] for one in entry["examples"]] == [f"c{10 + n}" for n in range(6)]
    assert entry["examples"][0] == {
        "case_id": "c10",
        "text": "Post number 10.",
        "label_a": True,
        "label_b": False,
        "score": 0.9,
    }
    assert "2026" in entry["words_a"]


def test_cases_without_an_answer_are_in_no_accuracy_and_no_example() -> None:
    cases = some_cases()
    scores = np.asarray([0.9 if one.hateful else 0.1 for one in cases], dtype=np.float32)
    scores[6] = np.nan
    (entry,) = definition_diff(cases, scores, 0.5, DefinitionPairs(((FULL, CUT),), 10))
    assert (entry["label_flips"], entry["accuracy_a"]["posts"]) == (6, 17)
    assert entry["by_functionality"][0]["flagged"]["posts"] == 5
    assert "c10" not in {one["case_id"] for one in entry["examples"]}
    (silent,) = definition_diff(cases, np.full_like(scores, np.nan), 0.5, DefinitionPairs(((FULL, CUT),), 10))
    assert (silent["accuracy_a"], silent["accuracy_b"], silent["examples"]) == (None, None, [])


def test_examples_are_few_and_from_every_functionality_and_template_in_turn() -> None:
    cases = [case(n, ("IH7",), functionality="state", template=f"t{n // 3}") for n in range(9)]
    cases += [case(20 + n, ("IH8",), functionality="standard", template="u") for n in range(9)]
    scores = np.ones(18, dtype=np.float32)
    (entry,) = definition_diff(cases, scores, 0.5, DefinitionPairs(((FULL, CUT),), 5))
    assert [one["case_id"] for one in entry["examples"]] == ["c0", "c20", "c3", "c21", "c6"]


def test_pair_of_a_strand_without_cases_has_no_entry() -> None:
    pair = (profile("x", strand="islamophobic"), profile("y", "limb_b", strand="islamophobic"))
    assert definition_diff([case(1)], np.ones(1, dtype=np.float32), 0.5, DefinitionPairs((pair,), 10)) == []


def test_shipped_pairs_name_profiles_of_the_codebook_with_their_dates() -> None:
    settings = load_definition_pairs()
    names = {(a.value, b.value) for a, b in settings.pairs}
    assert names == {("ihra_full", "ihra_without_israel"), ("uk_2026", "vidgen_yasseri")}
    assert settings.examples == 10
    ihra, cut = settings.pairs[0]
    assert not ihra.leaves_out
    assert "IH7" in cut.leaves_out
    newer, older = settings.pairs[1]
    assert newer.source.date > older.source.date


@pytest.mark.parametrize(
    "changes",
    [
        {"pairs": [{"a": "ihra_full", "b": "nobody", "why": "x"}]},
        {"pairs": [{"a": "ihra_full", "b": "uk_2026", "why": "x"}]},
        {"pairs": [{"a": "ihra_full", "b": "ihra_full", "why": "x"}]},
        {"pairs": []},
        {"codebook": "1999-01.1"},
        {"examples": 11},
        {"unknown": 1},
    ],
)
def test_settings_with_a_fault_are_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    sound = {
        "version": 1,
        "valid_from": "2026-11-22",
        "codebook": "2026-11.1",
        "examples": 3,
        "pairs": [{"a": "ihra_full", "b": "jerusalem", "why": "x"}],
    }
    path = tmp_path / "definitions.yaml"
    path.write_text(yaml.safe_dump(sound), encoding="utf-8")
    assert load_definition_pairs(path).pairs[0][1].value == "jerusalem"
    path.write_text(yaml.safe_dump({**sound, **changes}), encoding="utf-8")
    with pytest.raises(BadConfig):
        load_definition_pairs(path)
