"""The shapes of `/v1/score`: what comes in, what goes out, with an example each."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from model.taxonomy import MAX_TEXT_CHARACTERS

MAX_POSTS = 1_000
MAX_ID_CHARACTERS = 200

POST_SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["text"],
    "properties": {
        "id": {
            "type": "string",
            "minLength": 1,
            "maxLength": MAX_ID_CHARACTERS,
            "description": "Comes back with the scores; default: the place in the request.",
        },
        "text": {"type": "string", "minLength": 1, "maxLength": MAX_TEXT_CHARACTERS},
    },
}
"""For the documentation: each post is read by itself, so that one bad post refuses itself only."""


class ScoreIn(BaseModel):
    """Posts to be scored and forgotten."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "posts": [{"id": "a-17", "text": "The synagogue's new roof was paid for by its neighbours."}]
            }
        },
    )

    posts: Annotated[
        list[Any],
        Field(min_length=1, max_length=MAX_POSTS),
        WithJsonSchema({"type": "array", "minItems": 1, "maxItems": MAX_POSTS, "items": POST_SCHEMA}),
    ]


class Scored(BaseModel):
    """One post's scores by head, each from 0 to 1, and the route that the policy proposes."""

    id: str
    scores: dict[str, float]
    route: str
    reason: str
    window: tuple[int, int] | None = Field(
        default=None,
        description="Of a text too long for one reading: the code points [start, end) that decided `hate`.",
    )
    notes: list[str] = Field(
        default=[],
        description="Why the scores may say little: mostly_links, image_caption, few_words, end_not_read.",
    )


class LanguageNotRead(BaseModel):
    """A post in a language that the model does not read: no scores, and no claim that it is harmless."""

    id: str
    scores: None = None
    not_scored: Literal["language"] = "language"
    language: str = Field(description="ISO 639 code of the language that the post seems to be in.")
    route: str
    reason: str


class Refused(BaseModel):
    """A post that could not be scored, and why."""

    id: str
    error: str
    message: str


class ScoreOut(BaseModel):
    """One row for each post, in the order of the request, and the bundle that gave the scores."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "bundle": "minilm-0123456789ab",
                "results": [
                    {
                        "id": "a-17",
                        "scores": {
                            "hate": 0.0102,
                            "antisemitic": 0.0154,
                            "islamophobic": 0.0009,
                            "far_right": 0.0011,
                        },
                        "route": "low_priority",
                        "reason": "no rule applies; the highest score is antisemitic 0.02",
                        "window": None,
                        "notes": [],
                    },
                    {
                        "id": "a-18",
                        "scores": None,
                        "not_scored": "language",
                        "language": "de",
                        "route": "unscored",
                        "reason": "not scored: the text seems to be in German (de), which this model does "
                        "not read",
                    },
                    {
                        "id": "a-19",
                        "error": "text_empty",
                        "message": "text: has no characters besides white space",
                    },
                ],
            }
        }
    )

    bundle: str
    results: list[Scored | LanguageNotRead | Refused]
