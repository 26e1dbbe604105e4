"""Prodigy's JSONL, in the shapes that INTERFACES.md section 2.4 gives."""

from __future__ import annotations

import json
from typing import Any

import pytest

BINARY: dict[str, Any] = {
    "text": "example text",
    "label": "ANTISEMITIC",
    "_input_hash": -1080010644,
    "_task_hash": -1728445858,
    "answer": "accept",
}
CHOICE: dict[str, Any] = {
    "text": "example text",
    "options": [
        {"id": "antisemitic", "text": "Antisemitic"},
        {"id": "far_right", "text": "Far right"},
    ],
    "accept": ["antisemitic"],
    "_input_hash": 1,
    "_task_hash": 2,
    "_session_id": "ds-alice",
    "answer": "accept",
}
SPANS: dict[str, Any] = {
    "text": "🐍 example text",
    "_input_hash": 7,
    "tokens": [{"text": "example", "start": 2, "end": 9, "id": 1, "ws": True}],
    "spans": [{"start": 2, "end": 9, "token_start": 1, "token_end": 1, "label": "RATIONALE"}],
    "answer": "accept",
    "_view_id": "spans_manual",
    "_timestamp": 1767348004,
    "_annotator_id": "ds-bo",
}


def lines(*rows: dict[str, Any]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def test_accepted_label_is_ticked_and_nothing_else_was_asked(read: Any) -> None:
    result = read(lines(BINARY))

    (item,), (label,) = result.items, result.annotations
    assert result.format == "prodigy"
    assert item.item_id == "prodigy--1080010644"
    assert (label.strands, label.strands_asked, label.hate) == (("antisemitic",), ("antisemitic",), None)
    assert label.annotator is None


def test_rejected_label_is_an_explicit_no(read: Any) -> None:
    (label,) = read(lines(BINARY | {"answer": "reject"})).annotations

    assert label.strand_answer("antisemitic") is False
    assert label.strand_answer("far_right") is None


def test_ignored_row_is_a_skip(read: Any) -> None:
    (label,) = read(lines(BINARY | {"answer": "ignore"})).annotations

    assert label.skipped_because == "other"


def test_options_that_were_not_accepted_are_answered_with_no(read: Any) -> None:
    (label,) = read(lines(CHOICE)).annotations

    assert label.strand_answer("antisemitic") is True
    assert label.strand_answer("far_right") is False
    assert label.strand_answer("islamophobic") is None
    assert label.annotator.startswith("annotator-")
    assert "alice" not in label.model_dump_json()


def test_rows_of_one_person_and_text_become_one_label(read: Any) -> None:
    person = {"_session_id": "ds-alice"}
    rows = [
        BINARY | person,
        BINARY | person | {"label": "FAR_RIGHT", "answer": "reject"},
        BINARY | person | {"label": "ISLAMOPHOBIC", "answer": "ignore"},
        BINARY | {"_session_id": "ds-bo"},
    ]

    result = read(lines(*rows))

    assert len(result.items) == 1
    first, second = result.annotations
    assert (first.strands, first.strands_asked) == (("antisemitic",), ("antisemitic", "far_right"))
    assert first.extra == {"prodigy": {"ignored": ["ISLAMOPHOBIC"]}}
    assert first.annotator != second.annotator
    assert (result.counts.read, result.counts.imported, result.counts.labels) == (4, 4, 2)


def test_second_answer_that_contradicts_the_first_is_quarantined(read: Any) -> None:
    result = read(lines(BINARY, BINARY | {"answer": "reject"}))

    assert [(one.row, one.reason) for one in result.quarantined] == [(2, "labels_contradict")]
    assert [label.strands for label in result.annotations] == [("antisemitic",)]
    assert (result.counts.read, result.counts.imported) == (2, 1)


def test_row_that_is_refused_half_way_leaves_no_trace(read: Any) -> None:
    first = CHOICE | {"options": CHOICE["options"][:1]}
    half = CHOICE | {"accept": ["far_right", "secret"]}

    result = read(lines(first, half))

    assert [(one.row, one.reason) for one in result.quarantined] == [(2, "unknown_label")]
    (label,) = result.annotations
    assert (label.strands, label.strands_asked) == (("antisemitic",), ("antisemitic",))


def test_spans_are_code_points_and_the_time_is_utc(read: Any) -> None:
    (label,) = read(lines(SPANS)).annotations

    assert label.rationale == ((2, 9),)
    assert label.labelled_at.isoformat() == "2026-01-02T10:00:04+00:00"


def test_spans_beside_a_label_are_a_pattern_and_no_rationale(read: Any) -> None:
    pattern = [{"start": 0, "end": 7, "label": "ANTISEMITIC", "pattern": 3}]

    (label,) = read(lines(BINARY | {"spans": pattern, "meta": {"score": 0.5}})).annotations

    assert label.rationale is None
    assert label.extra == {"prodigy": {"rows": [{"meta": {"score": 0.5}}]}}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (BINARY | {"label": "PERSON"}, "unknown_label"),
        (BINARY | {"answer": "maybe"}, "answer_unclear"),
        (CHOICE | {"answer": "reject"}, "answer_unclear"),
        (SPANS | {"answer": "reject"}, "answer_unclear"),
        ({"text": "example text", "answer": "accept"}, "answer_unclear"),
        (BINARY | {"label": "S3", "answer": "reject"}, "answer_unclear"),
        (BINARY | {"text": ""}, "text_empty"),
        (BINARY | {"_timestamp": "yesterday"}, "bad_value"),
        (SPANS | {"spans": [{"start": 2, "end": 99, "label": "RATIONALE"}]}, "bad_offset"),
    ],
)
def test_rows_without_a_clear_meaning_are_quarantined(read: Any, row: dict[str, Any], reason: str) -> None:
    result = read(lines(row), "prodigy")

    assert [one.reason for one in result.quarantined] == [reason]
    assert result.annotations == ()


def test_two_texts_under_one_hash_are_not_one_item(read: Any) -> None:
    result = read(lines(BINARY, BINARY | {"text": "another text"}))

    assert [(one.row, one.reason) for one in result.quarantined] == [(2, "text_differs")]
