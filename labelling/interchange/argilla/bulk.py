"""A record as an item of the body that Argilla's server takes in bulk."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final
from uuid import UUID, uuid5

from labelling.interchange.argilla.records import (
    SUBMITTED,
    ArgillaRecord,
    Response,
    metadata_of,
    suggestion_of,
)
from labelling.interchange.shapes import as_list, as_object, identifier

RECORDS_IN_BULK: Final = 500
"""Most items of one body; others take 1,000. Source: argilla-io/argilla, server schema `records_bulk`."""

NAMESPACE: Final = UUID("6f1c2f3a-8f0e-5b0c-9d55-7761746368ff")
"""Of the ids that we give to people, labels and questions, because the server wants UUIDs."""


def question_id(name: str) -> str:
    """The id that stands for a question in our bulk files, unless the caller knows the server's own."""
    return str(uuid5(NAMESPACE, f"question:{name}"))


def to_bulk(record: ArgillaRecord, question_ids: dict[str, str]) -> dict[str, Any]:
    """The record as an item of the server's bulk body."""
    return {
        "fields": {"text": record.text},
        "external_id": record.record_id,
        "metadata": record.metadata,
        "responses": [
            {
                "user_id": response.user_id,
                "status": response.status,
                "values": {question: {"value": value} for question, value in response.values.items()},
            }
            for response in record.responses
        ],
        "suggestions": [
            {
                "question_id": question_ids.get(one.question) or question_id(one.question),
                "value": one.value,
                "score": one.score,
                "agent": one.agent,
                "type": "model",
            }
            for one in record.suggestions
        ],
    }


def from_bulk(value: object, question_names: dict[str, str]) -> ArgillaRecord:
    """The record of a bulk item; `question_names` leads from the server's ids to names. Raises: BadRecord."""
    written = as_object(value, "item")
    fields = as_object(written.get("fields"), "fields")
    return ArgillaRecord(
        identifier(written.get("external_id") or written.get("id")),
        fields.get("text"),
        metadata_of(written, fields),
        list(_bulk_responses(written)),
        [
            suggestion_of(question_names.get(str(one.get("question_id")), str(one.get("question_id"))), one)
            for one in (
                as_object(each, "suggestion") for each in as_list(written.get("suggestions"), "suggestions")
            )
        ],
    )


def _bulk_responses(written: dict[str, Any]) -> Iterator[Response]:
    for each in as_list(written.get("responses"), "responses"):
        one = as_object(each, "response")
        values = as_object(one.get("values") or {}, "values")
        said = {question: as_object(value, "value").get("value") for question, value in values.items()}
        status, at = str(one.get("status") or SUBMITTED), one.get("updated_at") or one.get("inserted_at")
        yield Response(identifier(one.get("user_id")), status, said, at)
