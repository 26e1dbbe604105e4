"""Argilla's records, in the three shapes that INTERFACES.md section 2.2 gives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from labelling.interchange.annotations import Annotation, Item, Prediction
from labelling.interchange.argilla.bulk import RECORDS_IN_BULK, question_id
from labelling.interchange.command import export_labels, import_labels, read_labels
from labelling.interchange.entries import Found
from labelling.interchange.formats import Reading, Writing
from labelling.interchange.mapping import default_mapping

ADA, BO = "6f1c0000-0000-4000-8000-000000000001", "6f1c0000-0000-4000-8000-000000000002"
SPANS = [{"label": "RATIONALE", "start": 0, "end": 7}]
NESTED: dict[str, Any] = {
    "id": "x1",
    "fields": {"text": "example text"},
    "metadata": {"source": "t"},
    "suggestions": {"target": {"value": ["antisemitic"], "score": [0.91], "agent": "m7"}},
    "responses": {
        "target": [{"value": ["antisemitic"], "user_id": ADA}],
        "rationale": [{"value": SPANS, "user_id": ADA}],
    },
    "vectors": {},
    "_server_id": "6f1c0000-0000-4000-8000-000000000009",
}
FLAT: dict[str, Any] = {
    "id": "x1",
    "text": "example text",
    "source": "t",
    "target.responses": [["antisemitic"]],
    "target.responses.users": [ADA],
    "target.responses.status": ["submitted"],
    "rationale.responses": [SPANS],
    "rationale.responses.users": [ADA],
    "rationale.responses.status": ["submitted"],
    "target.suggestion": ["antisemitic"],
    "target.suggestion.score": [0.91],
    "target.suggestion.agent": "m7",
    "note.suggestion": None,
}
ITEM: dict[str, Any] = {
    "fields": {"text": "example text"},
    "external_id": "x1",
    "metadata": {"source": "t"},
    "responses": [
        {
            "user_id": ADA,
            "status": "submitted",
            "values": {"target": {"value": ["antisemitic"]}, "rationale": {"value": SPANS}},
        }
    ],
    "suggestions": [
        {
            "question_id": question_id("target"),
            "value": ["antisemitic"],
            "score": [0.91],
            "agent": "m7",
            "type": "model",
        }
    ],
}


@pytest.mark.parametrize(
    ("content", "format"),
    [
        (json.dumps([NESTED]), "argilla"),
        (json.dumps(NESTED) + "\n", "argilla"),
        (json.dumps([FLAT]), "argilla-flat"),
        (json.dumps(FLAT) + "\n", "argilla-flat"),
        (json.dumps({"items": [ITEM]}), "argilla-server"),
        (json.dumps({"items": [ITEM]}, indent=1), "argilla-server"),
    ],
)
def test_published_shapes_are_read_alike(read: Any, content: str, format: str) -> None:
    result = read(content)

    (item,), (label,), (prediction,) = result.items, result.annotations, result.predictions
    assert result.format == format
    assert (item.item_id, item.text, item.metadata) == ("x1", "example text", {"source": "t"})
    assert (label.strands, label.rationale) == (("antisemitic",), ((0, 7),))
    assert label.annotator.startswith("annotator-")
    assert (prediction.bundle_id, prediction.scores) == ("m7", {"antisemitic": 0.91})
    assert (result.counts.read, result.counts.imported) == (2, 2)


def test_answers_are_put_together_by_user(read: Any) -> None:
    record = NESTED | {
        "responses": {
            "target": [{"value": ["antisemitic"], "user_id": ADA}, {"value": ["far right"], "user_id": BO}],
            "hate": [{"value": "not hate", "user_id": BO}, {"value": "hate", "user_id": ADA}],
        }
    }

    first, second = read(json.dumps([record])).annotations

    assert (first.strands, first.hate) == (("antisemitic",), True)
    assert (second.strands, second.hate) == (("far_right",), False)


def test_one_deleted_user_is_nobody_and_two_are_told_apart_only_where_that_is_sure(read: Any) -> None:
    def record(**responses: list[list[str]]) -> str:
        named = {
            question: [{"value": value, "user_id": None} for value in values]
            for question, values in responses.items()
        }
        return json.dumps([NESTED | {"responses": named, "suggestions": {}}])

    one = read(record(target=[["antisemitic"]], hate=[["hate"]]))
    two = read(record(target=[["antisemitic"], ["far right"]], hate=[["hate"], ["not hate"]]))
    unclear = read(record(target=[["antisemitic"], ["far right"]], hate=[["hate"]]))

    assert [(label.annotator, label.strands, label.hate) for label in one.annotations] == [
        (None, ("antisemitic",), True)
    ]
    assert [(label.strands, label.hate) for label in two.annotations] == [
        (("antisemitic",), True),
        (("far_right",), False),
    ]
    assert [entry.reason for entry in unclear.quarantined] == ["answer_unclear"]


def test_drafts_are_quarantined_and_discarded_ones_are_skips(read: Any) -> None:
    responses = [
        ITEM["responses"][0] | {"status": "draft"},
        {"user_id": BO, "status": "discarded", "values": None},
    ]

    result = read(json.dumps({"items": [ITEM | {"responses": responses}]}))

    assert [(one.reason, one.part) for one in result.quarantined] == [("draft", "responses[0]")]
    assert [label.skipped_because for label in result.annotations] == ["other"]


def test_record_as_the_server_gives_it_tells_when_it_was_answered(read: Any) -> None:
    def told(moment: str) -> Annotation:
        response = ITEM["responses"][0] | {"id": BO, "updated_at": moment}
        (label,) = read(json.dumps({"items": [ITEM | {"responses": [response]}], "total": 1})).annotations
        assert isinstance(label, Annotation)
        return label

    with_zone, without_zone = told("2026-01-02T10:00:04Z"), told("2026-01-02T10:00:04")

    assert with_zone.labelled_at is not None
    assert with_zone.labelled_at.isoformat() == "2026-01-02T10:00:04+00:00"
    assert without_zone.labelled_at is None
    assert without_zone.extra == {"argilla": {"answered_at": "2026-01-02T10:00:04"}}


def test_flattened_records_in_a_table_are_recognised(tmp_path: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    rows = [
        FLAT,
        FLAT | {"id": "x2"} | dict.fromkeys(name for name in FLAT if name.startswith("target.responses")),
    ]
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "t")

    result = import_labels(tmp_path / "t")

    assert result.format == "argilla-flat"
    assert [label.strands for label in result.annotations] == [("antisemitic",), ()]


def test_deleted_user_of_a_flat_row_is_nobody(read: Any) -> None:
    row = FLAT | {"target.responses.users": ["None"], "rationale.responses.users": ["None"]}

    assert [label.annotator for label in read(json.dumps([row])).annotations] == [None]


def test_flat_row_whose_columns_differ_in_length_is_quarantined(read: Any) -> None:
    result = read(json.dumps([FLAT | {"target.responses.users": [ADA, BO]}]))

    assert [one.reason for one in result.quarantined] == ["wrong_shape"]


def test_span_that_ends_before_it_begins_is_quarantined(read: Any) -> None:
    bad = [{"label": "RATIONALE", "start": 7, "end": 7}]
    record = NESTED | {"responses": {"rationale": [{"value": bad, "user_id": ADA}]}, "suggestions": {}}

    assert [one.reason for one in read(json.dumps([record])).quarantined] == ["bad_offset"]


def test_server_takes_at_most_so_many_records_in_a_body(tmp_path: Path) -> None:
    items = [
        Item.model_validate({"item_id": str(number), "text": "A text."})
        for number in range(RECORDS_IN_BULK + 1)
    ]

    export_labels(items, [], [], "argilla-server", tmp_path / "bulk.jsonl")

    bodies = [json.loads(line) for line in (tmp_path / "bulk.jsonl").read_text().splitlines()]
    assert [len(body["items"]) for body in bodies] == [RECORDS_IN_BULK, 1]
    assert len(import_labels(tmp_path / "bulk.jsonl").items) == RECORDS_IN_BULK + 1


def test_bulk_body_keeps_what_the_server_demands(
    tmp_path: Path, item: Item, full_label: Annotation, skipped_label: Annotation, prediction: Prediction
) -> None:
    again = full_label.model_copy(update={"label_id": "02LABEL"})
    ids = {"target": "6f1c0000-0000-4000-8000-00000000000a"}
    out = tmp_path / "bulk.jsonl"

    export_labels(
        [item],
        [full_label, again, skipped_label],
        [prediction, prediction.model_copy(update={"bundle_id": "m2"})],
        "argilla-server",
        out,
        writing=Writing(question_ids=ids),
    )

    (written,) = json.loads(out.read_text(encoding="utf-8"))["items"]
    users = [UUID(one["user_id"]) for one in written["responses"]]
    assert len(set(users)) == len(users) == 3, "one response per record and user"
    assert [one["question_id"] for one in written["suggestions"]] == [ids["target"]], "one per question"
    assert [one["status"] for one in written["responses"]] == ["submitted", "submitted", "discarded"]
    assert all(isinstance(value, str | int | float) for value in written["metadata"].values())
    reading = Reading(default_mapping(), question_ids=ids)
    labels = [
        one.annotation
        for one in read_labels(out, reading=reading)
        if isinstance(one, Found) and one.annotation
    ]
    assert labels == [full_label, again, skipped_label]


@pytest.mark.parametrize(("format", "keys"), [("argilla", set(NESTED)), ("argilla-flat", None)])
def test_export_has_the_published_shape(
    tmp_path: Path,
    item: Item,
    full_label: Annotation,
    prediction: Prediction,
    format: str,
    keys: set[str] | None,
) -> None:
    export_labels([item], [full_label], [prediction], format, tmp_path / "records.json")

    (record,) = json.loads((tmp_path / "records.json").read_text(encoding="utf-8"))
    spans = [{"label": "RATIONALE", "start": 0, "end": 7}, {"label": "RATIONALE", "start": 26, "end": 35}]
    if keys is not None:
        assert set(record) == keys
        assert record["responses"]["target"][0]["value"] == ["antisemitic", "far_right"]
        assert record["responses"]["rationale"][0]["value"] == spans
        suggestion = {"value": ["antisemitic"], "score": [0.5], "agent": "minilm-v3"}
        assert record["suggestions"] == {"target": suggestion}
        return
    assert record["target.responses"] == [["antisemitic", "far_right"]]
    assert record["rationale.responses"] == [spans]
    assert record["target.responses.status"] == ["submitted"]
    assert record["target.responses.users"] == record["severity.responses.users"]
    assert (record["target.suggestion"], record["target.suggestion.agent"]) == (["antisemitic"], "minilm-v3")


def test_suggestion_scores_are_by_head_only_where_each_has_its_own(read: Any) -> None:
    several = {"target": {"value": ["antisemitic", "far right"], "score": 0.5, "agent": None}}

    (prediction,) = read(json.dumps([NESTED | {"suggestions": several, "responses": {}}])).predictions

    assert (prediction.bundle_id, prediction.scores) == ("argilla", {})
    assert prediction.extra == {"argilla": {"target": {"value": ["antisemitic", "far right"], "score": 0.5}}}
