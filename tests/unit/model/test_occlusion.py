"""Leave-one-word-out: which word holds the score up, at a bounded price."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau  # type: ignore[import-untyped] # scipy ships no types

from model.bundle import Bundle
from model.classifier import Scores
from model.errors import TextEmpty
from model.occlusion import LEAST_IMPORTANCE, MAX_VARIANTS, Occlusion, kendall_tau, occlude
from model.onnx_classifier import OnnxClassifier
from model.rationale import Span
from model.taxonomy import HEAD_ORDER


class CountingClassifier:
    """`hate` is a tenth of the number of `bad` in a text, `far_right` a half where `flag` stands."""

    bundle_id = "counting"
    languages = ("*",)

    def __init__(self) -> None:
        self.calls: list[list[str]] = []

    @property
    def thresholds(self) -> dict[str, float]:
        return dict.fromkeys(HEAD_ORDER, 0.5)

    def score(self, texts: Sequence[str]) -> Scores:
        self.calls.append(list(texts))
        rows = [[0.1 * text.count("bad"), 0.0, 0.0, 0.5 * ("flag" in text)] for text in texts]
        return Scores(np.asarray(rows, dtype=np.float32), self.bundle_id)


def test_importance_is_the_fall_without_each_word() -> None:
    classifier = CountingClassifier()

    found = occlude(classifier, "a bad day, badbad weather")

    assert found.head == "hate"
    assert found.word_spans == ((0, 1), (2, 5), (6, 10), (11, 17), (18, 25))
    np.testing.assert_allclose(found.importance, [0, 0.1, 0, 0.2, 0], atol=1e-6)
    assert [(span.start, span.end) for span in found.spans()] == [(2, 5), (11, 17)]


def test_all_variants_are_scored_in_one_call_and_nothing_else_is_cut() -> None:
    classifier = CountingClassifier()

    occlude(classifier, "see https://example.org @somebody  tea")

    assert classifier.calls == [
        [
            "see https://example.org @somebody  tea",
            " https://example.org @somebody  tea",
            "see  @somebody  tea",
            "see https://example.org   tea",
            "see https://example.org @somebody  ",
        ]
    ]


def test_head_with_the_highest_score_is_explained_unless_one_is_named() -> None:
    text = "the flag is bad"

    highest = occlude(CountingClassifier(), text)
    named = occlude(CountingClassifier(), text, head="hate")

    assert (highest.head, int(highest.importance.argmax())) == ("far_right", 1)
    assert (named.head, int(named.importance.argmax())) == ("hate", 3)


def test_text_of_one_word_rests_on_it_wholly() -> None:
    classifier = CountingClassifier()

    found = occlude(classifier, "  badbad ")

    assert classifier.calls == [["  badbad "]]
    np.testing.assert_allclose(found.importance, [0.2], atol=1e-6)
    assert found.spans() == [Span(2, 8, float(found.importance[0]))]


@pytest.mark.parametrize("word_count", [MAX_VARIANTS, MAX_VARIANTS + 1, 2 * MAX_VARIANTS + 77, 5000])
def test_variants_are_capped_and_words_of_a_window_share_its_importance(word_count: int) -> None:
    classifier = CountingClassifier()
    text = "b " * (word_count - 1) + "bad"

    found = occlude(classifier, text, head="hate")

    assert len(classifier.calls[0]) == MAX_VARIANTS + 1
    assert len(found.importance) == len(found.word_spans) == word_count
    removed = [word_count - len(variant.split()) for variant in classifier.calls[0][1:]]
    assert sum(removed) == word_count
    assert max(removed) - min(removed) <= 1
    np.testing.assert_allclose(found.importance[-removed[-1] :], 0.1, atol=1e-6)
    assert float(found.importance[: -removed[-1]].max()) == 0.0


def test_falls_within_the_noise_make_no_span() -> None:
    noise = np.asarray([0.5, -1, 0.9], dtype=np.float32) * LEAST_IMPORTANCE

    assert Occlusion("hate", ((0, 1), (2, 3), (4, 5)), noise).spans() == []


def test_keyword_of_the_tiny_bundle_is_found_in_a_text_full_of_emoji(tiny_bundle: Path) -> None:
    text = "\U0001f469\u200d\U0001f467 tea, e\u0301clair \u2615 hate\u200bword \u2764\ufe0f"

    found = occlude(OnnxClassifier(Bundle.load(tiny_bundle)), text)

    assert [text[span.start : span.end] for span in found.spans()] == ["hate\u200bword"]


def test_word_without_which_nothing_can_be_read_has_all_of_the_importance(tiny_bundle: Path) -> None:
    found = occlude(OnnxClassifier(Bundle.load(tiny_bundle)), "\u200b hateword \u2060")

    assert found.word_spans == ((0, 1), (2, 10), (11, 12))
    np.testing.assert_allclose(found.importance, [0, 0.982, 0], atol=1e-3)


def test_text_without_words_is_refused_as_scoring_refuses_it(tiny_bundle: Path) -> None:
    with pytest.raises(TextEmpty):
        occlude(OnnxClassifier(Bundle.load(tiny_bundle)), " \n ")


@given(
    st.lists(st.sampled_from(["bad", "tea", "\u2615\ufe0f", "bad,bad", "e\u0301"]), min_size=1, max_size=260)
)
def test_spans_are_disjoint_ordered_and_inside_the_text(chosen: list[str]) -> None:
    text = "\n ".join(chosen)

    found = occlude(CountingClassifier(), text).spans()

    edges = [edge for span in found for edge in (span.start, span.end)]
    assert edges == sorted(set(edges))
    assert not edges or (edges[0] >= 0 and edges[-1] <= len(text))


orders = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), max_size=30)


@given(orders)
def test_kendall_tau_is_the_one_of_scipy(pairs: list[tuple[int, int]]) -> None:
    first, second = [float(a) for a, _ in pairs], [float(b) for _, b in pairs]
    ours = kendall_tau(first, second)

    if len(set(first)) < 2 or len(set(second)) < 2:
        assert ours is None
    else:
        assert ours == pytest.approx(kendalltau(first, second).statistic)
