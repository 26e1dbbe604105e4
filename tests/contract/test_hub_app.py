from __future__ import annotations

import json
import shutil
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
import sqlalchemy.exc
from fastapi import FastAPI
from starlette.testclient import TestClient
from tiny_bundle import build_tiny_bundle

from model.errors import BadConfig, BundleRefused
from model.language import language_settings
from serve.answer_headers import NOTHING_RUNS
from serve.app import create_app, open_hub
from serve.hub import Hub
from serve.metrics import Metrics
from serve.people import sessions
from serve.people.access import PUBLIC
from serve.settings import Settings
from serve.storage import engine
from serve.storage.engine import Database
from serve.storage.identifiers import utc_now
from serve.storage.migrating import downgrade
from serve.storage.tables import Case, Post

MakeKey = Callable[..., dict[str, str]]


def test_probes_answer_without_a_key(client: TestClient) -> None:
    assert client.get("/healthz").json() == {"status": "up"}
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json()["status"]) == (200, "ready")


def test_unmigrated_database_is_not_ready(client: TestClient, database: Database) -> None:
    downgrade(database, "base")

    answer = client.get("/readyz")

    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_locked_database_is_answered_503_and_not_500(
    settings: Settings, api_key: MakeKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "BUSY_TIMEOUT_MS", 20)
    app = create_app(settings, run_scorer=False)
    headers = api_key("posts")
    with TestClient(app) as caller, closing(sqlite3.connect(settings.home / "hub.sqlite")) as other:
        other.execute("BEGIN IMMEDIATE")
        answer = caller.post("/v1/posts", json={"posts": [{"text": "The bakery opens."}]}, headers=headers)
        other.rollback()
        again = caller.post("/v1/posts", json={"posts": [{"text": "The bakery opens."}]}, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert answer.headers["retry-after"] == "1"
    assert again.status_code == 202


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_database_whose_connections_are_all_taken_is_not_reachable(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_free() -> None:
        raise sqlalchemy.exc.TimeoutError("QueuePool limit reached")

    monkeypatch.setattr(database.engine, "connect", none_free)

    assert not database.is_reachable()


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_hub_whose_background_work_fails_is_not_ready(settings: Settings) -> None:
    app = create_app(settings)
    with TestClient(app) as caller:
        scorer, reaper = app.state.workers
        assert caller.get("/readyz").status_code == 200
        assert 'watchhouse_worker_failures{worker="scorer"} 0.0' in caller.get("/metrics").text

        scorer.stop()
        assert caller.get("/readyz").json()["code"] == "unavailable"
        scorer.start()
        assert caller.get("/readyz").status_code == 200
        reaper.stop()
        assert caller.get("/readyz").status_code == 503


def test_tables_are_not_counted_for_every_caller(
    client: TestClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1000.0]
    monkeypatch.setattr("serve.metrics.time", SimpleNamespace(monotonic=lambda: clock[0]))
    assert "watchhouse_posts_stored_total 0.0" in client.get("/metrics").text
    with database.write() as session:
        session.add(
            Post(
                post_id="01", text="a", text_sha256="0" * 64, received_at=utc_now(), received_from="system:t"
            )
        )

    clock[0] += 4.9
    assert "watchhouse_posts_stored_total 0.0" in client.get("/metrics").text
    clock[0] += 0.2
    assert "watchhouse_posts_stored_total 1.0" in client.get("/metrics").text


def test_answers_of_the_api_run_nothing_and_are_not_kept(client: TestClient) -> None:
    for path in ("/healthz", "/v1/cases", "/nothing", "/openapi.json", "/metrics"):
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["cache-control"] == "no-store", path
        assert headers["content-security-policy"] == NOTHING_RUNS, path
        assert "server" not in headers, path


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_answer_to_a_bug_runs_nothing_and_is_not_kept(settings: Settings) -> None:
    def room(app: FastAPI, _hub: Hub) -> None:
        @app.get("/a-bug", dependencies=[PUBLIC])
        def bug() -> None:
            raise ZeroDivisionError

    app = create_app(settings, rooms=[room], run_scorer=False)
    with TestClient(app) as caller:
        answer = caller.get("/a-bug")

    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-security-policy"] == NOTHING_RUNS


def test_sign_in_page_says_that_many_sign_in_at_once(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "_IN_HAND", threading.BoundedSemaphore(0))
    client.get("/sign-in")
    form = {"name": "ada", "password": "made up", "csrf_token": client.cookies["watchhouse-form"]}

    answer = client.post("/sign-in", data=form, headers={"accept": "text/html"})

    assert answer.status_code == 429
    assert "try again in a few seconds" in answer.text


def test_figures_tell_languages_that_are_not_read_from_faults(client: TestClient, hub_app: FastAPI) -> None:
    figures = client.get("/metrics").text
    assert 'watchhouse_posts_not_scored_total{why="language"} 0.0' in figures
    assert 'watchhouse_posts_not_scored_total{why="fault"} 0.0' in figures


def test_figures_count_posts_without_scores_by_why(database: Database) -> None:
    figures = Metrics(database, not_scored={"language": 2, "fault": 1}).exposition().decode()
    assert 'watchhouse_posts_not_scored_total{why="language"} 2.0' in figures
    assert 'watchhouse_posts_not_scored_total{why="fault"} 1.0' in figures


def test_hub_whose_bundle_reads_a_language_that_cannot_be_named_is_refused(
    settings: Settings, tmp_path: Path
) -> None:
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    build_tiny_bundle(bundle, languages=("en", "xx"))
    with pytest.raises(BadConfig, match="lacks xx"):
        open_hub(settings.model_copy(update={"bundle": bundle}))


def test_hub_checks_the_language_settings_before_it_opens(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "language").mkdir()
    (tmp_path / "language" / "identification.yaml").write_text("name: broken\n", encoding="utf-8")
    monkeypatch.setenv("WATCHHOUSE_CONFIG_DIR", str(tmp_path))
    language_settings.cache_clear()
    try:
        with pytest.raises(BadConfig, match="identification"):
            open_hub(settings)
    finally:
        language_settings.cache_clear()


@pytest.mark.parametrize(("is_english_alone", "expected"), [(False, []), (True, ["identifier"])])
def test_hub_loads_the_identifier_as_it_opens_where_it_may_be_needed(
    settings: Settings,
    english_bundle: Path,
    monkeypatch: pytest.MonkeyPatch,
    is_english_alone: bool,
    expected: list[str],
) -> None:
    loaded: list[str] = []
    if is_english_alone:
        settings = settings.model_copy(update={"bundle": english_bundle})
    monkeypatch.setattr("serve.registry.live.load_identifier", lambda: loaded.append("identifier"))
    open_hub(settings).database.close()
    assert loaded == expected


def test_figures_show_requests_and_the_queue(client: TestClient, database: Database) -> None:
    now = utc_now()
    with database.write() as session:
        session.add(
            Post(post_id="01", text="a", text_sha256="0" * 64, received_at=now, received_from="system:tests")
        )
        session.add(
            Case(
                case_id="01",
                state="captured",
                waiting=True,
                route="review",
                strands=[],
                priority=1.0,
                created_at=now,
            )
        )
    client.get("/healthz")
    client.get("/v1/posts/made-up-by-a-stranger")
    client.request("MADEUP", "/healthz")

    figures = client.get("/metrics").text

    assert 'watchhouse_requests_total{method="GET",route="/healthz",status="200"} 1.0' in figures
    assert 'route="/v1/posts/{post_id}",status="401"' in figures
    assert 'method="other"' in figures
    assert "made-up" not in figures
    assert "MADEUP" not in figures
    assert "watchhouse_posts_stored_total 1.0" in figures
    assert "watchhouse_posts_scored_total 0.0" in figures
    assert "watchhouse_posts_waiting 1.0" in figures
    assert 'watchhouse_cases{state="captured"} 1.0' in figures
    assert 'watchhouse_cases{state="in_review"} 0.0' in figures


def test_schema_describes_every_api_address_with_the_key_it_needs(client: TestClient) -> None:
    schema = client.get("/openapi.json").json()

    assert {"/v1/score", "/v1/posts", "/v1/cases/claim", "/healthz"} <= set(schema["paths"])
    (scheme,) = schema["components"]["securitySchemes"]
    assert schema["components"]["securitySchemes"][scheme]["scheme"] == "bearer"
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            if not path.startswith("/v1/"):
                continue
            assert operation["security"] == [{scheme: []}], f"{method} {path}"
            assert operation["summary"], f"{method} {path}"
            assert "application/problem+json" in operation["responses"]["4XX"]["content"], f"{method} {path}"
    for path in ("/v1/score", "/v1/posts", "/v1/cases/{case_id}/decisions"):
        assert "example" in json.dumps(schema["paths"][path]) or "example" in json.dumps(schema["components"])
    assert not any(path in schema["paths"] for path in ("/", "/sign-in"))


def test_there_are_no_documentation_pages_from_a_cdn(client: TestClient) -> None:
    for path in ("/docs", "/redoc"):
        assert client.get(path).status_code == 404


def test_rooms_register_themselves(settings: Settings) -> None:
    def room(app: FastAPI, hub: Hub) -> None:
        @app.get("/a-room", dependencies=[PUBLIC])
        def policy() -> str:
            return hub.policy.name

    app = create_app(settings, rooms=[room], run_scorer=False)
    with TestClient(app) as caller:
        assert caller.get("/a-room").json() == "officer"


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_altered_bundle_stops_the_start_with_the_files_name(
    settings: Settings, tiny_bundle: Path, tmp_path: Path
) -> None:
    altered = tmp_path / "altered"
    shutil.copytree(tiny_bundle, altered)
    file = altered / "calibration.json"
    file.write_bytes(file.read_bytes() + b" ")

    with pytest.raises(BundleRefused, match=r"calibration\.json"):
        create_app(settings.model_copy(update={"bundle": altered}), run_scorer=False)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("setting", ["policy", "outcomes", "codebook"])
def test_missing_data_file_stops_the_start_with_its_name(settings: Settings, setting: str) -> None:
    with pytest.raises(BadConfig, match=r"/nowhere\.yaml"):
        create_app(settings.model_copy(update={setting: Path("/nowhere.yaml")}), run_scorer=False)
