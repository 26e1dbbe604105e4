"""A case is lent: what the page does when it is left, loaded again, or lost."""

from __future__ import annotations

import sqlite3
import time
from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


@pytest.fixture
def page(hub, new_page, sign_in):
    hub.post("They say antiword all day long.")
    page = new_page()
    sign_in(page)
    with page.expect_response("**/heartbeat"):
        page.keyboard.press("n")
    expect(page.locator("#lease-left")).to_contain_text("min")
    return page


def seconds_left(hub) -> float:
    [case] = hub.rows("SELECT lease_expires_at FROM cases WHERE state = 'in_review'")
    ends = datetime.fromisoformat(case["lease_expires_at"]).replace(tzinfo=UTC)
    return (ends - datetime.now(UTC)).total_seconds()


def test_leaving_the_page_cuts_the_lease_short_and_coming_back_renews_it(hub, page) -> None:
    assert seconds_left(hub) > 500
    case_url = page.url
    page.goto("/")
    for _ in range(100):
        if seconds_left(hub) < 46:
            break
        time.sleep(0.1)
    assert seconds_left(hub) < 46
    with page.expect_response("**/heartbeat"):
        page.get_by_role("link", name="Go back to your case").click()
    assert page.url == case_url
    assert seconds_left(hub) > 500


def test_loading_the_page_again_keeps_the_case(hub, page) -> None:
    with page.expect_response("**/heartbeat"):
        page.reload()
    expect(page.locator("#decide")).to_be_visible()
    assert seconds_left(hub) > 500


def test_a_lost_lease_is_said_plainly_and_keeps_what_was_typed(hub, page, screenshot) -> None:
    page.keyboard.press("s")
    page.keyboard.press("2")
    page.get_by_label("Why did you decide this?").fill("My <b>reason</b>, typed at length.")
    _give_to_somebody_else(hub)
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("is no longer yours")
    expect(page.get_by_role("main")).to_contain_text("somebody else holds it now")
    expect(page.locator("#typed-reason")).to_have_text("My <b>reason</b>, typed at length.")
    screenshot(page, "lost-lease")
    assert hub.rows("SELECT * FROM decisions") == []


def test_an_open_page_notices_that_its_lease_is_lost(hub, page) -> None:
    page.get_by_label("Why did you decide this?").fill("Half a reason")
    _give_to_somebody_else(hub)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.get_by_role("alert")).to_contain_text("This case is no longer yours")
    expect(page.get_by_role("button", name="Record the decision")).to_be_disabled()
    expect(page.get_by_label("Why did you decide this?")).to_have_value("Half a reason")


def test_another_officer_cannot_read_a_case_that_is_held(hub, page, new_page, sign_in) -> None:
    other = new_page()
    sign_in(other, "supervisor")
    other.goto(page.url)
    expect(other.get_by_role("main")).to_contain_text("Somebody else holds it now")
    expect(other.get_by_role("button", name="Show the post")).to_have_count(0)
    assert "antiword" not in other.content()


def _give_to_somebody_else(hub) -> None:
    with sqlite3.connect(hub.home / "hub.sqlite", timeout=30) as connection:
        connection.execute("UPDATE cases SET lease_number = lease_number + 1, leased_by = 'officer:OTHER'")
    connection.close()
