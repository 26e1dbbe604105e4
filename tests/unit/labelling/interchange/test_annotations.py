"""The canonical records: what they hold, what they refuse, and that no message repeats what stood there."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from labelling.interchange.annotations import Annotation, Item, Prediction, fault_of, grouped
from model.configuration import sha256_of
from model.errors import BadRecord, NotText, TextEmpty, TextTooLong

SECRET = "words that nobody may see"


def label(**fields: Any) -> Annotation:
    return Annotation.model_validate({"label_id": "L", "item_id": "x1", **fields})


def test_item_knows_the_hash_of_its_text() -> None:
    item = Item.model_validate({"item_id": "x1", "text": "é 🐍"})

    assert item.text_sha256 == sha256_of("é 🐍".encode())
    with pytest.raises(ValidationError):
        Item.model_validate({"item_id": "x1", "text": "é", "text_sha256": item.text_sha256})


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", TextEmpty),
        (" \n", TextEmpty),
        ("a\0b", NotText),
        ("a\ud800", NotText),
        ("x" * 10_001, TextTooLong),
    ],
)
def test_text_that_cannot_be_used_is_refused(text: str, fault: type[Exception]) -> None:
    with pytest.raises(fault):
        Item.model_validate({"item_id": "x1", "text": text})


@pytest.mark.parametrize(
    "fields",
    [
        {"severity": 5},
        {"speech_act": "shouts"},
        {"strands": ["secret strand"]},
        {"strands": ["far_right"], "strands_asked": ["antisemitic"]},
        {"skipped_because": "other", "hate": False},
        {"skipped_because": "other", "strands_asked": ["far_right"]},
        {"rationale": [(3, 3)]},
        {"rationale": [(-1, 3)]},
        {"confidence": 1.01},
        {"inclusion_probability": 0},
        {"assisted": SECRET},
        {"codebook_sha256": "AB" * 32},
        {"labelled_at": "2026-01-02T10:00:00"},
        {"labelled_at": "0001-01-01T00:00:00+14:00"},
        {"note": ""},
        {"note": "a\0"},
        {"codes": ["two words"]},
        {"annotator": "x" * 201},
        {"extra": {"a": float("inf")}},
        {"extra": {"a": {"\0": 1}}},
        {"extra": {"a": 2**63}},
        {"extra": {SECRET: object()}},
        {SECRET: 1},
        {"schema_version": 2},
    ],
)
def test_label_that_means_nothing_is_refused_without_repeating_it(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        label(**fields)

    fault = fault_of(caught.value, Annotation)
    assert isinstance(fault, BadRecord)
    assert fault.field in {*Annotation.model_fields, "record"}
    assert SECRET not in fault.message


def test_nesting_has_a_limit() -> None:
    deep: Any = 1
    for _ in range(20):
        deep = [deep]

    with pytest.raises(ValidationError):
        label(extra={"a": deep})


def test_times_become_utc_seconds_milliseconds_and_strands_house_order() -> None:
    one = label(
        labelled_at="2026-01-02T11:00:00+01:00", seconds_spent=1.23456, strands=["far_right", "antisemitic"]
    )

    assert one.labelled_at is not None
    assert one.labelled_at.isoformat() == "2026-01-02T10:00:00+00:00"
    assert one.seconds_spent == 1.235
    assert one.strands == ("antisemitic", "far_right")


def test_strand_that_was_not_asked_has_no_answer() -> None:
    one = label(strands=["far_right"], strands_asked=["antisemitic", "far_right"])

    answers = [one.strand_answer(strand) for strand in ("antisemitic", "islamophobic", "far_right")]
    assert answers == [False, None, True]


def test_no_marked_words_is_not_the_same_as_not_marked() -> None:
    assert label(rationale=()).rationale == ()
    assert label().rationale is None


def test_prediction_of_an_unknown_head_is_refused() -> None:
    with pytest.raises(ValidationError):
        Prediction(item_id="x1", bundle_id="m", scores={"toxic": 0.5})


def test_records_that_do_not_fit_together_are_refused() -> None:
    item = Item.model_validate({"item_id": "x1", "text": "Short."})

    for items, labels in (
        ([item, item], []),
        ([item], [label(), label()]),
        ([], [label()]),
        ([item], [label(rationale=[(0, 7)])]),
    ):
        with pytest.raises(BadRecord):
            list(grouped(items, labels))
    with pytest.raises(BadRecord):
        list(grouped([item], [], [Prediction(item_id="x2", bundle_id="m")]))
