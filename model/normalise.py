"""One text for the model out of the many ways to write it, with a map back to the raw text.

Every step is a function from a text to its edits; `normalise_text` applies them to the string alone and
`normalise` keeps the raw position of every character too, so the two agree by construction.
Words in disguise (model.deobfuscation) and slips of the keyboard (model.misspellings) come last, when
links and names are gone.
All steps are linear in the length of the text. Source: PROMISES.md section 0 finding 7, section 5
items 10 and 11. Training and serving both read texts through here: a change that alters any output
raises `NORMALISER_VERSION`, which stands in each bundle's manifest.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from model.deobfuscation import find_spaced_words, find_stand_ins, find_typography
from model.emoji_words import name_emoji
from model.errors import NotText, TextEmpty, TextTooLong
from model.lookalikes import find_lookalikes, find_styled_letters
from model.marks import JOINERS, MARKS
from model.misspellings import find_misspellings
from model.taxonomy import MAX_TEXT_CHARACTERS

NORMALISER_VERSION: Final = 4
"""Raised whenever any text comes out differently than before."""

MAX_MARKS: Final = 4
"""Combining marks kept in a run: more than living languages stack, few enough that NFKC stays linear."""

Edit = tuple[int, int, str]
"""Replace [start, end) by the string. Edits of one step stand in order and do not overlap."""

Step = Callable[[str], Sequence[Edit]]


@dataclass(frozen=True, slots=True)
class NormalisedText:
    """A normalised text that knows which raw characters each of its characters came from.

    `starts` and `ends` hold, per character of `text`, its [start, end) in code points of the raw text;
    both never fall.
    """

    text: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]
    raw_length: int

    def raw_span(self, start: int, end: int) -> tuple[int, int]:
        """The smallest [start, end) of the raw text that gave `text[start:end]`.

        An empty span gives an empty span. Raises: ValueError when the span is not within the text.
        """
        if not 0 <= start <= end <= len(self.text):
            raise ValueError("the span lies outside the normalised text")
        if start == end:
            here = self.starts[start] if start < len(self.text) else self.raw_length
            return here, here
        return self.starts[start], self.ends[end - 1]


def check_text(text: object) -> str:
    """The text itself when it can be stored and scored.

    Raises: NotText (not a string, NUL, lone surrogate), TextEmpty, TextTooLong.
    """
    if not isinstance(text, str):
        raise NotText("text: must be a string", field="text")
    if len(text) > MAX_TEXT_CHARACTERS:
        raise TextTooLong(f"text: at most {MAX_TEXT_CHARACTERS} characters", field="text")
    if "\0" in text:
        raise NotText("text: contains a NUL character", field="text")
    try:
        text.encode()
    except UnicodeEncodeError:
        # PostgreSQL and JSON both refuse these; SQLite would not (PROMISES.md section 5, item 13).
        raise NotText("text: contains a lone surrogate", field="text") from None
    if not text or text.isspace():
        raise TextEmpty("text: has no characters besides white space", field="text")
    if not _has_something_to_read(text):
        raise TextEmpty("text: has no characters besides invisible ones", field="text")
    return text


_VISIBLE_ASCII = re.compile("[!-~]")
"""Any of these leaves something in the normalised text, whatever stands beside it."""

_FIRST_LOOK: Final = 32
"""Characters of a text that are normalised to see whether anything is left of it."""


def _has_something_to_read(text: str) -> bool:
    """Whether anything is left of the text when it is normalised; found without normalising most of it."""
    return bool(_VISIBLE_ASCII.search(text) or normalise_text(text[:_FIRST_LOOK]) or normalise_text(text))


def normalise_text(text: str) -> str:
    """The normalised text alone: `normalise(text).text`, faster."""
    return _run(text, lambda _edits: None)


def normalise(text: str) -> NormalisedText:
    """The normalised text with its map back to the raw text. Normalising twice changes nothing."""
    raw_length = len(text)
    starts, ends = list(range(raw_length)), list(range(1, raw_length + 1))

    def follow(edits: Sequence[Edit]) -> None:
        nonlocal starts, ends
        starts, ends = _move(starts, ends, edits)

    normalised = _run(text, follow)
    return NormalisedText(normalised, tuple(starts), tuple(ends), raw_length)


def _run(text: str, follow: Callable[[Sequence[Edit]], None]) -> str:
    """The text after all steps, repeated until they change nothing; `follow` hears of every edit."""
    for _ in range(_MAX_PASSES):
        before = text
        again = False
        for steps, only_beyond_plain in _STAGES:
            if only_beyond_plain and _is_plain(text):
                continue
            for step in steps:
                if edits := step(text):
                    follow(edits)
                    text = _apply(text, edits)
                    again |= _makes_work(step, text)
        if text == before or (text.isascii() and not again):
            break
    return text


def _makes_work(step: Step, text: str) -> bool:
    """Whether edits of this step may have left work for steps before it, even in ASCII."""
    if step is _one_blank:
        return bool(find_spaced_words(text))
    if step is _replace_handles:
        return _MAIL_AT_USER.search(text) is not None
    return step in _UNDISGUISING


def _apply(text: str, edits: Sequence[Edit]) -> str:
    pieces: list[str] = []
    kept = 0
    for start, end, new in edits:
        pieces.append(text[kept:start])
        pieces.append(new)
        kept = end
    pieces.append(text[kept:])
    return "".join(pieces)


def _move(starts: list[int], ends: list[int], edits: Sequence[Edit]) -> tuple[list[int], list[int]]:
    """The raw positions after the edits: each new character stands for all that it replaced."""
    new_starts: list[int] = []
    new_ends: list[int] = []
    kept = 0
    for start, end, new in edits:
        new_starts += starts[kept:start]
        new_ends += ends[kept:start]
        if len(new) == end - start:  # one for one: keep each character's own place
            new_starts += starts[start:end]
            new_ends += ends[start:end]
        else:
            new_starts += [starts[start]] * len(new)
            new_ends += [ends[end - 1]] * len(new)
        kept = end
    return new_starts + starts[kept:], new_ends + ends[kept:]


# --- characters nobody sees -------------------------------------------------------------------------

# Needed to recognise an emoji, removed after: joiner, variation selectors, tags, enclosing marks (keycap).
_EMOJI_GLUE = "\u200d\ufe00-\ufe0f\U000e0020-\U000e007f\U000e0100-\U000e01ef"
_ENCLOSING = "\u0488\u0489\u1abe\u20dd-\u20e0\u20e2-\u20e4\ua670-\ua672"
# Controls that are not white space, soft hyphen, zero-width, bidi, fillers, interlinear, musical, shorthand.
_UNSEEN = (
    "\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e001f\U000e0080-\U000e00ff\U000e01f0-\U000e0fff"
)
_UNSEEN_RUN = re.compile(f"[{_UNSEEN}]+")
_UNSEEN_OR_GLUE_RUN = re.compile(f"[{_UNSEEN}{_EMOJI_GLUE}{_ENCLOSING}]+")


def _drop_unseen(text: str) -> list[Edit]:
    if text.isprintable():  # true of nothing in the class but marks and tags, which the later step takes
        return []
    return [(*found.span(), "") for found in _UNSEEN_RUN.finditer(text)]


def _drop_unseen_and_glue(text: str) -> list[Edit]:
    return [(*found.span(), "") for found in _UNSEEN_OR_GLUE_RUN.finditer(text)]


# --- marks and compatibility forms ------------------------------------------------------------------

_LONG_MARKS = re.compile(f"[{MARKS}]{{{MAX_MARKS + 1},}}")
_CLUSTER = re.compile(f"[\\s\\S][{JOINERS}]+|[^\\x00-\\x7f]")
_OVERLAYS = "\u0334-\u0338\u20d2\u20d3\u20e5\u20e6"
_DEFACING_MARKS = re.compile(f"[{MARKS}]{{2,}}|[{_OVERLAYS}]")
_LATIN_BASE = re.compile("[A-Za-zÀ-ÖØ-öø-ɏ\u1e00-\u1eff]")


def _cap_marks(text: str) -> list[Edit]:
    """Before any `unicodedata.normalize`, which is quadratic in a run of marks on this Python."""
    return [(found.start() + MAX_MARKS, found.end(), "") for found in _LONG_MARKS.finditer(text)]


def _unify_forms(text: str) -> list[Edit]:
    """NFKC, one cluster at a time so that every character keeps its place in the raw text."""
    if unicodedata.is_normalized("NFKC", text):
        return []
    edits: list[Edit] = []
    for found in _CLUSTER.finditer(text):
        unified = unicodedata.normalize("NFKC", found[0])
        if unified != found[0]:
            edits.append((*found.span(), unified))
    return edits


def _unstack_marks(text: str) -> list[Edit]:
    """Latin letters under two or more loose marks, or struck through, lose them all; one mark is kept."""
    edits: list[Edit] = []
    for found in _DEFACING_MARKS.finditer(text):
        base = text[found.start() - 1 : found.start()]
        if _LATIN_BASE.match(base):
            edits.append((found.start() - 1, found.end(), unicodedata.normalize("NFD", base)[0]))
    return edits


# --- white space, runs, links, names ----------------------------------------------------------------

_SPACES = re.compile(r"\s+")
_BRAILLE_BLANK = "\u2800"
_RUN = re.compile(r"(.)\1\1\1+", re.DOTALL)  # neither \1{3,} nor \D: four times as slow together
_LINK = re.compile(r"(?<![a-z0-9_])(?:h(?:tt|xx)ps?://|www\.)\S+", re.IGNORECASE | re.ASCII)
_MAIL = re.compile(r"(?<![\w.+-])[\w.+-]++@[\w-]++(?:\.[\w-]++)+")
_MAIL_AT_USER = re.compile(r"@user\.(?<=[\w.+-]@user\.)")
_HANDLE = re.compile(r"(?<!\w)@++\w++(?:@++[\w.-]++)*")


def _blank_braille(text: str) -> list[Edit]:
    if _BRAILLE_BLANK not in text:
        return []
    return [(at, at + 1, " ") for at, character in enumerate(text) if character == _BRAILLE_BLANK]


def _one_blank(text: str) -> list[Edit]:
    """Runs of white space become one blank; none at either end."""
    if text == " ".join(text.split()):
        return []
    return [
        (*found.span(), "" if found.start() == 0 or found.end() == len(text) else " ")
        for found in _SPACES.finditer(text)
        if found[0] != " " or found.start() == 0 or found.end() == len(text)
    ]


def _shorten_runs(text: str) -> list[Edit]:
    """Four or more of one character become three. Digits stay: 6000000 and 6000 are different claims."""
    return [
        (found.start() + 2, found.end(), found[1])
        for found in _RUN.finditer(text)
        if not found[1].isdecimal()
    ]


def _replace_links(text: str) -> list[Edit]:
    if "://" not in text and "." not in text:
        return []
    return [(*found.span(), "http") for found in _LINK.finditer(text)]


def _replace_mail(text: str) -> list[Edit]:
    if "@" not in text:
        return []
    return [(*found.span(), "@user") for found in _MAIL.finditer(text)]


def _replace_handles(text: str) -> list[Edit]:
    if "@" not in text:
        return []
    return [(*found.span(), "@user") for found in _HANDLE.finditer(text) if found[0] != "@user"]


_STAGES: Final[tuple[tuple[tuple[Step, ...], bool], ...]] = (
    # Runs first too, so that a hundred laughing faces are three before they are named.
    ((_shorten_runs, _drop_unseen, name_emoji, find_styled_letters, _drop_unseen_and_glue), True),
    # Caps twice: NFKC makes a blank and one more mark out of a spacing accent.
    # NFKC twice: a folded letter may compose with the mark after it.
    (
        (_blank_braille, _cap_marks, _unify_forms, _cap_marks, find_lookalikes, _unify_forms, _unstack_marks),
        True,
    ),
    (
        (
            _drop_unseen,
            _unify_forms,
            find_typography,
            _shorten_runs,
            _replace_links,
            _replace_mail,
            _replace_handles,
            find_spaced_words,  # while two blanks still differ from one
            _one_blank,
            find_stand_ins,
            find_misspellings,
        ),
        False,
    ),
)
"""Steps, and whether they have work only in texts beyond `_is_plain`."""

_UNDISGUISING: Final = frozenset({find_spaced_words, find_stand_ins, find_misspellings})

_MAX_PASSES: Final = 8
"""A step may make work for an earlier one. Four passes were seen, once in 30,000 random hostile texts."""

# Latin letters and the punctuation of telephones. Two signs of Latin-1 are emoji.
_BEYOND_PLAIN = re.compile("[^\x00-\xa8\xaa-\xad\xaf-\u024f\u2010-\u2027\u20a0-\u20bf]")


def _is_plain(text: str) -> bool:
    """Nothing in it that an emoji, costume, mark or look-alike step would touch. Most posts are plain."""
    return text.isascii() or not _BEYOND_PLAIN.search(text)
