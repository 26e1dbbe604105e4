"""The labelling desk when something goes wrong: a lost text, a slip, a touch screen, single keys off."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from labelling import command

pytestmark = pytest.mark.browser

NOTE = "IH2, see the second sentence"


@pytest.fixture
def open_desk(
    hub: Any, new_page: Callable[..., Page], sign_in: Callable[..., None], tmp_path: Path
) -> Callable[..., Page]:
    """Opens the first of two texts, uncovered."""
    source = tmp_path / "pilot.jsonl"
    texts = ["They are vermin, all of them.", "The bus to Leeds is late again."]
    source.write_text("\n".join(json.dumps({"id": text[:6], "text": text}) for text in texts), "utf-8")
    assert command.add_tasks(hub.home, batch="pilot", source=str(source)) == 0

    def opened(**options: Any) -> Page:
        page = new_page(**options)
        page.clock.install()
        sign_in(page, "annotator")
        page.goto("/labelling")
        page.get_by_role("button", name="Label pilot").click()
        page.wait_for_load_state()  # keys work once the script has run
        page.keyboard.press("r")
        expect(page.locator("#text")).to_be_visible()
        return page

    return opened


@pytest.fixture
def desk(open_desk: Callable[..., Page]) -> Page:
    return open_desk()


def test_lost_text_is_noticed_at_once_and_not_sent(hub: Any, desk: Page) -> None:
    desk.get_by_label("Note, if you need one").fill(NOTE)
    with sqlite3.connect(hub.home / "hub.sqlite", timeout=30) as connection:
        connection.execute("UPDATE task_slots SET lease_number = lease_number + 1 WHERE state = 'leased'")
    connection.close()
    sent: list[str] = []
    desk.on("request", lambda request: request.url.endswith("/label") and sent.append(request.url))

    desk.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    expect(desk.get_by_role("alert")).to_contain_text("This text is no longer yours")
    expect(desk.get_by_role("button", name="Save and go on")).to_be_disabled()
    desk.keyboard.press("Escape")
    desk.locator("#text").focus()
    desk.keyboard.press("Enter")
    expect(desk.get_by_label("Note, if you need one")).to_have_value(NOTE)
    assert sent == []


def test_desk_that_nobody_touches_lets_its_text_go(desk: Page) -> None:
    beats: list[str] = []
    desk.on("request", lambda request: "heartbeat" in request.url and beats.append(request.url))
    with desk.expect_response("**/heartbeat"):
        desk.clock.fast_forward("05:00")
    # The page must have read the answer before its clock moves on, or the answer counts from the later time.
    while desk.evaluate("hold.endsAt - performance.now() < 9 * 60 * 1000"):
        desk.wait_for_timeout(20)

    desk.clock.fast_forward("05:01")
    desk.clock.run_for("02:00")

    assert len(beats) == 1
    expect(desk.locator("#lease-left")).to_contain_text(re.compile(r"3 min 00|2 min [45]\d"))
    with desk.expect_response("**/heartbeat"):
        desk.mouse.wheel(0, 10)


def test_undo_with_a_note_asks_first(hub: Any, desk: Page) -> None:
    desk.keyboard.press("Enter")
    expect(desk.locator("#said")).to_contain_text("Saved: not hate.")
    desk.wait_for_load_state()
    desk.keyboard.press("r")
    desk.get_by_label("Note, if you need one").fill(NOTE)
    desk.keyboard.press("Escape")
    asked: list[str] = []
    desk.once("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))

    desk.keyboard.press("Backspace")

    expect(desk.get_by_label("Note, if you need one")).to_have_value(NOTE)
    assert hub.rows("SELECT * FROM labels WHERE undone_at IS NOT NULL") == []
    desk.once("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    desk.keyboard.press("Backspace")
    expect(desk.locator("#said")).to_contain_text("You undid this label.")
    assert asked == ["confirm", "confirm"]


def test_link_asks_before_a_note_is_lost(desk: Page) -> None:
    desk.keyboard.press("o")
    desk.keyboard.type(NOTE)
    asked: list[str] = []
    desk.once("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    desk.get_by_role("link", name="Labelling").click(no_wait_after=True)
    expect(desk.get_by_label("Note, if you need one")).to_have_value(NOTE)
    assert asked == ["beforeunload"]


def test_contradiction_is_said_in_a_summary_that_has_the_focus(desk: Page) -> None:
    for key in ("n", "2", "n", "Enter"):
        desk.keyboard.press(key)
    summary = desk.get_by_role("alert", name="There is a problem")
    expect(summary).to_be_focused()
    desk.get_by_role("link", name="Neutral cannot go with severity 2").click()
    expect(desk.get_by_role("group", name="Who is saying it?")).to_be_focused()


def test_words_are_marked_and_unmarked_by_touch(open_desk: Callable[..., Page]) -> None:
    desk = open_desk(has_touch=True, viewport={"width": 360, "height": 740})
    select = (
        "([first, last]) => { const words = document.querySelectorAll('#text [data-start]');"
        "getSelection().setBaseAndExtent(words[first].firstChild, 0, words[last].firstChild, 1) }"
    )
    desk.evaluate(select, [1, 2])
    desk.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
    # As some phones do: the tap drops the selection before the button hears of it.
    desk.evaluate("getSelection().removeAllRanges()")
    desk.get_by_role("button", name="Mark", exact=False).first.tap()
    expect(desk.locator("#marked")).to_have_text("1 passage marked.")
    expect(desk.locator("#rationale")).to_have_value("5-15")
    desk.get_by_role("button", name="Remove mark").tap()
    expect(desk.locator("#rationale")).to_have_value("")


def test_words_are_marked_by_keyboard_with_single_keys_off(desk: Page) -> None:
    desk.evaluate("localStorage.setItem('watchhouse.keys', 'off')")
    desk.keyboard.press("ArrowRight")
    desk.keyboard.press("m")
    expect(desk.locator("#rationale")).to_have_value("")
    desk.get_by_role("button", name="Mark", exact=False).first.focus()
    desk.keyboard.press("Space")
    expect(desk.locator("#rationale")).to_have_value("0-4")
