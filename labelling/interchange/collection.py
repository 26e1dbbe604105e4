"""Entries put together: each text once, each label once, and a count of everything that was read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from labelling.interchange.annotations import Annotation, Item, Prediction
from labelling.interchange.entries import Entry, Found
from labelling.interchange.quarantine import Quarantined, Reason


@dataclass(slots=True)
class Counts:
    """How many entries were read, and what became of them: `imported` and `quarantined` make up `read`."""

    read: int = 0
    imported: int = 0
    quarantined: int = 0
    texts: int = 0
    labels: int = 0
    predictions: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    def sentence(self) -> str:
        """What to tell whoever imports: `12 entries read: 10 imported, 2 quarantined (...)`."""
        reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(self.reasons.items()))
        return (
            f"{self.read} entries read: {self.imported} imported ({self.texts} texts, {self.labels} labels, "
            f"{self.predictions} predictions), {self.quarantined} quarantined"
            + (f" ({reasons})" if reasons else "")
        )


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What was read out of a file, and what could not be."""

    format: str
    items: tuple[Item, ...]
    annotations: tuple[Annotation, ...]
    predictions: tuple[Prediction, ...]
    quarantined: tuple[Quarantined, ...]
    counts: Counts


class Collector:
    """Lets each text and label through once; what contradicts an earlier entry is quarantined."""

    def __init__(self) -> None:
        self.counts = Counts()
        self._items: dict[str, Item] = {}
        self._label_ids: set[str] = set()

    def sorted_out(self, entries: Iterable[Entry]) -> Iterator[Item | Annotation | Prediction | Quarantined]:
        """The records and refusals in order, an item before the first label of it."""
        for entry in entries:
            checked = entry if isinstance(entry, Quarantined) else self._checked(entry)
            size = entry.entries if isinstance(entry, Found) else 1
            self.counts.read += size
            if isinstance(checked, Quarantined):
                self.counts.quarantined += size
                self.counts.reasons[checked.reason] += size
                yield checked
                continue
            self.counts.imported += size
            yield from self._records(checked)

    def _checked(self, found: Found) -> Found | Quarantined:
        known = self._items.get(found.item.item_id, found.item)
        if known.text_sha256 != found.item.text_sha256:
            return _refused(found, Reason.TEXT_DIFFERS, "item_id: an earlier entry has another text under it")
        if known.metadata != found.item.metadata:
            return _refused(
                found, Reason.METADATA_DIFFERS, "metadata: an earlier entry of the item has another"
            )
        if found.annotation is not None and found.annotation.label_id in self._label_ids:
            return _refused(found, Reason.DUPLICATE_LABEL, "label_id: an earlier entry has it")
        return found

    def _records(self, found: Found) -> Iterator[Item | Annotation | Prediction]:
        if found.item.item_id not in self._items:
            self._items[found.item.item_id] = found.item
            self.counts.texts += 1
            yield found.item
        if found.annotation is not None:
            self._label_ids.add(found.annotation.label_id)
            self.counts.labels += 1
            yield found.annotation
        if found.prediction is not None:
            self.counts.predictions += 1
            yield found.prediction


def _refused(found: Found, reason: Reason, message: str) -> Quarantined:
    return Quarantined(found.row, reason.value, message, found.member, found.part)
