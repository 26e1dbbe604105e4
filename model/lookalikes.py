"""Letters of other scripts that pass for ASCII letters, and the words in which to read them so.

Real Russian, Greek or Armenian must come through untouched, so a letter is folded only inside a word
that mixes it with Latin, or in a word made of nothing but look-alikes in a text that is mostly Latin.
Hebrew, Arabic and Indic letters are never folded: a `l` for an alef would ruin real words.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from model.marks import MARKS

_SCRIPTS = ("CYRILLIC ", "GREEK ", "COPTIC ", "ARMENIAN ", "CHEROKEE ", "LISU ")
_STYLED_NAME = re.compile(
    r"(?:LATIN LETTER SMALL CAPITAL|NEGATIVE (?:CIRCLED|SQUARED) LATIN CAPITAL LETTER|"
    r"REGIONAL INDICATOR SYMBOL LETTER) ([A-Z])"
)
_NEAR = {"к": "k", "κ": "k", "м": "m", "т": "t", "н": "h", "в": "b", "є": "e", "ε": "e"}
"""Lower-case letters drawn like Latin small capitals or nearly so, which TR 39 does not count; people use
them all the same. They never make a word suspicious by themselves: real words are full of them."""
_LATIN = re.compile(
    "[A-Za-zªºÀ-ÖØ-öø-ʯ\u1d6b-\u1d77\u1d79-\u1d9a\u1e00-\u1eff\u2c60-\u2c7f\ua722-\ua7ff\uab30-\uab6f]"
)
_WORD = re.compile(f"[\\w{MARKS}]+")


@cache
def lookalikes() -> dict[str, str]:
    """Non-ASCII letter -> the ASCII letter it is drawn like.

    Source: Unicode TR 39 confusables as packaged by `confusable-homoglyphs`.
    """
    # Here, not at the top: the package reads megabytes of JSON that an ASCII text never needs.
    from confusable_homoglyphs.confusables import confusables_data

    table: dict[str, str] = {}
    for letter, twins in confusables_data.items():
        if len(letter) != 1 or letter.isascii() or not unicodedata.name(letter, "").startswith(_SCRIPTS):
            continue
        drawn_like = [twin["c"] for twin in twins if twin["c"].isascii() and twin["c"].isalpha()]
        same_case = [c for c in drawn_like if len(c) == 1 and c.isupper() == letter.isupper()]
        if same_case:
            table[letter] = same_case[0]
    return table


@cache
def styled_letters() -> dict[str, str]:
    """Latin letters in costume that NFKC leaves on: small capitals, black circles and squares, flag letters.

    Source: the Unicode name, which says which letter it is.
    """
    codes = (*range(0x0250, 0x02B0), *range(0x1D00, 0x1D2C), *range(0xA730, 0xA7B0), *range(0x1F150, 0x1F200))
    table: dict[str, str] = {}
    for code in codes:
        if named := _STYLED_NAME.fullmatch(unicodedata.name(chr(code), "")):
            table[chr(code)] = named[1].lower() if code < 0x10000 else named[1]
    return table


def find_styled_letters(text: str) -> list[tuple[int, int, str]]:
    """The styled letters of `text`, wherever they stand: (start, end, letter) in order.

    Flags must have been named before: flag letters that make no flag are letters people spell words with.
    """
    table = styled_letters()
    return [(found.start(), found.end(), table[found[0]]) for found in _any_styled().finditer(text)]


@cache
def _any_styled() -> re.Pattern[str]:
    return re.compile(f"[{''.join(styled_letters())}]")


@cache
def _any_foreign_letter() -> re.Pattern[str]:
    return re.compile(f"[{''.join(sorted({*lookalikes(), *_NEAR}))}]")


def find_lookalikes(text: str) -> list[tuple[int, int, str]]:
    """The letters of `text` to read as ASCII: (start, end, letter) in order."""
    if not _any_foreign_letter().search(text):
        return []
    latin = foreign = 0
    chosen: list[re.Match[str]] = []
    doubtful: list[re.Match[str]] = []  # chosen where the text around them is mostly Latin
    for word in _WORD.finditer(text):
        own, twins, other = _count_letters(word[0])
        if own > other and (twins or not _NEAR.keys().isdisjoint(word[0])):
            (doubtful if other else chosen).append(word)
            latin += own
        elif twins > 1 and not own and not other:
            doubtful.append(word)
        else:
            latin += own
            foreign += twins + other
    if latin > foreign:
        chosen += doubtful
    return sorted(edit for word in chosen for edit in _fold(word))


def _count_letters(word: str) -> tuple[int, int, int]:
    """How many letters are Latin, look-alikes, and neither."""
    if word.isascii():
        return sum(map(str.isalpha, word)), 0, 0
    table = lookalikes()
    own = twins = other = 0
    for letter in word:
        if letter in table:
            twins += 1
        elif _LATIN.match(letter):
            own += 1
        elif letter.isalpha():
            other += 1
    return own, twins, other


def _fold(word: re.Match[str]) -> list[tuple[int, int, str]]:
    table = lookalikes()
    return [
        (at, at + 1, letter)
        for at, drawn in enumerate(word[0], start=word.start())
        if (letter := table.get(drawn) or _NEAR.get(drawn))
    ]
