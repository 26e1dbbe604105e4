"""One's own reading in a browser: by key, without a script, on a phone, and never a way past a break."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from exposure_reader import Reader
from pages_of_the_hub import judge
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

NARROWEST = 320


@pytest.fixture
def reader(hub):
    made = Reader(hub.home)
    yield made
    made.database.close()


@pytest.fixture
def look(screenshot) -> Callable[[Page, str], None]:
    """Takes the page's picture wide and narrow; nothing scrolls sideways, whatever is open."""

    def at_both_widths(page: Page, name: str) -> None:
        page.wait_for_load_state()
        for size, width, height in (("wide", 1280, 1700), ("narrow", 360, 2300)):  # the whole page
            page.set_viewport_size({"width": width, "height": height})
            screenshot(page, f"{size}-exposure-{name}")
        page.set_viewport_size({"width": NARROWEST, "height": 740})
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROWEST, name
        page.set_viewport_size({"width": 1280, "height": 900})

    return at_both_widths


def test_day_of_reading_by_key_alone(hub, new_page, sign_in, reader, look) -> None:
    complaints: list[str] = []
    page = new_page()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    sign_in(page)
    page.goto("/exposure")
    expect(page.get_by_text("You have read nothing on this shift.")).to_be_visible()
    look(page, "nothing")

    reader.reads(0, 0, 1, 2, 2, 3, 3, 3, 4)
    page.reload()
    expect(page.get_by_role("heading", name="25 of 100 units")).to_be_visible()
    expect(page.get_by_text("You have read 9 texts since")).to_contain_text("25 % of what is planned")
    look(page, "some")

    page.keyboard.press("b")
    expect(page.get_by_role("heading", level=1)).to_have_text("You are on a break")
    page.wait_for_load_state()
    look(page, "on-break")
    page.keyboard.press("b")
    expect(page.get_by_role("status")).to_contain_text("Your break has ended")

    page.wait_for_load_state()
    for key in ("a", "f", "f", "c", "t", "s"):
        page.keyboard.press(key)
    expect(page.get_by_role("status")).to_contain_text("Your preferences are saved")
    expect(page.get_by_role("checkbox", name="Antisemitic")).to_be_checked()
    expect(page.get_by_role("checkbox", name="Far-right")).not_to_be_checked()
    expect(page.get_by_role("checkbox", name="Covered until I ask")).not_to_be_checked()
    expect(page.get_by_role("checkbox", name="Two of the worst")).to_be_checked()
    look(page, "saved")
    [row] = hub.rows("SELECT * FROM exposure_preferences")
    assert (row["strands_excluded"], row["covers"], row["two_worst_in_a_row"]) == ('["antisemitic"]', 0, 1)

    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    assert complaints == []


def test_soft_stop_asks_why_and_lets_go_on_by_key_alone(hub, new_page, sign_in, reader, look) -> None:
    reader.reads(*[3] * 25)
    page = new_page()
    sign_in(page)
    page.goto("/exposure/pause?back=/labelling")
    expect(page.get_by_role("heading", level=1)).to_have_text("You have read enough for now")
    look(page, "soft-stop")

    page.keyboard.press("g")
    expect(page.get_by_role("alert", name="There is a problem")).to_contain_text("Choose why you go on")
    look(page, "soft-stop-error")
    page.get_by_role("link", name="Choose why you go on").click()
    expect(page.get_by_role("radio").first).to_be_focused()
    page.keyboard.press("5")
    page.keyboard.press("g")
    page.wait_for_url("**/labelling")
    assert [row["reason"] for row in hub.rows("SELECT reason FROM went_on")] == ["not_said"]

    page.goto("/exposure/pause?back=/labelling")
    expect(page.get_by_role("heading", level=1)).to_have_text("You can go on")
    page.wait_for_load_state()
    page.keyboard.press("g")
    page.wait_for_url("**/labelling")


def test_forced_break_has_no_way_around_and_ends_by_itself_without_a_script(
    hub, new_page, sign_in, reader, look
) -> None:
    reader.reads(*[3] * 40, minutes_ago=50)
    page = new_page(java_script_enabled=False)
    sign_in(page)
    page.goto("/exposure/pause?back=/elsewhere")
    # Three quarters of an hour without a text has been the break.
    expect(page.get_by_role("heading", level=1)).to_have_text("You have read enough for now")

    reader.reads(*[3] * 20, minutes_ago=32)
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("Now take a break of 30 minutes")
    expect(page.get_by_role("button", name="Go on")).to_have_count(0)
    page.get_by_role("button", name="Take a break").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Your break lasts until")
    expect(page.get_by_role("button", name="End the break")).to_have_count(0)

    token = page.locator("input[name=csrf_token]").first.get_attribute("value") or ""
    for address, fields in (("breaks/end", {}), ("go-on", {"reason": "danger"})):
        answer = page.request.post(
            f"{hub.url}/exposure/{address}",
            form={"csrf_token": token, **fields},
            headers={"Accept": "text/html"},
        )
        assert answer.status == 409
        assert "Your break lasts until" in answer.text()
    assert hub.rows("SELECT ended_at FROM breaks") == [{"ended_at": None}]


def test_forced_break_that_is_over_is_ended_by_its_person(hub, new_page, sign_in, reader, look) -> None:
    reader.reads(*[3] * 38, minutes_ago=31)
    page = new_page()
    sign_in(page)
    page.goto("/exposure/pause")
    expect(page.get_by_role("heading", level=1)).to_have_text("Now take a break of 30 minutes")
    look(page, "forced")
    reader.begins_break(minutes_ago=30.5)
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are on a break")
    page.get_by_role("button", name="End the break").click()
    page.wait_for_url("**/")

    assert [row["kind"] for row in hub.rows("SELECT kind FROM breaks WHERE ended_at IS NOT NULL")] == [
        "forced"
    ]


def test_officer_reaches_the_stop_takes_the_break_and_goes_on(
    hub, new_page, sign_in, reader, look, screenshot
) -> None:
    hub.post("They say antiword all day.", "Another post with farword in it.")
    reader.reads(*[3] * 7, minutes_ago=15)
    page = new_page()
    sign_in(page)
    page.keyboard.press("n")
    expect(page.get_by_role("heading", level=1)).to_have_text("Time for a break")
    expect(page.get_by_text("It has been 28 units since your last break")).to_be_visible()
    screenshot(page, "exposure-before-the-next-case", whole=True)

    reader.begins_break(minutes_ago=11)  # as the button does, eleven minutes ago
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are on a break")
    page.wait_for_load_state()
    page.keyboard.press("b")
    page.wait_for_url("**/")
    page.wait_for_load_state()
    page.keyboard.press("n")
    expect(page.locator("#decide")).to_be_visible()

    reader.reads(*[3] * 7)
    judge(page, "Offer victim support", "S0")
    expect(page.get_by_role("heading", level=1)).to_have_text("Time for a break")
    expect(page.get_by_role("status")).to_contain_text("Decision recorded for case")
    screenshot(page, "exposure-after-a-decision", whole=True)
    page.wait_for_load_state()
    page.keyboard.press("3")
    page.keyboard.press("g")
    page.wait_for_url("**/")
    page.wait_for_load_state()
    page.keyboard.press("n")
    expect(page.locator("#decide")).to_be_visible()
    page.get_by_role("button", name="Put it back").click()
    expect(page.get_by_role("status")).to_contain_text("back in the queue")


def test_emergency_is_offered_on_the_page_of_a_forced_break_and_taken_by_key(
    hub, new_page, sign_in, reader, look
) -> None:
    hub.post("They say antiword all day.")
    page = new_page()
    sign_in(page)
    page.keyboard.press("n")
    expect(page.locator("#decide")).to_be_visible()
    page.get_by_role("button", name="Raise an emergency").click()
    page.get_by_label("Why?").fill("They name a place and a day.")
    page.get_by_role("main").get_by_role("button", name="Raise an emergency").click()
    page.goto("/")
    page.get_by_role("link", name="Go back to your case").click()
    page.get_by_role("button", name="Put it back").click()
    expect(page.get_by_role("button", name="Take the emergency")).to_be_visible()
    look(page, "queue-with-an-emergency")

    reader.reads(*[3] * 38)
    page.goto("/exposure/pause")
    expect(page.get_by_role("heading", level=1)).to_have_text("Now take a break of 30 minutes")
    expect(page.get_by_role("heading", name="An emergency is waiting")).to_be_visible()
    look(page, "forced-with-an-emergency")
    page.keyboard.press("t")
    expect(page.locator("#decide")).to_be_visible()


def test_supervisor_sees_that_there_are_too_few_people(hub, new_page, sign_in, reader, look) -> None:
    reader.reads(4, 4)
    page = new_page()
    sign_in(page, "supervisor")
    page.goto("/exposure")
    page.get_by_role("link", name="The team's figures").click()
    expect(page.get_by_text("fewer than 5 people besides you")).to_be_visible()
    look(page, "team")
