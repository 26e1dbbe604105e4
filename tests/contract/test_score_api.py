from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import func, select
from starlette.testclient import TestClient

from model.taxonomy import HEAD_ORDER
from serve.app import create_app
from serve.scoring.schemas import LanguageNotRead, Refused, Scored, ScoreOut
from serve.settings import Settings
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
        r'{"id": "e", "text": "a", "mood": 1}, {"text": "a walk"}, {"id": "g", "text": "\u200b"}]}'
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
        ("g", "text_empty"),
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


@pytest.fixture
def english_client(settings: Settings, english_bundle: Path) -> Iterator[TestClient]:
    """A caller of a hub whose bundle reads English only; its scorer does not run."""
    app = create_app(settings.model_copy(update={"bundle": english_bundle}), run_scorer=False)
    with TestClient(app, base_url="http://127.0.0.1", follow_redirects=False) as caller:
        yield caller


GERMAN = "Die neue Bibliothek in der Innenstadt öffnet morgen früh um neun Uhr."


def test_post_in_another_language_has_no_scores_and_says_so(
    english_client: TestClient, headers: dict[str, str]
) -> None:
    client = english_client
    answer = score(client, headers, {"id": "g", "text": GERMAN}, {"text": "hateword"}, {"text": " "})
    assert answer.status_code == 200
    german, hateful, blank = answer.json()["results"]
    assert german == {
        "id": "g",
        "scores": None,
        "not_scored": "language",
        "language": "de",
        "route": "unscored",
        "reason": "not scored: the text seems to be in German (de), which this model does not read",
    }
    assert hateful["scores"]["hate"] == 0.982
    assert blank["error"] == "text_empty"
    alone = score(client, headers, {"text": GERMAN})
    assert alone.status_code == 200
    assert [row["not_scored"] for row in alone.json()["results"]] == ["language"]


def test_long_text_and_thin_text_say_what_was_read(client: TestClient, headers: dict[str, str]) -> None:
    long = "tea " * 100 + "hateword"
    answer = score(
        client, headers, {"text": long}, {"text": "https://example.org/a/b tea"}, {"text": "one more tea"}
    )
    first, thin, plain = answer.json()["results"]
    start, end = first["window"]
    assert long[start:end].endswith("hateword")
    assert first["notes"] == []
    assert (thin["window"], thin["notes"]) == (None, ["mostly_links", "few_words"])
    assert "the text is mostly links" in thin["reason"]
    assert (plain["window"], plain["notes"]) == (None, [])


def test_example_of_the_answer_has_a_row_of_every_kind() -> None:
    extra = ScoreOut.model_config["json_schema_extra"]
    assert isinstance(extra, dict)
    example: Any = extra["example"]
    rows = ScoreOut.model_validate(example).results
    assert [type(row) for row in rows] == [Scored, LanguageNotRead, Refused]
    assert ScoreOut.model_validate(example).model_dump() == example


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
