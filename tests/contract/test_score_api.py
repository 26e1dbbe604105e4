from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import func, select
from starlette.testclient import TestClient

from model.taxonomy import HEAD_ORDER
from serve.storage.tables import AuditEvent, Post, PostScores

ApiKey = Callable[..., dict[str, str]]


@pytest.fixture
def headers(api_key: ApiKey) -> dict[str, str]:
    return api_key("score")


def score(client: TestClient, headers: dict[str, str], *posts: Any) -> Any:
    return client.post("/v1/score", json={"posts": list(posts)}, headers=headers)


def test_scores_come_in_order_with_bundle_route_and_reason(
    client: TestClient, headers: dict[str, str], hub_app: FastAPI
) -> None:
    answer = score(
        client, headers, {"id": "x", "text": "a walk"}, {"text": "antiword"}, {"id": "z", "text": "farword"}
    )
    assert answer.status_code == 200
    body = answer.json()
    assert body["bundle"] == hub_app.state.hub.classifier.bundle_id
    assert [row["id"] for row in body["results"]] == ["x", "1", "z"]
    assert all(list(row["scores"]) == list(HEAD_ORDER) for row in body["results"])
    assert body["results"][1]["scores"] == {
        "hate": 0.982, "antisemitic": 0.982, "islamophobic": 0.018, "far_right": 0.018,
    }  # fmt: skip
    assert all(row["route"] and row["reason"] for row in body["results"])


def test_nothing_is_stored_and_no_text_is_logged(
    client: TestClient, headers: dict[str, str], hub_app: FastAPI, capsys: pytest.CaptureFixture[str]
) -> None:
    before = counted(hub_app)
    assert score(client, headers, {"text": "hateword quincunx"}).status_code == 200
    assert counted(hub_app) == before
    printed = capsys.readouterr()
    assert "quincunx" not in printed.out + printed.err


def counted(hub_app: FastAPI) -> list[int]:
    with hub_app.state.hub.database.read() as session:
        tables = (Post, PostScores, AuditEvent)
        return [session.execute(select(func.count()).select_from(table)).scalar_one() for table in tables]


def test_bad_text_among_good_ones_is_an_error_row(client: TestClient, headers: dict[str, str]) -> None:
    body = (
        r'{"posts": [{"text": "hateword"}, {"id": "b", "text": "\ud800"}, {"id": "c"}, 7, '
        r'{"id": "e", "text": "a", "mood": 1}, {"text": "a walk"}]}'
    )
    answer = client.post("/v1/score", content=body, headers={**headers, "content-type": "application/json"})
    assert answer.status_code == 200
    assert [(row["id"], row.get("error")) for row in answer.json()["results"]] == [
        ("0", None),
        ("b", "not_text"),
        ("c", "not_text"),
        ("3", "bad_input"),
        ("e", "bad_input"),
        ("5", None),
    ]


def test_request_of_bad_texts_only_is_a_problem_with_the_rows(
    client: TestClient, headers: dict[str, str]
) -> None:
    answer = score(client, headers, {"id": "a", "text": " "}, {"id": "b", "text": "x" * 10_001})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["code"] == "bad_input"
    assert [(row["id"], row["error"]) for row in problem["results"]] == [
        ("a", "text_empty"),
        ("b", "text_too_long"),
    ]


@pytest.mark.parametrize("number", [0, 1_001])
def test_request_of_too_few_or_too_many_posts_is_refused(
    client: TestClient, headers: dict[str, str], number: int
) -> None:
    assert score(client, headers, *([{"text": "a"}] * number)).status_code == 422


def test_thousand_posts_are_scored_at_once(client: TestClient, headers: dict[str, str]) -> None:
    answer = score(client, headers, *({"id": str(n), "text": f"post {n}"} for n in range(1_000)))
    assert [row["id"] for row in answer.json()["results"]] == [str(n) for n in range(1_000)]


@pytest.mark.parametrize(("scopes", "status"), [((), 401), (("posts", "review"), 403)])
def test_scores_need_a_key_with_the_scope(
    client: TestClient, api_key: ApiKey, scopes: tuple[str, ...], status: int
) -> None:
    assert score(client, api_key(*scopes) if scopes else {}, {"text": "a"}).status_code == status
