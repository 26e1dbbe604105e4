"""Policy: first match wins, every route is explained, broken files and scores are refused."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from model.configuration import configs_folder
from model.errors import BadConfig, BadInput
from model.language import Language
from model.policy import Policy, Route, load_policy, route, route_unread_language
from model.taxonomy import HEAD_ORDER, STRAND_ORDER
from model.text_notes import END_NOT_READ, FEW_WORDS, MOSTLY_LINKS
from model.thresholds import Band, Thresholds

HALF = dict.fromkeys(HEAD_ORDER, 0.5)
SHIPPED = ("officer", "platform", "researcher")


def scores(
    hate: float = 0.0, antisemitic: float = 0.0, islamophobic: float = 0.0, far_right: float = 0.0
) -> dict[str, float]:
    return {"hate": hate, "antisemitic": antisemitic, "islamophobic": islamophobic, "far_right": far_right}


@pytest.fixture
def officer() -> Policy:
    return load_policy(configs_folder() / "policy" / "officer.yaml")


def test_strand_that_the_machine_is_sure_of_is_urgent(officer: Policy) -> None:
    routed = route(scores(hate=0.99, antisemitic=0.93), officer, HALF)
    assert routed.route == "urgent_review"
    assert routed.reason == "antisemitic 0.93 is at or above 0.90"
    assert routed.strands == ("antisemitic",)
    assert routed.priority == pytest.approx(3.99)


def test_score_at_the_bundles_threshold_is_reviewed_and_just_below_is_not(officer: Policy) -> None:
    thresholds = HALF | {"far_right": 0.31}
    at = route(scores(far_right=0.31), officer, thresholds)
    below = route(scores(far_right=0.3099), officer, thresholds)
    assert (at.route, at.reason, at.strands) == (
        "review",
        "far-right 0.31 is at or above 0.31",
        ("far_right",),
    )
    assert (below.route, below.strands) == ("low_priority", ())
    assert below.reason == "no score reaches its threshold; the highest is far-right 0.31"


def test_hate_is_the_reason_only_when_no_strand_is(officer: Policy) -> None:
    assert route(scores(hate=0.8), officer, HALF).reason == "hate 0.80 is at or above 0.50"
    both = route(scores(hate=0.8, islamophobic=0.6), officer, HALF)
    assert both.reason == "islamophobic 0.60 is at or above 0.50"


def test_several_strands_come_in_strand_order(officer: Policy) -> None:
    routed = route(scores(far_right=0.7, islamophobic=0.6, antisemitic=0.5), officer, HALF)
    assert routed.strands == STRAND_ORDER
    assert routed.reason.startswith("far-right 0.70")


def test_post_without_scores_stands_among_the_reviewed(officer: Policy) -> None:
    unscored = route(None, officer, HALF)
    assert (unscored.route, unscored.strands) == ("unscored", ())
    least_urgent = route(scores(antisemitic=0.9), officer, HALF).priority
    low = route(scores(hate=0.49), officer, HALF).priority
    assert low < route(scores(hate=0.5), officer, HALF).priority <= unscored.priority < least_urgent


@pytest.mark.parametrize("name", SHIPPED)
def test_post_in_a_language_that_is_not_read_stands_with_the_unscored_and_says_why(name: str) -> None:
    policy = load_policy(configs_folder() / "policy" / f"{name}.yaml")
    routed = route_unread_language(Language("ar", "Arabic", 0.97), policy)
    assert routed.reason == "not scored: the text seems to be in Arabic (ar), which this model does not read"
    assert (routed.route, routed.strands) == ("unscored", ())
    assert routed.priority == route(None, policy, HALF).priority


def test_notes_stand_in_the_reason_only_where_no_rule_applies(officer: Policy) -> None:
    notes = (MOSTLY_LINKS, FEW_WORDS)
    low = route(scores(hate=0.1), officer, HALF, notes)
    assert low.reason == (
        "no score reaches its threshold; the highest is hate 0.10; the text is mostly links; "
        "the model reads words only; the text has fewer than three words"
    )
    assert (low.route, low.priority) == ("low_priority", route(scores(hate=0.1), officer, HALF).priority)
    assert route(scores(hate=0.6), officer, HALF, notes) == route(scores(hate=0.6), officer, HALF)


@pytest.mark.parametrize("name", SHIPPED)
@given(values=st.lists(st.floats(0, 1), min_size=4, max_size=4))
def test_post_that_was_not_read_whole_is_reviewed_in_the_first_half_at_least(
    name: str, values: list[float]
) -> None:
    policy = load_policy(configs_folder() / "policy" / f"{name}.yaml")
    given_scores = dict(zip(HEAD_ORDER, values, strict=True))
    whole, cut = route(given_scores, policy, HALF), route(given_scores, policy, HALF, (END_NOT_READ,))
    assert cut.route == ("review" if whole.route == "low_priority" else whole.route)
    assert cut.priority >= policy.base_priority[Route.REVIEW] + 0.5
    assert cut.priority >= whole.priority
    assert cut.strands == whole.strands


def test_reason_says_that_the_post_was_not_read_whole(officer: Policy) -> None:
    routed = route(scores(hate=0.02), officer, HALF, (FEW_WORDS, END_NOT_READ))
    assert routed.reason == (
        "the text is too long for the model to read all of it; "
        "the highest score of what it read is hate 0.02; the text has fewer than three words"
    )
    assert (routed.route, routed.priority) == ("review", 2.5)


def test_no_rule_of_the_file_puts_a_post_that_was_not_read_whole_last(tmp_path: Path) -> None:
    whole = yaml.safe_load((configs_folder() / "policy" / "officer.yaml").read_bytes())
    changes = {
        "rules": [{"route": "low_priority", "when": {"hate": 0.1}}],
        "not_read_whole_reason": "{head} {score} of a part",
    }
    path = tmp_path / "policy.yaml"
    path.write_text(yaml.safe_dump(whole | changes), encoding="utf-8")
    policy = load_policy(path)
    assert route(scores(hate=0.3), policy, HALF).route == "low_priority"
    routed = route(scores(hate=0.3), policy, HALF, (END_NOT_READ,))
    assert (routed.route, routed.reason, routed.priority) == ("review", "hate 0.30 of a part", 2.5)


@pytest.mark.parametrize("name", SHIPPED)
@given(values=st.lists(st.floats(0, 1), min_size=4, max_size=4))
def test_every_post_has_a_place_and_a_reason(name: str, values: list[float]) -> None:
    policy = load_policy(configs_folder() / "policy" / f"{name}.yaml")
    given_scores = dict(zip(HEAD_ORDER, values, strict=True))
    routed = route(given_scores, policy, HALF)
    assert routed.route in {member.value for member in Route} - {"unscored"}
    assert routed.reason
    assert routed.priority == policy.base_priority[Route(routed.route)] + max(values)
    assert routed == route(given_scores, policy, HALF)


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_policy_orders_its_routes(name: str) -> None:
    base = load_policy(configs_folder() / "policy" / f"{name}.yaml").base_priority
    assert base[Route.URGENT_REVIEW] >= base[Route.REVIEW] + 1
    assert base[Route.REVIEW] >= base[Route.LOW_PRIORITY] + 1
    assert base[Route.REVIEW] < base[Route.UNSCORED] < base[Route.URGENT_REVIEW]


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -0.01, 1.01])
@pytest.mark.parametrize("head", HEAD_ORDER)
def test_score_out_of_bounds_is_refused_by_its_head(officer: Policy, head: str, bad: float) -> None:
    with pytest.raises(BadInput) as caught:
        route(scores() | {head: bad}, officer, HALF)
    assert caught.value.field == head


def test_missing_score_is_refused(officer: Policy) -> None:
    with pytest.raises(BadInput, match="far_right"):
        route(dict.fromkeys(HEAD_ORDER[:3], 0.1), officer, HALF)


def test_policy_is_known_by_the_hash_of_its_file() -> None:
    path = configs_folder() / "policy" / "officer.yaml"
    policy = load_policy(path)
    assert policy.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (policy.name, policy.version) == ("officer", 2)


KNOWING = Thresholds(
    heads=HALF,
    points={
        "recall_first": {**HALF, "hate": 0.12, "antisemitic": 0.2},
        "precision_first": {**HALF, "hate": 0.83, "antisemitic": 0.9},
    },
    bands={"hate": Band(0.31, 0.58), "antisemitic": Band(0.25, 0.7)},
    error_at_most=0.05,
)


@cache
def shipped(name: str) -> Policy:
    return load_policy(configs_folder() / "policy" / f"{name}.yaml")


def test_score_in_the_band_is_reviewed_because_the_model_is_not_certain(officer: Policy) -> None:
    routed = route(scores(hate=0.42), officer, KNOWING)
    assert routed.route == "review"
    assert routed.reason == "the model is not certain (hate 0.42 lies between 0.31 and 0.58)"


def test_doubt_of_a_strand_is_named_before_doubt_of_hate(officer: Policy) -> None:
    reason = route(scores(hate=0.5, antisemitic=0.4), officer, KNOWING).reason
    assert reason == "the model is not certain (antisemitic 0.40 lies between 0.25 and 0.70)"


def test_certainty_of_one_head_outweighs_doubt_of_another(officer: Policy) -> None:
    reason = route(scores(hate=0.5, antisemitic=0.75), officer, KNOWING).reason
    assert reason == "antisemitic 0.75 is at or above 0.20"


def test_head_without_a_band_is_never_uncertain(officer: Policy) -> None:
    assert route(scores(far_right=0.49), officer, KNOWING).route == "low_priority"
    assert route(scores(hate=0.42), officer, HALF).route == "low_priority"


def test_narrow_end_of_a_band_is_told_to_the_thousandth(officer: Policy) -> None:
    rare = replace(KNOWING, bands={"far_right": Band(0.005, 0.9)})
    reason = route(scores(far_right=0.6), officer, rare).reason
    assert reason == "the model is not certain (far-right 0.60 lies between 0.005 and 0.90)"


def test_doubt_below_the_score_that_misses_little_waits(officer: Policy) -> None:
    doubting = replace(KNOWING, bands={"hate": Band(0.05, 0.6)})
    assert route(scores(hate=0.11), officer, doubting).route == "low_priority"
    assert route(scores(hate=0.12), officer, doubting).reason.startswith(
        "the model is not certain (hate 0.12"
    )


def test_officer_reviews_from_the_score_that_misses_little(officer: Policy) -> None:
    routed = route(scores(hate=0.12), officer, KNOWING)
    assert (routed.route, routed.reason) == ("review", "hate 0.12 is at or above 0.12")
    assert route(scores(hate=0.1199), officer, KNOWING).route == "low_priority"


def test_platform_reviews_from_the_precise_score_on() -> None:
    platform = shipped("platform")
    assert route(scores(hate=0.8299), platform, KNOWING).route == "low_priority"
    routed = route(scores(hate=0.83), platform, KNOWING)
    assert (routed.route, routed.reason) == ("review", "hate 0.83 is at or above 0.83")
    assert route(scores(antisemitic=0.95), platform, KNOWING).route == "urgent_review"


def test_researcher_asks_for_a_half_whatever_the_bundle_knows() -> None:
    researcher = shipped("researcher")
    low = Thresholds(heads=dict.fromkeys(HEAD_ORDER, 0.05))
    for thresholds in (low, KNOWING):
        assert route(scores(hate=0.5), researcher, thresholds).route == "review"
        assert route(scores(hate=0.4999), researcher, thresholds).route == "low_priority"


@given(values=st.lists(st.floats(0, 1), min_size=4, max_size=4))
def test_bundle_without_points_and_bands_is_routed_by_its_thresholds(values: list[float]) -> None:
    officer = shipped("officer")
    found = route(dict(zip(HEAD_ORDER, values, strict=True)), officer, HALF)
    urgent = any(value >= 0.9 for value in values[1:])
    reviewed = any(value >= 0.5 for value in values)
    assert found.route == ("urgent_review" if urgent else "review" if reviewed else "low_priority")
    if found.route == "review":
        assert found.reason.endswith("is at or above 0.50")


@given(values=st.lists(st.floats(0, 1), min_size=4, max_size=4))
def test_what_platform_takes_officer_takes_too(values: list[float]) -> None:
    given_scores = dict(zip(HEAD_ORDER, values, strict=True))
    if route(given_scores, shipped("platform"), KNOWING).route != "low_priority":
        assert route(given_scores, shipped("officer"), KNOWING).route != "low_priority"


def test_reason_of_a_rule_of_doubt_is_the_policys_own(tmp_path: Path) -> None:
    whole = yaml.safe_load((configs_folder() / "policy" / "officer.yaml").read_bytes())
    rule = {"route": "low_priority", "when_uncertain": ["hate"], "reason": "{head} {score}: {low} to {high}"}
    path = tmp_path / "policy.yaml"
    path.write_text(yaml.safe_dump(whole | {"rules": [rule]}), encoding="utf-8")
    routed = route(scores(hate=0.31), load_policy(path), KNOWING)
    assert (routed.route, routed.reason) == ("low_priority", "hate 0.31: 0.31 to 0.58")


RULE = {"route": "review", "when": {"hate": 0.5}}


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"extra": 1}, "extra"),
        ({"sha256": "0" * 64}, "sha256"),
        ({"rules": []}, "rules"),
        ({"rules": [{**RULE, "when": {}}]}, "when"),
        ({"rules": [{**RULE, "when": {"misogyny": 0.5}}]}, "misogyny"),
        ({"rules": [{**RULE, "when": {"hate": 0}}]}, "when"),
        ({"rules": [{**RULE, "when": {"hate": 1.5}}]}, "when"),
        ({"rules": [{**RULE, "when": {"hate": float("nan")}}]}, "when"),
        ({"rules": [{**RULE, "when": {"hate": "treshold"}}]}, "when"),
        ({"rules": [{"route": "review"}]}, "when"),
        ({"rules": [{"route": "review", "when_uncertain": []}]}, "when_uncertain"),
        ({"rules": [{"route": "review", "when_uncertain": ["misogyny"]}]}, "misogyny"),
        ({"rules": [{"route": "review", "when_uncertain": ["hate"], "reason": "{bound}"}]}, "reason"),
        ({"rules": [{**RULE, "reason": "{low}"}]}, "reason"),
        ({"rules": [{**RULE, "when_uncertain": ["hate"], "reason": "{bound}"}]}, "reason"),
        ({"rules": [{**RULE, "route": "closed"}]}, "route"),
        ({"rules": [{**RULE, "route": "unscored"}]}, "route"),
        ({"rules": [{**RULE, "reason": "{head.__class__}"}]}, "reason"),
        ({"rules": [{**RULE, "reason": "{score:>999999999}"}]}, "reason"),
        ({"rules": [{**RULE, "reason": "{0}"}]}, "reason"),
        ({"rules": [{**RULE, "reason": "{"}]}, "reason"),
        ({"default": {"route": "low_priority", "reason": "{bound}"}}, "reason"),
        ({"not_scored_language_reason": "{score}"}, "not_scored_language_reason"),
        ({"not_scored_language_reason": "{language.__class__}"}, "not_scored_language_reason"),
        ({"not_read_whole_reason": "{bound}"}, "not_read_whole_reason"),
        ({"not_read_whole_reason": ""}, "not_read_whole_reason"),
        ({"not_scored_language_reason": ""}, "not_scored_language_reason"),
        ({"base_priority": {"review": 1}}, "base_priority"),
        ({"version": 0}, "version"),
        ({"valid_from": "soon"}, "valid_from"),
    ],
)
def test_faulty_policy_file_is_refused_naming_the_key(
    tmp_path: Path, change: dict[str, Any], names: str
) -> None:
    whole = yaml.safe_load((configs_folder() / "policy" / "officer.yaml").read_bytes())
    path = tmp_path / "policy.yaml"
    path.write_text(yaml.safe_dump(whole | change), encoding="utf-8")
    with pytest.raises(BadConfig, match=names):
        load_policy(path)
