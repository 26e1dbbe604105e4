"""The `report` of a post: what a partner may say, what is refused, what is stored with the post."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import select
from starlette.testclient import TestClient

from serve.scoring.scorer import Scorer
from serve.storage.tables import AuditEvent, Case, Post, Report

ApiKey = Callable[..., dict[str, str]]
WHOLE = {
    "channel": "api",
    "reporter_role": "victim",
    "consents": ["support_org", "police", "police"],
    "immediate_danger": True,
    "under_18": False,
    "why": "They name the street that I live in.",
    "perceived_strands": ["islamophobic"],
    "reference": "TM-2026-17",
}


@pytest.fixture
def headers(api_key: ApiKey) -> dict[str, str]:
    return api_key("posts")


def rows(hub_app: FastAPI, table: Any) -> list[Any]:
    with hub_app.state.hub.database.read() as session:
        return list(session.scalars(select(table)))


def test_post_with_a_report_is_stored_with_it_and_goes_to_triage(
    client: TestClient, headers: dict[str, str], hub_app: FastAPI
) -> None:
    posts = [{"text": "They say antiword.", "report": WHOLE}, {"text": "A quiet afternoon.", "report": None}]
    answer = client.post("/v1/posts", json={"posts": posts}, headers=headers)
    assert answer.status_code == 202, answer.text
    accepted = [row["post_id"] for row in answer.json()["accepted"]]

    [report] = rows(hub_app, Report)
    assert report.post_id == accepted[0]
    assert report.received_from == f"key:{report.received_from.removeprefix('key:')}"
    stored = {name: getattr(report, name) for name in WHOLE}
    assert stored == {**WHOLE, "consents": ["police", "support_org"]}
    events = [event for event in rows(hub_app, AuditEvent) if event.event == "intake:report:stored"]
    assert [event.subject for event in events] == [accepted[0]]
    assert WHOLE["why"] not in str(events[0].details)

    Scorer(hub_app.state.hub).score_batch()
    states = [client.get(f"/v1/posts/{post_id}", headers=headers).json()["state"] for post_id in accepted]
    assert states == ["triage", "captured"]
    reported = next(case for case in rows(hub_app, Case) if case.state == "triage")
    assert (reported.report_count, reported.due_class, reported.severity_expected) == (1, "reported", 4)


def test_report_that_says_nothing_says_the_least(
    client: TestClient, headers: dict[str, str], hub_app: FastAPI
) -> None:
    client.post("/v1/posts", json={"posts": [{"text": "a", "report": {}}]}, headers=headers)
    [report] = rows(hub_app, Report)
    assert (report.channel, report.reporter_role, report.consents) == ("partner", "not_said", [])
    assert (report.immediate_danger, report.under_18, report.why, report.reference) == (
        False,
        False,
        "",
        None,
    )


@pytest.mark.parametrize(
    ("report", "field"),
    [
        ([], "report"),
        ("secret words", "report"),
        ({"secret": 1}, "report"),
        ({"channel": "phone_101"}, "report.channel"),
        ({"channel": ["api"]}, "report.channel"),
        ({"reporter_role": "secret"}, "report.reporter_role"),
        ({"consents": "police"}, "report.consents"),
        ({"consents": ["secret"]}, "report.consents"),
        ({"consents": [["police"]]}, "report.consents"),
        ({"immediate_danger": "yes"}, "report.immediate_danger"),
        ({"under_18": 1}, "report.under_18"),
        ({"why": "a\u0000"}, "report.why"),
        ({"why": "a" * 5_001}, "report.why"),
        ({"why": 5}, "report.why"),
        ({"perceived_strands": ["secret"]}, "report.perceived_strands"),
        ({"reference": "a" * 201}, "report.reference"),
    ],
)
def test_report_of_another_shape_refuses_its_post_alone_and_repeats_nothing(
    client: TestClient, headers: dict[str, str], hub_app: FastAPI, report: Any, field: str
) -> None:
    posts = [{"id": "good", "text": "a"}, {"id": "bad", "text": "b", "report": report}]
    answer = client.post("/v1/posts", json={"posts": posts}, headers=headers)
    assert answer.status_code == 202
    assert [row["id"] for row in answer.json()["accepted"]] == ["good"]
    [rejected] = answer.json()["rejected"]
    assert rejected["message"].startswith(f"{field}:")
    assert "secret" not in answer.text
    assert [post.external_id for post in rows(hub_app, Post)] == ["good"]
    assert rows(hub_app, Report) == []


def test_repeated_request_stores_its_report_once(
    client: TestClient, headers: dict[str, str], hub_app: FastAPI
) -> None:
    body = {"posts": [{"text": "a", "report": WHOLE}]}
    for _ in range(2):
        client.post("/v1/posts", json=body, headers={**headers, "Idempotency-Key": "tuesday"})
    assert len(rows(hub_app, Report)) == 1


def test_contract_lists_the_members_of_a_report(client: TestClient) -> None:
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    report = schemas["PostsIn"]["properties"]["posts"]["items"]["properties"]["report"]
    assert set(report["properties"]) == set(WHOLE)
    assert report["additionalProperties"] is False
