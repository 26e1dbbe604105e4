"""ERASER's measures on posts small enough to reckon by hand."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

import numpy as np
import pytest

pytest.importorskip("sklearn")

from model.classifier import Annotation, Scores
from model.taxonomy import HEAD_ORDER
from training.corpora.pack import CorpusPost
from training.evaluation.bootstrap import bootstrap
from training.evaluation.eraser import (
    auprc,
    average_precision,
    bin_sizes,
    iou_f1_statistic,
    iou_precision_recall,
    token_f1,
    top_words,
)
from training.evaluation.rationales import marked_posts, rationale_figures

pytestmark = pytest.mark.training


def marks(pattern: str) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """`x..x` as marks."""
    return np.asarray([sign == "x" for sign in pattern])


# Three posts: one found in part, one found too wide, one missed.
GOLD = [marks("xx..x"), marks(".x.."), marks("x...")]
FOUND = [marks("xx.x."), marks("xxx."), marks("....")]
SCORES = [
    np.asarray([0.9, 0.8, 0.1, 0.7, 0.2]),
    np.asarray([0.6, 0.9, 0.7, 0.1]),
    np.asarray([0.0, 0.1, 0.2, 0.3]),
]


def test_token_f1_is_that_of_the_words() -> None:
    # 2 of 3 found words are right and 2 of 3 right ones found; then precision 1/3, recall 1; then nothing.
    assert [token_f1(g, f) for g, f in zip(GOLD, FOUND, strict=True)] == pytest.approx([2 / 3, 1 / 2, 0])


def test_iou_f1_pairs_spans_that_overlap_by_half() -> None:
    # First: spans (0,2) and (3,4) against (0,2) and (4,5): one of two and one of two.
    # Second: (0,3) against (1,2) overlaps by a third only. Third: no span found.
    pairs = [iou_precision_recall(g, f) for g, f in zip(GOLD, FOUND, strict=True)]
    assert pairs[:2] == [(0.5, 0.5), (0.0, 0.0)]
    assert math.isnan(pairs[2][0])
    assert pairs[2][1] == 0.0

    # Precision over the two posts with a span: 1/4; recall over all three: 1/6.
    measured = bootstrap(iou_f1_statistic(np.asarray(pairs)), 3)
    assert measured is not None
    assert measured.value == pytest.approx(2 * (1 / 4) * (1 / 6) / (1 / 4 + 1 / 6))
    assert measured.low == 0.0
    assert measured.high > measured.value


def test_span_that_overlaps_by_exactly_half_matches() -> None:
    assert iou_precision_recall(marks("xx.."), marks("x...")) == (1.0, 1.0)


def test_auprc_is_taken_by_trapezia_and_average_precision_by_steps() -> None:
    # Right words rank 1, 2 and 4 of 5: steps give (1 + 1 + 3/4) / 3.
    assert average_precision(GOLD[0], SCORES[0]) == pytest.approx(11 / 12)
    # Precision is 1 up to recall 2/3, where it falls to 2/3, and 3/4 at recall 1.
    assert auprc(GOLD[0], SCORES[0]) == pytest.approx(2 / 3 + (1 / 3) * (2 / 3 + 3 / 4) / 2)
    assert [average_precision(g, s) for g, s in zip(GOLD[1:], SCORES[1:], strict=True)] == [1.0, 0.25]


def test_post_whose_words_are_all_marked_says_nothing_of_their_order() -> None:
    assert math.isnan(average_precision(marks("xxx"), SCORES[0][:3]))


def test_top_words_and_bins_take_at_least_one_word() -> None:
    assert top_words(np.asarray([0.2, 0.9, 0.9, 0.1]), 2).tolist() == [False, True, True, False]
    assert top_words(np.asarray([0.5, 0.5, 0.5]), 1).tolist() == [True, False, False]
    assert bin_sizes(20) == [1, 1, 2, 4, 10]
    assert bin_sizes(3) == [1, 1, 1, 1, 2]


class WordClassifier:
    """`hate` is 0.8 where `bad` stands, else 0.1; `bad` has a rationale of 1, `mild` of 0.5."""

    bundle_id = "words"
    languages = ("*",)

    def __init__(self, rationale_threshold: float | None) -> None:
        self.rationale_threshold = rationale_threshold

    @property
    def thresholds(self) -> dict[str, float]:
        return dict.fromkeys(HEAD_ORDER, 0.5)

    def score(self, texts: Sequence[str]) -> Scores:
        assert all(text.split() for text in texts)
        rows = [[0.8 if "bad" in text.split() else 0.1, 0, 0, 0] for text in texts]
        return Scores(np.asarray(rows, dtype=np.float32), self.bundle_id)

    def annotate(self, texts: Sequence[str]) -> list[Annotation]:
        found = []
        for text in texts:
            starts = [at for at in range(len(text)) if at == 0 or text[at - 1] == " "]
            tokens = [
                (at, at + len(word), {"bad": 1.0, "mild": 0.5}.get(word, 0.01 * len(word)))
                for at, word in zip(starts, text.split(), strict=True)
            ]
            found.append(Annotation(np.zeros(4, dtype=np.float32), None, tokens, None))
        return found


def post(text: str, *spans: tuple[int, int], split: str = "test", kind: str = "hatespeech") -> CorpusPost:
    return CorpusPost("made", text, text, split, [1, -1, -1, -1], kind=kind, rationale=spans or None)


POSTS = [
    post("a bad day for all of us here", (2, 5)),
    post("some mild weather and bad tea in the garden", (5, 9), (22, 25), kind="offensive"),
    post("a bad day", split="dev"),
    post("a bad day on the train", (2, 5), split="train"),
    post("a bad day nobody marked"),
    post("a bad day that is no hate", (2, 5), kind="normal"),
]


def test_only_marked_posts_of_the_split_are_measured() -> None:
    chosen = marked_posts(POSTS, "test")

    assert [found.text for found in chosen] == [POSTS[0].text, POSTS[1].text]
    assert [found.gold.nonzero()[0].tolist() for found in chosen] == [[1], [1, 4]]


def test_both_ways_to_explain_are_measured_and_compared() -> None:
    figures = rationale_figures(WordClassifier(0.5), POSTS, seed=7)

    rationale, occlusion = figures["rationale"], figures["occlusion"]
    assert rationale["posts"] == occlusion["posts"] == 2
    assert rationale["threshold"] == 0.5
    assert rationale["token_f1"]["value"] == 1.0
    assert rationale["auprc"]["value"] == 1.0
    # Occlusion finds `bad` alone: F1 1 on the first post, 2/3 on the second.
    assert occlusion["token_f1"]["value"] == pytest.approx(5 / 6, abs=1e-5)
    # Without the five top words the score falls from 0.8 to 0.1; with nothing else it stays.
    for method in (rationale, occlusion):
        assert method["comprehensiveness"]["value"] == pytest.approx(0.7, abs=1e-5)
        assert method["sufficiency"]["value"] == pytest.approx(0.0, abs=1e-5)
        assert method["aopc_comprehensiveness"]["value"] == pytest.approx(0.7, abs=1e-5)
    assert figures["chance"]["auprc"]["value"] < 1.0
    assert figures["agreement"]["posts"] == 2
    assert 0 < figures["agreement"]["value"] < 1
    json.dumps(figures, allow_nan=False)


def test_bundle_without_a_rationale_head_has_occlusion_figures_alone() -> None:
    figures = rationale_figures(WordClassifier(None), POSTS, seed=7, occluded_posts=1)

    assert figures["rationale"] is None
    assert figures["agreement"] is None
    assert figures["occlusion"]["posts"] == 1


def test_same_seed_gives_the_same_figures() -> None:
    first, second = (rationale_figures(WordClassifier(0.5), POSTS, seed=7) for _ in range(2))

    assert first == second


def test_no_marked_post_gives_no_figures() -> None:
    figures = rationale_figures(WordClassifier(0.5), POSTS[2:], seed=7)

    assert set(figures.values()) == {None}
