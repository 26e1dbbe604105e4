"""Two reports side by side: a verdict a line, none over other cases."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from small_report import HOSTILE_NAME, result, small_report

from training.report.against import compare_reports, difference
from training.report.page import report_page
from training.report.shape import Figure, Report


@pytest.fixture
def report() -> dict[str, Any]:
    return small_report()


def line(against: dict[str, Any], measure: str) -> dict[str, Any]:
    found: dict[str, Any] = next(found for found in against["lines"] if found["measure"] == measure)
    return found


def test_against_an_earlier_report_each_line_gets_its_verdict(report: dict[str, Any]) -> None:
    then = deepcopy(report)
    then["results"] = {"minilm-v2": result(-0.06), HOSTILE_NAME: result(-0.05)}

    against = compare_reports(report, then)

    own = [found for found in against["lines"] if found["target"] == "minilm-v2"]
    verdicts = {found["measure"]: found["verdict"] for found in own}
    assert verdicts["hatecheck_accuracy"] == "better"
    assert verdicts["flips_jewish"] == "better"  # fewer flips than then
    assert verdicts["group:community:jewish:false_positive_rate"] == "worse"
    assert verdicts["group:community:jewish:subgroup"] == "not distinguishable"
    assert verdicts["suite:hatecheck:ident_neutral_nh"] == "better"
    assert "dev_auc_far_right" not in verdicts
    same = {found["verdict"] for found in against["lines"] if found["target"] == HOSTILE_NAME}
    assert same == {"not distinguishable"}
    page = report_page(Report.model_validate({**report, "against": against}))
    assert "hatecheck: About ident neutral nh" in page
    assert page.index("tag-worse") < page.index('tag-not-distinguishable">not dist')


def test_against_other_cases_or_data_is_not_comparable(report: dict[str, Any]) -> None:
    then = deepcopy(report)
    then["suites"][0]["sha256"] = "c" * 64
    then["results"]["minilm-v2"]["measures"]["hatecheck_f1"] = None

    against = compare_reports(report, then)

    assert line(against, "suite:hatecheck:accuracy")["verdict"] == "not comparable"
    assert line(against, "suite:hatecheck:accuracy")["difference"] is None
    assert line(against, "hatecheck_f1")["verdict"] == "not comparable"
    assert line(against, "hatecheck_accuracy")["verdict"] == "not distinguishable"
    then["data"]["manifest_sha256"] = "e" * 64
    assert line(compare_reports(report, then), "hatecheck_accuracy")["verdict"] == "not comparable"


def test_against_compares_the_only_targets_whatever_they_are_called(report: dict[str, Any]) -> None:
    report["targets"], report["results"] = report["targets"][:1], {"minilm-v2": result()}
    report["comparisons"] = []
    then = deepcopy(report)
    then["targets"][0]["name"] = "minilm-v1"
    then["results"] = {"minilm-v1": result(-0.06)}

    against = compare_reports(report, then)

    assert line(against, "hatecheck_accuracy")["verdict"] == "better"
    assert against["identity"].startswith("minilm-v1 (sha256:")


def test_difference_of_two_symmetric_intervals_is_the_normal_one() -> None:
    found = difference(
        Figure(value=0.8, low=0.77, high=0.83, posts=500), Figure(value=0.7, low=0.66, high=0.74, posts=400)
    )

    assert (found.value, found.low, found.high) == pytest.approx((0.1, 0.05, 0.15))


def test_all_right_on_few_posts_is_not_better_than_nearly_all_right() -> None:
    found = difference(
        Figure(value=1.0, low=1.0, high=1.0, posts=12), Figure(value=0.9, low=0.89, high=0.91, posts=4000)
    )

    assert found.low < 0 < found.high


@pytest.mark.parametrize("measure", ["hatexplain_fped", "hatexplain_fned", "flips_hatexplain_jewish"])
def test_less_is_better_of_gaps_and_flips(report: dict[str, Any], measure: str) -> None:
    then = deepcopy(report)
    for name, found in report["results"].items():
        found["measures"][measure] = {"value": 0.1, "low": 0.08, "high": 0.12, "posts": 500}
        then["results"][name]["measures"][measure] = {"value": 0.4, "low": 0.38, "high": 0.42, "posts": 500}

    lines = compare_reports(report, then)["lines"]

    assert {line["verdict"] for line in lines if line["measure"] == measure} == {"better"}
