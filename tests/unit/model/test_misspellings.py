"""Slips of the keyboard: what is mended, what stays; mending is bounded, repeatable and traceable."""

from __future__ import annotations

import string
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.deobfuscation import words
from model.misspellings import common, find_misspellings
from model.normalise import normalise, normalise_text


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("The muslms next door are kind.", "The muslims next door are kind."),
        ("Everybody likes the blakc cat.", "Everybody likes the black cat."),
        ("They say he haets mondays.", "They say he hates mondays."),
        ("that is so funnnny", "that is so funny"),
        ("We met the immmigrants at the market.", "We met the immigrants at the market."),
        ("I saw the womendisgust poster", "I saw the women disgust poster"),
        ("Ilove the library", "I love the library"),
        ("MUSLMS ARE WELCOME HERE", "MUSLIMS ARE WELCOME HERE"),
        ("Muslms are welcome here", "Muslims are welcome here"),
    ],
)
def test_one_slip_in_a_word_is_mended(written: str, read: str) -> None:
    assert normalise_text(written) == read


@pytest.mark.parametrize(
    "kept",
    [
        "We walked from Penistone to Havering.",
        "My cousin Isadore met Sheeran in Hama.",
        "The outdo and the afresh are words.",
        "He is a member of the BAME network.",
        "An incel, a chav and a normie walk into a bar.",
        "@muslms wrote this to #blakc and at https://muslms.example/blakc",
        "It's womn's day, isn't it?",
        "Die Kinder spielen im Gartn mit dem Hudn.",
    ],
)
def test_names_known_words_handles_and_other_languages_stay(kept: str) -> None:
    assert find_misspellings(kept) == []


def test_word_that_people_hide_goes_before_a_commoner_one() -> None:
    assert "heat" in common().ranks
    assert normalise_text("we haet rain") == "we hate rain"


def test_three_letters_are_mended_only_where_one_hidden_word_fits() -> None:
    assert normalise_text("what a btch of a day") == "what a bitch of a day"
    assert normalise_text("the jws of the town") == "the jews of the town"
    assert normalise_text("ten rts and a like") == "ten rts and a like"


def test_frequent_slip_of_a_hidden_word_is_mended_though_it_was_seen() -> None:
    assert "mulsims" in common().ranks
    assert normalise_text("the mulsims of the town") == "the muslims of the town"


def test_mended_word_leads_back_to_what_was_written() -> None:
    text = "those muslms are my friends"
    mended = normalise(text)

    start = mended.text.index("muslims")

    assert mended.raw_span(start, start + len("muslims")) == (6, 12)
    assert text[6:12] == "muslms"


def test_parted_words_each_lead_back_to_their_own_letters() -> None:
    text = "see the womendisgust poster"
    parted = normalise(text)
    second = parted.text.index("disgust")

    start, end = parted.raw_span(second, second + len("disgust"))

    assert text[start:end] == "disgust"


@given(st.text(alphabet=string.ascii_letters + " '#@.", max_size=200))
def test_mending_is_idempotent_and_agrees_with_the_mapped_form(text: str) -> None:
    once = normalise_text(text)

    assert normalise_text(once) == once
    assert normalise(text).text == once


@given(st.lists(st.sampled_from(sorted(words().guarded)), min_size=1, max_size=8))
def test_hidden_words_are_never_mended_away(found: list[str]) -> None:
    text = " ".join(found)

    assert find_misspellings(text) == []


@given(st.text(alphabet=string.ascii_lowercase + " ", max_size=300))
def test_edits_are_in_order_and_never_overlap(text: str) -> None:
    edits = find_misspellings(text)

    assert all(end <= start for (_, end, _), (start, _, _) in pairwise(edits))
