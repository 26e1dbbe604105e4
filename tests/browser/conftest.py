"""A real hub (`watchhouse run` in a process of its own) and a real Chromium."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher
from hub_launcher import Forked, Launcher, launcher
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from queue_rules import rules_without_chance

from serve.people import passwords
from serve.people.administration import create_key, create_officer

REPOSITORY = Path(__file__).resolve().parents[2]
SCREENSHOTS = REPOSITORY / "test-screenshots"
CHROMIUM = "/usr/bin/chromium"
CHROMIUM_ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PASSWORD = "correct horse battery staple"
START_SECONDS = 240
"""Far above what it takes (about two seconds): the machine may be busy."""
CLOSE_SECONDS = 30
expect.set_options(timeout=30_000)


@dataclass
class RunningHub:
    """A hub that answers on the loopback, with an officer and a key."""

    url: str
    home: Path
    key: str
    sent: list[str] = field(default_factory=list)

    def post(self, *texts: str, **facts: Any) -> list[str]:
        """Sends a post for each text, all with the same facts; see `send`."""
        return self.send([{"text": text, **facts} for text in texts])

    def send(self, posts: list[dict[str, Any]]) -> list[str]:
        """Sends posts through the API, waits until each has a case, and returns their post ids."""
        answer = httpx.post(
            f"{self.url}/v1/posts", json={"posts": posts}, headers={"Authorization": f"Bearer {self.key}"}
        )
        assert answer.status_code == 202, answer.text
        assert answer.json()["rejected"] == []
        ids = [accepted["post_id"] for accepted in answer.json()["accepted"]]
        self.sent += ids
        for _ in range(600):
            if self.rows("SELECT count(*) AS n FROM case_posts")[0]["n"] == len(self.sent):
                return ids
            time.sleep(0.1)
        raise AssertionError("the posts were not scored within a minute")

    def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """Rows of the hub's database, read from outside."""
        connection = sqlite3.connect(self.home / "hub.sqlite", timeout=30)
        connection.row_factory = sqlite3.Row
        try:
            return [dict(row) for row in connection.execute(query, values)]
        finally:
            connection.close()


@pytest.fixture(scope="session")
def hubs() -> Iterator[Launcher]:
    """What starts the hubs of all tests."""
    with launcher() as started:
        yield started


@pytest.fixture(scope="session")
def peopled_home(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder of a hub with a key and its people, to copy; and the key."""
    home = tmp_path_factory.mktemp("peopled") / "hub"
    with pytest.MonkeyPatch.context() as patch:
        # The parameters stand in the hash, so signing in costs no more than this either.
        patch.setattr(passwords, "_HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        key = create_key(home, scopes="score,posts,review", label="browser tests")
        for role in ("officer", "supervisor", "annotator", "researcher", "admin"):
            create_officer(home, name=f"test-{role}", role=role, password=PASSWORD)
        for name in ("second", "third"):
            create_officer(home, name=f"test-{name}", role="officer", password=PASSWORD)
    return home, key


@pytest.fixture
def hub(
    tmp_path: Path, tiny_bundle: Path, peopled_home: tuple[Path, str], hubs: Launcher
) -> Iterator[RunningHub]:
    """A fresh hub, running as the command that a person would type."""
    folder, key = peopled_home
    home = tmp_path / "hub"
    shutil.copytree(folder, home, dirs_exist_ok=True)  # a test may have put a hub.yaml there
    port = _free_port()
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("WATCHHOUSE_")
    } | {
        "WATCHHOUSE_BUNDLE": str(tiny_bundle),
        "WATCHHOUSE_QUEUE_RULES": str(rules_without_chance(tmp_path)),
    }
    log = tmp_path / "hub.log"
    process = hubs.start(["run", "--home", str(home), "--port", str(port)], environment, log)
    try:
        _wait_until_ready(f"http://127.0.0.1:{port}", process, log)
        yield RunningHub(f"http://127.0.0.1:{port}", home, key)
    finally:
        process.stop(START_SECONDS)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests."""
    if not shutil.which(CHROMIUM):
        if os.environ.get("CI") == "true":
            pytest.fail(f"{CHROMIUM} is missing, and CI must run the browser tests")
        pytest.skip(f"{CHROMIUM} is missing: no browser test ran")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def new_page(browser: Browser, hub: RunningHub) -> Iterator[Callable[..., Page]]:
    """Opens pages, each in a browser context of its own: `new_page(java_script_enabled=False)`."""
    contexts: list[BrowserContext] = []

    def open_page(**options: Any) -> Page:
        settings = {"base_url": hub.url, "locale": "en-GB", "viewport": {"width": 1280, "height": 900}}
        context = browser.new_context(**{**settings, **options})
        context.set_default_timeout(30_000)
        contexts.append(context)
        return context.new_page()

    yield open_page
    for context in contexts:
        _close(context)


def _close(context: BrowserContext) -> None:
    """Closes the context, or leaves it to the end of the browser.

    Chromium has been seen not to answer for as long as anybody waited (once in some thousand times), and the
    public `close` takes no bound.
    """
    with contextlib.suppress(TimeoutError):
        context._sync(asyncio.wait_for(context._impl_obj.close(reason=None), CLOSE_SECONDS))


@pytest.fixture
def sign_in() -> Callable[..., None]:
    """Signs a page in as `test-NAME`, a role or a further officer, and ends on the start page."""

    def as_role(page: Page, role: str = "officer") -> None:
        page.goto("/sign-in")
        page.get_by_label("Name").fill(f"test-{role}")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/")

    return as_role


@pytest.fixture
def screenshot() -> Callable[..., Path]:
    """Keeps a picture of the page in /test-screenshots, for a person to look at; `whole`: of all of it."""

    def keep(page: Page, name: str, *, whole: bool = False) -> Path:
        SCREENSHOTS.mkdir(exist_ok=True)
        path = SCREENSHOTS / f"{name}.png"
        page.screenshot(path=path, full_page=whole)
        return path

    return keep


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_ready(url: str, process: Forked, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert not process.has_ended(), f"the hub ended at start: {log.read_text()[-2000:]}"
        try:
            if httpx.get(f"{url}/readyz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"the hub was not ready in {START_SECONDS} s: {log.read_text()[-2000:]}")
