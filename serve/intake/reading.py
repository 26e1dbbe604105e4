"""One post of a request, read field by field: taken whole or refused with the field's name.

Posts are read one at a time and not by the request's schema, because a bad post among good ones must
not stop the good ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from model.errors import BadInput
from model.normalise import check_text
from serve.field_text import field_text
from serve.intake.reports import KEY_CHANNELS, IncomingReport, read_report

LONGEST = {"id": 200, "platform": 100, "url": 2_000, "author": 200, "posted_at": 64}
"""Most characters of each field but `text`, whose limit is MAX_TEXT_CHARACTERS."""

FIELDS = frozenset({"text", "report", *LONGEST})
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
FUTURE_ALLOWED = timedelta(days=1)
"""How far a sender's clock may run ahead before its `posted_at` is taken for a mistake."""


@dataclass(frozen=True, slots=True)
class IncomingPost:
    """A post that may be stored. `answer_id` is the sender's id, else the post's place in the request."""

    answer_id: str
    external_id: str | None
    text: str
    platform: str | None
    url: str | None
    author: str | None
    posted_at: datetime | None
    report: IncomingReport | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A post that is not stored, and why."""

    answer_id: str
    code: str
    message: str


def read_posts(raw_posts: Sequence[object], *, now: datetime) -> tuple[list[IncomingPost], list[Refusal]]:
    """The posts that may be stored, and the others with the reason, both in the order of the request."""
    posts: list[IncomingPost] = []
    refusals: list[Refusal] = []
    for index, raw in enumerate(raw_posts):
        try:
            posts.append(read_post(raw, index=index, now=now))
        except BadInput as fault:
            refusals.append(Refusal(answer_id(raw, index), fault.code, fault.message))
    return posts, refusals


def read_post(raw: object, *, index: int, now: datetime) -> IncomingPost:
    """The post at place `index` of a request.

    Raises: BadInput (also as NotText, TextEmpty, TextTooLong) naming the field.
    """
    if not isinstance(raw, Mapping):
        raise BadInput("post: must be an object")
    if not FIELDS.issuperset(raw):
        raise BadInput(f"post: has a field besides {', '.join(sorted(FIELDS))}")
    report = raw.get("report")
    given = {name: _optional(raw, name) for name in LONGEST}
    return IncomingPost(
        answer_id=given["id"] or str(index),
        external_id=given["id"],
        text=check_text(raw.get("text")),
        platform=given["platform"],
        url=given["url"],
        author=given["author"],
        posted_at=None if given["posted_at"] is None else read_instant(given["posted_at"], now=now),
        report=None if report is None else read_report(report, channels=KEY_CHANNELS),
    )


def read_instant(value: str, *, now: datetime) -> datetime:
    """The UTC instant of an ISO 8601 date and time with a zone.

    Raises: BadInput when it has no zone, or lies before 1970 or more than a day ahead.
    """
    try:
        instant = datetime.fromisoformat(value)
        if instant.tzinfo is None:
            raise BadInput("posted_at: must have a zone, for example 2026-11-21T09:30:00Z", field="posted_at")
        instant = instant.astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadInput("posted_at: must be an ISO 8601 date and time", field="posted_at") from None
    if not EARLIEST <= instant <= now + FUTURE_ALLOWED:
        raise BadInput("posted_at: must lie between 1970 and tomorrow", field="posted_at")
    return instant


def answer_id(raw: object, index: int) -> str:
    """The post's own id where it is fit to be sent back, else its place in the request."""
    if isinstance(raw, Mapping):
        try:
            return field_text(raw.get("id"), field="id", longest=LONGEST["id"])
        except BadInput:
            pass
    return str(index)


def _optional(raw: Mapping[str, Any], name: str) -> str | None:
    value = raw.get(name)
    return None if value is None else field_text(value, field=name, longest=LONGEST[name])
