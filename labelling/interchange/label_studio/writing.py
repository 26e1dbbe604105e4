"""Tasks as Label Studio takes them: `data`, `annotations`, `predictions` and `drafts`.

The shape is that of INTERFACES.md section 2.1. The block of what Label Studio cannot hold stands in `data`,
which it stores and exports unchanged. A region's id begins with the label's id and leads back to it, because
Label Studio gives every annotation a new `id` and drops keys that it does not know.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from typing import Any, BinaryIO, Final

from labelling.interchange.annotations import Annotation, Item, Labelled, Prediction
from labelling.interchange.answers import RATIONALE, ticked
from labelling.interchange.remainder import KEY, Remainder, predictions_of, rest_of
from labelling.interchange.shapes import as_numbered
from model.taxonomy import STRAND_ORDER

SHOWN_FROM: Final = 0.5
"""Score from which a strand is shown as ticked in advance; the scores themselves stand in the block."""

RESERVED: Final = ("text", KEY)
COVERED: Final = (
    *("strands", "hate", "severity", "speech_act", "codes", "context_flags", "confidence", "note"),
    *("labelled_at", "seconds_spent", "ground_truth"),
)
"""The fields that Label Studio holds by itself; a rationale too, unless it is an empty one."""


def write(labelled: Iterable[Labelled], file: BinaryIO, *, people: Mapping[str, int] | None = None) -> None:
    """Writes the tasks as one JSON list, a task a line.

    `people` gives pseudonyms the ids of Label Studio users. Label Studio refuses a file with a `completed_by`
    that it does not know, so the key is left out for everybody else: it then takes whoever imports.
    """
    before, numbers, tasks = b"[\n", count(1), count(1)
    given: set[int] = set()
    for one in labelled:
        number = _task_number(one.item.item_id, tasks, given)
        task = task_of(one, number, numbers, people or {})
        file.write(before + json.dumps(task, ensure_ascii=False).encode())
        before = b",\n"
    file.write(b"\n]\n" if before == b",\n" else b"[]\n")


def _task_number(item_id: str, numbers: Iterator[int], given: set[int]) -> int:
    """The number that the task has in Label Studio, if it came from there; the others are counted."""
    known = as_numbered(item_id)
    is_free = isinstance(known, int) and known not in given
    number = known if is_free and isinstance(known, int) else next(n for n in numbers if n not in given)
    given.add(number)
    return number


def task_of(
    labelled: Labelled, number: int, numbers: Iterator[int], people: Mapping[str, int]
) -> dict[str, Any]:
    """One item with its labels and predictions as a task; annotations take their ids from `numbers`."""
    item = labelled.item
    block = Remainder(
        item_id=item.item_id,
        metadata={key: value for key, value in item.metadata.items() if key in RESERVED},
        annotations={one.label_id: rest_of(one, _covered(one)) for one in labelled.annotations},
        predictions=predictions_of(labelled),
    )
    native = {key: value for key, value in item.metadata.items() if key not in RESERVED}
    return {
        "id": number,
        "data": {"text": item.text, **native, KEY: block.as_json()},
        "annotations": [_annotation_of(one, item, next(numbers), people) for one in labelled.annotations],
        "predictions": [
            _prediction_of(one, place) for place, one in enumerate(labelled.predictions, start=1)
        ],
        "drafts": [],
    }


def _covered(annotation: Annotation) -> tuple[str, ...]:
    return (*COVERED, "rationale") if annotation.rationale else COVERED


def _annotation_of(
    annotation: Annotation, item: Item, number: int, people: Mapping[str, int]
) -> dict[str, Any]:
    at = annotation.labelled_at
    written: dict[str, Any] = {
        "id": number,
        "was_cancelled": annotation.skipped_because is not None,
        "ground_truth": annotation.ground_truth,
        "lead_time": annotation.seconds_spent,
        "result": _regions_of(annotation, item.text),
        KEY: annotation.label_id,
    }
    if at is not None:
        written["created_at"] = written["updated_at"] = at.isoformat().replace("+00:00", "Z")
    if annotation.annotator is not None and annotation.annotator in people:
        written["completed_by"] = people[annotation.annotator]
    return written


def _regions_of(annotation: Annotation, text: str) -> list[dict[str, Any]]:
    choices = {**ticked(annotation), "codes": annotation.codes, "context_flags": annotation.context_flags}
    values: list[tuple[str, str, dict[str, Any]]] = [
        (name, "choices", {"choices": list(chosen)}) for name, chosen in choices.items() if chosen
    ]
    if annotation.confidence is not None:
        values.append(("confidence", "number", {"number": annotation.confidence}))
    if annotation.note is not None:
        values.append(("note", "textarea", {"text": [annotation.note]}))
    for start, end in annotation.rationale or ():
        span = {"start": start, "end": end, "text": text[start:end], "labels": [RATIONALE]}
        values.append(("rationale", "labels", span))
    return [
        {
            "id": f"{annotation.label_id}~{place}",
            "from_name": name,
            "to_name": "text",
            "type": kind,
            "value": value,
        }
        for place, (name, kind, value) in enumerate(values, start=1)
    ]


def _prediction_of(prediction: Prediction, number: int) -> dict[str, Any]:
    shown = [strand for strand in STRAND_ORDER if prediction.scores.get(strand, 0.0) >= SHOWN_FROM]
    region = {"id": f"p{number}", "from_name": "target", "to_name": "text", "type": "choices"}
    return {
        "model_version": prediction.bundle_id,
        "score": prediction.scores.get("hate"),
        "result": [{**region, "value": {"choices": shown}}] if shown else [],
    }
