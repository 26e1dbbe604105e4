from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import func, select

from model.errors import BadInput, NotFound
from serve.audit.events import Event
from serve.hub import Hub
from serve.intake import storing
from serve.intake.reading import read_post, read_posts
from serve.intake.storing import ids_in_order, stored_post, take_posts
from serve.storage.tables import AuditEvent, Post

SENDER = "key:01KAJZ2M5T8Q3W7X9Y1Z4B6C8G"
TEXT = "The mosque on Station Road opens its doors to visitors on Sunday."
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def send(hub: Hub, *posts: object) -> dict[str, Any]:
    return take_posts(hub, posts, actor=SENDER, repeatable=None).body


def how_many(hub: Hub) -> int:
    with hub.database.read() as session:
        return session.execute(select(func.count()).select_from(Post)).scalar_one()


def test_post_is_stored_as_it_was_sent_with_its_audit_event(hub: Hub) -> None:
    sent = {"id": "a-17", "text": TEXT, "platform": "example.social", "url": "javascript:alert(1)",
            "author": "<b>@road</b>", "posted_at": "2026-11-20T23:30:00-02:00"}  # fmt: skip
    answer = send(hub, sent)
    (accepted,) = answer["accepted"]
    assert accepted["id"] == "a-17"
    assert hub.posts_waiting.is_set()
    with hub.database.read() as session:
        stored = stored_post(session, accepted["post_id"])
        event = session.scalars(select(AuditEvent).where(AuditEvent.subject == accepted["post_id"])).one()
    post = stored.post
    assert (post.external_id, post.text, post.platform) == ("a-17", TEXT, "example.social")
    assert (post.url, post.author) == ("javascript:alert(1)", "<b>@road</b>")
    assert post.posted_at == datetime(2026, 11, 21, 1, 30, tzinfo=UTC)
    assert (post.received_from, post.scored_at) == (SENDER, None)
    assert (stored.state, stored.case_id, stored.scores) == ("waiting", None, None)
    assert (event.event, event.actor) == (Event.POST_STORED, SENDER)
    assert "mosque" not in str(event.details)


def test_text_alone_is_enough_and_the_place_stands_in_for_the_id(hub: Hub) -> None:
    answer = send(hub, {"text": "one"}, {"text": "two", "id": None, "posted_at": None})
    assert [row["id"] for row in answer["accepted"]] == ["0", "1"]
    with hub.database.read() as session:
        assert stored_post(session, answer["accepted"][0]["post_id"]).post.external_id is None


@pytest.mark.parametrize(
    ("post", "answer_id", "code", "field"),
    [
        ({"id": "x"}, "x", "not_text", "text"),
        ({"id": "x", "text": 7}, "x", "not_text", "text"),
        ({"id": "x", "text": " \u2003 "}, "x", "text_empty", "text"),
        ({"id": "x", "text": "\u200b\u2060"}, "x", "text_empty", "text"),
        ({"id": "x", "text": "a\x00b"}, "x", "not_text", "text"),
        ({"id": "x", "text": "\ud800"}, "x", "not_text", "text"),
        ({"id": "x", "text": "a" * 10_001}, "x", "text_too_long", "text"),
        ({"id": "\ud800", "text": "a"}, "1", "not_text", "id"),
        ({"id": "", "text": "a"}, "1", "bad_input", "id"),
        ({"id": "x" * 201, "text": "a"}, "1", "bad_input", "id"),
        ({"id": 7, "text": "a"}, "1", "not_text", "id"),
        ({"id": "x", "text": "a", "platform": "p" * 101}, "x", "bad_input", "platform"),
        ({"id": "x", "text": "a", "url": "u" * 2_001}, "x", "bad_input", "url"),
        ({"id": "x", "text": "a", "author": "a\x00"}, "x", "not_text", "author"),
        ({"id": "x", "text": "a", "author": "\udfff"}, "x", "not_text", "author"),
        ({"id": "x", "text": "a", "posted_at": "2026-11-21T09:30:00"}, "x", "bad_input", "posted_at"),
        ({"id": "x", "text": "a", "posted_at": "yesterday"}, "x", "bad_input", "posted_at"),
        ({"id": "x", "text": "a", "posted_at": "0001-01-01T00:00:00+14:00"}, "x", "bad_input", "posted_at"),
        ({"id": "x", "text": "a", "posted_at": "9999-12-31T23:59:59-14:00"}, "x", "bad_input", "posted_at"),
        ({"id": "x", "text": "a", "posted_at": 1_790_000_000}, "x", "not_text", "posted_at"),
        ({"id": "x", "text": "a", "mood": "grim"}, "x", "bad_input", "post"),
        ("just text", "1", "bad_input", "post"),
        (None, "1", "bad_input", "post"),
    ],
)
def test_bad_post_among_good_ones_is_refused_alone(
    post: object, answer_id: str, code: str, field: str
) -> None:
    posts, (refusal,) = read_posts([{"text": "first"}, post, {"text": "third"}], now=NOON)
    assert [post.answer_id for post in posts] == ["0", "2"]
    assert (refusal.answer_id, refusal.code) == (answer_id, code)
    assert refusal.message.startswith(f"{field}: ")
    assert "grim" not in refusal.message
    assert "mood" not in refusal.message


@pytest.mark.parametrize(
    ("posted_at", "fits"),
    [
        ("1970-01-01T00:00:00Z", True),
        ("1969-12-31T23:59:59Z", False),
        ("2026-11-22T12:00:00+00:00", True),
        ("2026-11-22T12:00:01+00:00", False),
    ],
)
def test_posted_at_lies_between_1970_and_tomorrow(posted_at: str, fits: bool) -> None:
    if fits:
        assert read_post({"text": "a", "posted_at": posted_at}, index=0, now=NOON).posted_at is not None
    else:
        with pytest.raises(BadInput, match="between 1970 and tomorrow"):
            read_post({"text": "a", "posted_at": posted_at}, index=0, now=NOON)


def test_request_of_bad_posts_only_stores_nothing_and_says_why_for_each(hub: Hub) -> None:
    with pytest.raises(BadInput) as refused:
        send(hub, {"text": ""}, {"id": "b"})
    assert refused.value.members["accepted"] == []
    assert [row["id"] for row in refused.value.members["rejected"]] == ["0", "b"]
    assert how_many(hub) == 0
    assert not hub.posts_waiting.is_set()


def test_failure_half_way_stores_no_post_of_the_request(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    real = storing.record

    def breaks_at_the_third(*arguments: Any, **more: Any) -> None:
        calls.append(1)
        if len(calls) == 3:
            raise ZeroDivisionError
        real(*arguments, **more)

    calls: list[int] = []
    monkeypatch.setattr(storing, "record", breaks_at_the_third)
    with pytest.raises(ZeroDivisionError):
        send(hub, *({"text": "a"} for _ in range(5)))
    assert how_many(hub) == 0
    assert not hub.posts_waiting.is_set()


def test_thousand_posts_are_stored_in_their_order(hub: Hub) -> None:
    answer = send(hub, *({"id": f"n{number}", "text": f"post {number}"} for number in range(1_000)))
    with hub.database.read() as session:
        kept = session.scalars(select(Post.external_id).order_by(Post.post_id)).all()
    assert kept == [f"n{number}" for number in range(1_000)]
    assert len({row["post_id"] for row in answer["accepted"]}) == 1_000


def test_post_that_does_not_exist_is_not_found(hub: Hub) -> None:
    with hub.database.read() as session, pytest.raises(NotFound):
        stored_post(session, ids_in_order(1)[0])
