"""Label Studio's JSON_MIN as our records: one flat object for each annotation. Read only.

The keys beside the task's own data are those that its converter writes: each control by its name,
`annotator`, `annotation_id`, `created_at`, `updated_at`, `lead_time`, `id`, sometimes `agreement`. Skipped
annotations and predictions are not in such a file.
Source: INTERFACES.md section 2.1; HumanSignal/label-studio-sdk, `convert_to_json_min` and `prettify_result`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from labelling.interchange.annotations import Annotation, Item
from labelling.interchange.answers import ONE_OF_OURS, SEVERAL_OF_OURS, Answers
from labelling.interchange.entries import Entry, Found, Place
from labelling.interchange.json_rows import Row
from labelling.interchange.label_studio.reading import TOOL, take_region
from labelling.interchange.mapping import Mapping
from labelling.interchange.pseudonyms import Pseudonyms
from labelling.interchange.remainder import KEY, annotation_from, item_from, label_id_for, remainder_of
from labelling.interchange.shapes import as_object, identifier, without
from model.errors import BadInput

_KNOWN: Final = frozenset(
    {"id", "annotator", "annotation_id", "created_at", "updated_at", "lead_time", "agreement", KEY}
)
_VALUE_KINDS: Final = {
    **{kind: kind for kind in ("choices", "labels", "number", "rating")},
    "text": "textarea",
}
"""By the key that tells them apart, the kinds of region that a value may have been."""


def read(rows: Iterator[Row], mapping: Mapping, people: Pseudonyms) -> Iterator[Entry]:
    """The entries of a JSON_MIN file: one for each row."""
    for row in rows:
        place = Place(row.number)
        try:
            if row.fault is not None:
                raise row.fault
            item, annotation = _both(as_object(row.value, "row"), mapping, people)
            yield Found(row.number, item, annotation)
        except BadInput as fault:
            yield place.refuse(fault)


def _both(written: dict[str, Any], mapping: Mapping, people: Pseudonyms) -> tuple[Item, Annotation]:
    block = remainder_of(written.get(KEY))
    text_name = next((name for name in mapping.columns.text if name in written), "text")
    others = without(written, _KNOWN | {text_name})
    controls = {
        name: value
        for name, value in others.items()
        if _is_control(name, value, mapping, ours=block is not None)
    }
    item_id = identifier(written.get("id")) if block is None else block.item_id
    metadata = without(others, controls) | (block.metadata if block else {})
    item = item_from(item_id, written.get(text_name), metadata)
    answers = Answers(mapping, ours=block is not None)
    for name, value in controls.items():
        _take(answers, name, value, item.text, mapping)
    found = {
        **answers.fields(),
        "labelled_at": written.get("updated_at") or written.get("created_at"),
        "seconds_spent": written.get("lead_time"),
        "annotator": people.of(written.get("annotator")),
    }
    if written.get("agreement") is not None:
        found["extra"] = {TOOL: {"agreement": written["agreement"]}}
    return item, annotation_from(item, label_id_for(TOOL, item.item_id, written.get("annotation_id")), found)


def _is_control(name: str, value: object, mapping: Mapping, *, ours: bool) -> bool:
    """Whether a key is an answer and not a column of the task's data, which stand side by side here."""
    if isinstance(value, dict):
        return "choices" in value
    if isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
        return any(kind in value[0] for kind in _VALUE_KINDS)
    known = name in mapping.columns.labels or name in mapping.columns.note
    return known or (ours and name in (*ONE_OF_OURS, *SEVERAL_OF_OURS, "note"))


def _take(answers: Answers, name: str, value: Any, text: str, mapping: Mapping) -> None:
    if name in mapping.columns.note or name == "note":
        answers.write(value)
        return
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, str):
            answers.choose(name, one)
            continue
        kind = next((kind for key, kind in _VALUE_KINDS.items() if key in as_object(one, name)), "")
        region = {"from_name": name, "type": kind, "value": one}
        take_region(answers, region, text, mapping.offset_unit)
