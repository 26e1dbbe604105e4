"""A record as Argilla's `record.to_dict()` and `to_list()` give it."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from labelling.interchange.argilla.records import (
    SUBMITTED,
    ArgillaRecord,
    by_user,
    metadata_of,
    suggestion_of,
)
from labelling.interchange.shapes import as_list, as_object, identifier


def to_nested(record: ArgillaRecord) -> dict[str, Any]:
    """The record as `to_dict` gives it, which has no status: a discarded response looks like any other."""
    responses: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for response in record.responses:
        for question, value in response.values.items():
            responses[question].append({"value": value, "user_id": response.user_id})
    return {
        "id": record.record_id,
        "fields": {"text": record.text},
        "metadata": record.metadata,
        "suggestions": {
            one.question: {"value": one.value, "score": one.score, "agent": one.agent}
            for one in record.suggestions
        },
        "responses": dict(responses),
        "vectors": {},
        "_server_id": None,
    }


def from_nested(value: object) -> ArgillaRecord:
    """The record of a nested object. Raises: BadRecord."""
    written = as_object(value, "record")
    fields = as_object(written.get("fields"), "fields")
    by_question = as_object(written.get("responses") or {}, "responses")
    lists = {
        question: [as_object(one, "response") for one in as_list(all_, "responses")]
        for question, all_ in by_question.items()
    }
    suggestions = as_object(written.get("suggestions") or {}, "suggestions")
    return ArgillaRecord(
        identifier(written.get("id")),
        fields.get("text"),
        metadata_of(written, fields),
        by_user(
            {
                question: [
                    (one.get("user_id"), one.get("status") or SUBMITTED, one.get("value")) for one in all_
                ]
                for question, all_ in lists.items()
            }
        ),
        [
            suggestion_of(question, as_object(one, "suggestion"))
            for question, one in suggestions.items()
            if one is not None
        ],
    )
