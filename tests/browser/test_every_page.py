"""Every page by Tab alone and on the narrowest screen: what has the focus can be seen, named and reached."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from labelling import command

pytestmark = pytest.mark.browser

FOCUSED = """() => {
  const element = document.activeElement;
  if (element === document.body || element === document.documentElement) return null;
  const box = element.getBoundingClientRect();
  const [left, right] = [Math.max(box.left, 0), Math.min(box.right, innerWidth)];
  const [top, bottom] = [Math.max(box.top, 0), Math.min(box.bottom, innerHeight)];
  const seen = right - left > 1 && bottom - top > 1;
  const heights = box.height < 150 ? [box.top + 2, box.bottom - 2] : [(top + bottom) / 2];
  const hits = heights.map((y) => document.elementFromPoint((left + right) / 2, y));
  const bars = hits.map((hit) => hit?.closest(".save-bar, .lease-bar"));
  const labelled = (element.getAttribute("aria-labelledby") || "").split(" ").filter(Boolean);
  const parts = [...labelled.map((id) => document.getElementById(id)), ...(element.labels || []), element];
  const name = element.getAttribute("aria-label") || parts.map((part) => part?.innerText || "").join("");
  return {
    what: element.outerHTML.slice(0, 160),
    name: name.trim(),
    seen: seen && getComputedStyle(element).visibility === "visible",
    covered: bars.some((bar) => bar && !bar.contains(element)),
  };
}"""


def every_page(hub, page: Page, sign_in, tmp_path) -> Iterator[str]:
    """Goes from page to page and names each one it has reached."""
    hub.post("They say antiword all day long. " * 8, "Another post with farword in it.")
    source = tmp_path / "pilot.jsonl"
    source.write_text(json.dumps({"id": "1", "text": "They are vermin, all of them. " * 8}), "utf-8")
    assert command.add_tasks(hub.home, batch="pilot", source=str(source)) == 0
    page.goto("/sign-in")
    yield "sign-in"
    sign_in(page)
    yield "queue"
    page.get_by_role("button", name="Take the next case").click()
    expect(page.locator("#decide")).to_be_visible()
    case_url = page.url
    yield "case-covered"
    page.get_by_role("button", name="Record the decision").click()
    expect(page.get_by_role("alert", name="There is a problem")).to_be_visible()
    yield "case-with-errors"
    page.get_by_role("button", name="Show the post").click()
    expect(page.get_by_role("group", name="Text of the post")).to_be_visible()
    page.get_by_role("radio", name="Request a crime record").check()
    page.get_by_role("radio", name="S2").check()
    page.get_by_label("Why did you decide this?").fill("A reason.\nOn two lines.")
    yield "case-open"
    page.get_by_role("button", name="Record the decision").click()
    expect(page.get_by_role("status")).to_contain_text("Decision recorded")
    page.goto(case_url)
    yield "decided"
    page.goto("/cases/none")
    yield "no-case"
    page.goto("/nothing-here")
    yield "not-found"
    page.goto("/labelling")
    yield "batches"
    page.get_by_role("button", name="Label pilot").click()
    page.locator("summary").first.click()
    page.get_by_role("checkbox", name="Antisemitic").check()
    yield "desk"


def focus_from_the_start(page: Page) -> Iterator[dict]:
    """What has the focus after each Tab, from the top of the page to its end."""
    page.evaluate("document.activeElement.blur(); getSelection().removeAllRanges(); scrollTo(0, 0)")
    page.locator(".skip").focus()
    for _ in range(80):
        focused = page.evaluate(FOCUSED)
        if focused is None:
            return
        yield focused
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('.skip')"):
            return
    raise AssertionError("the focus does not come to an end of the page")


def test_whatever_has_the_focus_is_seen_named_and_not_under_a_bar(
    hub, new_page, sign_in, tmp_path, screenshot
) -> None:
    page = new_page(viewport={"width": 1280, "height": 560})
    walked = {}
    for name in every_page(hub, page, sign_in, tmp_path):
        page.wait_for_load_state()
        stops = list(focus_from_the_start(page))
        walked[name] = len(stops)
        faults = [stop for stop in stops if not stop["seen"] or not stop["name"] or stop["covered"]]
        assert faults == [], name
        page.set_viewport_size({"width": 1280, "height": 900})
        page.evaluate("scrollTo(0, 0)")
        screenshot(page, f"wide-{name}")
        page.set_viewport_size({"width": 1280, "height": 560})
    assert len(walked) == 10
    assert min(walked.values()) >= 3
    assert walked["case-open"] > 12
    assert walked["desk"] > 10


def test_no_page_scrolls_sideways_at_320_pixels(hub, new_page, sign_in, tmp_path, screenshot) -> None:
    page = new_page(viewport={"width": 360, "height": 740})
    wide = {}
    for name in every_page(hub, page, sign_in, tmp_path):
        page.wait_for_load_state()
        screenshot(page, f"narrow-{name}")
        page.set_viewport_size({"width": 320, "height": 740})
        wide[name] = page.evaluate("document.documentElement.scrollWidth")
        page.set_viewport_size({"width": 360, "height": 740})
    assert len(wide) == 10
    assert max(wide.values()) <= 320, wide
