from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from model.suite import Suite, suite_from_csv
from serve.research.intervals import share
from serve.research.suite_lint import LEAST_CASES, lint_suite
from serve.research.suite_results import measure

THRESHOLDS = {"hate": 0.5, "antisemitic": 0.4, "islamophobic": 0.5, "far_right": 0.5}


def suite_of(rows: list[str], header: str = "functionality,test_case,label_gold") -> Suite:
    return suite_from_csv("\n".join((header, *rows)).encode(), "made")


def checks(suite: Suite, languages: tuple[str, ...] = ("*",)) -> dict[str, tuple[str, ...]]:
    return {finding.check: finding.names for finding in lint_suite(suite, languages)}


@given(st.integers(1, 5000).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_interval_is_that_of_scipy(pair: tuple[int, int]) -> None:
    right, of = pair
    found = share(right, of)
    expected = binomtest(right, of).proportion_ci(method="wilson")

    assert found is not None
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-9)
    assert 0 <= found.low <= found.value <= found.high <= 1


def test_share_of_nothing_is_none() -> None:
    assert share(0, 0) is None


def test_figures_count_right_answers_by_kind_and_functionality(suite_csv: bytes) -> None:
    suite = suite_from_csv(suite_csv, "made")
    scores = {head: [0.0] * 6 for head in THRESHOLDS}
    scores["hate"] = [0.9, 0.5, 0.1, 0.2, 0.8, None]
    scores["antisemitic"] = [0.0, 0.4, 0.3, 0.3, 0.0, None]

    found = measure(suite, THRESHOLDS, scores)

    assert (found.cases, found.not_answered, found.n_wrong) == (6, 1, 2)
    assert found.accuracy is not None
    assert (found.accuracy.right, found.accuracy.of) == (3, 5)
    assert found.hateful is not None
    assert (found.hateful.right, found.hateful.of) == (2, 3)
    assert found.non_hateful is not None
    assert (found.non_hateful.right, found.non_hateful.of) == (1, 2)
    plain, news = found.functionalities
    assert (plain.name, plain.hateful, plain.cases) == ("plain_hate", True, 3)
    assert plain.strand_accuracy is not None
    assert (plain.strand_accuracy.right, plain.strand_accuracy.of) == (1, 2)
    assert news.strand_accuracy is not None
    assert (news.strand_accuracy.right, news.strand_accuracy.of) == (1, 1)
    assert [one.case.case_id for one in found.wrong] == ["a3", "b2"]


def test_wrong_cases_stand_furthest_from_the_threshold_first_and_of_one_functionality_if_named(
    suite_csv: bytes,
) -> None:
    suite = suite_from_csv(suite_csv, "made")
    scores = {head: [0.0] * 6 for head in THRESHOLDS}
    scores["hate"] = [0.46, 0.4, 0.1, 0.99, 0.59, 0.53]

    assert [one.case.case_id for one in measure(suite, THRESHOLDS, scores).wrong] == [
        "b1", "a3", "a2", "b2", "a1", "b3",
    ]  # fmt: skip
    only = measure(suite, THRESHOLDS, scores, functionality="news")
    assert [one.case.case_id for one in only.wrong] == ["b1", "b2", "b3"]
    assert only.accuracy == measure(suite, THRESHOLDS, scores).accuracy


def test_balanced_suite_with_enough_cases_has_no_findings() -> None:
    rows = [f"hate,Hateful text {n},hateful" for n in range(LEAST_CASES)]
    rows += [f"news,News text {n},non-hateful" for n in range(LEAST_CASES)]

    assert lint_suite(suite_of(rows), ("*",)) == []


def test_lint_names_what_is_small_repeated_torn_mixed_and_one_sided() -> None:
    rows = [f"hate,Hateful text {n},hateful" for n in range(LEAST_CASES)]
    rows += ["few,A text,hateful", "few,a  TEXT,non-hateful", "few,Hateful text 3,hateful"]

    found = checks(suite_of(rows))

    assert set(found) == {"contradiction", "duplicates", "balance", "mixed", "small"}
    assert found["contradiction"] == ("row-27", "row-28")
    assert found["duplicates"] == ("row-29",)
    assert found["mixed"] == found["small"] == ("few",)


@pytest.mark.parametrize(
    ("language", "languages", "is_told"),
    [("en", ("en",), False), ("fr", ("en",), True), ("", ("en",), True), ("fr", ("*",), False)],
)
def test_lint_tells_of_a_language_that_the_bundle_does_not_read(
    language: str, languages: tuple[str, ...], is_told: bool
) -> None:
    suite = suite_of([f"news,A text,non-hateful,{language}"], "functionality,test_case,label_gold,language")

    assert ("language" in checks(suite, languages)) is is_told


def test_lint_never_repeats_a_text() -> None:
    suite = suite_of(["f,A text about Zanzibar,hateful", "f,a text about zanzibar,non-hateful"])

    assert "anzibar" not in repr(lint_suite(suite, ("en",)))
