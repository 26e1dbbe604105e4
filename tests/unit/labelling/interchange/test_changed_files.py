"""Files with anything in place of anything: no import comes down, and everything is counted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labelling.interchange.annotations import Annotation, Item, Prediction
from labelling.interchange.collection import Collector
from labelling.interchange.command import export_labels
from labelling.interchange.formats import FOLDER, READERS, WRITERS, Reading, read_file
from labelling.interchange.mapping import default_mapping
from labelling.interchange.quarantine import Quarantined
from model.errors import BadFile

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-1000, 1000) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=20,
)


KEYS = (
    *(
        "id",
        "data",
        "text",
        "fields",
        "annotations",
        "result",
        "responses",
        "target",
        "label",
        "entities",
        "cats",
    ),
    *(
        "answer",
        "accept",
        "options",
        "spans",
        "suggestions",
        "items",
        "watchhouse",
        "kind",
        "metadata",
        "annotators",
    ),
    *("other_info", "target.responses", "predictions", "_input_hash", "completed_by", "Comments", "drafts"),
)


@pytest.mark.parametrize("format", [*READERS, FOLDER])
@settings(max_examples=15)
@given(value=JSON | st.lists(st.dictionaries(st.sampled_from(KEYS), JSON, max_size=6), max_size=3))
def test_no_json_brings_an_import_down(
    format: str, value: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("hostile")
    for number, content in enumerate(
        (json.dumps(value), "\n".join(map(json.dumps, value if isinstance(value, list) else [value])))
    ):
        path = folder / str(number)
        path.write_text(content, encoding="utf-8")
        collector = Collector()
        try:
            found = list(collector.sorted_out(read_file(path, format, Reading(default_mapping()))))
        except BadFile:
            continue
        counts = collector.counts
        assert counts.read == counts.imported + counts.quarantined
        assert sum(isinstance(one, Quarantined) for one in found) <= counts.quarantined


def nodes(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, one in inside for place in nodes(one, (*path, key)))]


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    other = dict(value) if isinstance(value, dict) else list(value)
    other[path[0]] = replaced(value[path[0]], path[1:], new)
    return other


@pytest.mark.parametrize(
    "format", [name for name in WRITERS if name not in ("csv", "doccano-zip", "labelled-posts")]
)
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_export_of_ours_with_anything_replaced_is_read_or_quarantined(
    format: str,
    data: st.DataObject,
    tmp_path_factory: pytest.TempPathFactory,
    item: Item,
    full_label: Annotation,
    skipped_label: Annotation,
    prediction: Prediction,
) -> None:
    path = tmp_path_factory.mktemp("changed") / "file"
    export_labels([item], [full_label, skipped_label], [prediction], format, path)
    content = path.read_text(encoding="utf-8")
    by_line = format in ("watchhouse", "doccano", "argilla-server")
    value = [json.loads(line) for line in content.splitlines()] if by_line else json.loads(content)
    place = data.draw(st.sampled_from(nodes(value)))

    changed(path, format.removesuffix("-2025"), replaced(value, place, data.draw(ANYTHING)), by_line=by_line)


ANYTHING = JSON | st.sampled_from([{}, [], "", "x", 0, -1, [[]], [{}], None])


def changed(path: Path, format: str, value: Any, *, by_line: bool) -> None:
    """Writes and reads the value: whatever it is, everything is counted and nothing is raised."""
    rows = value if by_line and isinstance(value, list) else [value]
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    collector = Collector()
    records = list(collector.sorted_out(read_file(path, format, Reading(default_mapping()))))
    counts = collector.counts
    assert counts.read == counts.imported + counts.quarantined
    assert counts.labels == sum(isinstance(one, Annotation) for one in records)


REGIONS = [
    {"id": "a", "from_name": "target", "type": "choices", "value": {"choices": ["antisemitic"]}},
    {"id": "b", "from_name": "r", "type": "labels", "value": {"start": 0, "end": 3, "labels": ["RATIONALE"]}},
    {"id": "c", "from_name": "severity", "type": "rating", "value": {"rating": 3}},
    {"id": "d", "from_name": "note", "type": "textarea", "value": {"text": ["A note."]}},
]
SPANS = [{"label": "RATIONALE", "start": 0, "end": 3}]
FOREIGN: dict[str, Any] = {
    "label-studio": [
        {
            "id": 1,
            "data": {"text": "A text."},
            "annotations": [{"id": 1, "completed_by": {"id": 3}, "lead_time": 1.5, "result": REGIONS}],
            "predictions": [{"model_version": "m", "score": 0.5, "result": REGIONS[:1]}],
        }
    ],
    "label-studio-min": [
        {
            "text": "A text.",
            "target": {"choices": ["antisemitic"]},
            "rationale": [REGIONS[1]["value"]],
            "annotator": 3,
            "annotation_id": 1,
            "lead_time": 1.5,
        }
    ],
    "argilla": [
        {
            "id": "x1",
            "fields": {"text": "A text."},
            "metadata": {"source": "t"},
            "suggestions": {"target": {"value": ["antisemitic"], "score": [0.5], "agent": "m"}},
            "responses": {
                "target": [{"value": ["antisemitic"], "user_id": "u"}],
                "rationale": [{"value": SPANS, "user_id": "u"}],
            },
        }
    ],
    "argilla-flat": [
        {
            "id": "x1",
            "text": "A text.",
            "target.responses": [["antisemitic"]],
            "target.responses.users": ["u"],
            "target.responses.status": ["submitted"],
            "target.suggestion": ["antisemitic"],
            "target.suggestion.score": [0.5],
            "target.suggestion.agent": "m",
        }
    ],
    "argilla-server": [
        {
            "items": [
                {
                    "fields": {"text": "A text."},
                    "responses": [
                        {"user_id": "u", "status": "submitted", "values": {"rationale": {"value": SPANS}}}
                    ],
                    "suggestions": [{"question_id": "q", "value": ["antisemitic"], "score": 0.5}],
                }
            ]
        }
    ],
    "doccano": [
        {"id": 1, "text": "A text.", "label": ["antisemitic"], "Comments": ["A note."]},
        {"id": 2, "text": "A text.", "entities": [[0, 3, "RATIONALE"]], "cats": ["hate"]},
        {
            "id": 3,
            "text": "A text.",
            "entities": [{"label": "RATIONALE", "start_offset": 0, "end_offset": 3}],
        },
    ],
    "prodigy": [
        {"text": "A text.", "label": "ANTISEMITIC", "answer": "reject", "_input_hash": 1, "_session_id": "s"},
        {
            "text": "A text.",
            "options": [{"id": "hate"}, {"id": "antisemitic"}],
            "accept": ["hate"],
            "answer": "accept",
            "_timestamp": 5,
        },
        {"text": "A text.", "spans": SPANS, "answer": "accept"},
    ],
    "lewidi": {
        "1": {
            "text": "A text.",
            "annotation task": "hate speech detection",
            "annotations": "0,1",
            "annotators": "a,b",
            "other_info": {"annotators group": "g,h"},
        },
        "2": {
            "text": {"post": "A.", "reply": "B."},
            "annotation task": "hate speech detection",
            "annotations": {"a": "1"},
        },
    },
}


@pytest.mark.parametrize("format", FOREIGN)
@settings(max_examples=40)
@given(data=st.data())
def test_foreign_file_with_anything_replaced_is_read_or_quarantined(
    format: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    value = FOREIGN[format]
    path = tmp_path_factory.mktemp("foreign") / "file"
    by_line = format in ("doccano", "argilla-server", "prodigy")
    place = data.draw(st.sampled_from(nodes(value)))

    changed(path, format, replaced(value, place, data.draw(ANYTHING)), by_line=by_line)
