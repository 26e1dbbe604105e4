"""Where two texts of a campaign differ, word by word. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from rapidfuzz.distance import Indel

_WORDS = re.compile(r"\S+\s*|\s+")
_NO_LETTER = re.compile(r"[\W_]+")


class Part(StrEnum):
    """What a run of words is, beside the first wording."""

    SAME = "same"
    ADDED = "added"
    LEFT_OUT = "left_out"


@dataclass(frozen=True, slots=True)
class Run:
    """Words of a text, with the white space after them; those LEFT_OUT stand in the first wording alone."""

    part: Part
    text: str


def differences(first: str, text: str) -> tuple[Run, ...]:
    """The text as runs of words that it shares with the first wording, has alone, or leaves out.

    Words are compared without case and punctuation: what is marked says something else. The runs but those
    left out are the text, character for character.

    >>> [(run.part.value, run.text) for run in differences("Tea at noon.", "tea at nine, noon")]
    [('same', 'tea at '), ('added', 'nine, '), ('same', 'noon')]
    """
    ours, theirs = _WORDS.findall(first), _WORDS.findall(text)
    runs: list[Run] = []
    left_out, added = "", ""
    for step in Indel.opcodes(_compared(ours), _compared(theirs)):
        was = "".join(ours[step.src_start : step.src_end])
        now = "".join(theirs[step.dest_start : step.dest_end])
        if step.tag != "equal":
            left_out, added = left_out + was, added + now
            continue
        runs += _gap(left_out, added)
        runs.append(Run(Part.SAME, now))
        left_out, added = "", ""
    return (*runs, *_gap(left_out, added))


def _gap(left_out: str, added: str) -> list[Run]:
    """What stands between two runs that are the same: what is gone first, then what came in its place."""
    gone = [Run(Part.LEFT_OUT, left_out)] if left_out else []
    return gone + ([Run(Part.ADDED, added)] if added else [])


def _compared(words: Sequence[str]) -> list[str]:
    return [_NO_LETTER.sub("", word.casefold()) or word.strip() for word in words]
