"""Evasion: how many hateful posts get away when their letters are hidden, disguised or spaced out.

The disguises are written apart from `training.noise` and from the normaliser's tables, so that what is
measured is not what was practised. Each is drawn from the seed and the text alone.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.evaluation.bootstrap import SEED, Measured, bootstrap
from training.evaluation.metrics import mean_statistic

SAMPLE_POSTS = 400
"""Hateful posts taken from HateCheck, and as many from dev."""

HARMLESS_POSTS = 200
"""Posts that are not hateful, from each: a classifier that takes any disguise for hate loses nothing else."""

ALLOWED_LOSS = 0.02
"""Source: CLASSIFIER.md section 4: the score after normalising may fall by at most 2 points."""

WORDS_PER_CHANGE = 3
"""Leet, spacing and emoji change one long word of so many, and at least one."""

ZERO_WIDTH = ("\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u00ad")
HOMOGLYPHS = {
    "a": "а",
    "c": "с",
    "d": "ԁ",
    "e": "е",
    "h": "һ",
    "i": "і",
    "j": "ј",
    "o": "о",
    "p": "р",
    "s": "ѕ",
    "x": "х",
    "y": "у",
    "A": "А",
    "B": "В",
    "E": "Е",
    "H": "Н",
    "K": "К",
    "M": "М",
    "O": "Ο",
    "T": "Τ",
}
"""ASCII letters and the Cyrillic and Greek letters drawn like them."""

LEET = {"a": "4@", "e": "3", "i": "1!", "l": "1|", "o": "0", "s": "5$", "t": "7", "g": "9", "b": "8"}
EMOJI_LETTERS = {"a": "🅰️", "b": "🅱️", "o": "🅾️", "p": "🅿️", "m": "Ⓜ️", "i": "ℹ️", "x": "❌"}
EMOJI_WORDS = {
    "apes": "🦍🦍",
    "cancer": "♋",
    "dogs": "🐕🐕",
    "fire": "🔥",
    "fuck": "🖕",
    "kill": "🔪",
    "monkeys": "🐒🐒",
    "pigs": "🐖🐖",
    "poison": "☠️",
    "rats": "🐀🐀",
    "shit": "💩",
    "shoot": "🔫",
    "snakes": "🐍🐍",
    "trash": "🗑️",
    "vermin": "🐀",
}

Change = Callable[[str, random.Random], str]
Score = Callable[[Sequence[str], str], NDArray[np.float32]]
"""Texts and what they are (for the progress bar) in, `hate` (n,) float32 out."""

_WORD = re.compile(r"[A-Za-z]{3,}")
_LONG_WORD = re.compile(r"[A-Za-z]{4,}")


def zero_width(text: str, draw: random.Random) -> str:
    """A character that cannot be seen inside every word."""

    def split(word: str) -> str:
        place = draw.randrange(1, len(word))
        return word[:place] + draw.choice(ZERO_WIDTH) + word[place:]

    return _WORD.sub(lambda found: split(found[0]), text)


def homoglyph(text: str, draw: random.Random) -> str:
    """Letters of every word written with look-alikes of other scripts, each with even odds."""
    return _WORD.sub(lambda found: _replaced(found[0], HOMOGLYPHS, draw), text)


def full_width(text: str, _draw: random.Random) -> str:
    """All ASCII letters, digits and signs in their full-width forms."""
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)


def leet(text: str, draw: random.Random) -> str:
    """One long word of three with digits and signs for letters."""
    return _some_words(text, draw, lambda word: _replaced(word, LEET, draw))


def spacing(text: str, draw: random.Random) -> str:
    """One long word of three with something between its letters: blanks, dots, dashes or underscores."""
    return _some_words(text, draw, lambda word: draw.choice(" .-_").join(word))


def emoji(text: str, draw: random.Random) -> str:
    """Words that have an emoji written with it, and letters of one long word of three as letter emoji."""
    pictured = re.sub(r"[A-Za-z]+", lambda found: EMOJI_WORDS.get(found[0].lower(), found[0]), text)
    return _some_words(pictured, draw, lambda word: _replaced(word, EMOJI_LETTERS, draw))


DISGUISES: dict[str, Change] = {
    "zero_width": zero_width,
    "homoglyph": homoglyph,
    "full_width": full_width,
    "leet": leet,
    "spacing": spacing,
    "emoji": emoji,
}


def sample_texts(sources: Sequence[Sequence[str]], at_most: int, seed: int = SEED) -> list[str]:
    """At most `at_most` distinct texts of each source, drawn by the seed."""
    chosen: list[str] = []
    for texts in sources:
        distinct = list(dict.fromkeys(texts))
        random.Random(seed).shuffle(distinct)  # noqa: S311 - a reproducible draw, not a secret
        chosen += distinct[:at_most]
    return chosen


def disguised(text: str, name: str, seed: int = SEED) -> str:
    """The text in the named disguise."""
    return DISGUISES[name](text, random.Random(f"{seed}:{name}:{text}"))  # noqa: S311 - a reproducible draw


def robustness_figures(
    hateful: list[str], harmless: list[str], score: Score, threshold: float
) -> tuple[dict[str, Any], dict[str, Measured | None]]:
    """Recall on hateful posts as written and in each disguise, and the recall lost, paired post by post.

    A post that was missed as written and is found in disguise counts against the loss, as an accuracy
    would count it; so beside it stands how many harmless posts are flagged in the same disguise.
    """
    caught = score(hateful, "hateful posts") >= threshold
    figures: dict[str, Any] = {
        "hateful_posts": len(hateful),
        "harmless_posts": len(harmless),
        "caught": _share(caught),
        "harmless_flagged": _share(score(harmless, "harmless posts") >= threshold),
        "disguises": {},
    }
    measures: dict[str, Measured | None] = {}
    for name in DISGUISES:
        changed = [disguised(text, name) for text in hateful]
        still = score(changed, name.replace("_", " ")) >= threshold
        wrongly = score([disguised(text, name) for text in harmless], name.replace("_", " ")) >= threshold
        lost = mean_statistic(caught.astype(np.float64) - still.astype(np.float64))
        measures[f"evasion_{name}"] = bootstrap(lost, len(hateful))
        figures["disguises"][name] = {
            "changed": sum(before != after for before, after in zip(hateful, changed, strict=True)),
            "caught": _share(still),
            "harmless_flagged": _share(wrongly),
        }
    return figures, measures


def _share(hits: NDArray[np.bool_]) -> float | None:
    return round(float(hits.mean()), 4) if len(hits) else None


def _some_words(text: str, draw: random.Random, change: Callable[[str], str]) -> str:
    """The text with one long word of `WORDS_PER_CHANGE` changed, and at least one where there is any."""
    found = list(_LONG_WORD.finditer(text))
    if not found:
        return text
    chosen = sorted(
        draw.sample(found, max(1, len(found) // WORDS_PER_CHANGE)), key=lambda m: m.start(), reverse=True
    )
    for word in chosen:
        text = text[: word.start()] + change(word[0]) + text[word.end() :]
    return text


def _replaced(word: str, table: dict[str, str], draw: random.Random) -> str:
    """The word with letters of the table replaced, each with even odds, at least one where there is any."""
    places = [place for place, letter in enumerate(word) if _entry(letter, table)]
    if not places:
        return word
    chosen = {place for place in places if draw.random() < 0.5} or {draw.choice(places)}
    return "".join(_drawn(c, table, draw) if place in chosen else c for place, c in enumerate(word))


def _entry(letter: str, table: dict[str, str]) -> str | None:
    return table.get(letter) or table.get(letter.lower())


def _drawn(letter: str, table: dict[str, str], draw: random.Random) -> str:
    """One of the signs that stand for the letter; an emoji with its variation selector is one sign."""
    signs = _entry(letter, table) or letter
    return signs if table is EMOJI_LETTERS else draw.choice(signs)
