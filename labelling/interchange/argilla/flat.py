"""A record as one flat row: Argilla's `to_list(flatten=True)` and the columns of `to_datasets()`."""

from __future__ import annotations

from typing import Any

from labelling.interchange.argilla.records import (
    QUESTIONS,
    SUBMITTED,
    ArgillaRecord,
    Suggestion,
    by_user,
)
from labelling.interchange.quarantine import Reason, refused
from labelling.interchange.shapes import as_list, as_object, identifier, without


def to_flat(record: ArgillaRecord) -> dict[str, Any]:
    """The record as one flat row; metadata keys stand at the top, so they must not be names of columns."""
    row: dict[str, Any] = {"id": record.record_id, "text": record.text, **record.metadata}
    for response in record.responses:
        # A response without values has no place of its own: its status stands with the first question.
        for question, value in (response.values or {QUESTIONS[0]: None}).items():
            name = f"{question}.responses"
            row.setdefault(name, []).append(value)
            row.setdefault(f"{name}.users", []).append(response.user_id)
            row.setdefault(f"{name}.status", []).append(response.status)
    for one in record.suggestions:
        name = f"{one.question}.suggestion"
        row |= {name: one.value, f"{name}.score": one.score, f"{name}.agent": one.agent}
    return row


def from_flat(value: object) -> ArgillaRecord:
    """The record of a flat row. Raises: BadRecord."""
    row = as_object(value, "record")
    answers: dict[str, list[tuple[Any, Any, Any]]] = {}
    suggestions: list[Suggestion] = []
    metadata: dict[str, Any] = {}
    for name, said in without(row, ("id", "text", "_server_id")).items():
        question, _, rest = name.rpartition(".responses")
        if question and not rest:
            answers[question] = _column_of(row, name, said)
        elif name.endswith(".suggestion") and said is not None:
            score, agent = row.get(f"{name}.score"), row.get(f"{name}.agent")
            suggestions.append(Suggestion(name.removesuffix(".suggestion"), said, score, identifier(agent)))
        elif said is not None and ".responses." not in name and ".suggestion" not in name:
            metadata[name] = said
    responses = by_user({question: all_ for question, all_ in answers.items() if all_})
    for response in responses:
        response.values = {question: one for question, one in response.values.items() if one is not None}
    return ArgillaRecord(identifier(row.get("id")), row.get("text"), metadata, responses, suggestions)


def _column_of(row: dict[str, Any], name: str, said: Any) -> list[tuple[Any, Any, Any]]:
    values = as_list(said, name)
    users = as_list(row.get(f"{name}.users"), "users") or [None] * len(values)
    statuses = as_list(row.get(f"{name}.status"), "status") or [SUBMITTED] * len(values)
    if not len(values) == len(users) == len(statuses):
        raise refused(Reason.WRONG_SHAPE, "responses: values, users and status are not of one length")
    # to_list() writes a deleted user's id with str(), so that None becomes a word.
    ids = [None if user == "None" else user for user in users]
    return list(zip(ids, [status or SUBMITTED for status in statuses], values, strict=True))
