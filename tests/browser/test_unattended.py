"""An open page that nobody touches lets its case go, and a written reason is not lost by a slip."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Dialog, Route, expect

pytestmark = pytest.mark.browser

RENEWED = re.compile(r"(10 min 00|9 min 5\d) s left")
REASON = "Half an hour of work."
RESTORED = "dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))"


@pytest.fixture
def page(hub, new_page, sign_in):
    hub.post("They say antiword all day long.")
    page = new_page()
    page.clock.install()
    sign_in(page)
    with page.expect_response("**/heartbeat"):
        page.keyboard.press("n")
    expect(page.locator("#lease-left")).to_contain_text("min")
    return page


@pytest.fixture
def answers(page):
    """Every dialog that opens, dismissed as it does; append `True` to `accepts` to accept the next one."""
    opened: list[str] = []
    accepts: list[bool] = []

    def answer(dialog: Dialog) -> None:
        opened.append(dialog.type)
        if accepts:
            accepts.pop()
            dialog.accept()
        else:
            dialog.dismiss()

    page.on("dialog", answer)
    return opened, accepts


def test_page_that_nobody_touches_stops_keeping_its_case_and_a_touch_keeps_it_again(page) -> None:
    with page.expect_response("**/heartbeat"):
        page.clock.fast_forward("05:00")
    # The page must have read the answer before its clock moves on, or the answer counts from the later time.
    expect(page.locator("#lease-left")).to_contain_text(RENEWED)
    beats: list[str] = []
    page.on("request", lambda request: "heartbeat" in request.url and beats.append(request.url))

    page.clock.fast_forward("05:01")
    page.clock.run_for("01:00")

    assert beats == []
    expect(page.locator("#lease-left")).to_contain_text(re.compile(r", (4 min 00|3 min [45]\d) s left"))
    with page.expect_response("**/heartbeat"):
        page.keyboard.press("Shift")
    expect(page.locator("#lease-left")).to_contain_text(RENEWED)


def test_page_left_alone_says_in_the_end_that_the_case_is_lost(page) -> None:
    page.clock.fast_forward("10:30")
    expect(page.get_by_role("alert")).to_contain_text("This case is no longer yours")
    expect(page.get_by_role("button", name="Record the decision")).to_be_disabled()


def test_stray_link_or_back_asks_before_a_reason_is_lost(page, answers) -> None:
    opened, _ = answers
    case_url = page.url
    page.keyboard.press("e")
    page.keyboard.type(REASON)
    page.get_by_role("link", name="Queue").click(no_wait_after=True)
    expect(page.get_by_label("Why did you decide this?")).to_have_value(REASON)
    page.evaluate("history.back()")
    expect(page.get_by_label("Why did you decide this?")).to_have_value(REASON)
    assert page.url == case_url
    assert opened == ["beforeunload", "beforeunload"]


def test_empty_reason_and_a_recorded_decision_ask_nothing(hub, page, answers) -> None:
    opened, _ = answers
    case_url = page.url
    page.get_by_role("link", name="Queue").click()
    page.goto(case_url)
    page.wait_for_load_state()
    for key in ("r", "s", "2", "e"):
        page.keyboard.press(key)
    page.keyboard.type(REASON)
    expect(page.get_by_role("group", name="Text of the post")).to_be_visible()
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("No case is waiting")
    assert opened == []


def test_text_that_comes_late_leaves_the_officer_where_they_are_typing(page) -> None:
    late: list[Route] = []
    page.route("**/reveal", lambda route: late.append(route))
    for key in ("r", "s", "2", "e"):
        page.keyboard.press(key)
    page.keyboard.type(REASON[:12])
    assert len(late) == 1

    late[0].continue_()
    expect(page.get_by_role("group", name="Text of the post")).to_be_visible()
    page.keyboard.type(REASON[12:])

    expect(page.get_by_label("Why did you decide this?")).to_have_value(REASON)


def test_text_that_was_waited_for_is_where_the_keyboard_is(page) -> None:
    page.keyboard.press("r")
    expect(page.get_by_role("group", name="Text of the post")).to_be_focused()


def test_reason_of_a_case_that_is_put_back_is_there_again_when_it_comes_back(hub, page, answers) -> None:
    opened, _ = answers
    page.keyboard.press("e")
    page.keyboard.type(REASON)
    page.keyboard.press("Escape")
    page.keyboard.press("p")
    expect(page.get_by_role("status")).to_have_text("The case is back in the queue.")
    assert hub.rows("SELECT state FROM cases") == [{"state": "captured"}]
    page.wait_for_load_state()
    page.keyboard.press("n")
    expect(page.get_by_label("Why did you decide this?")).to_have_value(REASON)
    page.get_by_role("link", name="Queue").click()  # it is kept, so nothing asks
    expect(page.get_by_role("heading", level=1)).to_have_text("The queue")
    assert opened == []


def test_ctrl_enter_on_a_covered_post_leads_to_its_cover_and_keeps_the_reason(hub, page) -> None:
    for key in ("s", "2", "e"):
        page.keyboard.press(key)
    page.keyboard.type(REASON)
    page.keyboard.press("Control+Enter")
    page.get_by_role("link", name="Show every post before you decide").click()
    expect(page.get_by_role("button", name="Show the post")).to_be_focused()
    expect(page.get_by_label("Why did you decide this?")).to_have_value(REASON)
    expect(page.get_by_role("radio", name="Offer victim support")).to_be_checked()
    assert hub.rows("SELECT * FROM decisions") == []


def test_page_restored_by_the_browser_keeps_what_was_typed(page) -> None:
    page.get_by_label("Why did you decide this?").fill(REASON)
    with page.expect_response("**/heartbeat"):
        page.evaluate(RESTORED)
    expect(page.get_by_label("Why did you decide this?")).to_have_value(REASON)


def test_page_restored_after_its_form_was_sent_is_loaded_again(page) -> None:
    with page.expect_navigation():
        page.evaluate(f"hold.settled = true; {RESTORED}")
    expect(page.locator("#decide")).to_be_visible()
