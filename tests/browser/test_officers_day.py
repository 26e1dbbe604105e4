"""An officer's whole day: sixty posts, twenty cases, and everybody who has a word to say in them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

import pytest
from books_of_a_day import audit_log_is_whole, decisions_are_sound, nobody_judged_twice
from person_at_a_desk import Desk
from playwright.sync_api import Page, expect
from posts_of_a_day import ARRIVALS, COUNTER_SPEECH, REVERSED, WORDINGS, posts_of_the_day

from serve.console.plain_words import start_of_uk_day
from serve.storage.identifiers import utc_now

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

GROUNDS = "You did not ask what the sign means to us."
PHONE = 360


@pytest.fixture
def look(screenshot) -> Callable[[Page, str], None]:
    """Takes the page's picture wide and on a phone, once for each name; nothing scrolls sideways."""
    seen: set[str] = set()

    def at_both_widths(page: Page, name: str) -> None:
        if name in seen:
            return
        seen.add(name)
        page.wait_for_load_state()
        screenshot(page, f"day-{name}-wide", whole=True)
        page.set_viewport_size({"width": PHONE, "height": 740})
        screenshot(page, f"day-{name}-phone", whole=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE, name
        page.set_viewport_size({"width": 1280, "height": 900})

    return at_both_widths


@pytest.fixture
def seat(hub, new_page, sign_in, look) -> Callable[[str], Desk]:
    """Signs somebody in; `seat("second")` works as `test-second`, and says what the plan has for them."""

    def take(name: str) -> Desk:
        desk = Desk(new_page(), hub, name, lambda arrival: getattr(arrival, name, None), look)
        sign_in(desk.page, name)
        return desk

    return take


def test_officers_day_from_the_first_case_to_the_books(hub, seat, look, tiny_bundle, tmp_path) -> None:
    hub.send(posts_of_the_day())
    assert (len(hub.sent), len(cases(hub))) == (60, 20)
    campaign = case_of(hub, next(iter(WORDINGS)))
    assert hub.rows("SELECT count(*) AS n FROM case_posts WHERE case_id = ?", campaign) == [{"n": 40}]

    officer = seat("officer")
    look(officer.page, "queue-in-the-morning")
    officer.works()
    assert officer.stops[0] == "Time for a break"
    assert set(officer.given) == {*ARRIVALS, "campaign"} - {"poster"}
    assert len(officer.given) == 19
    each_wording_was_read_once(hub, officer.actor, campaign)
    searches_and_keeps_the_filter(officer, campaign)

    supervisor = seat("supervisor")
    supervisor.say = lambda arrival: arrival.senior
    supervisor.page.goto("/board")
    expect(supervisor.page.get_by_role("region", name="Parked or handed over")).to_contain_text(
        "parked until"
    )
    look(supervisor.page, "board-at-noon")

    second = seat("second")
    second.works()
    assert second.given[0] == "club"  # what was handed over comes before all else
    assert set(second.given) == {"club", "danger", "march", "match", "zoo"}

    supervisor.works()
    assert supervisor.given == ["match"]
    look(supervisor.page, "supervisor-done")

    comes_back_in_the_morning(hub)
    officer.given.clear()
    officer.works()
    assert officer.given == ["choir"]
    officer.page.goto("/exposure")
    look(officer.page, "own-reading-at-the-end")

    appealed = case_of(hub, ARRIVALS["shoes"].text)
    records_an_appeal(supervisor, appealed)
    [odd_one] = hub.rows("SELECT post_id FROM posts WHERE text = ?", COUNTER_SPEECH)
    reverses_one_post(supervisor, campaign, odd_one["post_id"])

    third = seat("third")
    third.say = lambda arrival: REVERSED if arrival.text in WORDINGS else arrival.third
    third.works()
    assert sorted(third.given) == ["campaign", "shoes"]

    for desk in (officer, second, supervisor, third):
        assert desk.complaints == [], desk.name
    shows_the_days_figures(supervisor)
    decisions_are_sound(
        hub, tiny_bundle, campaign=campaign, appealed=appealed, reversed_post=odd_one["post_id"]
    )
    nobody_judged_twice(hub, {desk.name: desk.actor for desk in (officer, second, supervisor, third)})
    audit_log_is_whole(hub)
    assert "Traceback" not in (tmp_path / "hub.log").read_text("utf-8")


# ---- what each does besides the queue -----------------------------------------------------------------


def each_wording_was_read_once(hub, actor: str, campaign: str) -> None:
    """Of forty posts the officer was shown five texts, and each counts once."""
    shown = hub.rows(
        "SELECT text FROM audit_events JOIN posts ON post_id = subject JOIN case_posts USING (post_id)"
        " WHERE event = 'console:post:revealed' AND actor = ? AND case_id = ?",
        actor,
        campaign,
    )
    assert sorted(row["text"] for row in shown) == sorted(WORDINGS)
    [readings] = hub.rows(
        "SELECT count(*) AS n FROM readings JOIN case_posts ON post_id = subject_id"
        " WHERE version = 0 AND actor = ? AND case_id = ?",
        actor,
        campaign,
    )
    assert readings["n"] == len(WORDINGS)


def searches_and_keeps_the_filter(desk: Desk, campaign: str) -> None:
    page = desk.page
    page.goto("/")
    desk.follow("Search")
    desk.keys("/")
    page.keyboard.type('"reading room" library')
    desk.key_to_next_page("Enter")
    expect(page.locator("caption")).to_contain_text("1 case found")
    expect(page.locator("tbody")).to_contain_text("40 posts")
    assert "Mill Lane" not in page.get_by_role("main").inner_text()
    page.get_by_label("Keep this search under a name").focus()
    page.keyboard.type("The reading room")
    desk.key_to_next_page("Enter")
    expect(page.get_by_role("status")).to_contain_text("The filter is saved.")
    desk.look(page, "search-kept")
    desk.follow("The reading room")
    expect(page.locator("caption")).to_contain_text("1 case found")
    searches = desk.hub.rows("SELECT * FROM search_entries WHERE actor = ?", desk.actor)
    logged = desk.hub.rows(
        "SELECT * FROM audit_events WHERE event = 'cases:search:made' AND actor = ?", desk.actor
    )
    assert len(searches) == len(logged) >= 2
    assert {row["found"] for row in searches} == {1}
    [kept] = desk.hub.rows("SELECT * FROM saved_filters")
    assert (kept["actor"], kept["name"]) == (desk.actor, "The reading room")
    desk.follow(campaign[-8:-4])
    expect(page.get_by_role("heading", level=1)).to_contain_text("is decided")
    desk.look(page, "campaign-decided")


def records_an_appeal(desk: Desk, case_id: str) -> None:
    page = desk.page
    page.goto(f"/cases/{case_id}")
    desk.look(page, "decided")
    desk.follow("Record an appeal")
    desk.keys("1", "e")
    page.keyboard.type(GROUNDS)
    desk.look(page, "appeal")
    desk.key_to_next_page("Control+Enter")
    expect(page.get_by_role("status")).to_contain_text("was reopened")


def reverses_one_post(desk: Desk, case_id: str, post_id: str) -> None:
    page = desk.page
    page.goto(f"/cases/{case_id}/posts")
    expect(page.locator("tbody tr")).to_have_count(40)
    desk.look(page, "posts-of-the-campaign")
    page.locator(f"#post-{post_id}").get_by_role("link", name="Reverse").focus()
    desk.key_to_next_page("Enter")
    desk.keys("e")
    page.keyboard.type("This one answers the claim; it does not make it.")
    desk.look(page, "reverse")
    desk.key_to_next_page("Control+Enter")
    expect(page.get_by_role("status")).to_contain_text("The decision is reversed for this post")
    expect(page.locator("tbody tr")).to_have_count(39)


def comes_back_in_the_morning(hub) -> None:
    """The parked case's day has come, as if a night had passed."""
    with sqlite3.connect(hub.home / "hub.sqlite", timeout=30) as connection:
        woken = connection.execute(
            "UPDATE cases SET parked_until = created_at WHERE parked_until IS NOT NULL"
        ).rowcount
    connection.close()
    assert woken == 1


def shows_the_days_figures(desk: Desk) -> None:
    """The board says what the database says."""
    page, midnight = desk.page, start_of_uk_day(utc_now()).replace(tzinfo=None).isoformat(" ")
    page.goto("/board")
    [decided] = desk.hub.rows("SELECT count(*) AS n FROM decisions WHERE decided_at >= ?", midnight)
    assert decided["n"] == 21
    outcomes = page.get_by_role("region", name="Decisions today, by outcome")
    expect(outcomes).to_contain_text("21 decisions since midnight")
    for row in desk.hub.rows("SELECT outcome, count(*) AS n FROM decisions GROUP BY outcome"):
        expect(outcomes).to_contain_text(f"{row['n']} of 21")
    expect(page.get_by_role("row", name="Outcome and severity 67%")).to_contain_text("2 of 3")
    expect(page.get_by_role("region", name="Waiting, by stage")).not_to_contain_text("1 of")
    expect(page.get_by_role("region", name="Parked or handed over")).to_contain_text("None.")
    desk.look(page, "board-in-the-evening")


def cases(hub) -> list[dict[str, Any]]:
    return list(hub.rows("SELECT * FROM cases"))


def case_of(hub, text: str) -> str:
    """The case that the posts with this text are in."""
    [row] = hub.rows(
        "SELECT DISTINCT case_id FROM case_posts JOIN posts USING (post_id) WHERE text = ?", text
    )
    return str(row["case_id"])
