"""Spelling noise in training: what people do to words to slip past a filter, done to ordinary posts.

Noise is drawn from the seed and the post's id alone, so every run and every process sees the same texts.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache

import emoji

from model.normalise import normalise_text
from training.corpora.mixture import MixturePost

LEAST_WORD_CHARACTERS = 4
WORDS_PER_CHANGE = 6
"""One changed word for every so many words of a text, and at least one."""

PICTURED_SHARE = 0.5
"""How often a word that is an emoji's name is written as the emoji, in a post that noise falls on."""

MOST_ROUNDS = 4
"""How often a text is made noisy, each time on top of the last, until the normaliser cannot undo it."""

LEET = {"a": "4@", "e": "3", "i": "1!", "l": "1", "o": "0", "s": "5$", "t": "7"}


def with_noise(posts: Sequence[MixturePost], share: float, seed: int) -> list[MixturePost]:
    """The posts with some of their showings made noisy; how often each is shown stays the same.

    A noisy text is normalised again: the network meets only what serving would show it, with what the
    normaliser undoes undone; a text that comes out clean gets more noise, a few times over. Noise moves
    letters, so a noisy showing loses the marks on its words.

    A post that is shown more than once gives one showing to noise, any other with probability `share`.
    """
    ready: list[MixturePost] = []
    for post in posts:
        draw = random.Random(f"{seed}:{post.corpus}:{post.id}")  # noqa: S311 - a reproducible draw, not a secret
        if share and (post.repeat > 1 or draw.random() < share):
            if post.repeat > 1:
                ready.append(replace(post, repeat=post.repeat - 1))
            ready.append(replace(post, text=_lastingly_noisy(post.text, draw), repeat=1, rationale=None))
        else:
            ready.append(post)
    return ready


def _lastingly_noisy(text: str, draw: random.Random) -> str:
    """The normalised text with noise that is still there once it is normalised again, if that can be had."""
    written = read = text
    for _ in range(MOST_ROUNDS):
        written = noisy(written, draw)
        read = normalise_text(written)
        if read != text:
            break
    return read


def noisy(text: str, draw: random.Random) -> str:
    """The text with a few of its longer words misspelt, spaced out, run together, in leet or as pictures."""
    words = [
        pictures()[word.lower()] if word.lower() in pictures() and draw.random() < PICTURED_SHARE else word
        for word in text.split(" ")
    ]
    long = [
        place for place, word in enumerate(words) if len(word) >= LEAST_WORD_CHARACTERS and word.isalpha()
    ]
    draw.shuffle(long)
    for place in long[: max(1, len(words) // WORDS_PER_CHANGE)]:
        words[place] = draw.choice(CHANGES)(words[place], draw)
    joined = " ".join(words)
    return joined.replace("\0 ", "").replace("\0", "")  # a word that ends in NUL has lost the space after it


@cache
def pictures() -> dict[str, str]:
    """Word -> the emoji whose whole name it is, singular or with an s: `rat`, `rats`, `fire`.

    What they turn into is the emoji's name again, once normalised: the network learns that a picture in the
    midst of a sentence is one of its words.
    """
    names = {
        facts["en"].strip(":").lower(): sequence
        for sequence, facts in emoji.EMOJI_DATA.items()
        if facts["status"] == emoji.STATUS["fully_qualified"]
    }
    words = {name: sequence for name, sequence in names.items() if name.isalpha() and len(name) > 2}
    several = {f"{name}s": 2 * sequence for name, sequence in words.items() if not name.endswith("s")}
    return {**several, **words}


def delete_letter(word: str, draw: random.Random) -> str:
    """The word without one of its inner letters."""
    place = draw.randrange(1, len(word) - 1)
    return word[:place] + word[place + 1 :]


def swap_letters(word: str, draw: random.Random) -> str:
    """The word with two neighbouring letters changed round."""
    place = draw.randrange(0, len(word) - 1)
    return word[:place] + word[place + 1] + word[place] + word[place + 2 :]


def space_out(word: str, draw: random.Random) -> str:
    """The word with a blank after every letter, or one blank somewhere inside."""
    if draw.random() < 0.5:
        return " ".join(word)
    place = draw.randrange(1, len(word))
    return f"{word[:place]} {word[place:]}"


def run_together(word: str, _draw: random.Random) -> str:
    """The word marked as joined to the next one; `noisy` takes the blank out."""
    return word + "\0"


def leet(word: str, draw: random.Random) -> str:
    """The word with its letters written as digits where that is usual, each with even odds, at least one."""
    places = [place for place, letter in enumerate(word) if letter.lower() in LEET]
    if not places:
        return delete_letter(word, draw)
    chosen = {place for place in places if draw.random() < 0.5} or {draw.choice(places)}
    return "".join(draw.choice(LEET[c.lower()]) if place in chosen else c for place, c in enumerate(word))


CHANGES: tuple[Callable[[str, random.Random], str], ...] = (
    delete_letter,
    swap_letters,
    space_out,
    run_together,
    leet,
)
