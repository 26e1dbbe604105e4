"""The masked loss, and batches whose order can be repeated."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.taxonomy import HEAD_ORDER

torch = pytest.importorskip("torch")

from tokenizers import Tokenizer, models, pre_tokenizers  # noqa: E402 - only importable with torch

from training.batches import EncodedPosts, encode, plan_epoch  # noqa: E402 - the same
from training.calibrate import choose_thresholds, fit_calibration  # noqa: E402 - the same
from training.corpora.mixture import MixturePost  # noqa: E402 - the same
from training.corpora.pack import NOT_ANNOTATED  # noqa: E402 - the same
from training.evaluation.metrics import expected_calibration_error, head_figures  # noqa: E402 - the same
from training.finetune import Stage, finishing_repeats, rate_factor, step_factor  # noqa: E402 - the same
from training.losses import (  # noqa: E402 - the same
    TERM_ORDER,
    masked_bce_sums,
    pairing_sum,
    rationale_sum,
    speech_act_sum,
    weighted_loss,
)
from training.recipe import Finishing, ThresholdRule, load_recipe  # noqa: E402 - the same

pytestmark = pytest.mark.training


def test_masked_entries_give_neither_loss_nor_gradient() -> None:
    logits = torch.tensor([[2.0, -1.0], [0.5, 3.0]], requires_grad=True)
    labels = torch.tensor([[1, NOT_ANNOTATED], [NOT_ANNOTATED, 0]], dtype=torch.int8)

    sums = masked_bce_sums(logits, labels)
    sums.sum().backward()

    assert sums.tolist() == pytest.approx([np.log1p(np.exp(-2.0)), 3.0 + np.log1p(np.exp(-3.0))])
    assert logits.grad[0, 1] == 0
    assert logits.grad[1, 0] == 0
    assert logits.grad[0, 0] != 0


def test_null_is_not_taken_for_zero() -> None:
    logits = torch.tensor([[4.0]])

    as_null = masked_bce_sums(logits, torch.tensor([[NOT_ANNOTATED]], dtype=torch.int8))
    as_zero = masked_bce_sums(logits, torch.tensor([[0]], dtype=torch.int8))

    assert as_null.item() == 0.0
    assert as_zero.item() > 4.0


def test_presumed_negative_pulls_less_the_surer_the_network_is_that_it_is_hate() -> None:
    labels = torch.zeros((2, 1), dtype=torch.int8)
    presumed = torch.tensor([True, False])
    logits = torch.tensor([[6.0], [6.0]], requires_grad=True)

    masked_bce_sums(logits, labels, presumed, q=0.5).sum().backward()

    assert 0 < logits.grad[0, 0] < 0.1 < logits.grad[1, 0]
    unsure = torch.tensor([[-6.0], [-6.0]], requires_grad=True)
    masked_bce_sums(unsure, labels, presumed, q=0.5).sum().backward()
    assert unsure.grad[0, 0] == pytest.approx(float(unsure.grad[1, 0]), rel=0.01)


def test_bounded_loss_is_the_ordinary_one_in_the_limit() -> None:
    logits, labels = torch.tensor([[1.5]]), torch.zeros((1, 1), dtype=torch.int8)

    bounded = masked_bce_sums(logits, labels, torch.tensor([True]), q=1e-4)

    assert bounded.item() == pytest.approx(masked_bce_sums(logits, labels).item(), rel=1e-3)


def test_post_without_speech_act_or_marks_adds_nothing() -> None:
    acts = torch.tensor([NOT_ANNOTATED, 1])
    logits = torch.tensor([[9.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0]])
    assert speech_act_sum(logits, acts).item() == pytest.approx(np.log(5))

    tokens = torch.tensor([[NOT_ANNOTATED, NOT_ANNOTATED, NOT_ANNOTATED], [1, 0, NOT_ANNOTATED]])
    assert rationale_sum(torch.full((2, 3), 2.0), tokens).item() == pytest.approx(
        (np.log1p(np.exp(-2.0)) + np.log1p(np.exp(2.0))) / 2
    )


def test_pair_costs_what_its_logits_differ_by() -> None:
    hate = torch.tensor([1.0, 4.0, -1.5])

    assert pairing_sum(hate, torch.tensor([[0, 2], [1, 2]])).item() == 2.5 + 5.5
    assert pairing_sum(hate, torch.empty((0, 2), dtype=torch.int64)).item() == 0.0


def encoded_three(copies: dict[int, int]) -> EncodedPosts:
    posts = [
        MixturePost("c", "0", "red red", [1, -1, 0, 0], speech_act=0, rationale=((0, 3),)),
        MixturePost("c", "1", "blue", [0, 0, 0, -1], presumed=True),
        MixturePost("d", "2", "green red blue", [1, -1, 0, 0], speech_act=0),
    ]
    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0, "red": 1, "blue": 2, "green": 3}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return encode(posts, tokenizer, 9, own_biases={"d": 1}, copies=copies)


def test_batch_carries_copies_marks_and_whose_bias() -> None:
    batch = encoded_three({0: 2}).batch([1, 0])

    assert batch.ids.tolist() == [[2, 9, 9], [1, 1, 9], [3, 1, 2]]
    assert batch.mask.tolist() == [[1, 0, 0], [1, 1, 0], [1, 1, 1]]
    assert batch.pairs.tolist() == [[1, 2]]
    assert batch.token_labels.tolist() == [[-1, -1, -1], [1, 0, -1], [-1, -1, -1]]
    assert batch.presumed.tolist() == [True, False, False]
    assert batch.corpora.tolist() == [0, 0, 1]


def test_last_stage_shows_marked_posts_and_a_share_of_each_corpus() -> None:
    posts = encoded_three({0: 2})
    repeats = np.asarray([2, 1, 0])

    def shown(**shares: float) -> list[int]:
        finishing = Finishing(shares={"none": 0.0, **shares}, rate_share=0.1, rationale=1.0)
        return finishing_repeats(posts, repeats, finishing, seed=1).tolist()

    assert shown() == [1, 0, 0]
    assert shown(c=1.0) == [1, 1, 0]
    assert shown(d=1.0) == [1, 0, 0]  # a copy is drawn beside its post alone


def test_each_part_of_a_run_has_its_own_ramp(
    tiny_recipe: Callable[..., Path], every_step: dict[str, Any]
) -> None:
    recipe = load_recipe(tiny_recipe(**every_step)).recipe
    stages = [Stage([[0]] * 20, {}, part) for part in ("first", "main", "main", "last")]

    factors = [step_factor(step, stages, recipe) for step in range(80)]

    assert max(factors[:20]) == 0.5
    assert max(factors[20:60]) == 1.0
    assert factors[39] > factors[41] > factors[59]
    assert max(factors[60:]) == 0.3
    assert step_factor(80, stages, recipe) == 0.0


def test_counts_are_of_the_posts_and_their_copies() -> None:
    counts = dict(zip(TERM_ORDER, encoded_three({0: 2}).counts([0, 1]).tolist(), strict=True))

    assert counts == {
        "hate": 3,
        "antisemitic": 1,
        "islamophobic": 3,
        "far_right": 2,
        "speech_act": 2,
        "offensive": 0,
        "rationale": 1,
        "pairing": 1,
    }


def test_head_without_annotated_posts_adds_nothing() -> None:
    loss = weighted_loss(torch.tensor([2.0, 0.0]), torch.tensor([4, 0]), torch.tensor([1.0, 1.0]))

    assert loss.item() == 0.5


@given(
    lengths=st.lists(st.integers(1, 60), min_size=1, max_size=200),
    batch_posts=st.integers(1, 17),
    epoch=st.integers(0, 3),
)
def test_epoch_plan_shows_each_post_as_often_as_asked(
    lengths: list[int], batch_posts: int, epoch: int
) -> None:
    repeats = np.asarray([1 + n % 3 for n in range(len(lengths))])
    plan = plan_epoch(np.asarray(lengths), repeats, batch_posts=batch_posts, seed=5, epoch=epoch)

    assert np.array_equal(np.bincount([row for batch in plan for row in batch]), repeats)
    assert max(map(len, plan)) <= batch_posts
    assert plan == plan_epoch(np.asarray(lengths), repeats, batch_posts=batch_posts, seed=5, epoch=epoch)


def test_epochs_are_shuffled_differently() -> None:
    lengths, repeats = np.full(64, 10), np.ones(64, dtype=np.int64)

    first = plan_epoch(lengths, repeats, batch_posts=8, seed=5, epoch=0)

    assert first != plan_epoch(lengths, repeats, batch_posts=8, seed=5, epoch=1)


def test_rate_climbs_then_falls_to_zero() -> None:
    factors = [rate_factor(step, 100, 0.1) for step in range(101)]

    assert factors.index(max(factors)) in (9, 10)
    assert max(factors) == 1.0
    assert factors[100] == 0.0


def test_calibration_recovers_a_known_platt_line() -> None:
    draw = np.random.default_rng(1)
    logits = draw.normal(0, 3, (20_000, 4)).astype(np.float32)
    labels = (draw.random((20_000, 4)) < 1 / (1 + np.exp(-(0.5 * logits - 1)))).astype(np.int8)
    labels[:, 3] = NOT_ANNOTATED

    heads = fit_calibration(logits, labels)["heads"]

    assert heads["hate"]["slope"] == pytest.approx(0.5, abs=0.03)
    assert heads["hate"]["intercept"] == pytest.approx(-1.0, abs=0.06)
    assert heads["far_right"] == {"slope": 1.0, "intercept": 0.0}


def test_threshold_parts_the_chosen_corpora_best() -> None:
    each = np.asarray([[0.1], [0.3], [0.6], [0.9]], dtype=np.float32)
    scores = np.repeat(each, 20, axis=0).repeat(4, axis=1)
    labels = np.repeat(np.asarray([[0], [1], [0], [1]], dtype=np.int8), 20, axis=0).repeat(4, axis=1)
    corpora = ["a"] * 40 + ["b"] * 40
    rules = {
        "hate": ThresholdRule(maximise="balanced_accuracy", corpora=("a",)),
        "antisemitic": ThresholdRule(maximise="balanced_accuracy", corpora=("b",)),
        "islamophobic": ThresholdRule(maximise="f1"),
        "far_right": ThresholdRule(maximise="f1"),
    }

    found = choose_thresholds(scores, labels, corpora, rules)["heads"]

    assert 0.1 < found["hate"] <= 0.3
    assert 0.6 < found["antisemitic"] <= 0.9
    # Over both corpora, flagging from 0.3 gives F1 0.8; from 0.9 only 0.67.
    assert 0.1 < found["islamophobic"] <= 0.3


def test_f1_asks_more_of_a_rare_head_than_balanced_accuracy() -> None:
    draw = np.random.default_rng(2)
    scores = np.concatenate([draw.normal(0.3, 0.12, 980), draw.normal(0.5, 0.12, 20)]).astype(np.float32)
    scores = scores.reshape(-1, 1).repeat(4, axis=1)
    labels = np.asarray([0] * 980 + [1] * 20, dtype=np.int8).reshape(-1, 1).repeat(4, axis=1)

    def chosen(maximise: str) -> float:
        rules = {head: ThresholdRule(maximise=maximise) for head in HEAD_ORDER}
        return float(choose_thresholds(scores, labels, ["a"] * 1000, rules)["heads"]["far_right"])

    assert chosen("f1") > chosen("balanced_accuracy")


def test_calibration_error_of_a_worked_example() -> None:
    scores = np.asarray([0.9, 0.9, 0.9, 0.9, 0.1, 0.1], dtype=np.float32)
    labels = np.asarray([1, 1, 1, 0, 0, 0])

    # Four posts say 0.9 and 0.75 of them are hateful; two say 0.1 and none is: (4 * 0.15 + 2 * 0.1) / 6.
    assert expected_calibration_error(scores, labels) == pytest.approx(0.8 / 6, abs=1e-6)


def test_figures_of_a_perfect_order() -> None:
    figures = head_figures(np.asarray([0.1, 0.2, 0.8, 0.9], dtype=np.float32), np.asarray([0, 0, 1, 1]), 0.5)

    assert (figures["roc_auc"], figures["average_precision"], figures["f1"]) == (1.0, 1.0, 1.0)


def test_figures_with_one_kind_of_post_are_none() -> None:
    assert head_figures(np.asarray([0.1], dtype=np.float32), np.asarray([0]), 0.5)["roc_auc"] is None
