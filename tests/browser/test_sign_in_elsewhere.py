"""Out to another site and back: what a browser does with our cookies then, no stand-in can show."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from oidc_provider import CLIENT_ID, CLIENT_SECRET, OidcProvider, running_provider
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser


@pytest.fixture
def provider() -> Iterator[OidcProvider]:
    """A provider that is another site to the browser: `localhost`, where the hub is `127.0.0.1`."""
    with running_provider("localhost") as running:
        running.asks_the_person = True
        running.claims |= {"groups": ["hub-officers"]}
        yield running


@pytest.fixture
def hub_with_provider(tmp_path: Path, provider: OidcProvider, request: pytest.FixtureRequest) -> Any:
    """The hub, which reads these settings when it starts; only the provider knows its port."""
    home = tmp_path / "hub"
    home.mkdir(mode=0o700)
    (home / "hub.yaml").write_text(
        f"oidc: {{issuer: '{provider.issuer}', client_id: {CLIENT_ID}, client_secret: '{CLIENT_SECRET}', "
        "redirect_address: 'https://hub.example/sign-in/callback', label: the force, "
        "role_claim: groups, roles: {hub-officers: officer}}"
    )
    hub = request.getfixturevalue("hub")
    provider.sends_back_to = f"{hub.url}/sign-in/callback"
    return hub


@pytest.mark.parametrize("java_script_enabled", [True, False])
def test_person_comes_back_from_another_site_signed_in(
    hub_with_provider: Any,
    new_page: Callable[..., Page],
    screenshot: Callable[[Page, str], Path],
    java_script_enabled: bool,
) -> None:
    page = new_page(java_script_enabled=java_script_enabled)
    page.goto("/sign-in")
    screenshot(page, "1280-sign-in-elsewhere")
    page.get_by_role("link", name="Sign in with the force").click()
    page.get_by_role("link", name="I am Ada").click()

    expect(page.get_by_role("heading", name="The queue")).to_be_visible()
    expect(page.get_by_role("link", name="Your account: Ada at the force")).to_be_visible()
    cookies = {cookie["name"]: cookie for cookie in page.context.cookies()}
    assert cookies["watchhouse"]["sameSite"] == "Strict"
    assert set(cookies) == {"watchhouse"}  # nothing of the way is left


def test_person_without_an_account_reads_why_on_a_plain_page(
    hub_with_provider: Any, provider: OidcProvider, new_page: Callable[..., Page]
) -> None:
    provider.claims["groups"] = ["strangers"]
    page = new_page()
    page.goto("/sign-in")
    page.get_by_role("link", name="Sign in with the force").click()
    page.get_by_role("link", name="I am Ada").click()

    expect(page.get_by_role("heading", name="You are not signed in")).to_be_visible()
    expect(page.get_by_role("main")).to_contain_text("There is no open account here for you")
