"""Words written so that a filter misses them, read as a person reads them: `j e w s`, `h4te`, `m*slims`.

Every function takes a text to its edits: (start, end, replacement), in order, never overlapping, in time
linear in the length of the text. A disguise is undone only where `words.txt` explains what comes out;
letters in a row that make no known word are joined all the same. Words broken into two pieces
(`mus lims`) stay: too many ordinary phrases look like that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import product
from math import log, prod
from pathlib import Path
from typing import Final, NamedTuple

from model.lookalikes import lookalikes

_Edit = tuple[int, int, str]

SHORT_WORDS: Final = frozenset(
    {"i", "a", "is", "to", "of", "in", "it", "we", "us", "he", "me", "my", "be", "do"}
    | {"go", "no", "so", "up", "at", "as", "an", "am", "or", "on", "by", "if"}
)
"""Words of one and two letters that a row of single letters may hide. The vocabulary has far too many."""


class Words(NamedTuple):
    """The known words of >= 3 letters, and those of them that people hide."""

    ranks: dict[str, int]
    """Word -> its place by frequency, 0 the most frequent; those that the vocabulary lacks share the last."""
    guarded: frozenset[str]


@cache
def words() -> Words:
    """What `words.txt` says."""
    lines = (Path(__file__).resolve().parent / "words.txt").read_text(encoding="utf-8").splitlines()
    divide = next(at for at, line in enumerate(lines) if line.startswith("# [vocabulary]"))
    guarded = frozenset(line for line in lines[:divide] if not line.startswith("#"))
    ranks = {word: rank for rank, word in enumerate(lines[divide + 1 :])}
    return Words({**dict.fromkeys(guarded, len(ranks)), **ranks}, guarded)


# --- one form of quotes and dashes ------------------------------------------------------------------

_TYPOGRAPHY: Final = str.maketrans("‘’‚‛“”„‟‐‑‒–—―", "''''\"\"\"\"------")
_TYPOGRAPHIC = re.compile(f"[{''.join(map(chr, _TYPOGRAPHY))}]")


def find_typography(text: str) -> list[_Edit]:
    """Curly quotes and long dashes as the keyboard has them, one for one."""
    if text.isascii():
        return []
    return [(*found.span(), found[0].translate(_TYPOGRAPHY)) for found in _TYPOGRAPHIC.finditer(text)]


# --- letters in a row -------------------------------------------------------------------------------

# Greek and Cyrillic too: look-alikes stand alone in a row, and are read as Latin once it is one word.
_LETTER = "[A-Za-zÀ-ÖØ-öø-ɏͰ-ϿЀ-ӿ]"
_ASCII_LETTER = re.compile("[A-Za-z]")
_ALNUM = r"[^\W_]"
_BETWEEN = r".\-_*|/,~+=:;^\\·•"
# Cheap, because it begins with a separator and few of them stand before a single letter.
_SOME_ROW = re.compile(rf"[ {_BETWEEN}]{_LETTER}[ {_BETWEEN}]{{1,2}}{_LETTER}(?!{_ALNUM})")
_ROW = re.compile(
    rf"(?<![\w@#&$])(?<!\w['{_BETWEEN}]){_LETTER}(?P<gap>  ?|[{_BETWEEN}]){_LETTER}(?!{_ALNUM}|'\w)"
    rf"(?:(?P=gap){_LETTER}(?!{_ALNUM}|'\w))++"
)
_TEXT_SPEAK = frozenset("uraiynmckb")
"""Letters that stand for words when written alone: `u r a`, `y r u`, `i c u`."""
_FREQUENT_ENOUGH: Final = {3: 9_000, 4: 15_000}
"""Rank down to which a word of so many letters counts as a piece: rarer ones are mostly names and
abbreviations, which would cut unknown words up."""
_LEAST_PIECED: Final = 6
"""Letters from which a row without blanks may be several words; fewer are an abbreviation."""


def find_spaced_words(text: str) -> list[_Edit]:
    """Rows of three or more single letters with the same gap between them, as the words they spell.

    A gap is one or two blanks or one sign; another gap, or a wider one, ends the row.
    """
    if not _SOME_ROW.search(text):
        return []
    return [edit for row in _ROW.finditer(text) for edit in _close_gaps(row)]


def _close_gaps(row: re.Match[str]) -> list[_Edit]:
    gap = row["gap"]
    text, after = row.string, row.end()
    blank = gap.isspace()
    if not blank and re.match(r"\w", text[after + 1 : after + 2]) and text[after] == gap:
        return []  # a.b.c.word: the row goes on in something else
    spelt = row[0][:: len(gap) + 1]
    if not spelt.isascii():
        if not _ASCII_LETTER.search(spelt):
            return []
        spelt = "".join(lookalikes().get(letter, letter) for letter in spelt)
    spelt = "".join(letter.lower()[0] for letter in spelt)  # one for one: the lower case of İ is two
    goes_on = blank and re.match(r" +\w", text[after : after + 3]) is not None
    whole = spelt in words().ranks or (not blank and len(spelt) < _LEAST_PIECED)
    ends = frozenset({len(spelt)}) if whole else _word_ends(spelt, goes_on)
    if not ends and blank and len(spelt) == 3 and _TEXT_SPEAK.issuperset(spelt):
        return []
    edits: list[_Edit] = []
    for letter in range(1, len(spelt)):
        at = row.start() + letter * (len(gap) + 1) - len(gap)
        new = " " if letter in ends else ""
        if new != gap:
            edits.append((at, at + len(gap), new))
    return edits


def _word_ends(spelt: str, goes_on: bool) -> frozenset[int]:
    """Where the words of the letters end: the fewest words, then the most frequent; empty if none fit.

    A single letter is a word only beside longer ones, and at the end only where the text goes on.
    """
    known = words().ranks
    best: list[tuple[int, float, int] | None] = [(0, 0.0, 0), *[None] * len(spelt)]
    for end in range(1, len(spelt) + 1):
        for start in range(max(0, end - _longest_word()), end):
            before = best[start]
            if before is None or (cost := _cost(spelt[start:end], known)) is None:
                continue
            if end - start == 1 and (before[2] == start - 1 or (end == len(spelt) and not goes_on)):
                continue
            offer = (before[0] + 1, before[1] + cost, start)
            here = best[end]
            if here is None or offer < here:
                best[end] = offer
    ends: set[int] = set()
    at = len(spelt)
    while at and (step := best[at]) is not None:
        ends.add(at)
        at = step[2]
    return frozenset(ends)


def _cost(word: str, known: dict[str, int]) -> float | None:
    """The logarithm of the word's rank; None for what is no word to cut a row by."""
    if len(word) <= 2:
        return log(20) if word in SHORT_WORDS else None
    rank = known.get(word)
    if rank is None or (rank > _FREQUENT_ENOUGH.get(len(word), rank) and word not in words().guarded):
        return None
    return log(rank + 2)


@cache
def _rank_of_the_absent() -> int:
    return max(words().ranks.values())


@cache
def _longest_word() -> int:
    return max(map(len, words().ranks))


# --- stand-ins for letters --------------------------------------------------------------------------

_STANDS_FOR: Final = (
    {"4": "a", "@": "a", "3": "e", "1": "il", "!": "il", "|": "il", "0": "o", "5": "s", "$": "s"}
    | {"7": "t", "+": "t", "8": "b", "9": "g", "6": "g", "2": "z"}
    | dict.fromkeys("*#.", "aeiou")
)
_MASKS: Final = frozenset("*#.")
_LONGEST_DISGUISE: Final = 24
_MOST_READINGS: Final = 128
_LEAST_MASKED: Final = 5
"""Letters of a masked word that nobody would guard; in fewer, too much fits."""
_SMALL_WORD_RANK: Final = 1_500
"""Rank down to which a word of three letters is believed: `y0u` and `th3`, but not `ps4` or `m4w`."""

_SOME_STAND_IN = re.compile(
    r"[0-9$@!|+*#.](?:(?<=[0-9$])(?:[A-Za-z]|(?<=[A-Za-z].))|(?<=[A-Za-z0-9$].)[@!|+*#]*[A-Za-z0-9$])"
)
# Signs and masks count between letters only, so that marks around a word stay marks. A stretch takes all
# that it can and then never fails: a pattern that failed at its end would be tried again from each sign.
_STRETCH = re.compile(r"[A-Za-z0-9$](?:[A-Za-z0-9$]|[@!|+*#]+(?=[A-Za-z0-9$]))*+")
_DISGUISE_BEGINS = re.compile(
    r"(?<![\w@#$&/\\])(?<![\d][.,:])(?<!\w')(?=[0-9$]*[A-Za-z])[A-Za-z0-9$](?=[A-Za-z0-9$@!|+*#])"
)
_GOES_ON_OTHERWISE = re.compile(r"[\w@]|[:.,]\d")
_DOTTED = re.compile(r"(?<![\w@#$&/\\.'])[A-Za-z]++\.[A-Za-z]++(?![\w@.])")
_AMOUNT = re.compile(
    r"\$[0-9].*|[0-9]+(?:st|nd|rd|th|s|am|pm|k|m|b|g|l|h|d|x|p|v|w|in|ft|mi|km|cm|mm|kg|mg|ml|lb|lbs|oz|bn|mn|mb|gb|tb|"
    r"hr|hrs|min|mins|sec|secs|yr|yrs|yo|mph|kph|ish|er|ers|some|up|a|c|e|f)",
    re.IGNORECASE,
)
_WORD_AND_NUMBER = re.compile(r"([a-z]+)([0-9]+|\$+)")


def find_stand_ins(text: str) -> list[_Edit]:
    """Words with digits, signs or masks for letters, as the known word that fits, each one for one.

    Numbers, times, ordinals, prices, names with a number and hashtags stay.
    """
    edits: list[_Edit] = []
    seen = 0
    while hint := _SOME_STAND_IN.search(text, seen):
        # Only the stretch without blanks that the hint stands in, and each stretch once.
        start = max(seen, text.rfind(" ", seen, hint.start()) + 1)
        seen = text.find(" ", hint.end())
        if seen < 0:
            seen = len(text)
        edits += [edit for found in _find_disguises(text, start, seen) for edit in _unmask(text, *found)]
        if "." in hint[0] and (dotted := _DOTTED.search(text, start, seen)) and _is_masked(dotted[0]):
            edits += _unmask(text, *dotted.span())
    return edits


def _find_disguises(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """[start, end) of whatever may be a word in disguise: from where one may begin to its stretch's end."""
    for stretch in _STRETCH.finditer(text, start, end):
        if _GOES_ON_OTHERWISE.match(text, stretch.end(), end):
            continue
        begin = _DISGUISE_BEGINS.search(text, *stretch.span())
        if begin is not None:
            yield begin.start(), stretch.end()


def _is_masked(dotted: str) -> bool:
    """Whether the dot may hide a letter: not where both sides are words, as at the end of a sentence."""
    known = words().ranks
    return any(part not in known and part not in SHORT_WORDS for part in dotted.lower().split("."))


def _unmask(text: str, start: int, end: int) -> list[_Edit]:
    written = text[start:end]
    if written.isalpha() or not 3 <= len(written) <= _LONGEST_DISGUISE or _AMOUNT.fullmatch(written):
        return []
    word = _reading(written.lower())
    if word is None:
        return []
    letters = [character for character in written if character.isalpha()]
    if len(letters) > 1 and all(map(str.isupper, letters)):
        word = word.upper()
    kept = "".join(own if own.isalpha() else new for own, new in zip(written, word, strict=True))
    return [(start, end, kept)]


def _reading(written: str) -> str | None:
    """The one word that `written` disguises. A guarded word goes before others that fit a mask."""
    known, guarded = words()
    if "**" in written or "##" in written:
        fits = [word for word in _guarded_of(len(written)) if _fits(written, word)]
        frequent = [word for word in fits if known[word] < _rank_of_the_absent()]
        return fits[0] if len(fits) == 1 else frequent[0] if len(frequent) == 1 else None
    choices = [_STANDS_FOR.get(character, character) for character in written]
    if prod(map(len, choices)) > _MOST_READINGS:
        return None
    readings = [word for word in map("".join, product(*choices)) if _is_word(word, known)]
    hidden = [word for word in readings if word in guarded]
    if "." in written or written[0] == "$":  # ends of sentences, initials; share tickers
        return hidden[0] if len(hidden) == 1 else None
    if not _MASKS.isdisjoint(written):
        fits = hidden if hidden or len(written) < _LEAST_MASKED else readings
        return fits[0] if len(fits) == 1 else None
    if (named := _WORD_AND_NUMBER.fullmatch(written)) and (len(named[1]) < 3 or named[1] in known):
        if len(named[2]) > 1 and named[2].isdigit():
            return None
        readings = hidden or _small_words(readings)
    elif len(written) == 3:
        readings = hidden or _small_words(readings)
    return readings[0] if readings else None


def _small_words(readings: list[str]) -> list[str]:
    ranks = words().ranks
    return [word for word in readings if len(word) == 3 and ranks[word] < _SMALL_WORD_RANK]


def _is_word(word: str, known: dict[str, int]) -> bool:
    return word in known or (len(word) > 4 and word[-1] == "s" != word[-2] and word[:-1] in known)


@cache
def _guarded_of(length: int) -> tuple[str, ...]:
    return tuple(sorted(word for word in words().guarded if len(word) == length))


def _fits(written: str, word: str) -> bool:
    return all(
        own == letter or own in _MASKS or letter in _STANDS_FOR.get(own, "")
        for own, letter in zip(written, word, strict=True)
    )
