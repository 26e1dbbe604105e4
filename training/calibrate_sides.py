"""Calibration of what stands beside the heads: the speech act's temperature, and which words are reasons."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.classifier import Annotation
from model.rationale import word_scores, words
from training.calibrate import CANDIDATES, LEAST_EXAMPLES, fit_platt
from training.corpora.mixture import MixturePost
from training.corpora.pack import NOT_ANNOTATED

TEMPERATURES = (0.05, 20.0)
"""The temperature is looked for between these; at the lower end, every annotated post was right."""

LEAST_CHANCE = 1e-30
"""A chance of 0 has no logarithm; less than this is taken for this."""


def fit_side_calibration(annotations: Sequence[Annotation], posts: Sequence[MixturePost]) -> dict[str, Any]:
    """`{"speech_act": {"temperature"}, "rationale": {"slope", "intercept", "threshold"}}`, for the bundle.

    `annotations` are those of an uncalibrated bundle (softmax at temperature 1, plain sigmoid), one per
    post. A member is left out where the bundle has no such output, or too few posts are annotated for it.
    """
    found: dict[str, Any] = {}
    temperature = _speech_act_temperature(annotations, posts)
    if temperature is not None:
        found["speech_act"] = {"temperature": temperature}
    marked = [_marked_words(a, post) for a, post in zip(annotations, posts, strict=True) if post.rationale]
    rated = [post for post in marked if post is not None and post.gold.any()]
    if len(rated) >= LEAST_EXAMPLES:
        found["rationale"] = _rationale(rated)
    return found


def _speech_act_temperature(annotations: Sequence[Annotation], posts: Sequence[MixturePost]) -> float | None:
    """The temperature that makes the annotated acts likeliest.

    Source: Guo et al. 2017, "On Calibration of Modern Neural Networks", section 4.2.
    """
    chances, acts = [], []
    for annotation, post in zip(annotations, posts, strict=True):
        if annotation.speech_act is not None and post.speech_act != NOT_ANNOTATED:
            chances.append(annotation.speech_act)
            acts.append(post.speech_act)
    if len(set(acts)) < 2 or len(acts) < LEAST_EXAMPLES:
        return None
    # Logarithms of the chances are the logits but for a constant a row, which a softmax does not see.
    logits = np.log(np.maximum(np.asarray(chances, dtype=np.float64), LEAST_CHANCE))
    return round(best_temperature(logits, np.asarray(acts)), 6)


def best_temperature(logits: NDArray[np.float64], acts: NDArray[np.int64]) -> float:
    """The temperature, within `TEMPERATURES`, at which `acts` (n,) are likeliest by `logits` (n, a).

    The loss is convex in 1 / temperature, so cutting off a third at a time finds the least.
    """

    def loss(inverse: float) -> float:
        scaled = logits * inverse
        largest = scaled.max(axis=1, keepdims=True)
        log_sum = largest[:, 0] + np.log(np.exp(scaled - largest).sum(axis=1))
        return float((log_sum - scaled[np.arange(len(acts)), acts]).mean())

    least, most = 1 / TEMPERATURES[1], 1 / TEMPERATURES[0]
    while most - least > 1e-7:
        third = (most - least) / 3
        if loss(least + third) < loss(most - third):
            most -= third
        else:
            least += third
    return 2 / (least + most)


@dataclass(frozen=True, slots=True)
class RatedPost:
    """The words of a post: the network's logit of each, and which of them people marked."""

    logits: NDArray[np.float64]
    gold: NDArray[np.bool_]


def _marked_words(annotation: Annotation, post: MixturePost) -> RatedPost | None:
    if annotation.token_rationales is None or post.rationale is None:
        return None
    spans = words(post.text)
    chances = np.asarray(word_scores(annotation.token_rationales, spans), dtype=np.float64)
    gold = [any(start < end and begin < stop for start, stop in post.rationale) for begin, end in spans]
    # float32 chances end at 1 - 6e-8; words that the network has not read have 0.
    inside = np.clip(chances, 1e-7, 1 - 1e-7)
    return RatedPost(np.log(inside) - np.log1p(-inside), np.asarray(gold, dtype=np.bool_))


def _rationale(posts: Sequence[RatedPost]) -> dict[str, float]:
    """The Platt line over all words, and the threshold of the best mean token-F1 over posts."""
    logits = np.concatenate([post.logits for post in posts])
    gold = np.concatenate([post.gold for post in posts])
    line = fit_platt(logits.astype(np.float32), gold.astype(np.int8))
    # The reader applies the rounded line to float32 logits, and a threshold of two decimals to the result.
    scaled = logits * line["slope"] + line["intercept"]
    starts = np.cumsum([0, *(len(post.gold) for post in posts[:-1])])
    return {**line, "threshold": best_word_threshold(_sigmoid(scaled), gold, starts)}


def best_word_threshold(
    scores: NDArray[np.float64], gold: NDArray[np.bool_], starts: NDArray[np.int64]
) -> float:
    """The candidate threshold with the best mean token-F1 over posts.

    `scores` (w,) and `gold` (w,) hold the words of all posts one after the other, `starts` (p,) where each
    post begins. Source of the measure: DeYoung et al. 2020 (ERASER).
    """
    best, best_f1 = 0.5, -math.inf
    gold_words = np.add.reduceat(gold.astype(np.int64), starts)
    for threshold in CANDIDATES.tolist():
        predicted = scores >= threshold
        both = np.add.reduceat((predicted & gold).astype(np.int64), starts)
        either = np.add.reduceat(predicted.astype(np.int64), starts) + gold_words
        f1 = float(np.mean(2 * both / np.maximum(either, 1)))
        if f1 > best_f1:
            best, best_f1 = threshold, f1
    return best


def _sigmoid(scaled: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * scaled)), dtype=np.float64)
