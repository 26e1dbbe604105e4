"""Do the explanations point where people pointed, and at what moves the score? On HateXplain's rationales.

Both ways to explain are measured alike: plausibility (token-F1, IoU-F1, AUPRC) against the words that most
annotators marked, faithfulness (comprehensiveness, sufficiency) by taking words away from the post, or all
others, and scoring `hate` again. Random words are measured beside them, so that a figure has a floor.
Source: DeYoung et al. 2020 (ERASER); Mathew et al. 2021 (HateXplain).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from model.explaining import AnnotatingClassifier
from model.occlusion import Occlusion, kendall_tau, occlude
from model.rationale import WordSpan, word_scores, words
from model.taxonomy import HEAD_ORDER
from training.corpora.pack import CorpusPost
from training.evaluation.bootstrap import bootstrap
from training.evaluation.eraser import (
    Marks,
    auprc,
    average_precision,
    bin_sizes,
    iou_f1_statistic,
    iou_precision_recall,
    token_f1,
    top_words,
)
from training.evaluation.metrics import mean_statistic

KINDS: Final = ("hatespeech", "offensive")
"""Posts whose annotators were asked to mark words. Source: Mathew et al. 2021, "Dataset Collection"."""

TOP_WORDS: Final = 5
"""Words that comprehensiveness and sufficiency take. Source: Mathew et al. 2021, the topk of their code."""

OCCLUDED_POSTS: Final = 300
CHUNK_TEXTS: Final = 512
HATE: Final = HEAD_ORDER.index("hate")

WordScores = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class MarkedPost:
    """A post, its words, and which of them people marked."""

    text: str
    word_spans: tuple[WordSpan, ...]
    gold: Marks


def rationale_figures(
    classifier: AnnotatingClassifier,
    posts: Sequence[CorpusPost],
    seed: int,
    *,
    split: str = "test",
    occluded_posts: int = OCCLUDED_POSTS,
) -> dict[str, Any]:
    """`{"rationale", "occlusion", "chance", "agreement"}` on the marked posts of `split`.

    Every figure is `{"value", "low", "high", "posts"}` with its 95 % interval from 1,000 bootstraps.
    `rationale` is None without a rationale head, and so is `agreement`: the mean Kendall tau-b of the two
    word scorings. Occlusion, chance and agreement are measured on a seeded sample, as occlusion is slow.
    All are None where no post of `split` is marked.
    """
    marked = marked_posts(posts, split)
    if not marked:
        return {"rationale": None, "occlusion": None, "chance": None, "agreement": None}
    chance = np.random.default_rng(seed)
    sample = np.sort(chance.permutation(len(marked))[:occluded_posts])
    sampled = [marked[at] for at in sample]
    occlusions = _occlusions(classifier, sampled)
    occluded = [occlusion.importance.astype(np.float64) for occlusion in occlusions]
    random = [chance.random(len(post.gold)) for post in sampled]
    figures: dict[str, Any] = {
        "rationale": None,
        "occlusion": _figures(
            classifier,
            sampled,
            occluded,
            [scores >= found.threshold for scores, found in zip(occluded, occlusions, strict=True)],
            seed,
        ),
        "chance": _figures(
            classifier, sampled, random, [top_words(scores, TOP_WORDS) for scores in random], seed
        ),
        "agreement": None,
    }
    if (threshold := classifier.rationale_threshold) is not None:
        rated = _rationale_scores(classifier, marked)
        predicted = [scores >= threshold for scores in rated]
        figures["rationale"] = _figures(classifier, marked, rated, predicted, seed)
        figures["rationale"]["threshold"] = threshold
        figures["agreement"] = _agreement([rated[at] for at in sample], occluded, seed)
    return figures


def marked_posts(posts: Sequence[CorpusPost], split: str) -> list[MarkedPost]:
    """The hateful and offensive posts of `split` that people marked words in, in order."""
    chosen = []
    for post in posts:
        if post.split != split or post.kind not in KINDS or not post.rationale:
            continue
        word_spans = tuple(words(post.text))
        gold = [
            any(start < word_end and word_start < end for start, end in post.rationale)
            for word_start, word_end in word_spans
        ]
        if any(gold):
            chosen.append(MarkedPost(post.text, word_spans, np.asarray(gold)))
    return chosen


def _occlusions(classifier: AnnotatingClassifier, posts: Sequence[MarkedPost]) -> list[Occlusion]:
    bar = track(posts, description="leaving words out", console=Console(stderr=True), transient=True)
    return [occlude(classifier, post.text, head="hate") for post in bar]


def _rationale_scores(classifier: AnnotatingClassifier, posts: Sequence[MarkedPost]) -> list[WordScores]:
    found = []
    for start in range(0, len(posts), CHUNK_TEXTS):
        chunk = posts[start : start + CHUNK_TEXTS]
        for post, annotation in zip(chunk, classifier.annotate([p.text for p in chunk]), strict=True):
            scores = word_scores(annotation.token_rationales or [], post.word_spans)
            found.append(np.asarray(scores, dtype=np.float64))
    return found


def _figures(
    classifier: AnnotatingClassifier,
    posts: Sequence[MarkedPost],
    scores: Sequence[WordScores],
    predicted: Sequence[Marks],
    seed: int,
) -> dict[str, Any]:
    """The figures of one way to explain: `scores` and `predicted` have one array (words,) per post."""
    golds = [post.gold for post in posts]
    tops = [top_words(found, TOP_WORDS) for found in scores]
    faithful = _faithfulness(classifier, posts, scores)
    per_post: dict[str, Sequence[float] | NDArray[np.float64]] = {
        "token_f1": [token_f1(gold, marks) for gold, marks in zip(golds, predicted, strict=True)],
        "token_f1_top_words": [token_f1(gold, marks) for gold, marks in zip(golds, tops, strict=True)],
        "auprc": [auprc(gold, found) for gold, found in zip(golds, scores, strict=True)],
        "average_precision": [
            average_precision(gold, found) for gold, found in zip(golds, scores, strict=True)
        ],
        "comprehensiveness": faithful[:, 0],
        "sufficiency": faithful[:, 1],
        "aopc_comprehensiveness": faithful[:, 2],
        "aopc_sufficiency": faithful[:, 3],
    }
    overlaps = [iou_precision_recall(gold, marks) for gold, marks in zip(golds, predicted, strict=True)]
    overlap = bootstrap(iou_f1_statistic(np.asarray(overlaps)), len(posts), seed=seed)
    return {
        "posts": len(posts),
        "top_words": TOP_WORDS,
        "share_of_words_predicted": round(float(np.concatenate(predicted).mean()), 4),
        "iou_f1": overlap.as_json() if overlap else None,
        **{name: _mean(values, seed) for name, values in per_post.items()},
    }


def _faithfulness(
    classifier: AnnotatingClassifier, posts: Sequence[MarkedPost], scores: Sequence[WordScores]
) -> NDArray[np.float64]:
    """Per post (n, 4) float64: comprehensiveness and sufficiency of the top words, then of `BINS` on average.

    Comprehensiveness is the fall of `hate` without the words (higher is better), sufficiency its fall with
    nothing but them (lower is better). A post with nothing left scores 0.
    """
    texts: list[str] = []
    for post, found in zip(posts, scores, strict=True):
        texts.append(post.text)
        for count in (TOP_WORDS, *bin_sizes(len(found))):
            marks = top_words(found, count)
            texts += [_kept(post, ~marks), _kept(post, marks)]
    hate = _hate(classifier, texts).reshape(len(posts), -1)
    falls = (hate[:, :1] - hate[:, 1:]).reshape(len(posts), -1, 2)
    return np.concatenate([falls[:, 0], falls[:, 1:].mean(axis=1)], axis=1)


def _kept(post: MarkedPost, marks: Marks) -> str:
    return " ".join(
        post.text[start:end] for (start, end), mark in zip(post.word_spans, marks, strict=True) if mark
    )


def _hate(classifier: AnnotatingClassifier, texts: Sequence[str]) -> NDArray[np.float64]:
    """The `hate` score (n,) float64 of every text, 0 for an empty one; equal texts are scored once."""
    places = {text: place for place, text in enumerate(dict.fromkeys(text for text in texts if text))}
    distinct = list(places)
    hate = np.zeros(len(distinct) + 1)
    starts = range(0, len(distinct), CHUNK_TEXTS)
    for start in track(starts, description="taking words away", console=Console(stderr=True), transient=True):
        chunk = distinct[start : start + CHUNK_TEXTS]
        hate[start : start + len(chunk)] = classifier.score(chunk).values[:, HATE]
    return hate[[places.get(text, len(distinct)) for text in texts]]


def _agreement(first: Sequence[WordScores], second: Sequence[WordScores], seed: int) -> dict[str, Any] | None:
    """The mean Kendall tau-b over the posts whose words both ways put in some order."""
    taus = [kendall_tau(ours.tolist(), theirs.tolist()) for ours, theirs in zip(first, second, strict=True)]
    return _mean([math.nan if tau is None else tau for tau in taus], seed)


def _mean(values: Sequence[float] | NDArray[np.float64], seed: int) -> dict[str, Any] | None:
    """The mean over posts with its interval; posts without a value (NaN) are left out, None if all are."""
    known = np.asarray(values, dtype=np.float64)
    known = known[~np.isnan(known)]
    measured = bootstrap(mean_statistic(known), len(known), seed=seed)
    return measured.as_json() if measured else None
