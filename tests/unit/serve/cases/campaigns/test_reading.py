from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from serve.cases.campaigns.differing import Part, differences
from serve.cases.campaigns.matching import Place
from serve.cases.campaigns.reading import campaign_line, wordings
from serve.hub import Hub
from serve.storage.tables import Case

Gather = Callable[..., list[Place]]


def marked(first: str, text: str) -> list[tuple[str, str]]:
    return [
        (run.part.value, run.text.strip()) for run in differences(first, text) if run.part is not Part.SAME
    ]


@pytest.mark.parametrize(
    ("first", "text", "found"),
    [
        ("Tea at noon", "Tea at noon", []),
        ("Tea at noon", "TEA, at noon!", []),
        ("Tea at noon", "Tea is at noon", [("added", "is")]),
        ("Tea is at noon", "Tea at noon", [("left_out", "is")]),
        ("Tea is not good", "Tea is good", [("left_out", "not")]),
        ("Tea at noon", "Tea at nine", [("left_out", "noon"), ("added", "nine")]),
        ("Tea 😀", "Tea 😡", [("left_out", "😀"), ("added", "😡")]),
        ("", "Tea", [("added", "Tea")]),
    ],
)
def test_words_that_differ_are_marked(first: str, text: str, found: list[tuple[str, str]]) -> None:
    assert marked(first, text) == found


@given(st.text(max_size=80), st.text(max_size=80))
def test_runs_make_up_the_text_and_those_left_out_the_first(first: str, text: str) -> None:
    runs = differences(first, text)

    assert "".join(run.text for run in runs if run.part is not Part.LEFT_OUT) == text
    assert "".join(run.text for run in differences(text, text)) == text


def test_five_thousand_words_are_compared() -> None:
    first = "a b " * 2_500
    runs = differences(first, first + "c")

    assert [run.part for run in runs] == [Part.SAME, Part.ADDED]


def test_wordings_are_read_once_each_in_the_order_of_their_first_posts(
    hub: Hub, gather_posts: Gather, original: str, now: Any
) -> None:
    (first,) = gather_posts(original, author="@ada")
    gather_posts(original + " Please!", original.upper(), minutes=5, author="@ben")
    gather_posts(original + " Please!", minutes=9)
    with hub.database.read() as session:
        found = wordings(session, first.case_id)
        line = campaign_line(session, session.scalars(select(Case)).one())
        later = wordings(session, first.case_id, limit=1, skip=1)

    assert [(one.number, one.posts, one.sample.text) for one in found] == [
        (1, 2, original),
        (2, 2, original + " Please!"),
    ]
    assert [(one.last_seen_at - now).total_seconds() for one in found] == [300, 540]
    assert [run.text for run in found[1].runs() if run.part is Part.ADDED] == ["Please!"]
    assert {run.part for run in found[0].runs()} == {Part.SAME}
    assert [one.number for one in later] == [2]
    assert later[0].first_text == original
    assert (line.posts, line.wordings, line.accounts, line.linked, line.is_campaign) == (4, 2, 2, 0, True)


def test_single_post_is_no_campaign(hub: Hub, gather_posts: Gather, original: str) -> None:
    gather_posts(original)
    with hub.database.read() as session:
        assert not campaign_line(session, session.scalars(select(Case)).one()).is_campaign
