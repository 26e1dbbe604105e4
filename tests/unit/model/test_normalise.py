"""The many ways to write one text: what the normaliser undoes, what it leaves alone, and its map back."""

from __future__ import annotations

import sys
import unicodedata
from typing import Literal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from model.errors import Fault, NotText, TextEmpty, TextTooLong
from model.lookalikes import lookalikes, styled_letters
from model.marks import JOINERS
from model.normalise import MAX_MARKS, check_text, normalise, normalise_text
from model.taxonomy import MAX_TEXT_CHARACTERS

ZERO_WIDTH = (
    "\u200b\u200c\u200d\u2060\ufeff\u00ad\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufe0f\0"
)
BOMB = "\u0301\u0316"

# Pieces that meet in hostile posts; hypothesis joins them in every order.
PIECES = [
    *ZERO_WIDTH,
    *"aAeoxl0169 .,!@#:/_-+\n\t\u00a0\u2003\u2800",
    *"\u0301\u0316\u0336\u0338\u0345\u20e3\u3099\u05b0\u0651",
    *"аеорсхкиЖтαορωκεШօ",  # Cyrillic, Greek, Armenian
    *"שלםاللهनमस्ते한글ㅏㅎ\u1100\u1161\u11a8ｶﾞﾊﾟ",
    *"éñßşıİŁ¨´ªº½²™©®ﬁﬀﷺ①Ⅳ",
    *"ｊｅｗ𝕁𝖊𝔀ᴊᴇᴡ🅙🅹🇯🇬🇧",
    *["❤️", "👨‍👩‍👧‍👦", "👍🏽", "🏽", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "1️⃣", "😂", "🫨", "🧑🏿‍🤝‍🧑🏻", "♂"],
    *["http://", "https://x.test/a", "www.", "hxxp://", "@bob", "a.b@c.test", "@a@b.test", "aaaa", "www"],
]
untimed = settings(deadline=None)  # the first text of a kind builds tables; a busy machine is no fault
texts = st.one_of(
    st.text(max_size=60),
    st.lists(st.sampled_from(PIECES), max_size=25).map("".join),
    st.lists(st.one_of(st.sampled_from(PIECES), st.characters(min_codepoint=0xA0)), max_size=25).map("".join),
)


# --- what is refused --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (None, NotText),
        (b"bytes", NotText),
        (7, NotText),
        (["list"], NotText),
        ("secret\0word", NotText),
        ("secret\ud800word", NotText),
        ("\udfff", NotText),
        ("", TextEmpty),
        (" \n\t\u00a0\u2003", TextEmpty),
        ("\u200b", TextEmpty),
        ("\u2060 \ufeff\n\u3164\ufe0f" * 500, TextEmpty),
        ("secret" * 2_000, TextTooLong),
        (BOMB * 50_000, TextTooLong),
    ],
)
def test_text_that_cannot_be_scored_is_refused(text: object, fault: type[Fault]) -> None:
    with pytest.raises(fault) as caught:
        check_text(text)
    assert type(caught.value) is fault
    assert caught.value.field == "text"
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["a", "x" * MAX_TEXT_CHARACTERS, "\U0001f600" * MAX_TEXT_CHARACTERS, "\u200ba", "é", "\u0301"]
)
def test_text_within_limits_comes_back_as_it_is(text: str) -> None:
    assert check_text(text) is text


@given(
    st.text(alphabet=[*"a!@~ .0", *"\u200b\u200d\ufe0f\u20e3\u3164\u2800\u0301é☕\U0001f469\U000e0067\u0336"])
)
def test_text_is_empty_exactly_where_nothing_is_left_of_it(text: str) -> None:
    try:
        check_text(text)
    except TextEmpty:
        assert not normalise_text(text)
    else:
        assert normalise_text(text)


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0"), max_size=50))
def test_any_text_that_is_not_refused_leaves_something(text: str) -> None:
    try:
        check_text(text)
    except TextEmpty:
        assert not normalise_text(text)
    else:
        assert normalise_text(text)


# --- what is undone ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("Ｈｅｌｌｏ　ｔｈｅｒｅ", "Hello there"),
        ("𝕋𝕙𝕖 𝔫𝔢𝔴 𝒎𝒐𝒔𝒒𝒖𝒆", "The new mosque"),
        ("ⓝⓔⓦⓢ ①", "news 1"),
        ("ﬁnal oﬀer", "final offer"),
        ("the jеwish museum", "the jewish museum"),  # Cyrillic е
        ("a mоsquе with a мinaret", "a mosque with a minaret"),
        ("gо bacк", "go back"),
        ("the κing", "the king"),
        ("they соре somehow", "they cope somehow"),  # a word of Cyrillic letters only
        ("a Νew day", "a New day"),  # Greek capital nu
        ("ᴛʜᴇ ɴᴇᴡ ɴᴇɪɢʜʙᴏᴜʀꜱ", "the new neighbours"),
        ("🅝🅔🅦🅢", "NEWS"),
        ("🇯 🇪 🇼", "JEW"),
        ("mos\u200bque", "mosque"),
        ("mos\u00adque\ufeff", "mosque"),
        ("abc \u202edef\u202c ghi", "abc def ghi"),
        ("tag\U000e0041\U000e0042ged", "tagged"),
        ("z̸̢̛̞a̴̡l̷̨̧g̴̢ò̶̧", "zalgo"),
        ("s̶t̶r̶u̶c̶k̶", "struck"),
        ("null\x00 and bell\x07", "null and bell"),
        ("so\r\n\r\n\tmuch\u2003\u2800 space ", "so much space"),
        ("noooooooo!!!!!!", "nooo!!!"),
        ("you h🅰️te them", "you hate them"),
        ("🅱️oys", "boys"),
        ("l🅾️sers", "losers"),
        ("M🅾️🅾️N", "MOON"),
        ("f❌ck", "fxck"),
        ("🇰🇮🇱🇱 it", "kill it"),
    ],
)
def test_disguised_writing_comes_out_plain(raw: str, expected: str) -> None:
    assert normalise_text(raw) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("love ❤️", "love red heart"),
        ("love ❤", "love red heart"),
        ("👨‍👩‍👧‍👦 day out", "family man woman girl boy day out"),
        ("🇬🇧!", "United Kingdom !"),
        ("🏴󠁧󠁢󠁥󠁮󠁧󠁿", "England"),
        ("ok👍🏽ok", "ok thumbs up medium skin tone ok"),
        ("1️⃣ of 10", "keycap 1 of 10"),
        (
            "👨🏿‍👩🏻‍👧🏽",
            "man dark skin tone woman light skin tone girl medium skin tone",
        ),  # no name of its own
        ("😂" * 500, " ".join(["face with tears of joy"] * 3)),
        ("\U0001faff?", "\U0001faff?"),  # not an emoji yet: kept
        ("blood type 🅱️ please", "blood type B button (blood type) please"),
        ("wrong❌", "wrong cross mark"),
        ("🇬🇧🇫🇷🇮🇪", "United Kingdom France Ireland"),
    ],
)
def test_emoji_come_out_as_their_names(raw: str, expected: str) -> None:
    assert normalise_text(raw) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("see https://example.test/a?b=c#d now", "see http now"),
        ("see HTTP://EXAMPLE.TEST", "see http"),
        ("see www.example.test/x", "see http"),
        ("see hxxps://example.test", "see http"),
        ("thanks @Some_One99!", "thanks @user!"),
        ("@a@social.example.test hello", "@user hello"),
        ("write to first.last+news@mail.example.test today", "write to @user today"),
        ("3@5 and a@b", "3@5 and a@b"),
        ("@ noon", "@ noon"),
        ("#Eid #LondonIsOpen", "#Eid #LondonIsOpen"),
    ],
)
def test_links_and_names_lose_who_and_where(raw: str, expected: str) -> None:
    assert normalise_text(raw) == expected


# --- what is left alone -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "Plain words, CASE kept; don't touch 6000000 or 14:30.",
        "café, naïve, Łódź, Çağrı, ẹ́kọ̀, Tiếng Việt",
        "Сорока села на забор, а оса - на розу.",
        "Вася пишет СМС, а не SMSками и не SMSом",
        "Try the борщ and the сало at the Kиїв stall",
        "Ο καφές είναι έτοιμος, το νερό και το ψωμί.",
        "مرحبا بكم في المدينة، صباح الخير",
        "שלום לכולם, סוף שבוע נעים",
        "shabbat shalom שבת שלום to all",
        "השבת שָׁלוֹם",
        "Eid Mubarak عيد مبارك everyone",
        "Բարեւ ձեզ",
        "सुप्रभात दोस्तों",
        "안녕하세요 こんにちは 你好",
        "α = 0.05 and 5 μm",
    ],
)
def test_real_languages_come_through_untouched(text: str) -> None:
    assert normalise_text(text) == unicodedata.normalize("NFKC", text)


def test_russian_with_one_latin_word_stays_russian() -> None:
    text = "Мы едем в London, там сейчас тепло"
    assert normalise_text(text) == text


# --- hostile length ---------------------------------------------------------------------------------


def test_mark_bomb_comes_out_short() -> None:
    assert normalise_text("e" + BOMB * 5_000) == "e"
    assert len(normalise_text("ש" + BOMB * 5_000)) <= 1 + MAX_MARKS


def test_mark_bomb_never_reaches_unicode_normalisation_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    longest = 0
    real = unicodedata.normalize

    def watched(form: Literal["NFC", "NFD", "NFKC", "NFKD"], text: str) -> str:
        nonlocal longest
        longest = max(longest, len(text))
        return real(form, text)

    monkeypatch.setattr(unicodedata, "normalize", watched)
    normalise_text("x" + BOMB * 5_000 + "\u200b" + BOMB * 5_000 + "ﬁ")
    assert 0 < longest <= 1 + MAX_MARKS


@pytest.mark.parametrize("glue", ["\u200b", "\u200d", "\ufe0f", "\u20e3", "\u034f"])
def test_mark_bomb_broken_up_by_unseen_characters_comes_out_short(glue: str) -> None:
    assert len(normalise_text("ש" + (BOMB + glue) * 3_000)) <= 1 + MAX_MARKS


def test_growing_ligature_keeps_its_place() -> None:
    normalised = normalise("a \ufdfa b")
    assert len(normalised.text) > 18
    assert normalised.raw_span(3, 5) == (2, 3)
    assert normalised.raw_span(len(normalised.text) - 1, len(normalised.text)) == (4, 5)


# --- the map back -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "words", "span"),
    [
        ("plain words here", "words", "words"),
        ("  two   words ", "words", "words"),
        ("the j\u200beе\u0301w ends", "ends", "ends"),
        ("the mo\u200bsque", "mosque", "mo\u200bsque"),
        ("see https://example.test/x for more", "http", "https://example.test/x"),
        ("hi @some_name bye", "@user", "@some_name"),
        ("so ❤️ good", "red heart", "❤️"),
        ("so 👨‍👩‍👧‍👦 good", "woman", "👨‍👩‍👧‍👦"),
        ("nooooooo way", "nooo", "nooooooo"),
        ("Ｆｕｌｌ width", "Full", "Ｆｕｌｌ"),
        ("z̸̢̛̞a̴̡l̷̨̧ go", "zal", "z̸̢̛̞a̴̡l̷̨̧"),
        ("the jеws", "jews", "jеws"),
    ],
)
def test_span_leads_back_to_the_raw_characters(raw: str, words: str, span: str) -> None:
    normalised = normalise(raw)
    at = normalised.text.index(words)
    start, end = normalised.raw_span(at, at + len(words))
    assert raw[start:end] == span


def test_span_of_nothing_is_empty_and_within_the_raw_text() -> None:
    normalised = normalise("  ab  ")
    assert normalised.raw_span(1, 1) == (3, 3)
    assert normalised.raw_span(2, 2) == (6, 6)
    assert normalise("\u200b").raw_span(0, 0) == (1, 1)


@pytest.mark.parametrize(("start", "end"), [(-1, 1), (1, 0), (0, 3), (3, 3)])
def test_span_outside_the_text_is_a_bug(start: int, end: int) -> None:
    with pytest.raises(ValueError, match="outside"):
        normalise("ab").raw_span(start, end)


# --- properties -------------------------------------------------------------------------------------


@untimed
@given(texts)
@example("www" + "w" * 5 + ".x")
@example("🇬\u200d🇧")
@example("#\u200d\u20e3")
@example("x@@@a@b.test")
@example("-@@bob.test")  # the handle makes an address
@example(".@bob!.test")
@example("а\u0301bc")
@example("aa.b@c.test\u0301")  # needs a second pass: the mark composes with the r of @user
@example("a@a@b.test\u0301")
def test_normalising_twice_changes_nothing(text: str) -> None:
    once = normalise_text(text)
    assert normalise_text(once) == once


@untimed
@given(texts)
def test_both_functions_agree(text: str) -> None:
    assert normalise(text).text == normalise_text(text)


@untimed
@given(texts)
def test_raw_spans_are_within_bounds_and_never_fall(text: str) -> None:
    normalised = normalise(text)
    before = (0, 0)
    for at in range(len(normalised.text)):
        start, end = normalised.raw_span(at, at + 1)
        assert 0 <= start < end <= len(text)
        assert start >= before[0]
        assert end >= before[1]
        before = (start, end)


@untimed
@given(texts)
def test_nothing_unseen_comes_out(text: str) -> None:
    normalised = normalise_text(text)
    assert not set(normalised) & set(ZERO_WIDTH)
    assert normalised == " ".join(normalised.split())


@untimed
@given(st.text(alphabet=st.characters(max_codepoint=0x7F)))
def test_ascii_stays_ascii(text: str) -> None:
    assert normalise_text(text).isascii()


# --- the tables -------------------------------------------------------------------------------------


def test_everything_that_joins_backwards_under_nfkc_is_known_as_a_joiner() -> None:
    import re

    joiner = re.compile(f"[{JOINERS}]")
    missed = [
        f"U+{code:04X}"
        for code in range(0x80, sys.maxunicode + 1)
        if unicodedata.combining(unicodedata.normalize("NFKD", chr(code))[0]) and not joiner.match(chr(code))
    ]
    assert missed == []


def test_lookalikes_are_single_letters_of_left_to_right_scripts() -> None:
    table = lookalikes()
    assert table["а"] == "a"
    assert table["Ν"] == "N"
    assert all(letter.isascii() and letter.isalpha() and len(letter) == 1 for letter in table.values())
    assert {unicodedata.bidirectional(letter) for letter in table} <= {"L", "ON"}


def test_styled_letters_hold_the_whole_alphabet_of_circles_squares_and_flags() -> None:
    spelt = sorted(styled_letters().values())
    assert [spelt.count(letter) for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"] == [3] * 26
    assert {styled_letters()[letter] for letter in "ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘꞯʀꜱᴛᴜᴠᴡʏᴢ"} == set(
        "abcdefghijklmnopqrstuvwyz"
    )


def test_letter_emoji_map_to_their_place_in_the_raw_text() -> None:
    found = normalise("h🅰️te")

    assert found.text == "hate"
    assert found.raw_span(1, 2) == (1, 3)
    assert found.raw_span(2, 4) == (3, 5)
