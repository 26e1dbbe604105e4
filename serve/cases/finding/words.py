"""What somebody types into the search box: words, "phrases", -not and prefix*. Pure.

It is read here into terms, and nothing of it but words reaches a database: each database gets a query that
is built from the terms (`serve/cases/finding/dialects.py`), so no sign of its language comes from a form.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from model.errors import BadInput
from serve.field_text import field_text

LONGEST_QUERY: Final = 500
MOST_WORDS: Final = 32
LONGEST_WORD: Final = 100
LEAST_OF_A_PREFIX: Final = 3
"""Letters before a *: fewer would ask for a large part of all words there are."""

_TERM = re.compile(r'(?P<not>-?)(?:"(?P<phrase>[^"]*)"|(?P<word>[^\s"]+))')


@dataclass(frozen=True, slots=True)
class Term:
    """Words that stand one after the other; with `is_prefix` the last of them may go on."""

    words: tuple[str, ...]
    is_prefix: bool = False


@dataclass(frozen=True, slots=True)
class Words:
    """What a post's text must have, all of it, and what it must not have, none of it."""

    wanted: tuple[Term, ...]
    unwanted: tuple[Term, ...] = ()


def read_words(typed: str, *, field: str = "q") -> Words:
    """The terms of a query. Case does not matter; neither does punctuation, but for quotes, - and *.

    Raises: BadInput (also as NotText) when it is too long, has a quote that is not closed, no word that is
    wanted, a prefix of fewer than 3 letters, or a character that no text has.

    >>> read_words('bus "number nine" -tram lane*')
    Words(wanted=(Term(words=('bus',), is_prefix=False), Term(words=('number', 'nine'), is_prefix=False), \
Term(words=('lane',), is_prefix=True)), unwanted=(Term(words=('tram',), is_prefix=False),))
    """
    clean = field_text(typed, field=field, longest=LONGEST_QUERY)
    if clean.count('"') % 2:
        raise BadInput(f"{field}: a quotation mark is not closed", field=field)
    wanted: list[Term] = []
    unwanted: list[Term] = []
    for found in _TERM.finditer(clean):
        term = _term(found["phrase"], found["word"], field)
        if term is not None:
            (unwanted if found["not"] else wanted).append(term)
    if not wanted:
        raise BadInput(f"{field}: at least one word to look for", field=field)
    if sum(len(term.words) for term in (*wanted, *unwanted)) > MOST_WORDS:
        raise BadInput(f"{field}: at most {MOST_WORDS} words", field=field)
    return Words(tuple(wanted), tuple(unwanted))


def _term(phrase: str | None, word: str | None, field: str) -> Term | None:
    typed = phrase if word is None else word
    words = tuple(_split(typed or ""))
    if not words:
        return None
    if any(len(one) > LONGEST_WORD for one in words):
        raise BadInput(f"{field}: words of at most {LONGEST_WORD} letters", field=field)
    is_prefix = word is not None and word.endswith("*")
    if is_prefix and len(words[-1]) < LEAST_OF_A_PREFIX:
        raise BadInput(f"{field}: at least {LEAST_OF_A_PREFIX} letters before a *", field=field)
    return Term(words, is_prefix)


def _split(text: str) -> list[str]:
    """The words of a text as the databases part them: runs of letters, digits and the marks on them."""
    parted = "".join(one if _is_of_a_word(one) else " " for one in text).split()
    return [word for word in parted if any(one.isalnum() for one in word)]


@lru_cache(maxsize=4096)
def _is_of_a_word(character: str) -> bool:
    return unicodedata.category(character)[0] in "LNM"
