"""A signed-in person who only has a plain browser, and what it would send of a form."""

from __future__ import annotations

import re
from typing import Any

from starlette.testclient import TestClient


class Desk:
    """One person at the labelling pages, without scripts."""

    def __init__(self, client: TestClient, csrf: str, actor: str) -> None:
        self.client, self.csrf, self.actor = client, csrf, actor

    def get(self, path: str) -> Any:
        return self.client.get(f"/labelling{path}")

    def post(self, path: str, **fields: Any) -> Any:
        return self.client.post(f"/labelling{path}", data={"csrf_token": self.csrf, **fields})

    def follow(self, answer: Any) -> Any:
        assert answer.status_code == 303, answer.text
        return self.client.get(answer.headers["location"])

    def next(self, batch: str = "pilot") -> tuple[str, Any]:
        """The path of the next text of a batch under /labelling, and its page."""
        answer = self.post("/next", batch=batch)
        page = self.follow(answer)
        return answer.headers["location"].split("?")[0].removeprefix("/labelling"), page


def fields_of(page: str, form: str = '<form id="label"') -> dict[str, Any]:
    """What a browser would send of the form as it stands."""
    body = page[page.index(form) :]
    body = body[: body.index("</form>")]
    fields: dict[str, Any] = {}
    for tag in re.findall(r"<input[^>]*>", body):
        attributes = dict(re.findall(r'(\w[\w-]*)="([^"]*)"', tag))
        if attributes["type"] in ("radio", "checkbox") and not re.search(r"\schecked", tag):
            continue
        fields.setdefault(attributes["name"], []).append(attributes.get("value", ""))
    fields.pop("csrf_token")
    return fields
