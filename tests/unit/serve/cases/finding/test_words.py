from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.errors import BadInput, NotText
from serve.cases.finding.dialects import match_expression
from serve.cases.finding.words import LONGEST_QUERY, MOST_WORDS, Term, Words, read_words


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("bus", Words((Term(("bus",)),))),
        ("  bus   tram ", Words((Term(("bus",)), Term(("tram",))))),
        ('"number nine"', Words((Term(("number", "nine")),))),
        ("lane*", Words((Term(("lane",), is_prefix=True),))),
        ("bus -tram", Words((Term(("bus",)),), (Term(("tram",)),))),
        ('bus -"number nine"', Words((Term(("bus",)),), (Term(("number", "nine")),))),
        ("don't", Words((Term(("don", "t")),))),
        ("a.example/mill-lane*", Words((Term(("a", "example", "mill", "lane"), is_prefix=True),))),
        ("bus !!! - * ***", Words((Term(("bus",)),))),
        ("bus AND OR NOT NEAR", Words(tuple(Term((word,)) for word in ("bus", "AND", "OR", "NOT", "NEAR")))),
        ("हिन्दी öffnet", Words((Term(("हिन्दी",)), Term(("öffnet",))))),
        ('"lane*"', Words((Term(("lane",)),))),
    ],
)
def test_query_is_read_into_terms(typed: str, words: Words) -> None:
    assert read_words(typed) == words


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("", "must not be empty"),
        ("!!! ***", "at least one word"),
        ("-tram", "at least one word"),
        ('bus "number', "not closed"),
        ("bu*", "3 letters"),
        ("a " * 200, f"at most {MOST_WORDS} words"),
        ("x" * (LONGEST_QUERY + 1), "characters"),
        ("x" * 101, "100 letters"),
        ("bus " * 2_500, "characters"),
    ],
)
def test_query_that_cannot_be_read_is_refused_with_its_field(typed: str, says: str) -> None:
    with pytest.raises(BadInput, match=says) as refused:
        read_words(typed, field="q")
    assert refused.value.field == "q"


@pytest.mark.parametrize("typed", ["bus\x00tram", "bus \ud800"])
def test_character_that_no_database_holds_is_refused(typed: str) -> None:
    with pytest.raises(NotText):
        read_words(typed)


@given(st.text(max_size=60))
def test_whatever_is_typed_is_refused_or_is_a_query_that_sqlite_takes(typed: str) -> None:
    try:
        words = read_words(typed)
    except BadInput:
        return
    index = sqlite3.connect(":memory:")
    index.execute("CREATE VIRTUAL TABLE texts USING fts5(text)")
    index.execute("SELECT rowid FROM texts WHERE texts MATCH ?", (match_expression(words),)).fetchall()
    index.close()
