"""Why somebody sees a text, in words that do not say what the answer may be."""

from __future__ import annotations

from typing import Final

from serve.storage.tables import BatchRow

NOBODY_CHOSE: Final = "You see this because every text of this source is labelled; nobody picked it out."

DRAWN: Final = (
    "You see this because fixed rules chose it: some texts by chance, some because a label of them teaches "
    "most, some as a rest between others. Which it was is kept from you, so that it does not lead you."
)
"""One sentence for every reason: "the machine was unsure" or "it has a coded term" would suggest an
answer."""

BY_PURPOSE: Final = {
    "relabel": (
        "You see this because the codebook has changed: texts that were labelled under another version of it "
        "are read again."
    ),
    "gold": "You see this because it may become a text with an agreed answer, for checks and for practice.",
}


def why_words(batch: BatchRow) -> str:
    """Why a text of the batch is before somebody; the same for all of its texts."""
    return BY_PURPOSE.get(batch.purpose) or (NOBODY_CHOSE if batch.drawn is None else DRAWN)
