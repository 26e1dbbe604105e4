"""What a codec yields: one entry for each label, prediction or bare text of a file, good or quarantined."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from labelling.interchange.annotations import Annotation, Item, Prediction
from labelling.interchange.quarantine import Quarantined, quarantined
from model.errors import BadInput


@dataclass(frozen=True, slots=True)
class Found:
    """A label or a prediction with the item it is of; a bare item has neither.

    `entries` is how many answers of the file became this one label: more than 1 where the format has a row
    for each question (Prodigy).
    """

    row: int
    item: Item
    annotation: Annotation | None = None
    prediction: Prediction | None = None
    member: int | None = None
    part: str | None = None
    entries: int = 1


Entry = Found | Quarantined


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a file the codec is: its row, and the member of the archive or folder if it is one."""

    row: int
    member: int | None = None

    def refuse(self, fault: BadInput, part: str | None = None) -> Quarantined:
        """The quarantined entry for a fault here."""
        return quarantined(fault, self.row, member=self.member, part=part)

    def label(self, item: Item, part: str | None, make: Callable[[], Annotation]) -> Entry:
        """The label that `make` makes, or the quarantined entry if it cannot."""
        try:
            return Found(self.row, item, annotation=make(), member=self.member, part=part)
        except BadInput as fault:
            return self.refuse(fault, part)

    def prediction(self, item: Item, part: str | None, make: Callable[[], Prediction]) -> Entry:
        """The prediction that `make` makes, or the quarantined entry if it cannot."""
        try:
            return Found(self.row, item, prediction=make(), member=self.member, part=part)
        except BadInput as fault:
            return self.refuse(fault, part)

    def bare(self, item: Item) -> Found:
        """The item alone."""
        return Found(self.row, item, member=self.member)

    def refuse_all(self, fault: BadInput, parts: list[str]) -> Iterator[Quarantined]:
        """A quarantined entry for each part of a row whose text is no use; for the row if it has none."""
        places: list[str | None] = [*parts] or [None]
        for part in places:
            yield self.refuse(fault, part)
