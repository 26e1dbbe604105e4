"""Wordings, linked cases and the search as a plain browser sees them."""

from __future__ import annotations

import html
import re
from collections.abc import Callable

import pytest
from campaign_desk import PAGE, Desk, words
from sqlalchemy import func, select, update
from starlette.testclient import TestClient

from model.errors import LeaseLost
from serve.audit.events import Event
from serve.hub import Hub
from serve.people.officers import officer_actor
from serve.problems import status_of
from serve.storage.identifiers import utc_now
from serve.storage.tables import (
    Case,
    CaseText,
    Officer,
    SearchEntry,
)

FIRST = "The reading room on Mill Lane closes at the end of the month, and nobody was asked about it."
SECOND = FIRST + " Come along!"
HOSTILE = FIRST + " <script>alert(1)</script> \u202e https://evil.example/"


@pytest.fixture
def desk(
    hub: Hub,
    client: TestClient,
    sign_in: Callable[[TestClient, Officer], str],
    officer: Callable[..., Officer],
) -> Desk:
    person = officer()
    return Desk(hub, client, sign_in(client, person), officer_actor(person.officer_id))


def test_wordings_are_covered_counted_and_shown_one_by_one_with_marks(desk: Desk) -> None:
    first, _, second = desk.send(FIRST, FIRST.upper(), SECOND)
    case_id = desk.take()
    address = f"/cases/{case_id}/wordings"
    covered = desk.get(address)

    assert covered.status_code == 200
    assert "reading room" not in covered.text
    assert "3 posts in 2 wordings" in words(covered)
    shown = desk.post(address, show=second)
    assert re.search(r'<mark class="added">.*?Come along!', shown.text)
    assert "Added Come along!" in words(shown)
    assert shown.text.count("Show wording") == 1
    both = desk.post(address, show=first, uncovered=second)
    assert "Come along!" in both.text
    assert "Show wording" not in both.text
    assert desk.count(Event.POST_REVEALED) == 2


def test_text_is_shown_only_to_whom_it_may_be_and_only_when_they_asked(desk: Desk) -> None:
    first, second = desk.send(FIRST, SECOND)
    address = f"/cases/{desk.case_of(first)}/wordings"

    # Nobody holds the case: it is read by whoever takes it.
    assert desk.post(address, show=first).status_code == status_of(LeaseLost)
    assert "Show wording" not in desk.get(address).text
    assert desk.take() == desk.case_of(first)
    # What the form calls uncovered was never asked for.
    assert "Come along" not in desk.post(address, show=first, uncovered=second).text
    assert desk.post(address, show="0" * 26).status_code == 404
    assert desk.post(f"/cases/{'0' * 26}/wordings", show=first).status_code == 404
    assert desk.get("/cases/nonsense/wordings").status_code == 404


def test_case_says_which_of_its_wordings_were_read_side_by_side(desk: Desk) -> None:
    first, _ = desk.send(FIRST, SECOND)
    case_id = desk.take()
    assert "You have read it." not in words(desk.get(f"/cases/{case_id}"))
    desk.post(f"/cases/{case_id}/wordings", show=first)
    page = desk.get(f"/cases/{case_id}")
    assert words(page).count("You have read it.") == 1
    assert words(page).count("stay hidden until you have said what you think") == 1
    assert FIRST not in words(page)


def test_queue_counts_the_words_of_a_text_once_however_often_it_was_posted(desk: Desk) -> None:
    desk.send(FIRST, FIRST, SECOND)
    to_read = len(FIRST.split()) + len(SECOND.split())
    assert f"3 posts, {to_read} words." in words(desk.get("/"))


def test_hostile_wording_is_text(desk: Desk) -> None:
    _, second = desk.send(FIRST, HOSTILE)
    case_id = desk.take()
    shown = desk.post(f"/cases/{case_id}/wordings", show=second)

    assert "<script>alert" not in shown.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown.text
    assert "⟦U+202E⟧" in shown.text
    assert "hxxps://evil.example/" in shown.text
    assert "https://evil.example/" not in shown.text


def test_wording_is_taken_out_with_a_reason_and_the_page_says_so(desk: Desk) -> None:
    first, second = desk.send(FIRST, SECOND)
    case_id = desk.take()
    address = f"/cases/{case_id}/wordings"
    refused = desk.post(f"{address}/not-the-same", post=second, reason=" ")

    assert refused.status_code == 422
    assert f'href="#reason-{second}"' in refused.text
    assert "Write why it is not the same" in words(refused)
    moved = desk.post(f"{address}/not-the-same", post=second, reason="It invites.")
    assert moved.status_code == 303
    after = desk.get(moved.headers["location"])
    assert "1 post moved to case" in words(after)
    assert "Not the same" not in after.text
    assert desk.case_of(first) == case_id != desk.case_of(second)
    # Nobody else's address makes the message.
    assert "moved to case" not in desk.get(f"{address}?moved={'0' * 26}").text


def test_case_that_somebody_else_holds_is_not_parted(desk: Desk) -> None:
    first, second = desk.send(FIRST, SECOND)
    case_id = desk.case_of(first)
    with desk.hub.database.write() as session:
        session.execute(
            update(Case).values(state="in_review", waiting=False, leased_by="officer:other",
                                leased_at=utc_now(), lease_expires_at=utc_now(), lease_number=1)
        )  # fmt: skip
    assert "Not the same" not in desk.get(f"/cases/{case_id}/wordings").text
    answer = desk.post(f"/cases/{case_id}/wordings/not-the-same", post=second, reason="No.")
    assert answer.status_code == 422
    assert "Somebody else holds the case" in words(answer)


def test_older_posts_are_learnt_when_their_wordings_are_asked_for(desk: Desk) -> None:
    (first,) = desk.send(FIRST)
    with desk.hub.database.write() as session:
        for table in ("case_texts", "post_texts"):
            session.connection().exec_driver_sql(f"DELETE FROM {table}")

    assert "1 post in 1 wording" in words(desk.get(f"/cases/{desk.case_of(first)}/wordings"))
    with desk.hub.database.read() as session:
        assert session.scalar(select(func.count()).select_from(CaseText)) == 1


def test_linked_case_shows_the_decision_and_one_press_follows_it(desk: Desk) -> None:
    (first,) = desk.send(FIRST)
    desk.settle(desk.case_of(first))
    (copy,) = desk.send(FIRST)
    linked = desk.case_of(copy)

    assert desk.get(f"/cases/{linked}").headers["location"] == f"/cases/{linked}/campaign"
    assert desk.get("/linked").headers["location"] == f"/cases/{linked}/campaign"
    page = desk.get(f"/cases/{linked}/campaign")
    assert "No action" in words(page)
    assert "⟦U+202E⟧" in page.text
    assert 'data-key="f"' in page.text
    done = desk.post(f"/cases/{linked}/follow", reason="")
    assert done.headers["location"] == f"/linked?done={linked}"
    assert "follows its campaign's decision" in words(desk.get(done.headers["location"]))
    with desk.hub.database.read() as session:
        assert session.get_one(Case, linked).state == "no_action"
    assert desk.get(f"/cases/{linked}/campaign").headers["location"] == f"/cases/{linked}"


def test_linked_case_with_another_wording_is_read_before_it_follows(desk: Desk) -> None:
    (first,) = desk.send(FIRST)
    desk.settle(desk.case_of(first))
    (copy,) = desk.send(SECOND)
    linked = desk.case_of(copy)
    page = desk.get(f"/cases/{linked}/campaign")

    assert "Follow the decision" not in page.text
    assert "not the campaign's word for word" in words(page)
    assert desk.post(f"/cases/{linked}/follow").status_code == 422
    desk.post(f"/cases/{linked}/wordings", show=copy)
    assert "Follow the decision" in desk.get(f"/cases/{linked}/campaign").text
    assert desk.post(f"/cases/{linked}/follow", reason="It only invites.").status_code == 303


def test_linked_case_is_parted_with_a_reason(desk: Desk) -> None:
    (first,) = desk.send(FIRST)
    desk.settle(desk.case_of(first))
    (copy,) = desk.send(FIRST)
    linked = desk.case_of(copy)

    assert "Write why it does not belong" in words(desk.post(f"/cases/{linked}/unlink", why=" "))
    same = desk.post(f"/cases/{linked}/unlink", why="Another target.", never_again="yes")
    assert "word for word" in words(same)
    assert "Another target." in same.text
    assert desk.post(f"/cases/{linked}/unlink", why="Another target.").status_code == 303
    with desk.hub.database.read() as session:
        assert session.get_one(Case, linked).state == "triage"
    assert "No linked case is waiting" in words(desk.get("/linked"))


def test_search_page_finds_covers_and_logs(desk: Desk) -> None:
    desk.send("A quiet afternoon with tea.", platform="example<b>", author="@ada")
    empty = desk.get("/search")
    assert empty.status_code == 200
    assert "found" not in words(empty).split("Find a case")[1]
    page = desk.get("/search?q=afternoon&author=@ada")

    assert "1 case found" in words(page)
    assert "quiet afternoon with tea" not in page.text
    assert "5 words · from example<b>" in words(page).replace("example <b>", "example<b>")
    assert "example&lt;b&gt;" in page.text
    assert "in the log" in words(page)
    with desk.hub.database.read() as session:
        entries = session.scalars(select(SearchEntry)).all()
    assert [(one.actor, one.query, one.found) for one in entries] == [
        (desk.actor, {"q": "afternoon", "author": "@ada"}, 1)
    ]
    assert "No case fits" in words(desk.get("/search?q=cocoa"))


@pytest.mark.parametrize(
    ("query", "field"),
    [("q=%22open", "q"), ("q=-tea", "q"), ("severity=9", "severity"), ("received_from=x", "received_from"),
     ("q=tea&after=..", None)],
)  # fmt: skip
def test_search_that_cannot_be_read_says_so_at_its_field_and_is_in_no_log(
    desk: Desk, query: str, field: str | None
) -> None:
    page = desk.get(f"/search?{query}")

    assert page.status_code == 422
    assert "There is a problem" in page.text
    if field:
        assert f'href="#{field}"' in page.text
        assert f'id="{field}-error"' in page.text
    with desk.hub.database.read() as session:
        assert session.scalar(select(func.count()).select_from(SearchEntry)) == 0


def test_filter_is_saved_run_and_deleted(desk: Desk) -> None:
    desk.send("A quiet afternoon with tea.")
    refused = desk.post("/search/filters", q="tea", name=" ")
    assert refused.status_code == 422
    assert 'href="#filter-name"' in refused.text
    saved = desk.post("/search/filters", q='"quiet afternoon"', state="waiting", name="<b>Tea</b> \u202e")
    page = desk.get(saved.headers["location"])
    assert "The filter is saved." in page.text
    assert "&lt;b&gt;Tea&lt;/b&gt; ⟦U+202E⟧" in page.text
    run = html.unescape(re.search(r'<ul class="kept-filters">\s*<li><a href="([^"]+)"', page.text)[1])  # type: ignore[index]  # it is there
    assert "1 case found" in words(desk.get(run))
    delete = re.search(r'action="(/search/filters/\w+/delete)"', page.text)
    assert delete is not None
    assert "The filter is deleted." in desk.get(desk.post(delete[1]).headers["location"]).text
    assert desk.post(delete[1]).status_code == 404
    assert desk.post("/search/filters/nonsense/delete").status_code == 404


@pytest.mark.parametrize("role", ["annotator", "researcher", "auditor", "admin"])
def test_search_is_closed_to_whoever_reads_no_cases(
    client: TestClient, officer: Callable[..., Officer], sign_in: Callable[..., str], role: str
) -> None:
    csrf = sign_in(client, officer(role))
    assert client.get("/search", headers=PAGE).status_code == 403
    assert client.get("/linked", headers=PAGE).status_code == 403
    answer = client.post("/search/filters", data={"csrf_token": csrf, "q": "tea", "name": "x"}, headers=PAGE)
    assert answer.status_code == 403
