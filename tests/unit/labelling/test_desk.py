"""The desk's words: together they are the whole text, each with its place in code points."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelling.desk import spans_for_form, spans_from_form, words_of
from model.errors import BadInput


@given(st.text(alphabet=st.characters(blacklist_categories=["Cs"]), max_size=200))
def test_words_cover_the_whole_text_in_order(text: str) -> None:
    words = words_of(text)

    assert "".join(text[word.start : word.end] for word in words) == text
    assert all(word.can_be_marked is not text[word.start : word.end].isspace() for word in words)
    assert all(word.shown for word in words)


def test_words_after_emoji_keep_their_place_in_code_points() -> None:
    text = '\U0001f468\u200d\U0001f469\u200d\U0001f467 say\U0001f40d "don\'t"'

    marked = [text[word.start : word.end] for word in words_of(text) if word.can_be_marked]

    assert marked == ["\U0001f468\u200d\U0001f469\u200d\U0001f467", "say", "\U0001f40d", '"', "don't", '"']


def test_hidden_characters_are_shown_and_addresses_cannot_be_followed() -> None:
    text = "ab\u202ecd https://example.org/x?y=1 end"

    shown = [word.shown for word in words_of(text)]

    assert shown == ["ab⟦U+202E⟧cd", " ", "hxxps://example.org/x?y=1", " ", "end"]


def test_marks_go_to_the_form_and_back() -> None:
    assert spans_from_form(spans_for_form([(0, 5), (12, 20)])) == [(0, 5), (12, 20)]
    assert spans_from_form("  ") == []


@pytest.mark.parametrize("value", ["5", "1-2,3-4", "-1-2", "1-9999999", "a-b", "1-2 <b>"])
def test_marks_that_cannot_be_read_are_refused(value: str) -> None:
    with pytest.raises(BadInput, match="rationale"):
        spans_from_form(value)
