"""Hostile text made safe to read: what would be invisible is shown, and no link can be followed.

Escaping is the template's work (autoescape is always on); this page deals with what HTML escaping
leaves alone: direction overrides, zero-width characters, control codes and live addresses.
Source: PROMISES.md section 5, item 1.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

# Everything that takes no room on the page or turns the reading direction: control codes except tab and
# newline, format characters, fillers that look empty, variation selectors that can carry a hidden message.
# U+FE0E and U+FE0F stay: they only choose the text or emoji form of the character before them. The Arabic
# number signs (U+0600-0605, U+06DD, U+070F, U+0890-0891, U+08E2) are format characters that can be seen.
_HIDDEN = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0d\ufeff\uffa0\ufff9-\ufffb"
    "\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_EMOJI_HEAD = "\u2600-\u27bf\ufe0f\U0001f1e6-\U0001faff"
_PIECES = re.compile(
    "(?P<flag>\U0001f3f4[\U000e0061-\U000e007a\U000e0030-\U000e0039]{1,6}\U000e007f)"  # the flag of England
    f"|(?P<joined>(?<=[{_EMOJI_HEAD}])\u200d(?=[{_EMOJI_HEAD}\u2640\u2642]))"  # families and professions
    f"|(?P<hidden>[{_HIDDEN}])"
)
_SCHEME = re.compile(r"(?i)\bhttp(s?)(?=://)|(?<!blocked-)\b(?:javascript(?=:)|data(?=:[a-z]+/))")


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of text to show. `is_token` marks one of our own tokens, such as ⟦U+202E⟧."""

    text: str
    is_token: bool = False


def defang(text: str) -> str:
    """The text with addresses that nobody can follow by accident.

    >>> defang("see https://example.org and JavaScript:alert(1)")
    'see hxxps://example.org and blocked-javascript:alert(1)'
    """
    return _SCHEME.sub(_defanged, text)


def _defanged(match: re.Match[str]) -> str:
    word = match.group(0).lower()
    return f"hxxp{match.group(1).lower()}" if word.startswith("http") else f"blocked-{word}"


def visible_pieces(text: str) -> list[Piece]:
    """The text as pieces to show one after the other, in order; each hidden character is a token piece."""
    safe = defang(text.replace("\r\n", "\n"))
    pieces: list[Piece] = []
    start = 0
    for match in _PIECES.finditer(safe):
        if match.lastgroup != "hidden":
            continue
        if match.start() > start:
            pieces.append(Piece(safe[start : match.start()]))
        pieces.append(Piece(f"⟦U+{ord(match.group(0)):04X}⟧", is_token=True))
        start = match.end()
    if start < len(safe):
        pieces.append(Piece(safe[start:]))
    return pieces


def visible(text: str) -> str:
    """The same as one string, for short things such as a platform's name."""
    return "".join(piece.text for piece in visible_pieces(text))


def word_count(text: str) -> int:
    """How many words the text has, by white space."""
    return len(text.split())
