"""A row for each text: what all labels of it come to, and the text's own metadata."""

from __future__ import annotations

import json
from collections.abc import Mapping
from fractions import Fraction
from functools import partial
from typing import Any, Final

from labelling.interchange.annotations import Annotation, Item, Labelled
from labelling.interchange.answers import Answers
from labelling.interchange.entries import Entry, Place
from labelling.interchange.json_rows import parse
from labelling.interchange.mapping import Mapping as LabelMapping
from labelling.interchange.published.long_table import TOOL
from labelling.interchange.published.parquet import Feature
from labelling.interchange.remainder import annotation_from, item_from, label_id_for
from labelling.interchange.shapes import as_list, as_object, identifier, without
from model.errors import BadInput
from model.taxonomy import STRAND_ORDER

FEATURES: Final[dict[str, Feature]] = {
    "item_id": "string",
    "text": "string",
    "labels": [STRAND_ORDER],
    "label_probs": ["float32"],
    "n_annotators": "int32",
    "alpha_item": "float64",
    "resolution": "string",
    "split": "string",
    "text_sha256": "string",
    "metadata": "string",
}
"""`label_probs` has one share for each strand in our order, null where nobody was asked."""

UNANIMOUS, MAJORITY, ADJUDICATED, UNRESOLVED = "unanimous", "majority", "adjudicated", "unresolved"
SPLITS: Final = ("train", "dev", "validation", "test")


def row_of(labelled: Labelled, alphas: Mapping[str, float]) -> dict[str, Any]:
    """The row of one item. `alphas` are agreements of items that somebody worked out; others are null."""
    item = labelled.item
    answered = [one for one in labelled.annotations if one.skipped_because is None and one.strands_asked]
    strands, resolution = resolved(answered)
    split = item.metadata.get("split")
    return {
        "item_id": item.item_id,
        "text": item.text,
        "labels": [STRAND_ORDER.index(strand) for strand in strands],
        "label_probs": [None if share is None else float(share) for share in shares(answered).values()],
        "n_annotators": len({one.annotator or one.label_id for one in answered}),
        "alpha_item": alphas.get(item.item_id),
        "resolution": resolution,
        "split": split if split in SPLITS else None,
        "text_sha256": item.text_sha256,
        "metadata": json.dumps(item.metadata, ensure_ascii=False, sort_keys=True),
    }


def shares(annotations: list[Annotation]) -> dict[str, Fraction | None]:
    """For each strand, how many of those who were asked ticked it; None where nobody was."""
    found: dict[str, Fraction | None] = {}
    for strand in STRAND_ORDER:
        said = [answer for one in annotations if (answer := one.strand_answer(strand)) is not None]
        found[strand] = Fraction(sum(said), len(said)) if said else None
    return found


def resolved(annotations: list[Annotation]) -> tuple[list[str], str]:
    """The strands that the labels come to, and how: by a gold answer, all alike, by majority, or not.

    A tie on any strand leaves the text unresolved, with the strands that have a majority.
    """
    gold = [one for one in annotations if one.ground_truth]
    said = shares(gold or annotations)
    strands = [strand for strand, share in said.items() if share is not None and share > Fraction(1, 2)]
    known = {share for share in said.values() if share is not None}
    if not known or Fraction(1, 2) in known:
        return strands, UNRESOLVED
    if gold:
        return strands, ADJUDICATED
    return strands, UNANIMOUS if known <= {Fraction(0), Fraction(1)} else MAJORITY


def item_of(row: dict[str, Any]) -> Item:
    """The item of a row. Raises: NotText and its kin, BadRecord."""
    cell = row.get("metadata")
    metadata = (
        as_object(parse(cell.encode("utf-8", "surrogatepass")), "metadata") if isinstance(cell, str) else {}
    )
    return item_from(identifier(row.get("item_id")), row.get("text"), metadata)


def entry_of(place: Place, row: dict[str, Any], mapping: LabelMapping) -> Entry:
    """The entry of a wide row that stands alone: a label of nobody in particular."""
    try:
        item = item_of(row)
    except BadInput as fault:
        return place.refuse(fault)
    if not row.get("n_annotators"):
        return place.bare(item)
    return place.label(item, None, partial(_annotation, item, row, mapping))


def _annotation(item: Item, row: dict[str, Any], mapping: LabelMapping) -> Annotation:
    answers = Answers(mapping)
    answers.choose("target", as_list(row.get("labels"), "labels"))
    told = without(row, ("item_id", "text", "text_sha256", "metadata", "labels"))
    asked = [
        strand
        for strand, share in zip(STRAND_ORDER, as_list(row.get("label_probs"), "label_probs"), strict=False)
        if share is not None
    ]
    found = answers.fields()
    found["strands_asked"] = [*found["strands_asked"], *asked]
    found["extra"] = {TOOL: told}
    return annotation_from(item, label_id_for(TOOL, item.item_id, "aggregated"), found)
