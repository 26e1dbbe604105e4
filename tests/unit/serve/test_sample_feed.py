"""The posts that `watchhouse demo` fills a new hub with."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from model.configuration import configs_folder
from model.normalise import check_text, normalise_text

HATEFUL = frozenset({
    4, 5, 9, 21, 30, 34, 44, 45, 53, 60, 63, 71, 76, 78, 80, 84, 97, 98, 125, 126, 127, 131, 142,
    145, 146, 147, 150, 152, 155, 158, 160, 161, 163, 167, 178, 181, 187, 193, 205, 210,
})  # fmt: skip
"""Numbers of the posts whose author means harm; every other post is ordinary, counter-speech or news."""

KEYS = {"id", "text", "platform", "url", "author", "posted_at"}


@pytest.fixture(scope="module")
def posts() -> list[dict[str, str]]:
    lines = (configs_folder() / "hub" / "sample-feed.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_sample_feed_has_about_two_hundred_posts_of_one_shape(posts: list[dict[str, str]]) -> None:
    assert 180 <= len(posts) <= 220
    assert all(set(post) == KEYS for post in posts)
    assert all(type(value) is str and value.strip() for post in posts for value in post.values())


@pytest.mark.parametrize("key", ["id", "text", "url"])
def test_no_two_sample_posts_share(key: str, posts: list[dict[str, str]]) -> None:
    values = [post[key] for post in posts]
    assert len(set(values)) == len(values)


def test_every_sample_text_can_be_scored(posts: list[dict[str, str]]) -> None:
    for post in posts:
        assert check_text(post["text"]) == post["text"]
        assert normalise_text(post["text"])


def test_sample_posts_lie_in_early_november_and_on_no_real_site(posts: list[dict[str, str]]) -> None:
    for post in posts:
        posted_at = datetime.fromisoformat(post["posted_at"])
        assert datetime(2026, 11, 1, tzinfo=UTC) <= posted_at < datetime(2026, 11, 16, tzinfo=UTC)
        assert post["url"].startswith("https://example.test/")
        assert "://" not in post["text"] or "https://example.test/" in post["text"]


def test_no_author_of_a_hateful_sample_post_wrote_another(posts: list[dict[str, str]]) -> None:
    hateful = [post["author"] for post in posts if int(post["id"].removeprefix("sample-")) in HATEFUL]
    others = {post["author"] for post in posts if int(post["id"].removeprefix("sample-")) not in HATEFUL}

    assert len(hateful) == len(set(hateful)) == len(HATEFUL)
    assert others.isdisjoint(hateful)


def test_sample_posts_stand_in_the_order_in_which_they_were_posted(posts: list[dict[str, str]]) -> None:
    moments = [post["posted_at"] for post in posts]
    assert moments == sorted(moments)
