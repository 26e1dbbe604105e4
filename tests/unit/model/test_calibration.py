"""Calibration: the sigmoid, its extremes, and what a wrong file is called."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.calibration import Calibration
from model.errors import BundleRefused
from model.taxonomy import HEAD_ORDER


def written(**heads: Any) -> bytes:
    all_heads = {head: {"slope": 1.0, "intercept": 0.0} for head in HEAD_ORDER} | heads
    return json.dumps({"schema_version": 1, "method": "platt", "heads": all_heads}).encode()


def test_known_logits_give_known_probabilities() -> None:
    calibration = Calibration.from_json(written(hate={"slope": 2.0, "intercept": -1.0}))
    logits = np.array([[0.5, 0.0, np.log(3.0), -np.log(3.0)]], dtype=np.float32)
    assert np.allclose(calibration.apply(logits), [[0.5, 0.5, 0.75, 0.25]], atol=1e-6)


def test_heads_keep_their_own_line_whatever_the_order_in_the_file() -> None:
    raw = json.loads(written(far_right={"slope": 1.0, "intercept": 5.0}))
    raw["heads"] = dict(reversed(raw["heads"].items()))
    calibration = Calibration.from_json(json.dumps(raw).encode())
    values = calibration.apply(np.zeros((1, 4), dtype=np.float32))[0]
    assert values[HEAD_ORDER.index("far_right")] > 0.99
    assert values[0] == 0.5


def test_extreme_logits_give_numbers_from_zero_to_one() -> None:
    calibration = Calibration((1e6,) * 4, (1e6,) * 4)
    most = np.finfo(np.float32).max
    values = calibration.apply(np.array([[most, -most, np.inf, -np.inf]], dtype=np.float32))
    assert values.dtype == np.float32
    assert values.tolist() == [[1.0, 0.0, 1.0, 0.0]]


def further(**members: Any) -> bytes:
    return json.dumps(json.loads(written()) | members).encode()


def test_speech_act_is_a_softmax_at_its_temperature() -> None:
    logits = np.array([[1.0, 0.0, 0.0, 0.0, -1.0]], dtype=np.float32)
    for temperature in (1.0, 2.5):
        member = {} if temperature == 1.0 else {"speech_act": {"temperature": temperature}}
        found = Calibration.from_json(further(**member)).apply_to_speech_act(logits)
        weights = np.exp(logits / temperature)
        assert found.dtype == np.float32
        assert np.allclose(found, weights / weights.sum(), atol=1e-6)
    extreme = Calibration.from_json(further(speech_act={"temperature": 1e-6}))
    assert extreme.apply_to_speech_act(logits * 1e30).tolist() == [[1.0, 0.0, 0.0, 0.0, 0.0]]


def test_rationale_is_a_sigmoid_of_its_own_line() -> None:
    logits = np.array([0.0, 2.0], dtype=np.float32)
    assert np.allclose(
        Calibration.from_json(written()).apply_to_rationale(logits), [0.5, 0.880797], atol=1e-6
    )
    lined = Calibration.from_json(further(rationale={"slope": 0.5, "intercept": -1.0}))
    assert np.allclose(lined.apply_to_rationale(logits), [0.268941, 0.5], atol=1e-6)


@pytest.mark.parametrize(
    "members",
    [
        {"speech_act": {}},
        {"speech_act": {"temperature": 0}},
        {"speech_act": {"temperature": -1.0}},
        {"speech_act": {"temperature": float("nan")}},
        {"speech_act": 1.0},
        {"rationale": {"slope": 1.0}},
        {"rationale": {"slope": 0.0, "intercept": 0.0}},
        {"rationale": {"slope": 1.0, "intercept": True}},
        {"mood": {"slope": 1.0, "intercept": 0.0}},
    ],
)
def test_wrong_further_member_is_refused(members: dict[str, Any]) -> None:
    with pytest.raises(BundleRefused, match=r"calibration\.json"):
        Calibration.from_json(further(**members))


def test_no_rows_give_no_rows() -> None:
    assert Calibration((1.0,) * 4, (0.0,) * 4).apply(np.empty((0, 4), dtype=np.float32)).shape == (0, 4)


@given(
    st.lists(st.floats(-50, 50, width=32), min_size=2, max_size=20),
    st.floats(0.01, 10),
    st.floats(-10, 10),
)
def test_order_of_logits_is_kept(logits: list[float], slope: float, intercept: float) -> None:
    calibration = Calibration((slope,) * 4, (intercept,) * 4)
    column = np.sort(np.array(logits, dtype=np.float32))
    values = calibration.apply(np.repeat(column[:, None], 4, axis=1))
    assert (np.diff(values, axis=0) >= 0).all()
    assert ((values >= 0) & (values <= 1)).all()


@pytest.mark.parametrize(
    "data",
    [
        b"{",
        b"[]",
        b"\xff",
        b"[" * 100_000,
        b'{"schema_version":1,"method":"platt"}',
        written().replace(b'"schema_version": 1', b'"schema_version": 2'),
        written().replace(b"platt", b"isotonic"),
        written(fifth={"slope": 1.0, "intercept": 0.0}),
        written(hate={"slope": 1.0}),
        written(hate={"slope": "1", "intercept": 0.0}),
        written(hate={"slope": True, "intercept": 0.0}),
        written(hate={"slope": float("nan"), "intercept": 0.0}),
        written(hate={"slope": float("inf"), "intercept": 0.0}),
        written(hate={"slope": 0.0, "intercept": 0.0}),
        written(hate={"slope": -1.0, "intercept": 0.0}),
        written(hate=None),
    ],
)
def test_wrong_file_is_refused_by_name(data: bytes) -> None:
    with pytest.raises(BundleRefused, match=r"calibration\.json"):
        Calibration.from_json(data)
