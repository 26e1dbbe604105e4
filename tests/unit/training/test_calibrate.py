"""Calibration beside the heads: temperatures and word thresholds that are known beforehand come out."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn")

from model.calibration import Calibration
from model.classifier import Annotation
from model.rationale import words
from training.calibrate import fit_calibration
from training.calibrate_sides import (
    best_temperature,
    best_word_threshold,
    fit_side_calibration,
)
from training.corpora.mixture import MixturePost
from training.corpora.pack import NOT_ANNOTATED

TEXT = "they spoilt the market hall"
NOTHING = np.zeros(4, dtype=np.float32)


def post(
    speech_act: int = NOT_ANNOTATED, rationale: tuple[tuple[int, int], ...] | None = None
) -> MixturePost:
    return MixturePost("made", "1", TEXT, [NOT_ANNOTATED] * 4, speech_act=speech_act, rationale=rationale)


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_temperature_that_made_the_acts_is_found(temperature: float) -> None:
    draw = np.random.default_rng(3)
    logits = draw.normal(0, 3, (6000, 5))
    chances = softmax(logits / temperature)
    acts = np.asarray([draw.choice(5, p=row) for row in chances])
    assert best_temperature(logits, acts) == pytest.approx(temperature, rel=0.1)


def test_sides_are_fitted_through_the_chances_of_an_uncalibrated_bundle() -> None:
    draw = np.random.default_rng(4)
    logits = draw.normal(0, 4, (4000, 5))
    acts = [int(draw.choice(5, p=row)) for row in softmax(logits / 2)]
    annotations = [Annotation(NOTHING, row.astype(np.float32), None, None) for row in softmax(logits)]
    found = fit_side_calibration(annotations, [post(act) for act in acts])
    assert set(found) == {"speech_act"}
    assert found["speech_act"]["temperature"] == pytest.approx(2.0, rel=0.1)


def test_words_are_calibrated_and_parted_where_people_marked_them() -> None:
    # The network gives the marked word logit -1, the rest -3: plain 0.5 would mark nothing.
    marked = words(TEXT)[1]

    def rated(logit: float) -> Annotation:
        logits = [logit if span == marked else -3.0 for span in words(TEXT)]
        tokens = [(*span, float(1 / (1 + np.exp(-z)))) for span, z in zip(words(TEXT), logits, strict=True)]
        return Annotation(NOTHING, None, tokens, None)

    posts = [post(rationale=(marked,))] * 30
    found = fit_side_calibration([rated(-1.0)] * 28 + [rated(-3.0)] * 2, posts)["rationale"]
    assert found["slope"] > 0
    apart = [1 / (1 + np.exp(-(found["slope"] * logit + found["intercept"]))) for logit in (-3.0, -1.0)]
    assert apart[0] < found["threshold"] <= apart[1]


def test_too_few_annotated_posts_calibrate_nothing() -> None:
    annotation = Annotation(NOTHING, np.full(5, 0.2, dtype=np.float32), [(0, 4, 0.5)], None)
    assert fit_side_calibration([annotation] * 9, [post(n % 2, ((0, 4),)) for n in range(9)]) == {}
    assert fit_side_calibration([Annotation(NOTHING, None, None, None)] * 40, [post(1, ((0, 4),))] * 40) == {}
    assert fit_side_calibration([], []) == {}


def test_word_threshold_of_a_worked_example() -> None:
    # Two posts of two words, the first marked in each. From 0.21 to 0.6 F1 is 1 in the first post; the second
    # wants 0.31 to 0.9: both are right from 0.31 on, and 0.05 to 0.2 marks all, F1 2/3.
    scores = np.asarray([0.6, 0.2, 0.9, 0.3])
    gold = np.asarray([True, False, True, False])
    assert best_word_threshold(scores, gold, np.asarray([0, 2])) == 0.31


def test_pool_is_counted_beside_the_lines() -> None:
    labels = np.asarray([[1, 0, NOT_ANNOTATED, 0]] * 20 + [[0, 0, NOT_ANNOTATED, 1]] * 60, dtype=np.int8)
    logits = np.random.default_rng(5).normal(0, 1, labels.shape).astype(np.float32)
    found = fit_calibration(logits, labels)
    assert found["calibrated_to"]["hate"] == {"posts": 80, "hateful": 20}
    assert found["calibrated_to"]["islamophobic"] == {"posts": 0, "hateful": 0}


def test_what_is_written_is_what_the_bundle_reads() -> None:
    from model.bundle import canonical_json

    labels = np.asarray([[1, 0, 1, 0]] * 20 + [[0, 1, 0, 1]] * 60, dtype=np.int8)
    logits = (labels * 2 - 1 + np.random.default_rng(6).normal(0, 2, labels.shape)).astype(np.float32)
    sides = {
        "speech_act": {"temperature": 1.5},
        "rationale": {"slope": 0.9, "intercept": -0.2, "threshold": 0.33},
    }
    written = fit_calibration(logits, labels) | sides
    read = Calibration.from_json(canonical_json(written))
    assert read.slopes[0] == written["heads"]["hate"]["slope"]
    assert (read.speech_act_temperature, read.rationale_threshold) == (1.5, 0.33)
