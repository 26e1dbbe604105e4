"""Our own long CSV: a row for each label, prediction and bare text, a column for each field."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any, BinaryIO, Final

from labelling.interchange.annotations import SCHEMA_VERSION, Annotation, Item, Labelled, Prediction
from labelling.interchange.csv_rows import plain_cell, safe_cell
from labelling.interchange.entries import Entry, Place
from labelling.interchange.json_rows import Row, parse
from labelling.interchange.quarantine import Reason, refused
from labelling.interchange.remainder import annotation_from, item_from, prediction_from
from model.errors import BadInput

_OF_ITEM: Final = ("schema_version", "item_id", "text", "text_sha256", "metadata")
_OF_LABEL: Final = tuple(name for name in Annotation.model_fields if name not in _OF_ITEM)
_OF_PREDICTION: Final = ("bundle_id", "scores")
COLUMNS: Final = ("kind", *_OF_ITEM, *_OF_LABEL, *_OF_PREDICTION)

_AS_JSON: Final = frozenset(
    {"metadata", "extra", "scores", "rationale", "strands", "strands_asked", "codes", "context_flags"}
    | {"definition_profiles"}
)
"""Columns whose cells are JSON. An empty cell is no value, which is not the same as an empty list."""

_ALWAYS_WRITTEN: Final = ("strands", "strands_asked", "ground_truth", "assisted")


def write(labelled: Iterable[Labelled], file: BinaryIO) -> None:
    """Writes the rows with a header; an item stands in each of its rows."""
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    try:
        writer = csv.writer(text, lineterminator="\r\n")
        writer.writerow(COLUMNS)
        for one in labelled:
            for values in _rows_of(one):
                writer.writerow([safe_cell(_cell(name, values.get(name))) for name in COLUMNS])
        text.flush()
    finally:
        text.detach()


def _rows_of(labelled: Labelled) -> Iterator[dict[str, Any]]:
    item = labelled.item.model_dump(mode="json")
    for annotation in labelled.annotations:
        yield {"kind": "label", **_said(annotation), **item}
    for prediction in labelled.predictions:
        yield {"kind": "prediction", **_said(prediction), **item}
    if not labelled.annotations and not labelled.predictions:
        yield {"kind": "item", **item}


def _said(record: Annotation | Prediction) -> dict[str, Any]:
    said = record.model_dump(mode="json", exclude_defaults=True)
    always = {
        name: value for name, value in record.model_dump(mode="json").items() if name in _ALWAYS_WRITTEN
    }
    return said | always


def _cell(name: str, value: Any) -> str:
    if value is None:
        return ""
    if name in _AS_JSON:
        return json.dumps(value, ensure_ascii=False, sort_keys=True)
    return str(value).lower() if isinstance(value, bool) else str(value)


def read(rows: Iterator[Row]) -> Iterator[Entry]:
    """The entries of our own rows."""
    for row in rows:
        place = Place(row.number)
        try:
            if row.fault is not None:
                raise row.fault
            if not set(COLUMNS) <= set(row.value):
                raise refused(Reason.WRONG_SHAPE, "row: the file has not all our columns")
            values = {name: plain_cell(cell) for name, cell in row.value.items()}
            item = _item_of(values)
            yield _entry(place, item, values)
        except BadInput as fault:
            yield place.refuse(fault)


def _item_of(values: dict[str, str]) -> Item:
    if values["schema_version"] != str(SCHEMA_VERSION):
        raise refused(Reason.WRONG_SHAPE, f"schema_version: {SCHEMA_VERSION} is read")
    item = item_from(values["item_id"] or None, values["text"], _value("metadata", values["metadata"]) or {})
    if values["text_sha256"] not in ("", item.text_sha256):
        raise refused(Reason.TEXT_DIFFERS, "text_sha256: is not that of the text")
    return item


def _entry(place: Place, item: Item, values: dict[str, str]) -> Entry:
    if values["kind"] == "item":
        return place.bare(item)
    if values["kind"] == "label":
        found = _values(values, _OF_LABEL)
        return place.label(item, None, partial(annotation_from, item, found.pop("label_id", ""), found))
    if values["kind"] == "prediction":
        found = _values(values, (*_OF_PREDICTION, "extra"))
        return place.prediction(item, None, partial(prediction_from, item, found))
    raise refused(Reason.WRONG_SHAPE, "kind: none of label, prediction, item")


def _values(values: dict[str, str], names: Iterable[str]) -> dict[str, Any]:
    return {name: _value(name, values[name]) for name in names if values[name] != ""}


def _value(name: str, cell: str) -> Any:
    if name in _AS_JSON:
        return parse(cell.encode("utf-8", "surrogatepass")) if cell else None
    return cell
