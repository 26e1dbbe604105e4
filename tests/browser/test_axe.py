"""axe-core on every page: no violation that is serious or critical.

axe comes from the package axe-playwright-python (a development dependency) and is put into the page by
the browser's debugger, which the page's own policy does not stop; the pages themselves load nothing more.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest
from pages_of_the_hub import PAGES, every_page
from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text("utf-8")
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
WORST = ("serious", "critical")


def violations(page: Page) -> list[str]:
    """What axe finds on the page, in a line each, the worst alone."""
    page.evaluate(AXE)
    found: dict[str, Any] = page.evaluate(f"axe.run(document, {{runOnly: {TAGS}}})")
    assert len(found["passes"]) > 10
    return [
        f"{one['impact']} {one['id']}: {node['html'][:120]}"
        for one in found["violations"]
        if one["impact"] in WORST
        for node in one["nodes"]
    ]


def test_axe_finds_nothing_serious_on_any_page(hub, new_page, sign_in, tmp_path) -> None:
    found = {}
    for name, page in every_page(hub, new_page, new_page(), sign_in, tmp_path):
        page.wait_for_load_state()
        found[name] = violations(page)
    assert {name: lines for name, lines in found.items() if lines} == {}
    assert len(found) == PAGES


def test_control_axe_sees_what_is_wrong(hub, new_page) -> None:
    page = new_page()
    page.goto("/sign-in")
    page.evaluate("document.querySelector('label[for=name]').remove()")
    assert any("label" in line for line in violations(page))
