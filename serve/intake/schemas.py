"""The shapes of `/v1/posts`: what comes in, what goes out, with an example each."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from model.taxonomy import MAX_TEXT_CHARACTERS, STRAND_ORDER
from serve.intake.reading import LONGEST
from serve.intake.reports import CONSENTS, KEY_CHANNELS, REPORTER_ROLES
from serve.intake.reports import LONGEST as REPORT_LONGEST

MAX_POSTS = 1_000
EXAMPLE_POST_ID = "01KAJZ2M5T8Q3W7X9Y1Z4B6C8D"

REPORT_SCHEMA: dict[str, Any] = {
    "type": ["object", "null"],
    "additionalProperties": False,
    "description": "Somebody told you of the post. It is triaged by a person before it is reviewed.",
    "properties": {
        "channel": {"type": ["string", "null"], "enum": [*KEY_CHANNELS, None], "default": KEY_CHANNELS[0]},
        "reporter_role": {
            "type": ["string", "null"],
            "enum": [*REPORTER_ROLES, None],
            "default": "not_said",
        },
        "consents": {
            "type": ["array", "null"],
            "items": {"type": "string", "enum": list(CONSENTS)},
            "description": "With whom the report may be shared; with nobody where it is left out.",
        },
        "immediate_danger": {"type": ["boolean", "null"], "default": False},
        "under_18": {"type": ["boolean", "null"], "default": False},
        "why": {
            "type": ["string", "null"],
            "maxLength": REPORT_LONGEST["why"],
            "description": "Why the reporter takes it for hostility.",
        },
        "perceived_strands": {
            "type": ["array", "null"],
            "items": {"type": "string", "enum": list(STRAND_ORDER)},
        },
        "reference": {
            "type": ["string", "null"],
            "maxLength": REPORT_LONGEST["reference"],
            "description": "Your own reference of the report.",
        },
    },
}

POST_SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["text"],
    "properties": {
        "id": {"type": "string", "minLength": 1, "maxLength": LONGEST["id"], "description": "Your own id."},
        "text": {"type": "string", "minLength": 1, "maxLength": MAX_TEXT_CHARACTERS},
        "platform": {"type": ["string", "null"], "minLength": 1, "maxLength": LONGEST["platform"]},
        "url": {"type": ["string", "null"], "minLength": 1, "maxLength": LONGEST["url"]},
        "author": {"type": ["string", "null"], "minLength": 1, "maxLength": LONGEST["author"]},
        "posted_at": {
            "type": ["string", "null"],
            "format": "date-time",
            "description": "ISO 8601 with a zone.",
        },
        "report": REPORT_SCHEMA,
    },
}
"""For the documentation: `reading.read_post` reads each post by itself, so that a bad one stops no other."""


class PostsIn(BaseModel):
    """Posts to be stored, then scored and queued."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "posts": [
                    {
                        "id": "a-17",
                        "text": "The mosque on Station Road opens its doors to visitors on Sunday.",
                        "platform": "example.social",
                        "url": "https://example.social/p/17",
                        "author": "@station_road",
                        "posted_at": "2026-11-21T09:30:00Z",
                    }
                ]
            }
        },
    )

    posts: Annotated[
        list[Any],
        Field(min_length=1, max_length=MAX_POSTS),
        WithJsonSchema({"type": "array", "minItems": 1, "maxItems": MAX_POSTS, "items": POST_SCHEMA}),
    ]


class AcceptedPost(BaseModel):
    """A stored post: the sender's id (else its place in the request) and ours."""

    id: str
    post_id: str


class RejectedPost(BaseModel):
    """A post that was not stored, and why."""

    id: str
    code: str
    message: str


class PostsAnswer(BaseModel):
    """What became of each post of a request."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "accepted": [{"id": "a-17", "post_id": EXAMPLE_POST_ID}],
                "rejected": [
                    {
                        "id": "a-18",
                        "code": "text_empty",
                        "message": "text: has no characters besides white space",
                    }
                ],
            }
        }
    )

    accepted: list[AcceptedPost]
    rejected: list[RejectedPost]


class ScoresOut(BaseModel):
    """The machine's scores, each from 0 to 1, null where the text could not be scored; never a decision."""

    hate: float | None
    antisemitic: float | None
    islamophobic: float | None
    far_right: float | None


class PostOut(BaseModel):
    """A stored post. `state` is `waiting` until it is scored, then the state of its case."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "post_id": EXAMPLE_POST_ID,
                "id": "a-17",
                "text": "The mosque on Station Road opens its doors to visitors on Sunday.",
                "platform": "example.social",
                "url": "https://example.social/p/17",
                "author": "@station_road",
                "posted_at": "2026-11-21T09:30:00Z",
                "received_at": "2026-11-21T09:31:02.114Z",
                "scored_at": "2026-11-21T09:31:02.380Z",
                "scores": {
                    "hate": 0.0131,
                    "antisemitic": 0.0012,
                    "islamophobic": 0.0188,
                    "far_right": 0.0021,
                },
                "route": "low_priority",
                "reason": "no rule applies; the highest score is islamophobic 0.02",
                "bundle": "minilm-0123456789ab",
                "case_id": "01KAJZ2M5T8Q3W7X9Y1Z4B6C8E",
                "state": "captured",
            }
        }
    )

    post_id: str
    id: str | None
    text: str
    platform: str | None
    url: str | None
    author: str | None
    posted_at: datetime | None
    received_at: datetime
    scored_at: datetime | None
    scores: ScoresOut | None
    route: str | None
    reason: str | None
    bundle: str | None
    case_id: str | None
    state: str
