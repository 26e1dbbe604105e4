"""A case page with each wording once, the posts behind them, and a decision reversed for one of them."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from campaign_desk import Desk, words
from sqlalchemy import select
from starlette.testclient import TestClient

from serve.audit.events import Event
from serve.cases.campaigns.reading import WORDINGS_SHOWN
from serve.hub import Hub
from serve.people.officers import officer_actor
from serve.storage.tables import Case, CaseText, Decision, DecisionPost, Officer, PostReversal

FIRST = "The reading room on Mill Lane closes at the end of the month, and nobody was asked about it."
SECOND = FIRST + " Come along!"
THIRD = FIRST + " Bring your card."
HOSTILE = "<script>alert(1)</script> \u202e https://evil.example/"


@pytest.fixture
def desk_of(
    hub: Hub,
    client: TestClient,
    sign_in: Callable[[TestClient, Officer], str],
    officer: Callable[..., Officer],
) -> Callable[..., Desk]:
    def at_desk(role: str = "officer") -> Desk:
        person = officer(role)
        return Desk(hub, client, sign_in(client, person), officer_actor(person.officer_id))

    return at_desk


def judgement(desk: Desk, case_id: str) -> dict[str, object]:
    with desk.hub.database.write() as session:
        case = session.get_one(Case, case_id)
        case.sampled = False
        return {
            "lease": case.lease_number, "outcome": "no_action", "detail-no_action": "news_or_quotation",
            "severity": "1", "reason": "It is about a library.", "proportionality": "It weighs little.",
            "confidence": "high",
        }  # fmt: skip


def test_case_page_shows_each_wording_once_and_all_of_them_are_read_before_it_is_decided(
    desk_of: Callable[..., Desk],
) -> None:
    desk = desk_of()
    first, second, _, _ = desk.send(FIRST, SECOND, FIRST.upper(), FIRST)
    case_id = desk.take()
    page = desk.get(f"/cases/{case_id}")

    assert page.text.count('class="post panel"') == 2
    assert "Wording 1 of 2" in words(page)
    assert "3 posts, received" in words(page)
    assert "Campaign: 4 posts, 2 wordings" in words(page)
    desk.post(f"/cases/{case_id}/posts/{first}/reveal", lease=1)
    refused = desk.post(f"/cases/{case_id}/decide", **judgement(desk, case_id))
    assert refused.status_code == 422
    assert f'href="#show-{second}"' in refused.text
    # Read beside the other wordings, it is read.
    desk.post(f"/cases/{case_id}/wordings", show=second)
    assert desk.post(f"/cases/{case_id}/decide", **judgement(desk, case_id)).status_code == 303
    with desk.hub.database.read() as session:
        assert len(session.scalars(select(DecisionPost)).all()) == 4


def test_wording_that_joins_while_the_case_is_read_is_read_before_it_is_decided(
    desk_of: Callable[..., Desk],
) -> None:
    desk = desk_of()
    (first,) = desk.send(FIRST)
    case_id = desk.take()
    desk.post(f"/cases/{case_id}/posts/{first}/reveal", lease=1)
    (late, _) = desk.send(SECOND, FIRST)

    refused = desk.post(f"/cases/{case_id}/decide", **judgement(desk, case_id))
    assert refused.status_code == 422
    assert f'href="#show-{late}"' in refused.text
    assert "2 posts joined since you took it" in words(desk.get(f"/cases/{case_id}"))


def test_wording_that_joins_between_the_look_and_the_write_is_not_decided_unread(
    desk_of: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    from serve.console import decision_pages

    desk = desk_of()
    (first,) = desk.send(FIRST)
    case_id = desk.take()
    desk.post(f"/cases/{case_id}/posts/{first}/reveal", lease=1)
    looks = decision_pages._look

    def look_then_join(*given: object) -> object:
        found = looks(*given)  # type: ignore[arg-type]  # handed through
        desk.send(SECOND)
        return found

    monkeypatch.setattr(decision_pages, "_look", look_then_join)
    refused = desk.post(f"/cases/{case_id}/decide", **judgement(desk, case_id))

    assert refused.status_code == 422
    assert "Another wording has just joined the case" in words(refused)
    with desk.hub.database.read() as session:
        assert session.scalars(select(Decision)).all() == []


def test_wordings_that_do_not_fit_on_the_page_are_read_on_their_own(
    desk_of: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    from serve.cases.campaigns import reading

    desk = desk_of()
    first, second, third = desk.send(FIRST, SECOND, THIRD)
    case_id = desk.take()
    monkeypatch.setattr(reading.samples, "__kwdefaults__", {"limit": 2})
    page = desk.get(f"/cases/{case_id}")
    assert "Read the other 1 wording" in words(page)
    for post_id in (first, second):
        desk.post(f"/cases/{case_id}/posts/{post_id}/reveal", lease=1)
    refused = desk.post(f"/cases/{case_id}/decide", **judgement(desk, case_id))
    assert refused.status_code == 422
    assert 'href="#further-wordings"' in refused.text
    assert 'id="further-wordings"' in refused.text
    desk.post(f"/cases/{case_id}/wordings", show=third)
    assert desk.post(f"/cases/{case_id}/decide", **judgement(desk, case_id)).status_code == 303
    assert WORDINGS_SHOWN == 50


def test_older_posts_stand_for_themselves_until_they_are_learnt(desk_of: Callable[..., Desk]) -> None:
    desk = desk_of()
    first, copy = desk.send(FIRST, FIRST)
    with desk.hub.database.write() as session:
        for table in ("case_texts", "post_texts"):
            session.connection().exec_driver_sql(f"DELETE FROM {table}")
    case_id = desk.take()

    assert "Wording 2 of 2" in words(desk.get(f"/cases/{case_id}"))
    desk.post(f"/cases/{case_id}/posts/{first}/reveal", lease=1)
    refused = desk.post(f"/cases/{case_id}/decide", **judgement(desk, case_id))
    assert f'href="#show-{copy}"' in refused.text
    desk.get(f"/cases/{case_id}/posts")
    with desk.hub.database.read() as session:
        assert [one.posts for one in session.scalars(select(CaseText))] == [2]
    assert desk.post(f"/cases/{case_id}/decide", **judgement(desk, case_id)).status_code == 303


def test_posts_are_listed_and_who_wrote_them_only_beside_a_wording_that_was_asked_for(
    desk_of: Callable[..., Desk],
) -> None:
    desk = desk_of()
    (first,) = desk.send(FIRST, author="@ada <b>", platform="example.social", url="https://a.example/1")
    (second,) = desk.send(SECOND, author="@ben", platform="example.social")
    case_id = desk.case_of(first)
    address = f"/cases/{case_id}/posts"
    assert "are read by whoever holds it" in words(desk.get(address))
    assert "covered" not in desk.get(address).text
    assert desk.take() == case_id
    page = desk.get(address)
    assert "@ada" not in page.text
    assert "@ben" not in page.text
    desk.post(f"/cases/{case_id}/wordings", show=first)
    page = desk.get(address)
    assert "@ada &lt;b&gt;" in page.text
    assert "hxxps://a.example/1" in page.text
    assert "@ben" not in page.text
    assert "Reverse" not in page.text
    account = re.search(r'href="(/search\?author=[^"]+)"', page.text)
    place = re.search(r'href="(/search\?url=[^"]+)"', page.text)
    assert account is not None
    assert place is not None
    for found in (account, place):
        assert "1 case found" in words(desk.get(found[1].replace("&amp;", "&")))
    assert desk.get("/cases/nonsense/posts").status_code == 404
    assert second in page.text


def test_decision_is_reversed_for_one_post_with_a_reason_and_stands_for_the_others(
    desk_of: Callable[..., Desk],
) -> None:
    desk = desk_of("supervisor")
    first, second = desk.send(FIRST, SECOND)
    case_id = desk.case_of(first)
    desk.settle(case_id)
    listed = desk.get(f"/cases/{case_id}/posts")
    address = f"/cases/{case_id}/posts/{second}/reverse"
    assert f'href="{address}"' in listed.text
    assert "reading room" not in desk.get(address).text
    refused = desk.post(address, reason=" ")
    assert refused.status_code == 422
    assert 'href="#reason"' in refused.text
    assert "Write why" in words(refused)
    done = desk.post(address, reason=f"It invites. {HOSTILE}")

    assert done.status_code == 303
    page = desk.get(done.headers["location"])
    assert "The decision is reversed for this post" in words(page)
    assert "does not hold for 1 post" in words(page)
    assert "<script>alert" not in page.text
    assert "⟦U+202E⟧" in page.text
    assert "hxxps://evil.example/" in page.text
    assert "It does not hold for 1 post" in words(desk.get(f"/cases/{case_id}"))
    assert desk.case_of(first) == case_id != desk.case_of(second)
    assert desk.count(Event.POST_REVERSED) == 1
    with desk.hub.database.read() as session:
        reversal = session.scalars(select(PostReversal)).one()
        assert (reversal.post_id, reversal.reversed_by) == (second, desk.actor)
        assert session.get_one(Case, case_id).state == "no_action"
    # Nobody else's address makes the message; the last post is no matter of a reversal.
    assert "is reversed for this post" not in words(desk.get(f"/cases/{case_id}/posts?done={first}"))
    assert "reopen the case instead" in words(desk.get(f"/cases/{case_id}/posts/{first}/reverse"))
    assert desk.post(f"/cases/{case_id}/posts/{first}/reverse", reason="No.").status_code == 422
    assert desk.get(address.replace(second, "0" * 26)).status_code == 404


def test_reversal_is_for_seniors_and_for_what_is_decided(desk_of: Callable[..., Desk]) -> None:
    desk = desk_of()
    first, _ = desk.send(FIRST, SECOND)
    case_id = desk.case_of(first)
    address = f"/cases/{case_id}/posts/{first}/reverse"
    desk.settle(case_id)

    assert desk.get(address).status_code == 403
    assert desk.post(address, reason="It invites.").status_code == 403
    assert "/reverse" not in desk.get(f"/cases/{case_id}/posts").text
    (third,) = desk.send("Another text that nobody has read so far, about the tram on Mill Lane.")
    senior = desk_of("supervisor")
    assert senior.get(f"/cases/{senior.case_of(third)}/posts/{third}/reverse").status_code == 409
