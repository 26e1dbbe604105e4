"""Our own JSONL: the canonical records as they are, one a line, each after the item that it is of."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any, BinaryIO

from labelling.interchange.annotations import Item, Labelled, Record
from labelling.interchange.entries import Entry, Place
from labelling.interchange.json_rows import Row
from labelling.interchange.quarantine import Reason, refused
from labelling.interchange.remainder import annotation_from, item_from, prediction_from
from labelling.interchange.shapes import as_object, without
from model.errors import BadInput

KINDS = {"Item": "item", "Annotation": "label", "Prediction": "prediction"}


def line_of(record: Record) -> bytes:
    """The record as one JSON line, with its kind."""
    said = {"kind": KINDS[type(record).__name__], **record.model_dump(mode="json")}
    return json.dumps(said, ensure_ascii=False, sort_keys=True).encode() + b"\n"


def write(labelled: Iterable[Labelled], file: BinaryIO) -> None:
    """Writes the records, each item before what was said of it."""
    for one in labelled:
        records: list[Record] = [one.item, *one.annotations, *one.predictions]
        file.writelines(line_of(record) for record in records)


def read(rows: Iterator[Row]) -> Iterator[Entry]:
    """The entries of our own lines. A line of a label or prediction must stand after its item's."""
    items: dict[str, Item] = {}
    waiting: dict[str, Place] = {}  # items of which no label has come yet
    for row in rows:
        place = Place(row.number)
        try:
            if row.fault is not None:
                raise row.fault
            written = as_object(row.value, "record")
            kind, item_id = written.get("kind"), written.get("item_id")
            if written.get("schema_version") != 1:
                raise refused(Reason.WRONG_SHAPE, "schema_version: 1 is read")
            if kind == "item":
                item = _item_of(written)
                if items.setdefault(item.item_id, item) != item:
                    raise refused(Reason.TEXT_DIFFERS, "item_id: another item has it")
                waiting[item.item_id] = place
                continue
            if not isinstance(item_id, str) or item_id not in items:
                raise refused(Reason.NO_ITEM, "item_id: no item before it has it")
            waiting.pop(item_id, None)
            yield _entry(place, items[item_id], str(kind), without(written, ("kind", "item_id")))
        except BadInput as fault:
            yield place.refuse(fault)
    for item_id, place in waiting.items():
        yield place.bare(items[item_id])


def _item_of(written: dict[str, Any]) -> Item:
    item = item_from(
        str(written.get("item_id")), written.get("text"), as_object(written.get("metadata"), "metadata")
    )
    if written.get("text_sha256") != item.text_sha256:
        raise refused(Reason.TEXT_DIFFERS, "text_sha256: is not that of the text")
    return item


def _entry(place: Place, item: Item, kind: str, fields: dict[str, Any]) -> Entry:
    if kind == "label":
        return place.label(
            item, None, partial(annotation_from, item, str(fields.get("label_id", "")), fields)
        )
    if kind == "prediction":
        return place.prediction(item, None, partial(prediction_from, item, fields))
    raise refused(Reason.WRONG_SHAPE, "kind: none of item, label, prediction")
