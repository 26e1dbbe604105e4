"""Slips of the keyboard mended as a reader mends them: `muslms`, `haet`, `killl`, `womendisgust`.

A word is touched only when nobody in the corpora writes it so (`common-words.txt`, `words.txt`) and one
small slip parts it from a word that is common or that people hide: a letter left out, two changed round, one
held too long, a blank left out. Names, handles, hashtags, abbreviations and texts that do not read as
English stay. Every function takes a text to its edits, as those of model.deobfuscation do, in linear time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, lru_cache
from itertools import groupby, pairwise
from pathlib import Path
from typing import Final, NamedTuple

from model.deobfuscation import SHORT_WORDS, words

_Edit = tuple[int, int, str]

_COMMON_RANK: Final = 8_000
"""Rank, among the words that people write, down to which one is common enough to be what was meant."""
_RARE_RANK: Final = 12_000
"""Rank beyond which a word of the posts may be a frequent slip of one that people hide: `mulsims`."""
_JOINT_RANK: Final = 300
"""Rank down to which a word says by itself that a blank is missing beside it: `Ihate`, `sosickening`."""
_LEAST_LETTERS: Final = 4
"""Letters of a word that any slip may have befallen; in three, only a hidden word's missing letter is."""
_LEAST_JOINED: Final = 5
_MOST_LETTERS: Final = 24
_MOST_ACRONYM: Final = 5
"""Letters in capitals that may be an abbreviation."""
_LEAST_PIECE: Final = 5
"""Letters of a piece that is neither very common nor hidden."""
_LEAST_HIDDEN_PIECE: Final = 5
"""Letters of a hidden word that may be a piece: `ass`, `rat` and `kill` stand inside too many names."""
_LEAST_KNOWN_SHARE: Final = 0.5
"""Share of a text's words that must be known before the others count as slips: not so in other languages."""

_LEAST_NAME: Final = 5
"""Letters of a word with a capital in mid-sentence that may be a slip of a hidden word, and no name."""
_PREFIXES: Final = frozenset(
    {"a", "an", "anti", "as", "be", "by", "fore", "in", "inter", "is", "it", "no", "non", "on", "or", "out"}
    | {"over", "pre", "re", "super", "under", "up"}
)
"""Words that begin other words: `outdo` is no slip."""

_BEGINS_SENTENCE = re.compile(r"(?:^|[.!?:;\n\"(*]) *\Z")
_WORD = re.compile(r"[A-Za-z]+")
_FREE_WORD = re.compile(
    rf"(?<![\w@#&$/\\'.*+|-])[A-Za-z]{{3,{_MOST_LETTERS}}}(?![\w@$*+|/\\]|['’.\-]\w)", re.ASCII
)


class Common(NamedTuple):
    """Words as people write them in posts."""

    ranks: dict[str, int]
    """Word -> its place by frequency in posts, 0 the most frequent."""
    without_one: dict[str, tuple[str, ...]]
    """A common or hidden word less one letter (never the first) -> such words, the likeliest first."""


@cache
def common() -> Common:
    """What `common-words.txt` says."""
    path = Path(__file__).resolve().parent / "common-words.txt"
    lines = path.read_text(encoding="utf-8").splitlines()
    ranks = {word: rank for rank, word in enumerate(line for line in lines if not line.startswith("#"))}
    meant = [word for word, rank in ranks.items() if rank < _COMMON_RANK and len(word) >= _LEAST_LETTERS]
    without_one: dict[str, list[str]] = {}
    guarded = words().guarded
    for word in sorted({*meant, *guarded}, key=lambda word: _likelihood(word, ranks)):
        if len(word) >= _LEAST_LETTERS:
            for short in {word[:at] + word[at + 1 :] for at in range(1, len(word))}:
                if len(short) >= _LEAST_LETTERS or word in guarded:
                    without_one.setdefault(short, []).append(word)
    return Common(ranks, {short: tuple(found) for short, found in without_one.items()})


def find_misspellings(text: str) -> list[_Edit]:
    """Words with one slip in them, as the words that were meant; missing blanks as blanks."""
    slips = [(found, fix) for found in _FREE_WORD.finditer(text) if (fix := _mended(found)) is not None]
    if not slips or not _reads_as_english(text):
        return []
    edits: list[_Edit] = []
    for found, fix in slips:
        if " " in fix:
            edits += list(_blanks(found.start(), fix))
        else:
            edits.append((*found.span(), _in_case_of(found[0], fix)))
    return edits


def _blanks(start: int, pieces: str) -> Iterator[_Edit]:
    at = start
    for piece in pieces.split(" ")[:-1]:
        at += len(piece)
        yield at, at, " "


def _reads_as_english(text: str) -> bool:
    found = [word.lower() for word in _WORD.findall(text)]
    return sum(map(_is_known, found)) >= _LEAST_KNOWN_SHARE * len(found)


def _mended(found: re.Match[str]) -> str | None:
    written = found[0]
    if written.isupper() and len(written) <= _MOST_ACRONYM:
        return None
    meant = _meant(written.lower())
    if meant is None or written.islower() or written.isupper():
        return meant
    if not written[1:].islower():  # capitals inside: `HitlerYou`, but also `PSAs`
        return meant if " " in meant else None
    if _BEGINS_SENTENCE.search(found.string, max(0, found.start() - 4), found.start()):
        return meant
    # A capital in mid-sentence is mostly a name's.
    first = meant.split(" ")[0]
    return meant if len(written) >= _LEAST_NAME and first in words().guarded else None


@lru_cache(maxsize=16_384)
def _meant(word: str) -> str | None:
    """The word, or the words with blanks between, that `word` is a slip of; None if it is none."""
    if _is_known(word):
        return _hidden(word) if _is_rare(word) else None
    return _shortened(word) or _changed_round(word) or _completed(word) or _parted(word)


def _is_rare(word: str) -> bool:
    return (
        len(word) > _LEAST_LETTERS and word not in words().ranks and common().ranks.get(word, 0) > _RARE_RANK
    )


def _hidden(word: str) -> str | None:
    """The word that people hide of which `word`, itself seen now and then, is a slip."""
    meant = _shortened(word) or _changed_round(word) or _completed(word)
    return meant if meant in words().guarded else None


def _shortened(word: str) -> str | None:
    """Without what was held too long: runs of one letter as two or one, or one doubled letter as one."""
    if len(word) <= _LEAST_LETTERS:
        return None
    runs = [(letter, len(list(run))) for letter, run in groupby(word)]
    if max(length for _, length in runs) > 2:
        readings = ["".join(letter * min(length, most) for letter, length in runs) for most in (2, 1)]
    else:
        doubled = [at for at, (a, b) in enumerate(pairwise(word)) if a == b]
        readings = [word[:at] + word[at + 1 :] for at in doubled]
    return _likeliest(reading for reading in readings if _is_meant(reading))


def _changed_round(word: str) -> str | None:
    if len(word) < _LEAST_LETTERS:
        return None
    readings = (word[:at] + word[at + 1] + word[at] + word[at + 2 :] for at in range(len(word) - 1))
    return _likeliest(reading for reading in readings if _is_meant(reading))


def _completed(word: str) -> str | None:
    found = common().without_one.get(word, ())
    if len(word) < _LEAST_LETTERS:
        hidden = [fit for fit in found if fit in words().guarded]
        return hidden[0] if len(hidden) == 1 else None
    return found[0] if found else None


def _parted(word: str) -> str | None:
    """Two words without their blank: one that says so by itself, and one that is known."""
    if len(word) < _LEAST_JOINED:
        return None
    cuts = [(word[:at], word[at:]) for at in range(1, len(word) - 2)]
    readings = [
        (first, second)
        for first, second in cuts
        if (_is_joint(first, second) or _is_joint(second, first))
        and (first not in _PREFIXES or second in words().guarded)
    ]
    if not readings:
        return None
    return " ".join(min(readings, key=lambda pieces: sum(map(_place, pieces))))


def _is_joint(sure: str, other: str) -> bool:
    ranks, guarded = common().ranks, words().guarded
    if not (
        sure in SHORT_WORDS
        or (len(sure) > 2 and ranks.get(sure, _JOINT_RANK) < _JOINT_RANK)
        or (len(sure) >= _LEAST_HIDDEN_PIECE and sure in guarded)
    ):
        return False
    if len(other) < _LEAST_PIECE:
        return other in SHORT_WORDS or (len(other) > 2 and ranks.get(other, _JOINT_RANK) < _JOINT_RANK)
    return other in ranks or other in guarded


def _is_known(word: str) -> bool:
    if len(word) < 3:
        return word in SHORT_WORDS
    known, ranks = words().ranks, common().ranks
    if word in known or word in ranks:
        return True
    return (
        len(word) > _LEAST_LETTERS
        and word[-1] == "s" != word[-2]
        and (word[:-1] in known or word[:-1] in ranks)
    )


def _is_meant(word: str) -> bool:
    return word in words().guarded or common().ranks.get(word, _COMMON_RANK) < _COMMON_RANK


def _likeliest(readings: Iterator[str]) -> str | None:
    return min(readings, key=lambda word: _likelihood(word, common().ranks), default=None)


def _likelihood(word: str, ranks: dict[str, int]) -> tuple[bool, int, str]:
    """Sorts first what people hide, then what they write most."""
    return word not in words().guarded, ranks.get(word, len(ranks)), word


def _place(piece: str) -> int:
    return 0 if piece in SHORT_WORDS else common().ranks.get(piece, _COMMON_RANK)


def _in_case_of(written: str, word: str) -> str:
    if written.isupper():
        return word.upper()
    return word[0].upper() + word[1:] if written[0].isupper() else word
