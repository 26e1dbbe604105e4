"""The bench: suites by hand, targets by name and in pairs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("torch")
pytest.importorskip("sklearn")

from model.errors import BadConfig
from model.suite import FunctionalityWords, Suite, SuiteCase
from model.taxonomy import HEAD_ORDER, Strand
from training.bench.command import comparisons, named_targets
from training.bench.results import Measurement
from training.bench.suite_results import SuiteResult, suite_result, worst_cases
from training.evaluation.clusters import family_share, mean_of_shares
from training.targets import open_target

pytestmark = pytest.mark.training

HATE = {"hate": 0.5}


# --- suites by hand --------------------------------------------------------------------------------


def case(number: int, functionality: str, *, hateful: bool, **more: Any) -> SuiteCase:
    return SuiteCase(f"c{number}", f"post {number}", functionality, hateful, **more)


def suite_of(*cases: SuiteCase, name: str = "ours") -> Suite:
    words = {one.functionality: FunctionalityWords(one.functionality, "", None, one.hateful) for one in cases}
    return Suite(name, "1", "0" * 64, "en", cases, words)


def scores_of(*hate: float, antisemitic: tuple[float, ...] = ()) -> np.ndarray:
    found = np.full((len(hate), 4), np.nan, dtype=np.float32)
    found[:, 0] = hate
    if antisemitic:
        found[:, HEAD_ORDER.index("antisemitic")] = antisemitic
    return found


def judged(suite: Suite, *hate: float) -> SuiteResult:
    return suite_result(suite, scores_of(*hate), HATE)


def values(table: dict[str, Any], *names: str) -> list[float | None]:
    return [None if table[name] is None else table[name]["value"] for name in names]


def test_suite_is_counted_as_by_hand() -> None:
    jews: dict[str, Any] = {"target": "Jews", "strand": Strand("antisemitic")}
    suite = suite_of(
        case(1, "threat", hateful=True, **jews, strand_label=1),  # right, and its strand too
        case(2, "threat", hateful=True, **jews, strand_label=1),  # wrong; its strand is right
        case(3, "threat", hateful=True),  # not answered: wrong
        case(4, "news", hateful=False, **jews, strand_label=0),  # right; its strand is wrong
        case(5, "news", hateful=False, target="Muslims"),  # exactly on the threshold: flagged, so wrong
    )
    nan = float("nan")
    scores = scores_of(0.9, 0.2, nan, 0.1, 0.5, antisemitic=(0.9, 0.8, nan, 0.7, nan))

    table = suite_result(suite, scores, {"hate": 0.5, "antisemitic": 0.6}).table

    assert (table["cases"], table["not_answered"], table["threshold"]) == (5, 1, 0.5)
    assert values(table, "accuracy", "hateful", "non_hateful") == [0.4, round(1 / 3, 5), 0.5]
    assert table["macro"]["value"] == round((1 / 3 + 1 / 2) / 2, 5)
    threat, news = table["functionalities"]
    assert (threat["name"], threat["cases"], threat["hateful"]) == ("threat", 3, True)
    assert values(threat, "accuracy", "strand_accuracy") == [round(1 / 3, 5), 1.0]
    assert values(news, "accuracy", "strand_accuracy") == [0.5, 0.0]
    about_jews, about_muslims = table["targets"]
    assert (about_jews["name"], about_jews["cases"]) == ("Jews", 3)
    assert values(about_jews, "accuracy", "hateful", "non_hateful") == [round(2 / 3, 5), 0.5, 1.0]
    assert values(about_muslims, "accuracy", "hateful", "non_hateful") == [0.0, None, 0.0]


def test_target_with_hate_alone_has_no_strand_accuracy() -> None:
    suite = suite_of(case(1, "threat", hateful=True, strand=Strand("antisemitic"), strand_label=1))

    assert judged(suite, 0.9).table["functionalities"][0]["strand_accuracy"] is None


def test_suite_of_one_functionality_and_one_kind_can_be_measured() -> None:
    table = judged(suite_of(*(case(n, "threat", hateful=True) for n in range(4))), 0.9, 0.9, 0.9, 0.1).table

    assert values(table, "accuracy", "macro", "hateful", "non_hateful") == [0.75, 0.75, 0.75, None]


def test_cases_of_one_template_count_for_one_in_the_interval() -> None:
    hits = np.asarray([True] * 3 + [False] * 3 + [True] * 24)
    alone, of_three = [str(n) for n in range(30)], [str(n // 3) for n in range(30)]

    one_by_one, together = family_share(hits, alone), family_share(hits, of_three)
    few = family_share(np.ones(12, dtype=bool), ["a"] * 6 + ["b"] * 6)

    assert one_by_one is not None
    assert together is not None
    assert few is not None
    assert one_by_one.value == together.value == pytest.approx(0.9)
    assert together.low < one_by_one.low
    # Two families that agree prove little: Wilson's interval of 2 of 2.
    assert (few.value, few.high, few.posts) == (1.0, 1.0, 12)
    assert few.low == pytest.approx(1 / (1 + 1.959964**2 / 2), abs=1e-4)


marks = st.lists(
    st.tuples(st.booleans(), st.sampled_from("fgh"), st.sampled_from("1234567")), min_size=1, max_size=40
)


@given(marks)
def test_macro_is_the_mean_of_the_functionalities_and_lies_in_its_interval(
    cases: list[tuple[bool, str, str]],
) -> None:
    right, names, families = (np.asarray(column) for column in zip(*cases, strict=True))

    found = mean_of_shares(right, names, np.char.add(names, families))

    assert found is not None
    assert found.value == pytest.approx(np.mean([right[names == name].mean() for name in set(names)]))
    assert 0 <= found.low <= found.high <= 1
    if len(cases) == len(set(names)):  # a case each: nothing to draw, and still a value
        assert found.low == pytest.approx(found.value) == pytest.approx(found.high)


def test_worst_cases_are_the_furthest_off_first_and_at_most_five_a_functionality() -> None:
    wrong = [case(n, "news", hateful=False) for n in range(7)]
    suite = suite_of(*wrong, case(7, "news", hateful=False), case(8, "threat", hateful=True))
    scores = (0.51, 0.9, 0.6, 0.99, 0.7, 0.8, float("nan"), 0.2, 0.05)

    found = worst_cases(judged(suite, *scores), {"post 3": [(0, 4)]})

    assert [row["case_id"] for row in found] == ["c3", "c8", "c1", "c5", "c4", "c2"]
    assert [row["rationale"] for row in found[:2]] == [[[0, 4]], None]
    assert (found[1]["score"], found[1]["hateful"], found[1]["suite"]) == (0.05, True, "ours")


# --- targets ---------------------------------------------------------------------------------------


def measured(*results: SuiteResult) -> Measurement:
    return Measurement({}, {found.suite.name: found for found in results})


def test_pairs_are_compared_on_every_suite_and_corrected_together() -> None:
    first = suite_of(*(case(n, "threat", hateful=True) for n in range(12)), name="first")
    second = suite_of(*(case(n, "news", hateful=False) for n in range(6)), name="second")
    good = measured(judged(first, *[0.9] * 12), judged(second, *[0.1] * 6))
    poor = measured(judged(first, *[0.1] * 12), judged(second, *[0.1] * 5, float("nan")))

    on_first, on_second = comparisons({"good": good, "poor": poor})

    assert (on_first.a, on_first.b, on_first.what) == ("good", "poor", "suite:first")
    assert (on_first.only_a_right, on_first.only_b_right, on_first.verdict) == (12, 0, "better")
    assert on_first.holm_p == pytest.approx(2 * on_first.mcnemar_p) == pytest.approx(4 / 2**12)
    assert (on_second.cases, on_second.only_a_right, on_second.verdict) == (6, 1, "not distinguishable")


def test_pairs_draw_whole_templates() -> None:
    # Twelve cases that part the two are fillings of one wording: one finding, not twelve.
    same = [case(n, "threat", hateful=True, template_id="T1") for n in range(12)]
    rest = [case(n, "threat", hateful=True, template_id=f"T{n}") for n in range(12, 20)]
    good = measured(judged(suite_of(*same, *rest), *[0.9] * 20))
    poor = measured(judged(suite_of(*same, *rest), *[0.1] * 12, *[0.9] * 8))

    (found,) = comparisons({"good": good, "poor": poor})

    assert (found.only_a_right, found.verdict) == (12, "not distinguishable")


def predictions(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_targets_of_one_name_are_told_apart_and_the_same_one_twice_is_refused(tmp_path: Path) -> None:
    paths = [predictions(tmp_path / name / "theirs.jsonl", [{"text": name, "hate": 0.1}]) for name in "ab"]
    first, second = (open_target(str(path)) for path in paths)

    assert list(named_targets([first])) == ["theirs"]
    assert list(named_targets([first, second])) == [
        f"theirs ({first.identity})",
        f"theirs ({second.identity})",
    ]
    with pytest.raises(BadConfig, match="twice"):
        named_targets([first, open_target(str(paths[0]))])


def test_two_columns_of_one_file_are_two_targets(tmp_path: Path) -> None:
    path = predictions(tmp_path / "both.jsonl", [{"text": "tea", "old": 0.1, "new": 0.9}])

    found = named_targets([open_target(f"{path}?hate={column}") for column in ("old", "new")])

    assert [name.rsplit(" ", 1)[1] for name in found] == ["hate=old)", "hate=new)"]


def test_target_without_hate_is_refused_before_anything_is_scored(tmp_path: Path) -> None:
    path = predictions(tmp_path / "strand.jsonl", [{"text": "tea", "antisemitic": 0.1}])

    with pytest.raises(BadConfig, match="strand answers for antisemitic"):
        named_targets([open_target(str(path))])
