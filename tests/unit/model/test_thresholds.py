"""What a bundle says of its scores: old files load, new members are read, wrong ones are refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from model.errors import BundleRefused
from model.taxonomy import HEAD_ORDER
from model.thresholds import Band, Thresholds

PLAIN: dict[str, Any] = {"schema_version": 1, "heads": dict.fromkeys(HEAD_ORDER, 0.5)}
ABSTAIN = {"error_at_most": 0.05, "confidence": 0.95, "heads": {"hate": {"low": 0.31, "high": 0.58}}}
POINTS = {
    "recall_first": dict.fromkeys(HEAD_ORDER, 0.2),
    "precision_first": dict.fromkeys(HEAD_ORDER, 0.8),
}


def read(**members: Any) -> Thresholds:
    return Thresholds.from_json(json.dumps(PLAIN | members).encode())


def test_file_of_an_old_bundle_has_thresholds_alone() -> None:
    thresholds = read()
    assert thresholds == dict.fromkeys(HEAD_ORDER, 0.5)
    assert (thresholds.points, thresholds.bands, thresholds.error_at_most) == ({}, {}, None)
    assert thresholds.bound("recall_first", "hate") == 0.5
    assert thresholds.bound("precision_first", "hate") == 0.5


def test_file_of_a_new_bundle_has_bands_and_points() -> None:
    thresholds = read(abstain=ABSTAIN, operating_points=POINTS, fit={"anything": [1]})
    assert thresholds.bands == {"hate": Band(0.31, 0.58)}
    assert thresholds.error_at_most == 0.05
    assert thresholds.bound("recall_first", "far_right") == 0.2
    assert thresholds.bound("precision_first", "far_right") == 0.8
    assert thresholds.bound("threshold", "far_right") == 0.5
    assert thresholds.fit == {"anything": [1]}


def test_band_holds_its_lower_end_and_not_its_upper() -> None:
    band = Band(0.31, 0.58)
    assert [band.holds(score) for score in (0.3099, 0.31, 0.5799, 0.58)] == [False, True, True, False]
    assert not Band(0.4, 0.4).holds(0.4)


def test_plain_mapping_becomes_thresholds_that_know_no_more() -> None:
    known = read(abstain=ABSTAIN)
    assert Thresholds.of(known) is known
    assert Thresholds.of({"hate": 0.3}).bound("precision_first", "hate") == 0.3


@pytest.mark.parametrize(
    "members",
    [
        {"extra": 1},
        {"heads": {**PLAIN["heads"], "hate": True}},
        {"fit": []},
        {"operating_points": {"recall_first": POINTS["recall_first"]}},
        {"operating_points": {**POINTS, "recall_first": dict.fromkeys(HEAD_ORDER[1:], 0.2)}},
        {"operating_points": {**POINTS, "recall_first": dict.fromkeys(HEAD_ORDER, 0.81)}},
        {"operating_points": {**POINTS, "recall_first": dict.fromkeys(HEAD_ORDER, 0)}},
        {"abstain": {**ABSTAIN, "confidence": 1}},
        {"abstain": {**ABSTAIN, "error_at_most": None}},
        {"abstain": {"heads": {}}},
        {"abstain": {**ABSTAIN, "heads": {"misogyny": {"low": 0.1, "high": 0.2}}}},
        {"abstain": {**ABSTAIN, "heads": {"hate": {"low": 0.6, "high": 0.5}}}},
        {"abstain": {**ABSTAIN, "heads": {"hate": {"low": 0.6}}}},
        {"abstain": {**ABSTAIN, "heads": {"hate": {"low": float("nan"), "high": 0.5}}}},
        {"abstain": {**ABSTAIN, "heads": []}},
    ],
)
def test_members_out_of_shape_are_refused_by_the_files_name(members: dict[str, Any]) -> None:
    with pytest.raises(BundleRefused) as caught:
        read(**members)
    assert caught.value.field == "thresholds.json"
