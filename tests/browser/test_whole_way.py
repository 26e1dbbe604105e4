"""A case's whole way by keyboard alone: triage, two blind readers, a senior, what follows, an appeal."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

FIRST_REASON = "Calls for harm, as plain as can be."
SECOND_REASON = "Reads like a joke between friends."
GROUNDS = "It was <b>a joke</b>, and they knew it."
TEXT = "They say antiword and name a street."


def keys(page: Page, *pressed: str) -> None:
    """Presses keys one after the other, once the page's script listens."""
    page.wait_for_load_state()
    for key in pressed:
        page.keyboard.press(key)


def open_post(page: Page) -> None:
    keys(page, "r")
    expect(page.get_by_role("group", name="Text of the post")).to_have_text(TEXT)


def take_step(page: Page, title: str, words: str = "") -> None:
    """Goes to a step by the digit that stands beside it, and takes it."""
    digit = page.get_by_role("link", name=title).get_attribute("data-key")
    assert digit is not None
    keys(page, digit)
    expect(page.get_by_role("heading", level=1)).to_have_text(title)
    if words:
        keys(page, "e")
        page.keyboard.type(words)
    keys(page, "Control+Enter")


def test_case_goes_all_its_way_by_keyboard_and_each_reader_is_blind(
    hub, new_page, sign_in, screenshot
) -> None:
    report: dict[str, Any] = {
        "why": "They name our street.",
        "immediate_danger": True,
        "consents": ["police", "platform", "support_org"],
        "reporter_role": "victim",
    }
    hub.post(TEXT, report=report)
    first, second, senior, other = (new_page() for _ in range(4))
    for page, name in ((first, "officer"), (second, "second"), (senior, "supervisor"), (other, "third")):
        sign_in(page, name)

    keys(first, "n")
    expect(first.get_by_role("heading", level=1)).to_contain_text("Triage")
    expect(first.get_by_role("note", name="Emergency")).to_contain_text("Ring 999 first")
    expect(first.get_by_role("main")).to_contain_text("They name our street.")
    open_post(first)
    screenshot(first, "way-1-triage")
    keys(first, "s")
    expect(first.get_by_role("status")).to_contain_text("is sealed and waits for review")
    expect(first.get_by_role("heading", name="Your decision")).to_be_visible()
    case_url = first.url.split("?")[0]
    assert "0.98" not in first.content()
    open_post(first)
    keys(first, "l")
    first.keyboard.type("Reasonable")
    keys(first, "Escape", "a", "3", "e")
    first.keyboard.type(FIRST_REASON)
    keys(first, "Control+Enter")
    expect(first.get_by_role("status")).to_contain_text("somebody else reads it before it is decided")

    keys(second, "n")
    expect(second.get_by_role("heading", name="Your judgement, as the second reader")).to_be_visible()
    source = second.content()
    for leak in (FIRST_REASON, "test-officer", 'illegal_content" selected', "expected severity", "0.98"):
        assert leak not in source, leak
    assert (
        second.locator("input:checked:not([name^=law-]):not([name=confidence])").count() == 1
    )  # the sheet's
    open_post(second)
    screenshot(second, "way-2-second-reader")
    keys(second, "g")
    second.keyboard.type("Satire")
    keys(second, "Escape", "0", "e")
    second.keyboard.type(SECOND_REASON)
    keys(second, "Control+Enter")
    expect(second.get_by_role("heading", level=1)).to_have_text("The two of you differ")
    assert "test-" not in second.get_by_role("main").inner_text()

    keys(senior, "n")
    readers = senior.get_by_role("region", name="What the two readers said")
    expect(readers).to_contain_text(FIRST_REASON)
    expect(readers).to_contain_text(SECOND_REASON)
    expect(readers.get_by_role("row", name="Outcome")).to_contain_text("They differ")
    assert "test-officer" not in senior.content()
    screenshot(senior, "way-3-adjudication")
    open_post(senior)
    keys(senior, "l")
    senior.keyboard.type("Reasonable")
    keys(senior, "Escape", "a", "3", "e")
    senior.keyboard.type("The first reader is right.")
    keys(senior, "Control+Enter")
    expect(senior.get_by_role("status")).to_contain_text("Decision recorded")

    first.goto(case_url)
    expect(first.get_by_role("main")).to_contain_text("3 readers")
    expect(first.get_by_role("main")).to_contain_text("A reader said: No action, S0")
    screenshot(first, "way-4-decided")
    take_step(first, "Record a notice to the platform", "Sent through their form.")
    expect(first.get_by_role("status")).to_contain_text("has a notice to the platform")
    take_step(first, "The platform removed it")
    expect(first.get_by_role("status")).to_contain_text("was removed by the platform")
    take_step(first, "Refer to victim support")
    expect(first.get_by_role("status")).to_contain_text("was referred to victim support")
    assert first.get_by_role("link", name="Record an appeal").count() == 0

    senior.goto(case_url)
    digit = senior.get_by_role("link", name="Record an appeal").get_attribute("data-key")
    keys(senior, digit or "")
    expect(senior.get_by_role("heading", level=1)).to_have_text("Record an appeal")
    keys(senior, "3", "e")
    senior.keyboard.type(GROUNDS)
    screenshot(senior, "way-5-appeal")
    keys(senior, "Control+Enter")
    expect(senior.get_by_role("status")).to_contain_text("was reopened")

    for page in (first, second, senior):  # whoever has judged it does not get it again
        page.goto("/")
        keys(page, "n")
        expect(page.get_by_role("heading", level=1)).to_have_text("No case is waiting")
    keys(other, "n")
    expect(other.get_by_role("heading", name="Your decision")).to_be_visible()
    assert other.url.startswith(case_url)
    other.get_by_text("Reopened: what was decided before").click()
    expect(other.get_by_role("main")).to_contain_text(GROUNDS)
    open_post(other)
    keys(other, "g")
    other.keyboard.type("Satire")
    keys(other, "Escape", "0", "e")
    other.keyboard.type("A joke indeed.")
    keys(other, "Control+Enter")
    # Somebody called it grave before: one person's word is not enough to undo that.
    expect(other.get_by_role("status")).to_contain_text("somebody else reads it")

    judged = hub.rows("SELECT * FROM judgements ORDER BY judgement_id")
    assert [(row["cycle"], row["round"], row["saw_scores"]) for row in judged] == [
        (0, 1, 0), (0, 2, 0), (0, 3, 1), (1, 1, 0),
    ]  # fmt: skip
    assert len({row["actor"] for row in judged}) == 4
    [decision] = hub.rows("SELECT * FROM decisions")
    assert json.loads(decision["judgement_ids"]) == [row["judgement_id"] for row in judged[:3]]
    steps = [row["action"] for row in hub.rows("SELECT action FROM case_steps ORDER BY step_id")]
    assert steps == [
        "score", "enqueue", "seal_evidence", "send_to_second_review", "disagree", "adjudicate",
        "notify_platform", "record_removal", "refer_support", "reopen", "send_to_second_review",
    ]  # fmt: skip


def test_late_decision_is_kept_and_used_when_the_case_comes_again(hub, new_page, sign_in, screenshot) -> None:
    hub.post(TEXT)
    page, other = new_page(), new_page()
    sign_in(page)
    sign_in(other, "second")
    keys(page, "n")
    expect(page.locator("#decide")).to_be_visible()
    open_post(page)
    keys(page, "s", "0", "e")
    page.keyboard.type("An hour of work.")
    page.evaluate(
        "fetch(`/cases/${lease.dataset.case}/release`, {method: 'POST', headers: {'x-csrf-token': csrf},"
        " body: new URLSearchParams({lease: lease.dataset.lease})})"
    )  # as if its time had run out
    keys(other, "n")
    expect(other.locator("#decide")).to_be_visible()

    keys(page, "Control+Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("is no longer yours")
    expect(page.get_by_role("main")).to_contain_text("somebody else holds it now")
    expect(page.get_by_role("main")).to_contain_text("kept as a draft")
    assert "test-second" not in page.content()
    screenshot(page, "way-late")
    keys(other, "p")
    expect(other.get_by_role("status")).to_have_text("The case is back in the queue.")
    keys(page, "n")
    expect(page.get_by_role("main")).to_contain_text("You had written something about this case")
    screenshot(page, "way-draft-offered")
    page.get_by_role("link", name="Use what you had written").click()
    expect(page.get_by_label("Why did you decide this?")).to_have_value("An hour of work.")
    expect(page.get_by_role("radio", name="Offer victim support")).to_be_checked()
    open_post(page)
    keys(page, "Control+Enter")
    expect(page.get_by_role("status")).to_contain_text("Decision recorded")
    assert hub.rows("SELECT * FROM drafts") == []


def test_triage_and_steps_work_without_a_script(hub, new_page, sign_in) -> None:
    hub.post(TEXT, report={"why": "On our street."})
    page = new_page(java_script_enabled=False)
    sign_in(page)
    page.get_by_role("button", name="Take the next case").click()
    page.get_by_role("button", name="Show the post").click()
    expect(page.get_by_role("group", name="Text of the post")).to_have_text(TEXT)
    page.get_by_text("Notes (0)").click()
    page.get_by_label("Write a note").fill("They rang twice.")
    page.get_by_role("button", name="Add the note").click()
    expect(page.get_by_role("main")).to_contain_text("They rang twice.")
    page.get_by_role("link", name="Out of scope").click()
    page.get_by_role("button", name="Out of scope").click()
    expect(page.get_by_role("alert", name="There is a problem")).to_contain_text("Write why")
    page.get_by_label("Why?").fill("It is a poster, not a post.")
    page.get_by_role("button", name="Out of scope").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("No case is waiting")
    expect(page.get_by_role("status")).to_contain_text("is out of scope")
    assert hub.rows("SELECT state FROM cases") == [{"state": "out_of_scope"}]


def test_report_is_taken_down_by_keyboard_and_waits_for_triage(hub, new_page, sign_in) -> None:
    page = new_page()
    sign_in(page)
    page.goto("/reports/new")
    keys(page, "e")
    page.keyboard.type("They say antiword, she says.")
    keys(page, "Control+Enter")
    expect(page.get_by_role("alert", name="There is a problem")).to_contain_text("Choose how it reached us")
    expect(page.get_by_label("What does the post say?")).to_have_value("They say antiword, she says.")
    page.get_by_role("radio", name="A call to 101").check()
    page.get_by_role("radio", name="The person harmed").check()
    page.get_by_role("checkbox", name="Police forces").check()
    keys(page, "Control+Enter")
    expect(page.get_by_role("status")).to_contain_text("is stored")
    [report] = hub.rows("SELECT * FROM reports")
    assert (report["channel"], json.loads(report["consents"]), report["immediate_danger"]) == (
        "phone_101", ["police"], 0,
    )  # fmt: skip
