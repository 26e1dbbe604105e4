"""fastText lines, as doccano writes them: `__label__A __label__B the text`. Read only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Final

from labelling.interchange.answers import Answers
from labelling.interchange.entries import Entry, Found, Place
from labelling.interchange.json_rows import lines
from labelling.interchange.mapping import Mapping
from labelling.interchange.remainder import annotation_from, item_from, label_id_for
from model.errors import BadInput, NotText

TOOL: Final = "fasttext"
PREFIX: Final = "__label__"


def read(file: BinaryIO, mapping: Mapping) -> Iterator[Entry]:
    """The entries of the lines; a line without a label is a bare text."""
    for number, line in lines(file):
        place = Place(number)
        try:
            yield _entry(place, line, mapping)
        except BadInput as fault:
            yield place.refuse(fault)


def _entry(place: Place, line: bytes | BadInput, mapping: Mapping) -> Found:
    if isinstance(line, BadInput):
        raise line
    try:
        words = line.decode("utf-8").split(" ")
    except UnicodeDecodeError:
        raise NotText("not UTF-8") from None
    # Only labels at the beginning are labels: the same word further on was written by the text's author.
    count = next((at for at, word in enumerate(words) if not word.startswith(PREFIX)), len(words))
    item = item_from(None, " ".join(words[count:]), {})
    answers = Answers(mapping)
    for word in words[:count]:
        answers.choose_anywhere(word.removeprefix(PREFIX))
    if answers.is_empty and not mapping.empty_means_none:
        return place.bare(item)
    # The same text on two lines is two labels: nothing tells whose they are.
    label_id = label_id_for(TOOL, item.item_id, place.row)
    return Found(place.row, item, annotation=annotation_from(item, label_id, answers.fields()))
