"""Figures and hostile texts as words on a page."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from training.report.shape import Figure

NOTHING = "not measured"

_SEEN = frozenset("\t\n\ufe0e\ufe0f")
_HIDDEN_KINDS = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Letters and marks of other kinds that take no room: fillers that look empty, and selectors that can
# carry a hidden message.
_LOOK_EMPTY = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0") | {
    chr(c) for c in range(0xE0100, 0xE01F0)
}
_JOINER = "\u200d"


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of text to show; `kind` is text, marked (part of a rationale) or token (a hidden character)."""

    text: str
    kind: str = "text"


def percent(share: float | None) -> str:
    """A share as a percentage of one decimal; number and sign stay on one line.

    >>> percent(0.7656)
    '76.6\\xa0%'
    """
    return NOTHING if share is None else f"{100 * share:.1f}\N{NO-BREAK SPACE}%"


def percents(figure: Figure | None) -> str:
    """The ends of a figure's interval as percentages: "95.9 to 97.2"; empty where nothing was measured."""
    return "" if figure is None else f"{100 * figure.low:.1f} to {100 * figure.high:.1f}"


def decimal(value: float | None) -> str:
    """A number of three decimals; the sign of one below 0 is a true minus."""
    return NOTHING if value is None else f"{value:.3f}".replace("-0.000", "0.000").replace("-", "−")


def decimals(figure: Figure | None) -> str:
    """The ends of a figure's interval, three decimals each; empty where nothing was measured."""
    return "" if figure is None else f"{decimal(figure.low)} to {decimal(figure.high)}"


def signed(value: float | None) -> str:
    """A difference with its sign, three decimals; the sign is a true minus."""
    return NOTHING if value is None else f"{value:+.3f}".replace("-", "−")


def p_value(value: float | None) -> str:
    """A p value; below 0.001 it says only that."""
    if value is None:
        return NOTHING
    return "below 0.001" if value < 0.001 else f"{value:.3f}"


def whole(number: int) -> str:
    """A count with commas."""
    return f"{number:,}"


def named(name: str) -> str:
    """A code name as words.

    >>> named("ident_neutral_nh")
    'ident neutral nh'
    """
    return visible(name.replace("_", " "))


def is_hidden(text: str, at: int) -> bool:
    """Whether the character at `at` takes no room on the page or turns the reading direction."""
    character = text[at]
    if character == _JOINER:
        # Between two pictures it makes a family or a profession, and is seen.
        return not (0 < at < len(text) - 1 and _is_picture(text[at - 1]) and _is_picture(text[at + 1]))
    if character in _SEEN:
        return False
    return character in _LOOK_EMPTY or unicodedata.category(character) in _HIDDEN_KINDS


def _is_picture(character: str) -> bool:
    return character == "\ufe0f" or unicodedata.category(character) in {"So", "Sk"}


def visible(text: str) -> str:
    """The text with hidden characters shown as ⟦U+202E⟧, for short things such as names."""
    return "".join(piece.text for piece in pieces(text))


def pieces(text: str, rationale: Sequence[tuple[int, int]] | None = None) -> list[Piece]:
    """The text as pieces to show in order: hidden characters as tokens, the rationale's spans as marked.

    Spans count code points; what lies beyond the text is left out.
    """
    marked = _covered(rationale or (), len(text))
    found: list[Piece] = []
    for at, character in enumerate(text):
        if is_hidden(text, at):
            found.append(Piece(f"⟦U+{ord(character):04X}⟧", "token"))
            continue
        kind = "marked" if at in marked else "text"
        if found and found[-1].kind == kind:
            found[-1] = Piece(found[-1].text + character, kind)
        else:
            found.append(Piece(character, kind))
    return found


def _covered(spans: Iterable[tuple[int, int]], length: int) -> set[int]:
    return {at for start, end in spans for at in range(max(0, start), min(end, length))}
