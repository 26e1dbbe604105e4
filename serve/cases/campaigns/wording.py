"""What makes the texts of two posts one wording, and two wordings nearly the same. Pure.

A wording is known by the hash of its letters: what is left of a text once the normaliser has undone its
disguises and case, punctuation and white space are gone. Wordings that differ a little are found by MinHash:
each has bands, hashes of groups of its MinHash's values, and two that share a band may be near. Whether they
are, a comparison of their letters says. Everything is linear in the length of a text, and the comparison
is bounded by the longest post there may be.

Source: PROMISES.md section 3, row "near-duplicate" (a threshold of 0.5 for the bands, then an exact check).
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Final

from rapidfuzz import fuzz

from model.normalise import normalise_text

if TYPE_CHECKING:
    from datasketch import MinHash

LEAST_LETTERS: Final = 20
"""Letters below which a text has no near copies: one edit changes a larger share of it than `NEAR` allows
for, and unrelated short texts look alike. Only exact copies of it are the same."""

SHINGLE: Final = 5
"""Letters of a shingle, the pieces that MinHash compares texts by."""

PERMUTATIONS: Final = 128
SEED: Final = 1
SCHEME: Final = "affine32"
"""Seed and scheme are those of every band in the database: another value would find no old text again."""

BANDS: Final = 25
ROWS: Final = 5
"""datasketch's own choice for 128 permutations and a Jaccard similarity of 0.5; a test asks it again."""

NEAR: Final = 0.85
"""Share of their letters that two wordings have in common, in order, from which on they are nearly the same.
Source: ours; docs/campaigns.md has what it finds and what it joins wrongly."""

NO_LETTERS: Final = "\n"
"""Begins what is hashed where letters alone do not tell texts apart. No letter is a line break, so such a key
never meets one of letters."""

_STAND_INS = re.compile(r"(?<![a-z0-9])(?:@user|http)(?![a-z0-9])")
"""What the normaliser writes for a name and for an address."""
_BESIDES_ASCII_LETTERS = re.compile("[^a-z0-9]+")
_TEXTS_REMEMBERED: Final = 512
"""Texts whose letters are kept at hand: the copies of a campaign are compared with the same few."""


@dataclass(frozen=True, slots=True)
class Wording:
    """A text as campaigns know it: its key, its letters, and its bands (none if it is too short)."""

    key: str
    letters: str
    bands: tuple[str, ...]


def wording_of(text: str) -> Wording:
    """The wording of a post's text.

    >>> wording_of("Free   tea, at NOON!").key == wording_of("free tea at noon").key
    True
    """
    letters, own = _letters(text)
    if own >= LEAST_LETTERS:
        return Wording(_hash(letters), letters, _bands(letters))
    if letters and own == len(letters):
        return Wording(_hash(letters), letters, ())
    # Hardly more than names, addresses or signs: then whom it names and where it leads is what it says.
    return Wording(_hash(NO_LETTERS + " ".join(text.split()).casefold()), letters, ())


def verbatim(text: str) -> Wording:
    """The wording of a text that cannot be normalised: the same as its exact copies alone."""
    return Wording(_hash(NO_LETTERS + text), "", ())


def letters_of(text: str) -> str:
    """The letters, digits and emoji (by name) of the normalised text, case folded.

    >>> letters_of("J3ws & Muslims: 2 faiths!")
    'jewsmuslims2faiths'
    """
    return _letters(text)[0]


def nearness(letters: str, other: str) -> float:
    """The share of their letters that two wordings have in common, in order: `NEAR` to 1; 0.0 if below."""
    return fuzz.ratio(letters, other, score_cutoff=NEAR * 100) / 100


@lru_cache(maxsize=_TEXTS_REMEMBERED)
def _letters(text: str) -> tuple[str, int]:
    """The letters, and how many there are without the stand-ins for names and addresses."""
    folded = normalise_text(text).casefold()
    letters = _only_letters(folded)
    stand_ins = _STAND_INS.findall(folded)
    return letters, len(letters) - sum(len(_only_letters(word)) for word in stand_ins)


def _only_letters(folded: str) -> str:
    if folded.isascii():
        return _BESIDES_ASCII_LETTERS.sub("", folded)
    return "".join(character for character in folded if _is_letter(character))


@lru_cache(maxsize=4096)
def _is_letter(character: str) -> bool:
    """Whether a character says something: vowel signs and unnamed emoji do, punctuation and blanks do not."""
    if character.isascii():
        return character.isalnum()
    category = unicodedata.category(character)
    return category[0] not in "PZ" and category not in ("Cc", "Cf", "Cs")


def _hash(letters: str) -> str:
    return hashlib.sha256(letters.encode("utf-8", "surrogatepass")).hexdigest()


def _bands(letters: str) -> tuple[str, ...]:
    shingles = {letters[at : at + SHINGLE] for at in range(len(letters) - SHINGLE + 1)}
    sketch = _blank_sketch().copy()
    sketch.update_batch([shingle.encode("utf-8", "surrogatepass") for shingle in sorted(shingles)])
    values = sketch.hashvalues.astype(">u4")  # one order of bytes on every machine
    return tuple(
        hashlib.blake2b(values[at : at + ROWS].tobytes(), digest_size=8).hexdigest()
        for at in range(0, BANDS * ROWS, ROWS)
    )


@cache
def _blank_sketch() -> MinHash:
    # Not at the top: it brings SciPy, which takes longer to import than the rest of the hub.
    from datasketch import MinHash
    from datasketch.hashfunc import sha1_hash32

    settings: dict[str, Any] = {"seed": SEED, "scheme": SCHEME, "hashfunc": sha1_hash32}
    return MinHash(num_perm=PERMUTATIONS, **settings)
