"""Which texts are the same, and which nearly are: nothing evaluated on is ever trained on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence

from datasketch import MinHash, MinHashLSH

PERMUTATIONS = 64
SHINGLE_WORDS = 3
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


def shingles(normalised: str) -> list[bytes]:
    """The overlapping three-word pieces of a text; a shorter text is one piece."""
    words = "".join(c if c.isalnum() else " " for c in normalised.lower()).split()
    if len(words) <= SHINGLE_WORDS:
        return [" ".join(words).encode()]
    pieces = {" ".join(words[i : i + SHINGLE_WORDS]) for i in range(len(words) - SHINGLE_WORDS + 1)}
    return [piece.encode() for piece in sorted(pieces)]


def near_duplicates(
    kept: Sequence[str],
    candidates: Iterable[str],
    *,
    jaccard: float,
    tick: Callable[[], None] = lambda: None,
) -> list[bool]:
    """For each candidate, whether it nearly repeats a text of `kept` (Jaccard of shingles >= `jaccard`).

    Locality-sensitive hashing proposes, the exact Jaccard of the shingle sets decides.
    Source: Broder 1997 (MinHash); library datasketch.
    """
    index = MinHashLSH(threshold=max(0.3, jaccard - 0.2), num_perm=PERMUTATIONS)
    sets = [frozenset(shingles(text)) for text in kept]
    for number, pieces in enumerate(sets):
        index.insert(number, _sketch(pieces), check_duplication=False)
    found = []
    for text in candidates:
        pieces = frozenset(shingles(text))
        near = index.query(_sketch(pieces))
        found.append(any(len(pieces & sets[n]) / len(pieces | sets[n]) >= jaccard for n in near))
        tick()
    return found


def _sketch(pieces: Iterable[bytes]) -> MinHash:
    sketch = MinHash(num_perm=PERMUTATIONS, seed=SEED)
    sketch.update_batch(list(pieces))
    return sketch
