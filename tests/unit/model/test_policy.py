"""Policy: first match wins, every route is explained, broken files and scores are refused."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from model.configuration import configs_folder
from model.errors import BadConfig, BadInput
from model.policy import Policy, Route, load_policy, route
from model.taxonomy import HEAD_ORDER, STRAND_ORDER

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
    assert (policy.name, policy.version) == ("officer", 1)


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
        ({"rules": [{**RULE, "route": "closed"}]}, "route"),
        ({"rules": [{**RULE, "route": "unscored"}]}, "route"),
        ({"rules": [{**RULE, "reason": "{head.__class__}"}]}, "reason"),
        ({"rules": [{**RULE, "reason": "{score:>999999999}"}]}, "reason"),
        ({"rules": [{**RULE, "reason": "{0}"}]}, "reason"),
        ({"rules": [{**RULE, "reason": "{"}]}, "reason"),
        ({"default": {"route": "low_priority", "reason": "{bound}"}}, "reason"),
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
