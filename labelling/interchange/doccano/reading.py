"""doccano's rows as ours: classes, spans, both, relations beside them. Who labelled is the file's name."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from labelling.interchange.annotations import Annotation, Item
from labelling.interchange.answers import Answers, SpanParts, mark_each
from labelling.interchange.doccano.writing import NOBODY, RESERVED, SHARED
from labelling.interchange.entries import Entry, Place
from labelling.interchange.json_rows import Row
from labelling.interchange.mapping import Mapping
from labelling.interchange.offsets import OffsetUnit
from labelling.interchange.pseudonyms import Pseudonyms
from labelling.interchange.quarantine import Reason, refused
from labelling.interchange.remainder import (
    KEY,
    Remainder,
    annotation_from,
    item_from,
    label_id_for,
    prediction_from,
    remainder_of,
)
from labelling.interchange.shapes import as_list, as_object, identifier, without
from model.errors import BadInput

TOOL: Final = "doccano"


def read(
    rows: Iterator[Row],
    mapping: Mapping,
    people: Pseudonyms,
    *,
    file_name: str | None = None,
    member: int | None = None,
) -> Iterator[Entry]:
    """The entries of one file's rows. Of a zip, `file_name` (without its ending) is the annotator."""
    annotator = None if file_name is None or file_name in (*SHARED, NOBODY) else people.of(file_name)
    for row in rows:
        place = Place(row.number, member)
        try:
            if row.fault is not None:
                raise row.fault
            written = as_object(row.value, "row")
            block = remainder_of(written.get(KEY))
            item = _item_of(written, block)
        except BadInput as fault:
            yield place.refuse(fault)
            continue
        yield from _entries(place, item, written, block, mapping, annotator)


def _item_of(written: dict[str, Any], block: Remainder | None) -> Item:
    text = written["text"] if "text" in written else written.get("data")
    if block is not None:
        return item_from(block.item_id, text, without(written, RESERVED) | block.metadata)
    return item_from(identifier(written.get("id")), text, without(written, RESERVED))


def _entries(
    place: Place,
    item: Item,
    written: dict[str, Any],
    block: Remainder | None,
    mapping: Mapping,
    annotator: str | None,
) -> Iterator[Entry]:
    label_ids = list(block.annotations) if block else []
    predictions = block.predictions if block else ()
    if len(label_ids) > 1:
        yield place.refuse(refused(Reason.WRONG_SHAPE, f"{KEY}: more than one label in a row"))
        return
    makes_label = bool(label_ids) or mapping.empty_means_none or _says_anything(written)
    if makes_label:
        label_id = label_ids[0] if label_ids else None
        yield place.label(
            item, None, partial(_annotation, item, written, block, mapping, annotator, label_id)
        )
    for number, fields in enumerate(predictions):
        part = f"{KEY}.predictions[{number}]"
        yield place.prediction(item, part, partial(prediction_from, item, fields))
    if not makes_label and not predictions:
        yield place.bare(item)


def _says_anything(written: dict[str, Any]) -> bool:
    """Whether the row has a label: doccano writes an empty list both for none and for not yet."""
    return any(written.get(name) for name in ("label", "labels", "entities", "cats", "Comments"))


def _annotation(
    item: Item,
    written: dict[str, Any],
    block: Remainder | None,
    mapping: Mapping,
    annotator: str | None,
    label_id: str | None,
) -> Annotation:
    answers = Answers(mapping, ours=block is not None)
    unit = block.offset_unit if block is not None and label_id else mapping.offset_unit
    labels = written["label"] if "label" in written else written.get("labels")
    if isinstance(labels, str):
        answers.choose_anywhere(labels)
    for label in as_list(None if isinstance(labels, str) else labels, "label"):
        if isinstance(label, str):
            answers.choose_anywhere(label)
        else:
            _mark(answers, [label], item.text, unit)
    answers.choose_anywhere(as_list(written.get("cats"), "cats"))
    _mark(answers, as_list(written.get("entities"), "entities"), item.text, unit)
    answers.write(as_list(written.get("Comments"), "Comments"))
    found = answers.fields()
    if label_id is not None and block is not None:
        return annotation_from(item, label_id, found, block.annotations[label_id])
    found["annotator"] = annotator
    if written.get("relations"):
        found["extra"] = {TOOL: {"relations": written["relations"]}}
    return annotation_from(item, label_id_for(TOOL, item.item_id, annotator), found)


def _mark(answers: Answers, spans: list[Any], text: str, unit: OffsetUnit) -> None:
    mark_each(answers, spans, text, unit, _span)


def _span(span: Any) -> SpanParts:
    if isinstance(span, dict):
        return span["label"], span["start_offset"], span["end_offset"], None
    start, end, label = span
    return label, start, end, None
