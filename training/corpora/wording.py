"""The little English grammar that writing one name for another needs: case, articles, noun or adjective."""

from __future__ import annotations

import re
from typing import Final

from model.configuration import FrozenConfig

WORDS_BACK: Final = 3
"""How many words before "Muslim" an article may stand that makes it a noun ("a very devout Muslim")."""

_ARTICLE = re.compile(r"(?<![\w'’])(an?)(?=\s+\Z)", re.IGNORECASE)
_WORD_AFTER = re.compile(r"\s+([\w'’]+)")
_POSSESSIVE = re.compile(r"['’]s?\b")
_NOT_CLAUSE = re.compile(r"[^\w\s'’-]")
_CHARACTERS_AROUND = 60


class Grammar(FrozenConfig):
    """Short words that tell a noun from an adjective."""

    determiners: frozenset[str]
    copulas: frozenset[str]
    noun_followers: frozenset[str]


def stands_as_noun(text: str, start: int, end: int, grammar: Grammar) -> bool:
    """Whether a name at [start, end) that can be either is a noun: "a Muslim was here", not "is Muslim"."""
    if _POSSESSIVE.match(text, end):
        return True
    after = _WORD_AFTER.match(text[: end + _CHARACTERS_AROUND], end)
    follower = after[1].lower() if after else None
    if follower is not None and follower not in grammar.noun_followers and not follower.endswith("ed"):
        return False
    clause = _NOT_CLAUSE.split(text[max(0, start - _CHARACTERS_AROUND) : start])[-1]
    before = clause.lower().split()[-WORDS_BACK:]
    if not before or before[-1] in grammar.copulas:
        return False
    return not grammar.determiners.isdisjoint(before)


def with_article(before: str, name: str) -> str:
    """The text in front of a name; an indefinite article that stands last in it agrees with the name."""
    found = _ARTICLE.search(before[-_CHARACTERS_AROUND:])
    if found is None:
        return before
    head, tail = before[:-_CHARACTERS_AROUND], before[-_CHARACTERS_AROUND:]
    loud = found[1] == "AN" or (found[1] == "A" and name.isupper())
    article = found[1][0] + (("N" if loud else "n") if name[0].lower() in "aeiou" else "")
    return head + tail[: found.start()] + article + tail[found.end() :]


def in_case_of(source: str, name: str) -> str:
    """The name in capitals, in lower case or with a capital, as the source was."""
    if source.isupper():
        return name.upper()
    if source[0].isupper():
        return name[0].upper() + name[1:]
    return name.lower()


def lower_in_place(text: str) -> str:
    """Lower case, character for character, so that positions hold ("İ" would become two)."""
    lower = text.lower()
    if len(lower) == len(text):
        return lower
    return "".join(c.lower() if len(c.lower()) == 1 else c for c in text)
