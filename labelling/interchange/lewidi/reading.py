"""LeWiDi JSON of either edition as our records; answers to tasks that no mapping knows are quarantined."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from labelling.interchange.annotations import Annotation, Item
from labelling.interchange.answers import Answers
from labelling.interchange.entries import Entry, Place
from labelling.interchange.json_rows import Row
from labelling.interchange.mapping import Mapping
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
from labelling.interchange.shapes import as_object, without
from model.errors import BadInput

TOOL: Final = "lewidi"

_READ: Final = frozenset(
    {"text", "annotation task", "number of annotations", "number of annotators", "annotations", "annotators"}
    | {"hard_label", "soft_label", "lang", "split", "other_info"}
)


def read(rows: Iterator[Row], mapping: Mapping, people: Pseudonyms) -> Iterator[Entry]:
    """The entries of the members of the object; either edition."""
    for row in rows:
        place = Place(row.number)
        try:
            if row.fault is not None:
                raise row.fault
            written = as_object(row.value, "entry")
            info = as_object(written.get("other_info") or {}, "other_info")
            block = remainder_of(info.get(KEY))
            answers = _answers_of(written, info)
            item = _item_of(row.key, written, info, block)
        except BadInput as fault:
            yield place.refuse(fault)
            continue
        yield from _entries(place, item, str(written.get("annotation task")), answers, block, mapping, people)


def _item_of(key: str | None, written: dict[str, Any], info: dict[str, Any], block: Remainder | None) -> Item:
    metadata = {name: written[name] for name in ("split", "lang") if written.get(name)}
    if block is not None:
        return item_from(block.item_id, written.get("text"), metadata | block.metadata)
    metadata |= without(written, _READ) | without(info, ("annotators group",))
    text = written.get("text")
    if isinstance(text, dict):
        # Some tasks show a text with its context: the parts in the order that they are written in.
        parts = [part for part in text.values() if isinstance(part, str) and part]
        metadata["text_parts"], text = text, "\n".join(parts)
    return item_from(f"{TOOL}-{key}", text, metadata)


def _answers_of(written: dict[str, Any], info: dict[str, Any]) -> list[tuple[str, str, str | None]]:
    """Name, answer and cohort of each annotator. Raises: BadRecord when their numbers differ."""
    said = written.get("annotations")
    if isinstance(said, dict):
        names, values = list(said), [str(value) for value in said.values()]
    else:
        names, values = _cells(written.get("annotators")), _cells(said)
    groups: list[Any] = _cells(info.get("annotators group"))
    groups = [group or None for group in groups] if len(groups) == len(names) else [None] * len(names)
    if len(names) != len(values):
        raise refused(Reason.WRONG_SHAPE, "annotations: not as many as annotators")
    return list(zip(names, values, groups, strict=True))


def _cells(value: object) -> list[str]:
    if value is None or value == "":
        return []
    if not isinstance(value, str):
        raise refused(Reason.WRONG_SHAPE, "annotations: neither text nor an object")
    return [cell.strip() for cell in value.split(",")]


def _entries(
    place: Place,
    item: Item,
    task: str,
    answers: list[tuple[str, str, str | None]],
    block: Remainder | None,
    mapping: Mapping,
    people: Pseudonyms,
) -> Iterator[Entry]:
    anything = False
    for number, (name, value, group) in enumerate(answers):
        anything = True
        told = partial(_annotation, item, task, (name, value, group), number, block, mapping, people)
        yield place.label(item, f"annotations[{number}]", told)
    for label_id, rest in (block.annotations if block else {}).items():
        if block is not None and label_id not in block.links.values():
            anything = True
            yield place.label(item, f"{KEY}.annotations", partial(annotation_from, item, label_id, {}, rest))
    for number, fields in enumerate(block.predictions if block else ()):
        anything = True
        part = f"{KEY}.predictions[{number}]"
        yield place.prediction(item, part, partial(prediction_from, item, fields))
    if not anything:
        yield place.bare(item)


def _annotation(
    item: Item,
    task: str,
    said: tuple[str, str, str | None],
    number: int,
    block: Remainder | None,
    mapping: Mapping,
    people: Pseudonyms,
) -> Annotation:
    name, value, group = said
    label_id = block.links.get(name) if block else None
    if block is not None and label_id is not None:
        if value not in ("0", "1"):
            raise refused(Reason.BAD_VALUE, "annotations: neither 0 nor 1")
        native = {"annotator": people.of(name), "cohort": group}
        rest = block.annotations.get(label_id, {})
        known = {field: told for field, told in native.items() if field not in rest}
        return annotation_from(item, label_id, {**known, "hate": value == "1"}, rest)
    answers = Answers(mapping)
    answers.choose(task, value)
    found = {**answers.fields(), "annotator": people.of(name), "cohort": group}
    return annotation_from(item, label_id_for(TOOL, item.item_id, name, number), found)
