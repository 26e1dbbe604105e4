"""Which texts are the same, and which nearly are: nothing evaluated on is ever trained on."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

ROUNDING = 1e-9
"""Keeps 0.7 * 10 from counting as 8 shared words."""


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


def word_set(normalised: str) -> frozenset[str]:
    """The different words of a text, in lower case: what two texts are compared by."""
    return frozenset("".join(c if c.isalnum() else " " for c in normalised.lower()).split())


def jaccard_of(first: frozenset[str], second: frozenset[str]) -> float:
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

    Exact, not sampled: with words in order from rare to common, two sets of Jaccard t or more share a
    word among the first |x| - ceil(t |x|) + 1 of each, so only texts that share a rare word are compared.
    Source: Chaudhuri et al. 2006, Bayardo et al. 2007 (prefix filtering).
    """
    kept_sets = [word_set(text) for text in kept]
    candidate_sets = [word_set(text) for text in candidates]
    rarest = _rarest_words([*kept_sets, *candidate_sets], jaccard)
    index = _index(kept_sets, rarest)
    found = []
    for words in candidate_sets:
        near = {number for word in rarest(words) for number in index.get(word, ())}
        found.append(any(jaccard_of(words, kept_sets[number]) >= jaccard for number in near))
        tick()
    return found


def near_pairs(texts: Sequence[str], *, jaccard: float) -> list[tuple[int, int]]:
    """The places (a, b), a < b, of any two texts that nearly repeat each other; exact, as `near_duplicates`.

    A text without a word is near to none.
    """
    sets = [word_set(text) for text in texts]
    rarest = _rarest_words(sets, jaccard)
    index = _index(sets, rarest)
    found: list[tuple[int, int]] = []
    for place, words in enumerate(sets):
        near = {number for word in rarest(words) for number in index.get(word, ()) if number > place}
        found.extend((place, other) for other in sorted(near) if jaccard_of(words, sets[other]) >= jaccard)
    return found


def _rarest_words(sets: Sequence[frozenset[str]], jaccard: float) -> Callable[[frozenset[str]], list[str]]:
    """Gives of a set the words of which a set as near as `jaccard` must share one."""
    frequency = Counter(word for words in sets for word in words)

    def rarest(words: frozenset[str]) -> list[str]:
        shared_at_least = math.ceil(jaccard * len(words) - ROUNDING)
        return sorted(words, key=lambda word: (frequency[word], word))[: len(words) - shared_at_least + 1]

    return rarest


def _index(
    sets: Sequence[frozenset[str]], rarest: Callable[[frozenset[str]], list[str]]
) -> dict[str, list[int]]:
    index: dict[str, list[int]] = {}
    for number, words in enumerate(sets):
        for word in rarest(words):
            index.setdefault(word, []).append(number)
    return index
