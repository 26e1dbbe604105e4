"""One record of Argilla, whatever shape it is in: nested, flattened, or as the server takes it in bulk.

Nested is `record.to_dict()`, flattened is `to_list(flatten=True)` and `to_datasets()`, bulk is the body of
`POST /datasets/{id}/records/bulk`: `{"items": [...]}`, at most 500 (older servers: 1,000). Source:
INTERFACES.md section 2.2; argilla-io/argilla, `GenericIO`, `Record.to_dict`, server schemas `records_bulk`,
`records`, `responses`, `suggestions`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from labelling.interchange.quarantine import Reason, refused
from labelling.interchange.shapes import as_object, identifier, without

QUESTIONS: Final = ("target", "hate", "severity", "speech_act", "codes", "context_flags", "rationale", "note")
SUBMITTED: Final = "submitted"
DISCARDED: Final = "discarded"
DRAFT: Final = "draft"


@dataclass(slots=True)
class Response:
    """What one user answered, by question."""

    user_id: str | None
    status: str = SUBMITTED
    values: dict[str, Any] = field(default_factory=dict)
    answered_at: Any = None


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What a model proposes for one question. `score` may be one number or one for each value."""

    question: str
    value: Any
    score: Any = None
    agent: str | None = None


@dataclass(slots=True)
class ArgillaRecord:
    """One record, whatever shape it was written in."""

    record_id: str | None
    text: Any
    metadata: dict[str, Any] = field(default_factory=dict)
    responses: list[Response] = field(default_factory=list)
    suggestions: list[Suggestion] = field(default_factory=list)


def metadata_of(written: dict[str, Any], fields: dict[str, Any]) -> dict[str, Any]:
    """A record's metadata, with the fields and vectors that we have no place for. Raises: BadRecord."""
    metadata = dict(as_object(written.get("metadata") or {}, "metadata"))
    further = {"fields": without(fields, ("text",)), "vectors": written.get("vectors")}
    return metadata | {name: value for name, value in further.items() if value}


def suggestion_of(question: str, written: dict[str, Any]) -> Suggestion:
    """A suggestion out of its object. Raises: BadRecord."""
    agent = identifier(written.get("agent"))
    return Suggestion(question, written.get("value"), written.get("score"), agent)


def by_user(answers: dict[str, list[tuple[Any, Any, Any]]]) -> list[Response]:
    """The answers to each question, as (user, status, value), put together by who gave them.

    Users who were deleted have no id. Several of them are told apart by their order, which says something
    only if each question has as many.

    Raises: BadRecord (answer_unclear).
    """
    nobodies = [sum(user is None for user, _, _ in all_) for all_ in answers.values()]
    if max(nobodies, default=0) > 1 and len(set(nobodies)) > 1:
        raise refused(Reason.ANSWER_UNCLEAR, "responses: which belong to the same deleted user?")
    found: dict[tuple[str | None, int], Response] = {}
    for question, all_ in answers.items():
        nobody = 0
        for user, status, value in all_:
            user_id = identifier(user)
            nobody += user_id is None
            key = (user_id, nobody if user_id is None else 0)
            response = found.setdefault(key, Response(user_id, str(status)))
            if question in response.values or response.status != status:
                raise refused(Reason.ANSWER_UNCLEAR, "responses: two of one user to one question")
            response.values[question] = value
    return list(found.values())
