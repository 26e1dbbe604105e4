"""The whole loop: a post at the HTTP door, a decision by keyboard, a row in the database."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def test_a_real_post_goes_from_the_http_door_to_an_officers_decision(
    hub, new_page, sign_in, screenshot
) -> None:
    [first, second] = hub.post(
        "They say antiword all day long, and nobody answers.",
        "A second post with islamword in it.",
    )
    page = new_page()
    sign_in(page)
    expect(page.get_by_role("table", name="Waiting, most pressing first").get_by_role("row")).to_have_count(3)
    expect(page.get_by_role("main")).not_to_contain_text("antiword")
    screenshot(page, "queue")

    page.keyboard.press("n")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Case")
    case_url = page.url
    assert "antiword" not in page.content()
    expect(page.locator(".cover")).to_contain_text("antisemitic · 9 words · platform not given")
    screenshot(page, "case-covered")

    page.wait_for_load_state()  # keys work once the script has run
    page.keyboard.press("r")
    expect(page.get_by_role("group", name="Text of the post")).to_have_text(
        "They say antiword all day long, and nobody answers."
    )
    screenshot(page, "case")
    revealed = hub.rows("SELECT * FROM audit_events WHERE event = 'console:post:revealed'")
    assert [row["subject"] for row in revealed] == [first]

    for key in ("s", "a", "2", "e"):
        page.keyboard.press(key)
    page.keyboard.type("Derogates Jews as a group; no quotation, no counter-speech.")
    screenshot(page, "case-ready")
    page.keyboard.press("Control+Enter")

    expect(page.get_by_role("status")).to_contain_text("Decision recorded for case")
    assert page.url != case_url
    expect(page.locator(".cover")).to_contain_text("Islamophobic · 7 words")
    screenshot(page, "next-case")
    [decision] = hub.rows("SELECT * FROM decisions")
    assert decision["outcome"] == "victim_support"
    assert json.loads(decision["strands"]) == ["antisemitic"]
    assert decision["severity"] == 2
    assert decision["reason"] == "Derogates Jews as a group; no quotation, no counter-speech."
    assert decision["case_id"] in case_url
    [held] = hub.rows("SELECT case_id FROM cases WHERE state = 'in_review'")
    [posted] = hub.rows("SELECT case_id FROM case_posts WHERE post_id = ?", second)
    assert held == posted


def test_the_last_decision_ends_on_a_calm_page(hub, new_page, sign_in, screenshot) -> None:
    hub.post("One post with farword in it.")
    page = new_page()
    sign_in(page)
    page.keyboard.press("n")
    expect(page.locator("#decide")).to_be_visible()
    page.wait_for_load_state()  # keys work once the script has run
    page.keyboard.press("r")
    expect(page.get_by_role("group", name="Text of the post")).to_be_visible()
    page.get_by_role("radio", name="No action").check()
    page.get_by_label("Why: no action").select_option("news_or_quotation")
    page.keyboard.press("Escape")
    page.keyboard.press("0")
    page.get_by_label("Why did you decide this?").fill("A quotation in a news report.")
    page.get_by_role("button", name="Record the decision").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("No case is waiting")
    expect(page.get_by_role("status")).to_contain_text("Decision recorded")
    screenshot(page, "no-case")
    [decision] = hub.rows("SELECT * FROM decisions")
    assert (decision["outcome"], decision["outcome_detail"]) == ("no_action", "news_or_quotation")
    assert json.loads(decision["strands"]) == []
