"""Token rationales become words and spans of the raw text, whatever the normaliser did in between."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.bundle import Bundle
from model.classifier import Annotation
from model.normalise import normalise
from model.onnx_classifier import OnnxClassifier
from model.rationale import Span, TokenRationale, merge, spans, word_scores, words

LOGITS = np.zeros(4, dtype=np.float32)


def annotation(tokens: list[TokenRationale] | None) -> Annotation:
    return Annotation(LOGITS, None, tokens, None)


def marked(text: str, word: str) -> list[TokenRationale]:
    """Token rationales of `text` as a classifier makes them: `word` of the normalised text stands out."""
    normalised = normalise(text)
    start = normalised.text.index(word)
    quiet = [(*normalised.raw_span(*span), 0.1) for span in words(normalised.text)]
    return [*quiet, (*normalised.raw_span(start, start + len(word)), 0.9)]


@pytest.mark.parametrize(
    ("text", "word", "raw"),
    [
        ("the garden is open", "garden", "garden"),
        ("two \U0001f469\u200d\U0001f467\u200d\U0001f466 families here", "here", "here"),
        ("tea \u2764\ufe0f\u2764\ufe0f and cake", "and", "and"),
        ("a gar\u200bd\u200den gate", "garden", "gar\u200bd\u200den"),
        ("\u200bzero \ufeffwidth starts", "width", "\ufeffwidth"),
        ("le cafe\u0301 ouvert", "café", "cafe\u0301"),
        ("a g\u0336a\u0336te here", "gate", "g\u0336a\u0336te"),
        ("𝓽𝓱𝓮 𝓰𝓪𝓻𝓭𝓮𝓷 is open", "garden", "𝓰𝓪𝓻𝓭𝓮𝓷"),
        ("they are s t u p i d people", "stupid", "s t u p i d"),
        ("so 5tup1d today", "stupid", "5tup1d"),
        ("many    \n\n blanks", "blanks", "blanks"),
        ("soooooo long a wait", "long", "long"),
        ("see https://example.org/a/b?c=d now", "now", "now"),
        ("ask @somebody about tea", "about", "about"),
    ],
)
def test_word_of_the_normalised_text_is_found_in_the_raw_one(text: str, word: str, raw: str) -> None:
    found = spans(annotation(marked(text, word)), text, 0.5)

    assert found is not None
    assert [text[span.start : span.end] for span in found] == [raw]
    assert found[0].score == 0.9


def test_name_of_an_emoji_is_the_emoji_in_the_raw_text() -> None:
    text = "tea \U0001f40d again"

    found = spans(annotation(marked(text, "snake")), text, 0.5)

    assert found == [Span(4, 5, 0.9)]


def test_classifier_and_words_meet_on_the_raw_keyword(tiny_bundle: Path) -> None:
    text = "tea \u2615 with  hate\u200bword, cafe\u0301 and @somebody"
    found = OnnxClassifier(Bundle.load(tiny_bundle)).annotate([text])[0]

    span = (spans(found, text, 0.5) or [])[0]

    assert text[span.start : span.end] == "hate\u200bword,"
    assert span.score == pytest.approx(0.982, abs=1e-3)
    assert len(spans(found, text, 0.5) or []) == 1


def test_keyword_at_the_end_of_a_long_text_is_found_there(tiny_bundle: Path) -> None:
    text = "tea \u2615 " * 60 + "hateword"

    found = OnnxClassifier(Bundle.load(tiny_bundle)).annotate([text])[0]

    assert [(span.start, span.end) for span in spans(found, text, 0.5) or []] == [(len(text) - 8, len(text))]


def test_word_takes_the_largest_of_its_tokens() -> None:
    assert word_scores([(0, 3, 0.2), (3, 6, 0.7), (6, 7, 0.1), (8, 9, 0.4)], [(0, 7), (8, 9)]) == [0.7, 0.4]


def test_token_of_spaced_out_letters_counts_for_every_word_it_covers() -> None:
    assert word_scores([(0, 7, 0.8), (8, 11, 0.1)], words("h a t e now")) == [0.8, 0.8, 0.8, 0.8, 0.1]


def test_word_that_no_token_touches_scores_nothing() -> None:
    assert word_scores([(0, 3, 0.9)], words("tea and cake")) == [0.9, 0.0, 0.0]


def test_neighbours_over_the_threshold_are_one_span_and_others_are_not() -> None:
    text = "one two  three four five"

    assert merge(words(text), [0.5, 0.6, 0.1, 0.9, 0.4], 0.5) == [Span(0, 7, 0.6), Span(15, 19, 0.9)]


def test_bundle_without_a_rationale_head_gives_none_and_not_an_empty_list() -> None:
    assert spans(annotation(None), "tea and cake") is None
    assert spans(annotation([(0, 3, 0.1)]), "tea and cake") == []


@st.composite
def texts_with_tokens(draw: st.DrawFn) -> tuple[str, list[TokenRationale]]:
    text = draw(st.text(max_size=60))
    place = st.integers(0, len(text))
    token = st.tuples(place, place, st.floats(0, 1)).map(lambda t: (min(t[:2]), max(t[:2]), t[2]))
    return text, draw(st.lists(token, max_size=30))


@given(texts_with_tokens(), st.floats(0.01, 1))
def test_spans_are_disjoint_ordered_and_whole_words_of_the_text(
    case: tuple[str, list[TokenRationale]], threshold: float
) -> None:
    text, tokens = case

    found = spans(annotation(tokens), text, threshold)

    assert found is not None
    edges = [edge for span in found for edge in (span.start, span.end)]
    assert edges == sorted(edges)
    assert len(set(edges)) == len(edges)
    for span in found:
        assert 0 <= span.start < span.end <= len(text)
        assert not text[span.start].isspace()
        assert not text[span.end - 1].isspace()
        assert span.start == 0 or text[span.start - 1].isspace()
        assert span.end == len(text) or text[span.end].isspace()
        touching = [p for start, end, p in tokens if start < span.end and end > span.start]
        assert threshold <= span.score <= max(touching)
