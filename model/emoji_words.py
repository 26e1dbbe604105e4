"""Emoji as words, and emoji that only show a letter (`h🅰️te`) as the letter."""

from __future__ import annotations

import re
from functools import cache
from typing import Final

import emoji

_Edit = tuple[int, int, str]

# Digits, # and * begin a keycap only before the combining keycap, with or without a selector between.
_EMOJI_RUN = re.compile(
    "(?:[0-9#*]\ufe0f?\u20e3|[©®\u200d\u203c-\u3299\ufe0e\ufe0f\U0001f000-\U0001fbff\U000e0020-\U000e007f])+"
)
_LONGEST_EMOJI: Final = max(map(len, emoji.EMOJI_DATA))

_BUTTONS: Final = {"🅰": "a", "🅱": "b", "🅾": "o", "🅿": "p"}
"""Letters wherever they touch a word: nobody hangs a blood type on one."""
_WITHIN_WORDS: Final = {"Ⓜ": "m", "ℹ": "i", "❌": "x", "⭕": "o"}
"""Letters between letters alone: a cross or a circle at a word's end says just that."""
_LETTER_OF: Final = _BUTTONS | _WITHIN_WORDS
_SHOWN = re.compile(f"([{''.join(_LETTER_OF)}])\ufe0f?")
_SHOWN_RUN = re.compile(f"(?:{_SHOWN.pattern})+")
_FLAG_LETTERS = re.compile("[\U0001f1e6-\U0001f1ff]{3,}")
_FIRST_FLAG_LETTER: Final = 0x1F1E6


@cache
def _emoji_words() -> dict[str, str]:
    """Emoji sequence, however qualified -> its English name between blanks."""
    return {
        sequence: f" {facts['en'].strip(':').replace('_', ' ')} "
        for sequence, facts in emoji.EMOJI_DATA.items()
    }


def name_emoji(text: str) -> list[_Edit]:
    """Emoji as words: a red heart becomes ` red heart `. Unknown ones stay.

    The longest known sequence wins, so families, flags and skin tones get their own names. Emoji that show
    a letter of a word are that letter, and so are flag letters in a row that is no row of flags.
    """
    edits: list[_Edit] = []
    words_of, letters = _emoji_words(), _letters_shown(text)
    for run in _EMOJI_RUN.finditer(text):
        at, stop = run.span()
        while at < stop:
            if (shown := letters.get(at)) is not None:
                edits.append((at, *shown))
                at = shown[0]
                continue
            for end in range(min(stop, at + _LONGEST_EMOJI), at, -1):
                if (words := words_of.get(text[at:end])) is not None:
                    edits.append((at, end, words))
                    at = end
                    break
            else:
                at += 1
    return edits


def _letters_shown(text: str) -> dict[int, tuple[int, str]]:
    """Where an emoji shows a letter: start -> (end, letter). Each run is read once, so time is linear."""
    letters: dict[int, tuple[int, str]] = {}
    for run in _SHOWN_RUN.finditer(text):
        before, after = text[run.start() - 1 : run.start()], text[run.end() : run.end() + 1]
        beside = [letter for letter in (before, after) if letter.isascii() and letter.isalpha()]
        if len(beside) < 2 and not (beside and any(button in run[0] for button in _BUTTONS)):
            continue
        loud = all(letter.isupper() for letter in beside)
        for shown in _SHOWN.finditer(run[0]):
            letter = _LETTER_OF[shown[1]]
            start = run.start() + shown.start()
            letters[start] = (run.start() + shown.end(), letter.upper() if loud else letter)
    for row in _FLAG_LETTERS.finditer(text):
        flags = (row[0][at : at + 2] for at in range(0, len(row[0]), 2))
        if not all(flag in _emoji_words() for flag in flags):
            for at in range(*row.span()):
                letters[at] = (at + 1, chr(ord("a") + ord(text[at]) - _FIRST_FLAG_LETTER))
    return letters
