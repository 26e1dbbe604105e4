"""Campaigns and the search in a real browser: by keyboard, on a phone, with hostile posts, without script."""

from __future__ import annotations

import re
import sqlite3

import httpx
import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

FIRST = (
    "The council has voted to close the reading room on Mill Lane at the end of the month, and nobody was "
    "asked about it. Come to the town hall on Thursday evening and bring your library card."
)
SECOND = FIRST.replace("Thursday", "Friday") + " Tell everybody!"
HOSTILE = FIRST + " <script>window.PWNED=1</script> \u202eflip https://evil.example/x"
PHONE = {"width": 360, "height": 780}
expect.set_options(timeout=30_000)


@pytest.fixture
def campaign(hub) -> list[str]:
    """Five posts in three wordings."""
    sent = hub.post(FIRST, FIRST.upper(), FIRST, author="@ada", platform="example.social")
    return sent + hub.post(SECOND, author="@ben", platform="example.social") + hub.post(HOSTILE)


def decide(hub) -> str:
    """Decides the case that comes first, through the API."""
    with sqlite3.connect(hub.home / "hub.sqlite", timeout=30) as connection:
        connection.execute("UPDATE cases SET sampled = 0")
    headers = {"Authorization": f"Bearer {hub.key}"}
    claimed = httpx.post(f"{hub.url}/v1/cases/claim", headers=headers).json()
    answer = httpx.post(
        f"{hub.url}/v1/cases/{claimed['case_id']}/decisions",
        headers=headers,
        json={
            "lease": claimed["lease"]["number"], "outcome": "no_action",
            "outcome_detail": "news_or_quotation",
            "strands": [], "severity": 1, "reason": "It is about a library.", "confidence": "high",
        },
    )  # fmt: skip
    assert answer.status_code == 201, answer.text
    assert answer.json()["decision"], answer.text
    return str(claimed["case_id"])


def watch(page: Page) -> list[str]:
    """What the page asks for outside the hub."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "127.0.0.1" not in request.url else None)
    return asked


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


def test_wordings_are_compared_and_parted_by_keyboard(hub, campaign, new_page, sign_in, screenshot) -> None:
    page = new_page()
    asked = watch(page)
    sign_in(page)
    page.keyboard.press("n")
    expect(page.locator("#decide")).to_be_visible()
    case_id = page.url.split("/cases/")[1].split("?")[0]
    page.goto(f"/cases/{case_id}/wordings")
    expect(page.locator(".wording")).to_have_count(3)
    assert "reading room" not in page.content()
    screenshot(page, "wordings-covered")

    for number in (1, 2, 3):
        page.keyboard.press("r")
        expect(page.get_by_role("group", name=f"Text of wording {number}")).to_be_visible()
    second = page.locator(".wording").nth(1)
    expect(second.locator("mark.added").first).to_contain_text("Friday")
    expect(second.locator("mark.left-out")).to_contain_text("Thursday")
    expect(second.locator(".facts")).to_contain_text("Tell everybody!")
    third = page.locator(".wording").nth(2)
    expect(third.locator(".post-text")).to_contain_text("<script>window.PWNED=1</script>")
    expect(third.locator(".post-text")).to_contain_text("hxxps://evil.example/x")
    assert page.evaluate("window.PWNED") is None
    assert asked == []
    screenshot(page, "wordings-open")

    page.keyboard.press("3")
    page.get_by_label("Why is wording 3 not the same?").focus()
    page.keyboard.type("It advertises something else.")
    screenshot(page, "wordings-parting")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("1 post moved to case")
    expect(page.locator(".wording")).to_have_count(2)
    assert hub.rows("SELECT count(*) AS n FROM text_separations")[0]["n"] == 2
    assert hub.rows("SELECT count(*) AS n FROM cases")[0]["n"] == 2


def test_wordings_fit_a_phone_and_work_without_a_script(hub, campaign, new_page, sign_in, screenshot) -> None:
    page = new_page(viewport=PHONE, java_script_enabled=False)
    sign_in(page)
    page.get_by_role("button", name="Take the next case").click()
    case_id = page.url.split("/cases/")[1].split("?")[0]
    page.goto(f"/cases/{case_id}/wordings")
    for number in (1, 2):
        page.get_by_role("button", name=f"Show wording {number}").click()
    expect(page.get_by_role("group", name="Text of wording 2")).to_contain_text("Friday")
    page.locator("summary", has_text="Not the same").nth(1).click()
    page.get_by_role("button", name="Take wording 2 out of this case").click()
    expect(page.get_by_role("alert")).to_contain_text("Write why it is not the same")
    expect(page.get_by_role("group", name="Text of wording 2")).to_be_visible()
    screenshot(page, "wordings-phone")


def test_linked_case_is_followed_with_one_key(hub, new_page, sign_in, screenshot) -> None:
    hub.post(FIRST, FIRST)
    decide(hub)
    hub.post(FIRST, SECOND)
    page = new_page()
    sign_in(page)
    page.goto("/linked")
    expect(page.get_by_role("heading", level=1)).to_contain_text("has the text of a campaign")
    expect(page.get_by_text("not the campaign's word for word")).to_be_visible()
    page.keyboard.press("z")
    page.wait_for_url("**/wordings")
    for number in (1, 2):
        page.keyboard.press("r")
        expect(page.get_by_role("group", name=f"Text of wording {number}")).to_be_visible()
    page.keyboard.press("b")
    page.wait_for_url("**/campaign")
    screenshot(page, "linked-case")
    page.set_viewport_size(PHONE)
    assert fits(page)
    screenshot(page, "linked-case-phone")
    page.keyboard.press("f")
    expect(page.get_by_role("status")).to_contain_text("follows its campaign's decision")
    expect(page.get_by_role("heading", level=1)).to_have_text("No linked case is waiting")
    assert hub.rows("SELECT count(*) AS n FROM decision_posts")[0]["n"] == 4


def test_search_by_keyboard_finds_saves_and_shows_no_post(
    hub, campaign, new_page, sign_in, screenshot
) -> None:
    hub.post("A tram <b>on</b> Mill Lane runs late again.", platform="<i>evil</i>\u202e", author="@cy")
    page = new_page()
    asked = watch(page)
    sign_in(page)
    page.get_by_role("link", name="Search").click()
    page.wait_for_url("**/search")
    page.keyboard.press("/")
    expect(page.locator("#q")).to_be_focused()
    page.keyboard.type('"mill lane" -tram')
    page.keyboard.press("Enter")
    expect(page.locator("caption")).to_contain_text("1 case found")
    expect(page.locator("tbody")).to_contain_text("5 posts")
    assert "reading room" not in page.content()
    screenshot(page, "search-found")

    page.goto("/search?q=mill+lan*")
    expect(page.locator("caption")).to_contain_text("2 cases found")
    expect(page.locator("tbody")).to_contain_text("<i>evil</i>⟦U+202E⟧")
    page.keyboard.press("f")
    page.get_by_label("Author").fill("@cy")
    screenshot(page, "search-filters")
    page.get_by_label("Author").press("Enter")
    expect(page.locator("caption")).to_contain_text("1 case found")
    page.get_by_label("Keep this search under a name").fill("Trams by @cy")
    page.get_by_role("button", name="Save the filter").click()
    expect(page.get_by_role("status")).to_contain_text("The filter is saved.")
    page.goto("/search")
    page.get_by_role("link", name="Trams by @cy").click()
    expect(page.locator("caption")).to_contain_text("1 case found")
    page.get_by_role("button", name="Delete the filter Trams by @cy").click()
    expect(page.get_by_role("link", name="Trams by @cy")).to_have_count(0)
    page.goto('/search?q="not closed')
    expect(page.get_by_role("alert")).to_contain_text("A quotation mark is not closed")
    expect(page.locator("#q")).to_have_value('"not closed')
    assert asked == []


def test_search_fits_a_phone(hub, campaign, new_page, sign_in, screenshot) -> None:
    page = new_page(viewport=PHONE)
    sign_in(page)
    page.goto("/search?q=mill&state=waiting")
    expect(page.locator("caption")).to_contain_text("1 case found")
    assert fits(page)
    screenshot(page, "search-phone")
    assert re.search(r"/cases/\w{26}", page.content())
