"""Which texts are the same, and which nearly are: nothing evaluated on is ever trained on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence

from datasketch import MinHash, MinHashLSH

BANDS, ROWS = 32, 2
SEED = 1


def text_key(normalised: str) -> str:
    """What two texts share when they are "the same": lower case, letters and digits only.

    The normaliser has turned emoji into names, so texts that differ in an emoji differ here too.

    >>> text_key("Hello, WORLD 2!") == text_key("hello world... 2")
    True
    """
    return "".join(character for character in normalised.lower() if character.isalnum())


def held_out(corpus: str, key: str, dev_percent: int) -> bool:
    """Whether a text of a corpus without a dev split goes to dev: by hash, so for ever the same."""
    digest = hashlib.sha256(f"{corpus}\0{key}".encode()).digest()
    return int.from_bytes(digest[:4], "big") % 100 < dev_percent


def in_calibration_half(normalised: str) -> bool:
    """Whether a dev post is one that calibration and thresholds are fitted on.

    The other half is what figures are measured on, so that they do not flatter their own fit.
    """
    return held_out("calibration", text_key(normalised), 50)


def word_set(normalised: str) -> frozenset[bytes]:
    """The different words of a text, in lower case: what two texts are compared by."""
    return frozenset(
        word.encode() for word in "".join(c if c.isalnum() else " " for c in normalised.lower()).split()
    )


def jaccard_of(first: frozenset[bytes], second: frozenset[bytes]) -> float:
    """Shared words as a share of all words of the two, in [0, 1]; two empty sets share nothing."""
    return len(first & second) / max(1, len(first | second))


def near_duplicates(
    kept: Sequence[str],
    candidates: Iterable[str],
    *,
    jaccard: float,
    tick: Callable[[], None] = lambda: None,
) -> list[bool]:
    """For each candidate, whether it nearly repeats a text of `kept` (Jaccard of words >= `jaccard`).

    Locality-sensitive hashing proposes, the exact Jaccard decides. 32 bands of 2 rows miss a pair of
    Jaccard 0.7 once in two thousand million. Source: Broder 1997 (MinHash); library datasketch.
    """
    index = MinHashLSH(params=(BANDS, ROWS), num_perm=BANDS * ROWS)
    sets = [word_set(text) for text in kept]
    for number, words in enumerate(sets):
        index.insert(number, _sketch(words), check_duplication=False)
    found = []
    for text in candidates:
        words = word_set(text)
        found.append(any(jaccard_of(words, sets[n]) >= jaccard for n in index.query(_sketch(words))))
        tick()
    return found


def _sketch(words: frozenset[bytes]) -> MinHash:
    sketch = MinHash(num_perm=BANDS * ROWS, seed=SEED)
    sketch.update_batch(sorted(words))
    return sketch
