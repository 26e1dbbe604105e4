"""A signed-in person at the pages of accounts, people and keys, for tests."""

from __future__ import annotations

import re
from typing import Any

from starlette.testclient import TestClient

PAGE = {"accept": "text/html"}


class Desk:
    """A browser with the page's token; without one, of somebody who is not signed in."""

    def __init__(self, client: TestClient, csrf: str = "") -> None:
        self.client = client
        self.csrf = csrf

    def get(self, path: str) -> Any:
        return self.client.get(path, headers=PAGE)

    def post(self, path: str, **fields: Any) -> Any:
        return self.client.post(path, data={"csrf_token": self.csrf, **fields}, headers=PAGE)

    def fill_in(self, path: str, **fields: Any) -> Any:
        """Opens the page and sends its form, with the token that stands in it."""
        page = self.get(path)
        assert page.status_code == 200, page.text
        found = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
        assert found is not None
        self.csrf = found[1]
        return self.post(path, **fields)

    def is_in(self) -> bool:
        return self.get("/account").status_code == 200


def errors_of(answer: Any) -> list[str]:
    """The lines of the error summary."""
    summary = re.search(r'<div class="summary".*?</div>', answer.text, re.DOTALL)
    return re.findall(r"<li>(?:<a [^>]*>)?([^<]+)", summary[0]) if summary else []


def copied(answer: Any, of: str) -> str:
    """What the page shows for copying in the box of that id."""
    found = re.search(rf'id="{of}"><code>([^<]+)</code>', answer.text)
    assert found is not None, answer.text
    return found[1]
