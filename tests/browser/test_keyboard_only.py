"""Everything by keyboard, and no key that does something while a person types."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


@pytest.fixture
def page(hub, new_page, sign_in):
    hub.post("They say antiword all day long.")
    page = new_page()
    sign_in(page)
    page.keyboard.press("n")
    expect(page.locator("#decide")).to_be_visible()
    page.wait_for_load_state()  # keys work once the script has run
    return page


def test_keys_choose_toggle_and_write_and_are_mute_while_typing(page) -> None:
    for key in ("3", "i", "f", "i", "j"):
        page.keyboard.press(key)
    expect(page.get_by_role("radio", name="S3")).to_be_checked()
    expect(page.get_by_role("checkbox", name="Far-right")).to_be_checked()
    expect(page.get_by_role("checkbox", name="Islamophobic")).not_to_be_checked()
    expect(page.get_by_role("radio", name="Offer a restorative meeting")).to_be_checked()
    page.keyboard.press("e")
    page.keyboard.type("pr0i?")
    expect(page.get_by_label("Why did you decide this?")).to_have_value("pr0i?")
    expect(page.get_by_role("radio", name="S3")).to_be_checked()
    expect(page.locator(".cover")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("4")
    expect(page.get_by_role("radio", name="S4")).to_be_checked()


def test_an_outcome_with_details_leads_to_its_list(page) -> None:
    page.keyboard.press("g")
    expect(page.get_by_label("Why: no action")).to_be_focused()
    page.keyboard.type("Satire")
    expect(page.get_by_label("Why: no action")).to_have_value("satire")
    expect(page.locator(".cover")).to_be_visible()


def test_the_key_sheet_opens_closes_and_can_turn_single_keys_off(page, screenshot) -> None:
    page.keyboard.press("?")
    sheet = page.get_by_role("dialog", name="Keys")
    expect(sheet).to_be_visible()
    screenshot(page, "keys")
    page.keyboard.press("r")
    expect(page.locator(".cover")).to_have_count(1)
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    page.keyboard.press("4")
    expect(page.get_by_role("radio", name="S4")).not_to_be_checked()
    page.get_by_role("button", name="Show the post").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("group", name="Text of the post")).to_be_visible()


def test_enter_on_a_choice_neither_shows_a_post_nor_sends_the_form(page) -> None:
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    expect(page.locator(".cover")).to_be_visible()
    expect(page.get_by_role("alert", name="There is a problem")).to_have_count(0)


def test_putting_a_case_back_returns_to_the_queue(hub, page) -> None:
    page.keyboard.press("p")
    expect(page.get_by_role("status")).to_have_text("The case is back in the queue.")
    assert hub.rows("SELECT state, leased_by FROM cases") == [{"state": "captured", "leased_by": None}]


def test_the_first_tab_stop_skips_to_the_content(page) -> None:
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to main content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()


def test_a_case_fits_a_narrow_screen(page, screenshot) -> None:
    page.set_viewport_size({"width": 320, "height": 640})
    page.keyboard.press("r")
    expect(page.get_by_role("group", name="Text of the post")).to_be_visible()
    screenshot(page, "case-narrow")
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
