"""The sample feed is stored once, as real posts are, however often it is offered."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import select

from model.errors import BadRecord
from serve.audit.events import Event
from serve.intake.sample_feed import SAMPLE_FEED, store_sample_feed
from serve.storage.engine import Database
from serve.storage.tables import AuditEvent, Post


def feed_file(folder: Path, *posts: dict[str, str]) -> Path:
    path = folder / "feed.jsonl"
    path.write_text("".join(json.dumps(post) + "\n" for post in posts), encoding="utf-8")
    return path


FIRST = {"id": "s1", "text": "The bakery on the corner opens at six.", "platform": "example"}
SECOND = {"id": "s2", "text": "Line one\u2028line two, both of one post."}


def test_feed_offered_twice_is_stored_once(database: Database, tmp_path: Path) -> None:
    path = feed_file(tmp_path, FIRST, SECOND)

    assert store_sample_feed(database, path) == 2
    assert store_sample_feed(database, path) == 0

    with database.read() as session:
        posts = session.scalars(select(Post).order_by(Post.post_id)).all()
        events = session.scalars(select(AuditEvent).where(AuditEvent.event == Event.POST_STORED)).all()
        stored = [(post.external_id, post.text) for post in posts]
        assert stored == [(post["id"], post["text"]) for post in (FIRST, SECOND)]
        assert {post.received_from for post in posts} == {SAMPLE_FEED}
        assert all(post.scored_at is None for post in posts)
        assert [event.subject for event in events] == [post.post_id for post in posts]


def test_post_added_to_the_feed_later_is_stored_alone(database: Database, tmp_path: Path) -> None:
    store_sample_feed(database, feed_file(tmp_path, FIRST))

    assert store_sample_feed(database, feed_file(tmp_path, FIRST, SECOND)) == 1


@pytest.mark.parametrize(
    ("posts", "said"),
    [
        ([FIRST, {"text": "no id of its own"}], "line 2: id"),
        ([FIRST, FIRST], "line 2: id"),
        ([{"id": "s1", "text": "   "}], "line 1: text"),
        ([{"id": "s1", "text": "fine", "colour": "red"}], "line 1: post"),
    ],
)
def test_bad_line_is_refused_by_its_number_and_nothing_is_stored(
    database: Database, tmp_path: Path, posts: list[dict[str, str]], said: str
) -> None:
    with pytest.raises(BadRecord, match=said):
        store_sample_feed(database, feed_file(tmp_path, *posts))

    with database.read() as session:
        assert session.scalars(select(Post)).all() == []


def test_line_that_is_not_json_is_refused_without_its_words(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "feed.jsonl"
    path.write_text("not json, and private\n", encoding="utf-8")

    with pytest.raises(BadRecord, match="line 1: not JSON") as refused:
        store_sample_feed(database, path)

    assert "private" not in refused.value.message
