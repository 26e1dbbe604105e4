"""A row for each label: the columns of INTERFACES.md section 2.5, then ours."""

from __future__ import annotations

import json
from functools import partial
from typing import Any, Final

from labelling.interchange.annotations import Annotation, Item, Labelled
from labelling.interchange.answers import RATIONALE, Answers, SpanParts, mark_each
from labelling.interchange.entries import Entry, Place
from labelling.interchange.json_rows import parse
from labelling.interchange.mapping import Mapping
from labelling.interchange.pseudonyms import Pseudonyms
from labelling.interchange.published.parquet import Feature
from labelling.interchange.quarantine import Reason, refused
from labelling.interchange.remainder import annotation_from, item_from, label_id_for
from labelling.interchange.shapes import as_list, as_object, identifier
from model.errors import BadInput
from model.taxonomy import STRAND_ORDER

TOOL: Final = "huggingface"

PUBLISHED: Final[dict[str, Feature]] = {
    "item_id": "string",
    "text": "string",
    "annotator_id": "string",
    "cohort": "string",
    "labels": [STRAND_ORDER],
    "abstain": "bool",
    "spans": [{"start": "int32", "end": "int32", "label": "string"}],
    "assisted": "bool",
    "guideline_version": "string",
    "lead_time_ms": "int32",
    "sample_reason": "string",
    "inclusion_prob": "float64",
    "created_at": "string",
}
"""The columns that other tools know. `spans` is null where nobody marked words."""

OURS: Final[dict[str, Feature]] = {
    "label_id": "string",
    "schema_version": "int32",
    "hate": "bool",
    "strands_asked": ["string"],
    "codes": ["string"],
    "severity": "int32",
    "speech_act": "string",
    "context_flags": ["string"],
    "confidence": "float64",
    "personal_disagree": "bool",
    "personal_disagree_text": "string",
    "note": "string",
    "skipped_because": "string",
    "assistance": "string",
    "saw_model_score": "bool",
    "codebook_sha256": "string",
    "definition_profiles": ["string"],
    "ground_truth": "bool",
    "extra": "string",
}
FEATURES: Final[dict[str, Feature]] = {**PUBLISHED, **OURS}

_SAME_NAME: Final = tuple(
    name
    for name in ("cohort", "sample_reason", *OURS)
    if name in Annotation.model_fields and name not in ("extra", "label_id")
)
"""Columns that are called as our fields are and hold the same."""


def row_of(item: Item, annotation: Annotation) -> dict[str, Any]:
    """The row of one label."""
    said = annotation.model_dump(mode="json")
    spans = annotation.rationale
    seconds = annotation.seconds_spent
    return {
        **{name: said[name] for name in _SAME_NAME},
        "item_id": item.item_id,
        "text": item.text,
        "label_id": annotation.label_id,
        "annotator_id": annotation.annotator,
        "labels": [STRAND_ORDER.index(strand) for strand in annotation.strands],
        "abstain": annotation.skipped_because is not None,
        "spans": None
        if spans is None
        else [{"start": start, "end": end, "label": RATIONALE} for start, end in spans],
        "assisted": annotation.assisted != "none",
        "assistance": annotation.assisted,
        "guideline_version": annotation.codebook,
        "lead_time_ms": None if seconds is None else round(seconds * 1000),
        "inclusion_prob": annotation.inclusion_probability,
        "created_at": said["labelled_at"],
        "extra": json.dumps(annotation.extra, ensure_ascii=False, sort_keys=True),
    }


class LongRows:
    """Reads rows as labels; `metadata` holds that of the items, which a wide table beside this one has."""

    def __init__(
        self, mapping: Mapping, people: Pseudonyms, metadata: dict[str, dict[str, Any]] | None = None
    ) -> None:
        self._mapping, self._people, self._metadata = mapping, people, metadata or {}

    def entry(self, place: Place, row: dict[str, Any]) -> Entry:
        """The entry of one row."""
        try:
            item_id = identifier(row.get("item_id"))
            item = item_from(item_id, row.get("text"), self._metadata.get(item_id or "", {}))
        except BadInput as fault:
            return place.refuse(fault)
        return place.label(item, None, partial(self._annotation, item, row))

    def _annotation(self, item: Item, row: dict[str, Any]) -> Annotation:
        ours = row.get("label_id") is not None
        answers = Answers(self._mapping, ours=ours)
        answers.choose("target", as_list(row.get("labels"), "labels"))
        mark_each(answers, as_list(row.get("spans"), "spans"), item.text, "code_point", _span)
        if row.get("abstain") is True:
            answers.skip(row.get("skipped_because"))
        milliseconds = row.get("lead_time_ms")
        found = {
            **answers.fields(),
            "annotator": self._people.of(row.get("annotator_id")),
            "cohort": row.get("cohort"),
            "assisted": row.get("assistance") or ("prefilled" if row.get("assisted") is True else "none"),
            "codebook": row.get("guideline_version"),
            "seconds_spent": milliseconds / 1000 if isinstance(milliseconds, int | float) else None,
            "sample_reason": row.get("sample_reason"),
            "inclusion_probability": row.get("inclusion_prob"),
            "labelled_at": row.get("created_at"),
        }
        if not ours:
            told = json.dumps([row.get("guideline_version"), row.get("created_at")], default=str)
            return annotation_from(
                item, label_id_for(TOOL, item.item_id, row.get("annotator_id"), told), found
            )
        if row.get("schema_version") != 1:
            raise refused(Reason.WRONG_SHAPE, "schema_version: 1 is read")
        rest = {name: row[name] for name in _SAME_NAME if row.get(name) is not None}
        if row.get("spans") == []:
            rest["rationale"] = ()
        found["extra"] = _json(row.get("extra"))
        return annotation_from(item, str(row["label_id"]), found, rest)


def _span(value: dict[str, Any]) -> SpanParts:
    return value["label"], value["start"], value["end"], None


def _json(cell: object) -> dict[str, Any]:
    return as_object(parse(cell.encode("utf-8", "surrogatepass")), "extra") if isinstance(cell, str) else {}


def rows_of(labelled: Labelled) -> list[dict[str, Any]]:
    """The rows of one item."""
    return [row_of(labelled.item, annotation) for annotation in labelled.annotations]
