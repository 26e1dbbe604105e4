from __future__ import annotations

import random
import string

import pytest
from datasketch import MinHash, MinHashLSH
from hypothesis import given
from hypothesis import strategies as st

from serve.cases.campaigns import wording
from serve.cases.campaigns.wording import (
    BANDS,
    LEAST_LETTERS,
    NEAR,
    PERMUTATIONS,
    ROWS,
    letters_of,
    nearness,
    verbatim,
    wording_of,
)

SENTENCE = "The reading room on Mill Lane closes at the end of the month."


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Closing time, at LAST!", "closing  time -- at last"),
        ("Reading is fun 😀", "reading is FUN, 😀!"),
        (f"@ada {SENTENCE}", f"@ben {SENTENCE}"),
        (f"{SENTENCE} https://a.example/1", f"{SENTENCE} https://b.example/2"),
        ("r e a d i n g", "reading"),
        ("ÖFFNET morgen", "öffnet morgen"),
    ],
)
def test_texts_that_say_the_same_have_one_key(one: str, other: str) -> None:
    assert wording_of(one).key == wording_of(other).key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("see 6000 of them", "see 6000000 of them"),
        ("reading 😀", "reading 😡"),
        ("@ada you are late", "@ben you are late"),
        ("look https://a.example/1", "look https://b.example/2"),
        ("https://a.example/1", "https://a.example/2"),
        ("!!!", "???"),
        ("हिन्दी में", "हिन्दी मे"),
    ],
)
def test_texts_that_say_something_else_have_two_keys(one: str, other: str) -> None:
    assert wording_of(one).key != wording_of(other).key


def test_short_text_has_no_bands_and_a_longer_one_has_all() -> None:
    short = "a" + "bcdefghij" * 2
    assert len(letters_of(short)) == LEAST_LETTERS - 1
    assert wording_of(short).bands == ()
    assert len(wording_of(short + "k").bands) == BANDS


def test_bands_and_rows_are_those_that_datasketch_chooses() -> None:
    chosen = MinHashLSH(threshold=0.5, num_perm=PERMUTATIONS)

    assert (chosen.b, chosen.r) == (BANDS, ROWS)


def test_two_share_a_band_exactly_where_datasketch_would_find_them() -> None:
    seeded = random.Random(7)
    index = MinHashLSH(threshold=0.5, num_perm=PERMUTATIONS)
    texts = [_edited(SENTENCE, seeded.randint(0, 14), seeded) for _ in range(60)]
    for number, text in enumerate(texts):
        index.insert(number, _sketch(text))

    for number, text in enumerate(texts):
        ours = {
            other
            for other, theirs in enumerate(texts)
            if any(a == b for a, b in zip(wording_of(text).bands, wording_of(theirs).bands, strict=True))
        }
        assert ours == set(index.query(_sketch(text))), number


def test_bands_are_those_that_stand_in_databases() -> None:
    # Another seed, scheme, shingle or order of bytes would find no text again that is in a database already.
    assert wording_of(SENTENCE).bands[:3] == GOLDEN_BANDS
    assert wording_of(SENTENCE).key == GOLDEN_KEY


GOLDEN_BANDS = ("bc30f12b1a69c2d1", "38de1584d96b3319", "688fa718bbd900f4")
GOLDEN_KEY = "e6ce27d11be62a85f3c3efcde151278a0ca1b43354e920bdaf4041402d17b16d"


def test_copy_with_a_few_edits_is_near_and_another_text_is_not() -> None:
    seeded = random.Random(3)
    first = letters_of(SENTENCE)

    assert nearness(first, letters_of(_edited(SENTENCE, 3, seeded))) >= NEAR
    assert nearness(first, letters_of("The swimming pool on Park Street opens at nine in summer.")) == 0.0


@given(st.text(max_size=200))
def test_any_text_has_a_wording_and_its_letters_are_stable(text: str) -> None:
    known = wording_of(text)

    assert len(known.key) == 64
    assert len(known.bands) in (0, BANDS)
    assert wording_of(text) == known
    assert len(verbatim(text).key) == 64


def _edited(text: str, edits: int, seeded: random.Random) -> str:
    letters = list(text)
    for _ in range(edits):
        letters[seeded.randrange(len(letters))] = seeded.choice(string.ascii_lowercase)
    return "".join(letters)


def _sketch(text: str) -> MinHash:
    letters = letters_of(text)
    sketch = MinHash(num_perm=PERMUTATIONS, seed=wording.SEED, scheme=wording.SCHEME)
    for at in range(len(letters) - wording.SHINGLE + 1):
        sketch.update(letters[at : at + wording.SHINGLE].encode())
    return sketch
