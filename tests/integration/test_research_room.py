"""From an uploaded file to a result through the hub's own background thread, and what is left on record."""

from __future__ import annotations

import threading
from collections.abc import Callable

from sqlalchemy import select
from starlette.testclient import TestClient

from serve.app import create_app
from serve.settings import Settings
from serve.storage.engine import Database
from serve.storage.tables import AuditEvent, Officer, SuiteResult

CSV = b"functionality,test_case,label_gold\n" + b"".join(
    b"plain_hate,They say hateword %d times,hateful\nnews,The market opens at %d,non-hateful\n" % (n, n)
    for n in range(100)
)
PATIENCE_SECONDS = 60.0
"""Far above what it takes: the machine may be busy."""


def wait_for_result(database: Database) -> SuiteResult:
    pause = threading.Event()
    for _ in range(int(PATIENCE_SECONDS / 0.1)):
        with database.read() as session:
            found = session.scalars(select(SuiteResult)).one_or_none()
        if found is not None:
            return found
        pause.wait(0.1)
    raise AssertionError(f"no result within {PATIENCE_SECONDS} s")


def test_requested_run_is_scored_by_the_hub_itself_and_everything_is_on_record(
    settings: Settings, database: Database, officer: Callable[..., Officer], sign_in: Callable[..., str]
) -> None:
    app = create_app(settings)
    with TestClient(app, base_url="http://127.0.0.1", follow_redirects=False) as caller:
        csrf = {"csrf_token": sign_in(caller, officer("researcher"))}
        stored = caller.post("/research/suites", data=csrf, files={"suite": ("made.csv", CSV)})
        suite = stored.headers["location"]
        assert caller.post(f"{suite}/runs", data=csrf).status_code == 303

        result = wait_for_result(database)
        page = caller.get(f"{suite}/results/{result.bundle}", headers={"accept": "text/html"})

        assert 'watchhouse_worker_failures{worker="suites"} 0.0' in caller.get("/metrics").text
        assert caller.get("/readyz").json() == {"status": "ready", "bundle": result.bundle}
    assert len(result.scores["hate"]) == 200
    assert "200 of 200" in page.text
    with database.read() as session:
        told = session.scalars(select(AuditEvent.event).where(AuditEvent.event.like("research:%"))).all()
    assert sorted(told) == [
        "research:run:finished",
        "research:run:requested",
        "research:suite:uploaded",
        "research:texts:shown",
    ]


def test_run_that_waited_for_a_restart_is_done_after_it(
    settings: Settings, database: Database, officer: Callable[..., Officer], sign_in: Callable[..., str]
) -> None:
    stopped = create_app(settings, run_scorer=False)
    with TestClient(stopped, base_url="http://127.0.0.1", follow_redirects=False) as caller:
        csrf = {"csrf_token": sign_in(caller, officer("researcher"))}
        suite = caller.post("/research/suites", data=csrf, files={"suite": ("made.csv", CSV)})
        caller.post(f"{suite.headers['location']}/runs", data=csrf)

    with TestClient(create_app(settings)):
        assert len(wait_for_result(database).scores["far_right"]) == 200
