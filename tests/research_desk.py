"""A signed-in researcher at the pages of suites, for tests."""

from __future__ import annotations

import re

from sqlalchemy import select
from starlette.testclient import TestClient

from serve.audit.events import Event
from serve.storage.engine import Database
from serve.storage.tables import AuditEvent

PAGE = {"accept": "text/html"}


class Desk:
    """A signed-in researcher with the page's token."""

    def __init__(self, client: TestClient, csrf: str) -> None:
        self.client = client
        self.csrf = csrf

    def post(self, path: str, **files: tuple[str, bytes]):
        return self.client.post(
            f"/research/suites{path}", data={"csrf_token": self.csrf}, files=files or None, headers=PAGE
        )

    def upload(self, data: bytes, filename: str = "made.csv") -> str:
        answer = self.post("", suite=(filename, data))
        assert answer.status_code == 303, answer.text
        found = re.fullmatch(r"/research/suites/([0-9A-Z]{26})(\?known=yes)?", answer.headers["location"])
        assert found is not None
        return found[1]


def events(database: Database, event: Event) -> list[AuditEvent]:
    with database.read() as session:
        return list(session.scalars(select(AuditEvent).where(AuditEvent.event == event.value)))
