"""What should be known of a text beside its scores: that there is little in it for a model of words.

A post of links, or one that describes a picture, may be as harmful as any other; a low score of it says
only that its few words are harmless. The notes stand in the row, and in the reason when nothing else put
the post where it is. All of it is plain patterns over the raw text; the limits are chosen by us.
"""

from __future__ import annotations

import re
from typing import Final

MOSTLY_LINKS: Final = "mostly_links"
IMAGE_CAPTION: Final = "image_caption"
FEW_WORDS: Final = "few_words"
END_NOT_READ: Final = "end_not_read"

SENTENCES: Final[dict[str, str]] = {
    MOSTLY_LINKS: "the text is mostly links; the model reads words only",
    IMAGE_CAPTION: "the text seems to go with an image, which the model does not see",
    FEW_WORDS: "the text has fewer than three words",
    END_NOT_READ: "the text is too long for the model to read to its end",
}
"""What a person is told, by note."""

FEWEST_WORDS: Final = 3
"""Fewer words than this are few."""

FEW_BESIDE_PICTURE: Final = 8
"""Fewer words than this beside a link to a picture are its caption."""

_REFERENCE = re.compile(r"(?:https?://|www\.|pic\.twitter\.com/)\S+|[@#]\w+", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
# Thai, Lao, Tibetan, Burmese, Khmer, Japanese, Chinese: their words cannot be counted by blanks.
_WRITTEN_WITHOUT_BLANKS = re.compile(
    "[\u0e01-\u0eff\u0f40-\u0fbc\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
    "\uff66-\uff9f\U00020000-\U0003ffff]"
)
_DESCRIPTION = re.compile(
    r"[\[(]\s*(?:image|photo|picture|gif|video)(?: description)?\s*:"
    r"|\b(?:image description|image may contain|alt[ -]text)\s*:",
    re.IGNORECASE,
)
_PICTURE = re.compile(
    r"pic\.twitter\.com/|pbs\.twimg\.com/|\bi\.(?:imgur\.com|redd\.it)/|\.(?:jpe?g|png|gif|webp)\b",
    re.IGNORECASE,
)


def notes_of(text: str) -> tuple[str, ...]:
    """The notes on a raw text, in the order of `SENTENCES`; most have none.

    `mostly_links`: links, handles and hashtags hold more than half of what is no blank. `image_caption`:
    it is marked as an image's description, or has a link to a picture and few words. `few_words`: fewer
    than three words beside links, handles, hashtags, emoji and digits. Words are few only in scripts
    that put blanks between them.

    >>> notes_of("The library opens at nine.")
    ()
    >>> notes_of("look https://example.org/a/long/path @anna @ben")
    ('mostly_links', 'few_words')
    >>> notes_of("[Image: a dog asleep on a sofa]")
    ('image_caption',)
    """
    references = _REFERENCE.findall(text)
    beside = _REFERENCE.sub(" ", text) if references else text
    words = None if _WRITTEN_WITHOUT_BLANKS.search(beside) else len(_WORD.findall(beside))
    notes = []
    if 2 * sum(map(len, references)) > len("".join(text.split())):
        notes.append(MOSTLY_LINKS)
    has_picture = bool(references) and _PICTURE.search(" ".join(references)) is not None
    if _DESCRIPTION.search(text) or (has_picture and words is not None and words < FEW_BESIDE_PICTURE):
        notes.append(IMAGE_CAPTION)
    if words is not None and words < FEWEST_WORDS:
        notes.append(FEW_WORDS)
    return tuple(notes)
