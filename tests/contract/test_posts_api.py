from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from serve.scoring.scorer import Scorer

ApiKey = Callable[..., dict[str, str]]
JSON = {"content-type": "application/json"}
STORED = ("200", "201", "202")


@pytest.fixture
def headers(api_key: ApiKey) -> dict[str, str]:
    return api_key("posts")


def test_posts_are_taken_then_scored_then_found_again(
    client: TestClient, headers: dict[str, str], hub_app: FastAPI
) -> None:
    sent = {"posts": [{"id": "a", "text": "antiword", "posted_at": "2026-11-20T09:00:00Z"}, {"text": ""}]}
    answer = client.post("/v1/posts", json=sent, headers=headers)
    assert answer.status_code == 202
    (accepted,) = answer.json()["accepted"]
    assert accepted["id"] == "a"
    assert answer.json()["rejected"] == [
        {"id": "1", "code": "text_empty", "message": "text: has no characters besides white space"}
    ]
    address = f"/v1/posts/{accepted['post_id']}"
    before = client.get(address, headers=headers).json()
    assert (before["state"], before["case_id"], before["scores"]) == ("waiting", None, None)
    Scorer(hub_app.state.hub).score_batch()
    after = client.get(address, headers=headers).json()
    assert after["state"] == "captured"
    assert after["scores"]["antisemitic"] > 0.9
    assert (after["id"], after["text"], after["posted_at"]) == ("a", "antiword", "2026-11-20T09:00:00Z")
    assert after["bundle"] == hub_app.state.hub.classifier.bundle_id


def test_request_without_a_good_post_is_a_problem_with_the_rows(
    client: TestClient, headers: dict[str, str]
) -> None:
    body = r'{"posts": [{"id": "a", "text": "\ud800"}, {"id": "b", "text": "a\u0000"}]}'
    answer = client.post("/v1/posts", content=body, headers={**headers, **JSON})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["code"], problem["accepted"]) == ("bad_input", [])
    assert [(row["id"], row["code"]) for row in problem["rejected"]] == [("a", "not_text"), ("b", "not_text")]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"posts": []},
        {"posts": [{"text": "a"}] * 1_001},
        {"posts": {"text": "a"}},
        {"posts": [{"text": "a"}], "secretfield": 1},
    ],
    ids=["no posts", "empty", "too many", "not a list", "unknown field"],
)
def test_request_of_another_shape_is_refused_without_an_echo(
    client: TestClient, headers: dict[str, str], body: dict[str, Any]
) -> None:
    answer = client.post("/v1/posts", json=body, headers=headers)
    assert answer.status_code == 422
    assert answer.json()["code"] == "bad_input"
    assert "secretfield" not in answer.text


def test_idempotency_key_replays_the_answer_and_refuses_another_body(
    client: TestClient, headers: dict[str, str]
) -> None:
    keyed = {**headers, **JSON, "Idempotency-Key": "monday"}
    body = json.dumps({"posts": [{"text": "one"}]})
    first = client.post("/v1/posts", content=body, headers=keyed)
    second = client.post("/v1/posts", content=body, headers=keyed)
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json() == second.json()
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    other = client.post("/v1/posts", content=body.replace("one", "two"), headers=keyed)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_idempotency_key_of_another_shape_is_refused(
    client: TestClient, headers: dict[str, str], key: str
) -> None:
    answer = client.post(
        "/v1/posts", json={"posts": [{"text": "a"}]}, headers={**headers, "Idempotency-Key": key}
    )
    assert (answer.status_code, answer.json()["field"]) == (422, "Idempotency-Key")


@pytest.mark.parametrize("post_id", ["01KAJZ2M5T8Q3W7X9Y1Z4B6C8D", "nothing", "%F0%9F%92%A9", "x" * 5_000])
def test_post_that_is_not_there_is_not_found(
    client: TestClient, headers: dict[str, str], post_id: str
) -> None:
    answer = client.get(f"/v1/posts/{post_id}", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(("scopes", "status"), [((), 401), (("score", "review"), 403)])
def test_posts_need_a_key_with_the_scope(
    client: TestClient, api_key: ApiKey, scopes: tuple[str, ...], status: int
) -> None:
    headers = api_key(*scopes) if scopes else {}
    assert client.post("/v1/posts", json={"posts": [{"text": "a"}]}, headers=headers).status_code == status
    assert client.get("/v1/posts/01KAJZ2M5T8Q3W7X9Y1Z4B6C8D", headers=headers).status_code == status


def test_every_address_of_the_api_has_an_example(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if not path.startswith("/v1/"):
                continue
            bodies = [operation.get("requestBody")] if method == "post" else []
            bodies += [
                answer for status, answer in operation["responses"].items() if status in ("200", "201", "202")
            ]
            for body in bodies:
                schema = body["content"]["application/json"]["schema"]
                named = [schema, *schema.get("anyOf", [])]
                names = [part["$ref"].rsplit("/", 1)[1] for part in named if "$ref" in part]
                assert names, (method, path)
                assert all("example" in document["components"]["schemas"][name] for name in names), (
                    method,
                    path,
                )
