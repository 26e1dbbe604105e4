"""A row for each prediction: bundle and score of each head."""

from __future__ import annotations

import json
from functools import partial
from typing import Any, Final

from labelling.interchange.annotations import Item, Labelled
from labelling.interchange.entries import Entry, Place
from labelling.interchange.json_rows import parse
from labelling.interchange.published.parquet import Feature
from labelling.interchange.remainder import item_from, prediction_from
from labelling.interchange.shapes import as_object, identifier
from model.errors import BadInput
from model.taxonomy import HEAD_ORDER

FEATURES: Final[dict[str, Feature]] = {
    "item_id": "string",
    "text": "string",
    "bundle_id": "string",
    **dict.fromkeys(HEAD_ORDER, "float64"),
    "extra": "string",
}


def rows_of(labelled: Labelled) -> list[dict[str, Any]]:
    """The rows of one item."""
    return [
        {
            "item_id": labelled.item.item_id,
            "text": labelled.item.text,
            "bundle_id": one.bundle_id,
            **one.scores,
            "extra": json.dumps(one.extra, ensure_ascii=False, sort_keys=True),
        }
        for one in labelled.predictions
    ]


def entry_of(place: Place, row: dict[str, Any], metadata: dict[str, dict[str, Any]]) -> Entry:
    """The entry of one row; `metadata` holds that of the items."""
    try:
        item_id = identifier(row.get("item_id"))
        item = item_from(item_id, row.get("text"), metadata.get(item_id or "", {}))
    except BadInput as fault:
        return place.refuse(fault)
    return place.prediction(item, None, partial(_prediction, item, row))


def _prediction(item: Item, row: dict[str, Any]) -> Any:
    cell = row.get("extra")
    extra = as_object(parse(cell.encode("utf-8", "surrogatepass")), "extra") if isinstance(cell, str) else {}
    scores = {head: row[head] for head in HEAD_ORDER if row.get(head) is not None}
    return prediction_from(item, {"bundle_id": row.get("bundle_id"), "scores": scores, "extra": extra})
