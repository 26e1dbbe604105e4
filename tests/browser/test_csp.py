"""The headers that every page carries."""

from __future__ import annotations

import httpx
import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)


def test_every_page_carries_the_exact_policy(hub, new_page, sign_in) -> None:
    hub.post("A post with antiword in it.")
    page = new_page()
    violations: list[str] = []
    page.on("console", lambda message: "Content Security" in message.text and violations.append(message.text))
    answers = []
    page.on("response", lambda response: answers.append(response))
    sign_in(page)
    page.keyboard.press("n")
    expect(page.locator("#decide")).to_be_visible()
    page.goto("/nothing-here")
    expect(page.get_by_role("heading", level=1)).to_have_text("Page not found")
    pages = [answer for answer in answers if "text/html" in answer.headers.get("content-type", "")]
    assert len(pages) >= 4
    for answer in pages:
        assert answer.headers["content-security-policy"] == POLICY
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
    assert violations == []


def test_a_static_file_is_kept_for_good_and_only_under_its_own_hash(hub) -> None:
    html = httpx.get(f"{hub.url}/sign-in").text
    [address] = [part for part in html.split('"') if part.endswith("/console.css")]
    answer = httpx.get(hub.url + address)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["x-content-type-options"] == "nosniff"
    _, _, room, digest, file = address.split("/")
    for other in (f"/static/{room}/{'0' * len(digest)}/{file}", f"/static/{room}/{digest}/..%2f{file}"):
        assert httpx.get(hub.url + other).status_code == 404
