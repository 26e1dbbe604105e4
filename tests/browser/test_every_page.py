"""Every page by Tab alone and on the narrowest screen: what has the focus can be seen, named and reached."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pages_of_the_hub import PAGES, every_page
from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

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


def focus_from_the_start(page: Page) -> Iterator[dict]:
    """What has the focus after each Tab, from the top of the page to its end."""
    page.evaluate("document.activeElement.blur(); getSelection().removeAllRanges(); scrollTo(0, 0)")
    page.locator(".skip").focus()
    for _ in range(150):
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
    first = new_page(viewport={"width": 1280, "height": 560})
    walked = {}
    for name, page in every_page(hub, new_page, first, sign_in, tmp_path):
        page.wait_for_load_state()
        stops = list(focus_from_the_start(page))
        walked[name] = len(stops)
        faults = [stop for stop in stops if not stop["seen"] or not stop["name"] or stop["covered"]]
        assert faults == [], name
        page.set_viewport_size({"width": 1280, "height": 900})
        page.evaluate("scrollTo(0, 0)")
        screenshot(page, f"wide-{name}", whole=True)
        page.set_viewport_size({"width": 1280, "height": 560})
    assert len(walked) == PAGES
    assert min(walked.values()) >= 3
    assert walked["case-open"] > 20
    assert walked["desk"] > 10


def test_no_page_scrolls_sideways_at_320_pixels(hub, new_page, sign_in, tmp_path, screenshot) -> None:
    first = new_page(viewport={"width": 360, "height": 740})
    wide = {}
    for name, page in every_page(hub, new_page, first, sign_in, tmp_path):
        page.wait_for_load_state()
        screenshot(page, f"narrow-{name}", whole=True)
        page.set_viewport_size({"width": 320, "height": 740})
        wide[name] = page.evaluate("document.documentElement.scrollWidth")
        page.set_viewport_size({"width": 360, "height": 740})
    assert len(wide) == PAGES
    assert max(wide.values()) <= 320, wide
