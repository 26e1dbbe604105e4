from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from model.errors import BadConfig, BundleRefused
from serve.answer_headers import NOTHING_RUNS
from serve.app import create_app
from serve.hub import Hub
from serve.settings import Settings
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


def test_answers_of_the_api_run_nothing_and_are_not_kept(client: TestClient) -> None:
    for path in ("/healthz", "/v1/cases", "/nothing", "/openapi.json", "/metrics"):
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["cache-control"] == "no-store", path
        assert headers["content-security-policy"] == NOTHING_RUNS, path
        assert "server" not in headers, path


def test_figures_show_requests_and_the_queue(client: TestClient, database: Database) -> None:
    now = utc_now()
    with database.write() as session:
        session.add(
            Post(post_id="01", text="a", text_sha256="0" * 64, received_at=now, received_from="system:tests")
        )
        session.add(
            Case(case_id="01", state="queued", route="review", strands=[], priority=1.0, created_at=now)
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
    assert 'watchhouse_cases{state="queued"} 1.0' in figures
    assert 'watchhouse_cases{state="decided"} 0.0' in figures


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
        @app.get("/a-room")
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
