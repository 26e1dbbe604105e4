"""People, keys, one's own account and the second step in a real browser, without a script and by keyboard."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyotp
import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

PASSWORD = "correct horse battery staple"


def fresh_code(secret: str, after: str = "") -> str:
    """The app's code; where it was used already, the next one, which counts up to half a minute early."""
    now = int(time.time())
    code = pyotp.TOTP(secret).at(now)
    return code if code != after else pyotp.TOTP(secret).at(now + 30)


def set_up_authenticator(page: Page) -> tuple[str, str]:
    """Sets an authenticator up from the account page; its secret, and the code that confirmed it."""
    page.goto("/account")
    page.get_by_role("link", name="Set up the authenticator app").click()
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Set it up").click()
    secret = page.locator("#secret").inner_text().replace(" ", "")
    code = fresh_code(secret)
    page.get_by_label("6-digit code").fill(code)
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name="Write these recovery codes down")).to_be_visible()
    return secret, code


def every_page(page: Page, sign_in: Callable[..., None]) -> Iterator[str]:
    """Goes from page to page and names each one it has reached."""
    sign_in(page, "admin")
    page.goto("/people")
    yield "people-one-admin"
    page.get_by_role("link", name="Add a person").click()
    yield "person-new"
    page.get_by_role("button", name="Add the person").click()
    expect(page.get_by_role("alert", name="There is a problem")).to_be_focused()
    yield "person-new-errors"
    page.get_by_role("textbox", name="Name").fill("A. Second")
    page.get_by_role("radio", name="administrator").check()
    page.get_by_role("button", name="Add the person").click()
    yield "person-created"
    page.goto("/people")
    page.get_by_role("link", name="test-officer").click()
    yield "person"
    page.get_by_role("link", name="Change the role").click()
    yield "person-role"
    page.get_by_role("radio", name="hub lead").check()
    page.get_by_role("button", name="Change the role").click()
    expect(page.get_by_role("status").first).to_contain_text("Another administrator has to give the role")
    yield "person-asked"
    page.goto("/people")
    yield "people"
    page.get_by_role("link", name="test-annotator").click()
    page.get_by_role("link", name="Change strands and queues").click()
    yield "person-skills"
    page.goto("/people?name=researcher")
    page.get_by_role("link", name="test-researcher").click()
    page.get_by_role("link", name="End the account").click()
    yield "confirm"
    page.goto("/keys")
    yield "keys"
    page.get_by_role("link", name="Make a key").click()
    page.get_by_label("What is it for?").fill(
        "The front desk of the hub in Leeds, for posts that people bring in"
    )
    page.get_by_role("checkbox", name="Sends posts in").check()
    yield "key-new"
    page.get_by_role("button", name="Make the key").click()
    yield "key-created"
    page.goto("/account")
    yield "account"
    page.get_by_role("link", name="Change the password").click()
    yield "account-password"
    page.goto("/account/authenticator")
    yield "account-authenticator"
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Set it up").click()
    yield "authenticator"
    secret = page.locator("#secret").inner_text().replace(" ", "")
    page.get_by_label("6-digit code").fill(code := fresh_code(secret))
    page.get_by_role("button", name="Continue").click()
    yield "recovery-codes"
    page.goto("/account")
    yield "account-with-authenticator"
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("Name").fill("test-admin")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Enter the code from your app")).to_be_visible()
    yield "second-step"
    page.get_by_label("6-digit code").fill(code)  # it was used
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("alert", name="There is a problem")).to_be_focused()
    yield "second-step-errors"


@pytest.mark.parametrize("width", [1280, 360])
def test_every_page_of_people_breaks_no_rule_of_the_policy_and_fits(
    new_page: Callable[..., Page],
    sign_in: Callable[..., None],
    screenshot: Callable[[Page, str], Path],
    width: int,
) -> None:
    page = new_page(viewport={"width": width, "height": 900})
    faults: list[str] = []
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    seen, wide = [], {}
    for name in every_page(page, sign_in):
        page.wait_for_load_state()
        page.set_viewport_size({"width": width, "height": page.evaluate("document.body.scrollHeight")})
        screenshot(page, f"{width}-{name}")
        page.set_viewport_size({"width": min(width, 320), "height": 900})
        wide[name] = page.evaluate("document.documentElement.scrollWidth")
        page.set_viewport_size({"width": width, "height": 900})
        seen.append(name)
    statuses = [fault for fault in faults if "status of 4" not in fault]  # a refused form is a 4xx page
    assert statuses == []
    assert len(seen) == 21
    assert {name: pixels for name, pixels in wide.items() if pixels > 320} == {}


def test_picture_of_the_secret_is_one_that_an_app_can_read(
    new_page: Callable[..., Page], sign_in: Callable[..., None]
) -> None:
    """The squares on the screen are those of the QR code of the address with the key beside it."""
    import segno

    page = new_page()
    sign_in(page)
    page.goto("/account/authenticator")
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Set it up").click()
    secret = page.locator("#secret").inner_text().replace(" ", "")
    address = pyotp.TOTP(secret, name="test-officer", issuer="Watchhouse").provisioning_uri()
    wanted = segno.make(address, error="m", micro=False).matrix
    picture = page.locator("svg.qr")
    size = int(picture.get_attribute("viewBox").split()[2])
    drawn = page.evaluate(
        """(size) => {
          const path = document.querySelector("svg.qr path");
          const at = (x, y) => path.isPointInFill(new DOMPoint(x + 0.5, y + 0.5));
          return [...Array(size)].map((_, y) => [...Array(size)].map((_, x) => at(x, y) ? 1 : 0));
        }""",
        size,
    )
    assert [row[4:-4] for row in drawn[4:-4]] == [list(row) for row in wanted]
    assert not any(drawn[0] + drawn[3] + drawn[-1] + [row[0] for row in drawn] + [row[-1] for row in drawn])
    colours = page.evaluate(
        """() => { const svg = document.querySelector("svg.qr");
          return [getComputedStyle(svg).backgroundColor, getComputedStyle(svg.firstElementChild).fill]; }"""
    )
    assert colours == ["rgb(255, 255, 255)", "rgb(0, 0, 0)"]


def test_second_step_works_without_script_and_by_keyboard_alone(
    hub: Any, new_page: Callable[..., Page], sign_in: Callable[..., None]
) -> None:
    page = new_page(java_script_enabled=False, color_scheme="dark")
    sign_in(page)
    secret, used = set_up_authenticator(page)
    page.get_by_role("link", name="I have them, continue").press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Your authenticator is set up")
    page.get_by_role("button", name="Sign out").press("Enter")
    page.get_by_label("Name").fill("test-officer")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("Password").press("Enter")
    page.get_by_label("6-digit code").fill(fresh_code(secret, after=used))
    page.get_by_label("6-digit code").press("Enter")
    expect(page.get_by_role("heading", name="The queue")).to_be_visible()
    [row] = hub.rows("SELECT last_signed_in_at FROM officers WHERE name = 'test-officer'")
    assert datetime.fromisoformat(row["last_signed_in_at"]).replace(tzinfo=UTC) <= datetime.now(UTC)


def test_browser_ended_from_another_one_is_out(
    new_page: Callable[..., Page], sign_in: Callable[..., None]
) -> None:
    here, there = new_page(), new_page()
    sign_in(there)
    sign_in(here)
    here.goto("/account")
    expect(here.get_by_text("This browser", exact=True)).to_have_count(1)
    here.get_by_role("button", name="End this session").click()
    expect(here.get_by_role("status")).to_contain_text("That browser is signed out")
    there.goto("/account")
    there.wait_for_url("**/sign-in")
