"""Takes docs/images/case.png anew: `make screenshot`.

A real hub on a temporary folder with the bundle that ships (or `WATCHHOUSE_BUNDLE`), a post of ours, real
Chromium.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
from playwright.sync_api import sync_playwright

from serve.people.administration import create_key, create_officer

REPOSITORY = Path(__file__).resolve().parents[2]
PICTURE = REPOSITORY / "docs" / "images" / "case.png"
PORT = 8099
PASSWORD = "correct horse battery staple"
POST = {
    "text": "They control the banks and the newspapers, every Jew of them, and they should all be "
    "driven out. Read it before they take it down: https://example.org/thread/12",
    "platform": "Example Social",
    "author": "@example",
    "url": "https://example.org/post/1",
    "posted_at": "2026-11-03T09:12:00Z",
}


def main() -> None:
    """Starts the hub, works one case up to the decision, and keeps the picture."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        key = create_key(home, scopes="posts", label="picture")
        create_officer(home, name="PC 4417", role="officer", password=PASSWORD)
        command = [sys.executable, "watchhouse.py", "run", "--home", folder, "--port", str(PORT)]
        hub = subprocess.Popen(command, cwd=REPOSITORY, env=dict(os.environ), stdout=subprocess.DEVNULL)
        try:
            _wait(hub)
            headers = {"Authorization": f"Bearer {key}"}
            httpx.post(f"{_url()}/v1/posts", json={"posts": [POST]}, headers=headers).raise_for_status()
            _photograph()
        finally:
            hub.terminate()
            hub.wait(timeout=30)
    sys.stdout.write(f"{PICTURE.relative_to(REPOSITORY)} taken anew: look at it before you commit it\n")


def _photograph() -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page(base_url=_url(), locale="en-GB", viewport={"width": 1280, "height": 900})
        page.goto("/sign-in")
        page.get_by_label("Name").fill("PC 4417")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        while page.get_by_text("most pressing first").count() == 0:
            time.sleep(0.5)  # until the scorer has made the case
            page.reload()
        page.keyboard.press("n")
        page.locator("#decide").wait_for()
        page.keyboard.press("r")
        page.get_by_role("group", name="Text of the post").wait_for()
        page.get_by_role("radio", name="Request a crime record").check()
        PICTURE.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=PICTURE)
        browser.close()


def _wait(hub: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        if hub.poll() is not None:
            raise SystemExit("the hub did not start; run `watchhouse run` to see why")
        try:
            if httpx.get(f"{_url()}/readyz").is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise SystemExit("the hub was not ready within a minute")


def _url() -> str:
    return f"http://127.0.0.1:{PORT}"


if __name__ == "__main__":
    main()
