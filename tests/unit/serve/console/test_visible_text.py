"""Hostile text made visible."""

from __future__ import annotations

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve.console.visible_text import defang, visible, visible_pieces, word_count

SEEN_THOUGH_FORMAT = {
    *range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2,  # Arabic and Syriac marks that have a shape
}  # fmt: skip


def test_every_invisible_or_direction_changing_character_becomes_a_token() -> None:
    kept = [
        code
        for code in range(sys.maxunicode + 1)
        if unicodedata.category(chr(code)) in ("Cc", "Cf", "Zl", "Zp")
        and chr(code) not in "\t\n"
        and code not in SEEN_THOUGH_FORMAT
        and chr(code) in visible(f"a{chr(code)}b")
    ]
    assert kept == []


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\u202eb", "a⟦U+202E⟧b"),
        ("a\u200db", "a⟦U+200D⟧b"),
        ("\U0001f469\u200d\U0001f467", "\U0001f469\u200d\U0001f467"),
        ("\U0001f469\u200dword", "\U0001f469⟦U+200D⟧word"),
        ("line\r\nline\rline", "line\nline⟦U+000D⟧line"),
        ("\U000e0041", "⟦U+E0041⟧"),
        (
            "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
            "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        ),
        ("❤\ufe0f", "❤\ufe0f"),
    ],
)
def test_a_hidden_character_is_a_token_and_an_emoji_stays_whole(text: str, shown: str) -> None:
    assert visible(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://a.example http://b.example", "hxxps://a.example hxxp://b.example"),
        ("HTTPS://A.EXAMPLE", "hxxps://A.EXAMPLE"),
        ("JaVaScRiPt:alert(1)", "blocked-javascript:alert(1)"),
        ("data:text/html,x", "blocked-data:text/html,x"),
        ("metadata: and http without a colon", "metadata: and http without a colon"),
    ],
)
def test_an_address_cannot_be_followed(text: str, shown: str) -> None:
    assert defang(text) == shown


FRAGMENTS = st.sampled_from(
    ["http://", "HTTPS://", "javascript:", "blocked-", "data:text/", "\u202e", "\u200d", "👩"]
)


@given(st.lists(st.text(max_size=5) | FRAGMENTS, max_size=40).map("".join))
def test_pieces_lose_nothing_but_what_tokens_stand_for(text: str) -> None:
    plain = "".join(piece.text for piece in visible_pieces(text) if not piece.is_token)
    assert "\u202e" not in plain
    assert visible(visible(text)) == visible(text)
    letters = [character for character in text if character.isalpha() and character.isascii()]
    if "http" not in text.lower() and "javascript" not in text.lower() and "data" not in text.lower():
        assert [c for c in plain if c.isalpha() and c.isascii()] == letters


def test_a_look_alike_token_in_the_text_is_no_token_piece() -> None:
    assert [piece.is_token for piece in visible_pieces("⟦U+202E⟧")] == [False]


def test_words_are_counted_by_white_space() -> None:
    assert (word_count(""), word_count("one"), word_count(" one\ntwo\u3000three ")) == (0, 1, 3)
