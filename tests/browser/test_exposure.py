"""One's own reading in a browser: by key, without a script, on a phone, and never a way past a break."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from model.configuration import sha256_of
from serve.people.exposure.breaks import begin_break
from serve.people.exposure.policy import load_exposure
from serve.people.exposure.readings import Subject, record_reading
from serve.people.officers import officer_actor, officer_named
from serve.storage.engine import Database
from serve.storage.identifiers import new_id, utc_now

pytestmark = pytest.mark.browser

NARROWEST = 320
POLICY = load_exposure()


class Reader:
    """Lets the officer of a running hub read, as the queue would have recorded it."""

    def __init__(self, home: Path) -> None:
        self.database = Database(f"sqlite:///{home / 'hub.sqlite'}")
        with self.database.read() as session:
            found = officer_named(session, "test-officer")
            assert found is not None
            self.actor = officer_actor(found.officer_id)

    def reads(self, *severities: int, minutes_ago: float = 1) -> None:
        """Texts of these severities, all at one time."""
        at = utc_now() - timedelta(minutes=minutes_ago)
        with self.database.write() as session:
            for severity in severities:
                post_id = new_id()
                record_reading(
                    session,
                    POLICY,
                    actor=self.actor,
                    at=at,
                    subject=Subject("post", post_id),
                    text_sha256=sha256_of(post_id.encode()),
                    severity_expected=severity,
                )

    def begins_break(self, *, minutes_ago: float) -> None:
        at = utc_now() - timedelta(minutes=minutes_ago)
        with self.database.write() as session:
            begin_break(session, POLICY, actor=self.actor, now=at)


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


def test_supervisor_sees_that_there_are_too_few_people(hub, new_page, sign_in, reader, look) -> None:
    reader.reads(4, 4)
    page = new_page()
    sign_in(page, "supervisor")
    page.goto("/exposure")
    page.get_by_role("link", name="The team's figures").click()
    expect(page.get_by_text("fewer than 5 people besides you")).to_be_visible()
    look(page, "team")
