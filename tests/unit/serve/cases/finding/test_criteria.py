from __future__ import annotations

from datetime import date

import pytest

from model.errors import BadInput
from serve.cases.finding.criteria import Criteria, read_criteria

FULL = {
    "q": 'bus "number nine"',
    "state": "waiting",
    "queue": "far_right",
    "outcome": "no_action",
    "severity": "3",
    "platform": "example",
    "author": "@ada",
    "received_from": "2026-11-01",
    "received_to": "2026-11-21",
    "due_class": "urgent",
    "reference": "abcd 2345",
}


def test_form_is_read_and_written_back_the_same() -> None:
    criteria = read_criteria(FULL, outcomes={"no_action"})

    assert criteria.received_to == date(2026, 11, 21)
    assert (criteria.severity, criteria.reference) == (3, "ABCD2345")
    assert criteria.as_typed() == FULL | {"reference": "ABCD2345"}
    assert read_criteria(criteria.as_typed()) == criteria


def test_blank_and_unknown_fields_ask_for_nothing() -> None:
    assert read_criteria({"q": "  ", "state": "", "colour": "blue"}) == Criteria()
    assert Criteria().is_empty
    assert not Criteria(severity=0).is_empty


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("q", '"open'),
        ("state", "nowhere"),
        ("queue", "everything"),
        ("outcome", "hang_them"),
        ("severity", "5"),
        ("severity", "-1"),
        ("author", "x" * 201),
        ("author", "a\x00b"),
        ("platform", "x" * 101),
        ("received_from", "yesterday"),
        ("received_from", "1066-10-14"),
        ("received_to", "9999-12-31"),
        ("received_to", "2026-10-01"),
        ("due_class", "soon"),
        ("reference", "abc"),
        ("reference", "%%%%"),
        ("reference", "________"),
    ],
)
def test_field_that_cannot_be_read_is_named(field: str, value: str) -> None:
    with pytest.raises(BadInput) as refused:
        read_criteria(FULL | {field: value}, outcomes={"no_action"})
    assert refused.value.field == field
    assert value not in refused.value.message
