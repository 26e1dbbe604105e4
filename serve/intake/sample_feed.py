"""The sample feed: posts that ship with Watchhouse, so that a new hub has something to show."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

from sqlalchemy import select

from model.errors import BadInput, BadRecord
from serve.intake.reading import IncomingPost, read_post
from serve.intake.storing import ids_in_order, store_posts
from serve.storage.engine import Database
from serve.storage.identifiers import utc_now
from serve.storage.tables import Post

SAMPLE_FEED = "system:sample_feed"
"""The actor that sample posts are received from: it tells them apart from real ones for ever."""


def store_sample_feed(database: Database, path: Path) -> int:
    """How many posts of the file were new to this hub, now stored as the API would store them.

    A post whose id came from the sample feed before is left alone, so the feed can be offered at every start.
    Raises: BadRecord with the line number.
    """
    now = utc_now()
    feed = read_sample_feed(path, now=now)
    with database.write() as session:
        seen = set(session.scalars(select(Post.external_id).where(Post.received_from == SAMPLE_FEED)))
        new = [post for post in feed if post.external_id not in seen]
        store_posts(session, new, ids_in_order(len(new)), actor=SAMPLE_FEED, now=now)
    return len(new)


def read_sample_feed(path: Path, *, now: datetime) -> list[IncomingPost]:
    """The posts of a JSONL file in the shape of `POST /v1/posts`, every one with an id of its own.

    Raises: BadRecord with the line number, never the text.
    """
    posts: dict[str, IncomingPost] = {}
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            post = _read_line(line, number, now)
            if post.external_id is None or post.external_id in posts:
                raise BadRecord(f"sample feed, line {number}: id: must be there, and once", field="id")
            posts[post.external_id] = post
    return list(posts.values())


def _read_line(line: str, number: int, now: datetime) -> IncomingPost:
    try:
        return read_post(json.loads(line), index=number, now=now)
    except ValueError:
        raise BadRecord(f"sample feed, line {number}: not JSON", field="line") from None
    except BadInput as fault:
        raise BadRecord(f"sample feed, line {number}: {fault.message}", field=fault.field) from None
