"""The single keys of the pages, in one place, so that no two ask for the same letter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from model.errors import BadConfig
from serve.cases.outcomes import OutcomeCatalogue

STRAND_KEYS: Final = (("antisemitic", "a"), ("islamophobic", "i"), ("far_right", "f"))


@dataclass(frozen=True, slots=True)
class Key:
    """A line of the sheet of keys: what is pressed, and what it does."""

    keys: tuple[str, ...]
    words: str


NEXT: Final = Key(("n",), "Take the next case, or go back to the one that you hold")
REVEAL: Final = Key(("r",), "Show the next covered post")
REASON: Final = Key(("e",), "Write the reason; Esc leaves the box")
PUT_BACK: Final = Key(("p",), "Put the case back in the queue; what you have written is kept for you")
PARK: Final = Key(("k",), "Park the case: it comes back to you on a day that you name")
HAND_OVER: Final = Key(("h",), "Hand the case over to somebody")
SKIP: Final = Key(("x",), "Skip the case: it does not come to you again")
MORE: Final = Key(("o",), "Open what else can be said of the message")
LAW: Final = Key(("u",), "Open the law")
NOTE: Final = Key(("q",), "Write a note on the case; Esc leaves the box")
SHEET: Final = Key(("?",), "This sheet")
SEND: Final = Key(("Ctrl", "Enter"), "Send the form that you are in")

LEASE_KEYS: Final = (PUT_BACK, PARK, HAND_OVER, SKIP)
"""What can be done with a case in hand, whatever its stage."""

OF_THE_FORM: Final = frozenset(
    letter for key in (NEXT, REVEAL, REASON, *LEASE_KEYS, MORE, LAW, NOTE) for letter in key.keys
) | {letter for _, letter in STRAND_KEYS}
"""Letters that the page of the decision form uses itself; the outcomes have the others."""


def check_keys(catalogue: OutcomeCatalogue) -> None:
    """Passes a catalogue whose letters do not clash with those of the page.

    Raises: BadConfig, naming every outcome that does.
    """
    clashes = [
        f"{profile.name}: {outcome.code}: {outcome.key}"
        for profile in catalogue.profiles
        for outcome in profile.outcomes
        if outcome.key in OF_THE_FORM
    ]
    if clashes:
        raise BadConfig(f"outcomes: the console needs these keys itself: {'; '.join(clashes)}")


def numbered(titles: Sequence[str]) -> dict[str, str]:
    """A digit for each of the first nine of some things on a page, by title: `{"1": "Reopen the case"}`."""
    return {str(number): title for number, title in enumerate(titles[:9], 1)}
