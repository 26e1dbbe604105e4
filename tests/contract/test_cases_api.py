from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import select, update
from starlette.testclient import TestClient

from serve.intake.storing import take_posts
from serve.scoring.scorer import Scorer
from serve.storage.tables import Case, Draft

ApiKey = Callable[..., dict[str, str]]
DECISION = {"outcome": "no_action", "strands": [], "severity": 0, "reason": "An open day is announced."}
NO_CASE = "01KAJZ2M5T8Q3W7X9Y1Z4B6C8D"


@pytest.fixture
def headers(api_key: ApiKey) -> dict[str, str]:
    return api_key("review")


@pytest.fixture
def queue(hub_app: FastAPI) -> Callable[..., None]:
    """Puts a case for each text in the queue."""

    def fill(*texts: str) -> None:
        posts = [{"id": f"p{number}", "text": text} for number, text in enumerate(texts)]
        take_posts(hub_app.state.hub, posts, actor="key:tests", repeatable=None)
        while Scorer(hub_app.state.hub).score_batch():
            pass

    return fill


@pytest.fixture
def claim(client: TestClient, headers: dict[str, str]) -> Callable[[], Any]:
    """Claims the next case."""

    def next_case() -> Any:
        answer = client.post("/v1/cases/claim", json={}, headers=headers)
        assert answer.status_code == 200
        return answer.json()

    return next_case


@pytest.fixture
def act(client: TestClient, headers: dict[str, str]) -> Callable[..., Any]:
    """Sends something about a case under a lease number."""

    def send(case_id: str, what: str, lease: Any, **more: Any) -> Any:
        return client.post(f"/v1/cases/{case_id}/{what}", json={"lease": lease, **more}, headers=headers)

    return send


def end_leases(hub_app: FastAPI) -> None:
    with hub_app.state.hub.database.write() as session:
        session.execute(
            update(Case)
            .where(Case.state == "in_review")
            .values(lease_expires_at=datetime(2026, 1, 1, tzinfo=UTC))
        )


def test_claim_gives_the_most_pressing_case_whole(queue: Any, claim: Any) -> None:
    queue("a walk in the park", "antiword")
    case = claim()
    assert case["state"] == "in_review"
    assert case["strands"] == ["antisemitic"]
    (post,) = case["posts"]
    assert (post["id"], post["text"]) == ("p1", "antiword")
    assert case["lease"]["number"] == 1
    assert datetime.fromisoformat(case["lease"]["expires_at"]) > datetime.now(UTC)
    assert "platform_notice" in case["outcomes"]


def test_scores_are_kept_from_the_reader_until_the_case_is_judged(
    hub_app: FastAPI, client: TestClient, headers: dict[str, str], queue: Any, claim: Any, act: Any
) -> None:
    queue("antiword")
    case = claim()
    address = f"/v1/cases/{case['case_id']}"
    listed = client.get("/v1/cases", headers=headers).json()["cases"]
    for shown in (case, client.get(address, headers=headers).json()):
        (post,) = shown["posts"]
        assert (post["scores"], post["reason"], shown["reason"], shown["priority"]) == (None,) * 4
        assert (post["route"], post["bundle"]) == (shown["route"], hub_app.state.hub.classifier.bundle_id)
    assert [one["priority"] for one in listed] == [None]
    assert act(case["case_id"], "decisions", 1, **DECISION).status_code == 201
    read = client.get(address, headers=headers).json()
    (post,) = read["posts"]
    assert post["scores"]["antisemitic"] == 0.982
    assert post["reason"] == read["reason"] != ""
    assert read["priority"] > 0.9


def test_scores_are_shown_at_once_where_the_rules_say_so(hub_app: FastAPI, queue: Any, claim: Any) -> None:
    hub = hub_app.state.hub
    rules = hub.queue_rules.model_copy(update={"scores_hidden_until_judged": False})
    hub_app.state.hub = replace(hub, queue_rules=rules)
    queue("antiword")
    case = claim()
    (post,) = case["posts"]
    assert post["scores"]["antisemitic"] == 0.982
    assert case["reason"]
    assert case["priority"] > 0.9


def test_second_reader_sees_nothing_of_the_first(
    client: TestClient, api_key: ApiKey, queue: Any, claim: Any, act: Any
) -> None:
    queue("antiword")
    case = claim()
    grave = {**DECISION, "severity": "S4", "reason": "A threat against a named house."}
    first = act(case["case_id"], "decisions", 1, **grave).json()
    assert (first["state"], first["decision"]) == ("second_review", None)
    other = api_key("review")
    again = client.post("/v1/cases/claim", json={}, headers=other).json()
    assert (again["case_id"], again["state"]) == (case["case_id"], "in_second_review")
    seen = [again, client.get(f"/v1/cases/{case['case_id']}", headers=other).json()]
    seen.append(client.get("/v1/cases", headers=other).json())
    seen.append(client.get(f"/v1/posts/{again['posts'][0]['post_id']}", headers=api_key("posts")).json())
    for answer in seen:
        for word in ("named house", '"S4"', "severity", first["judgement_id"]):
            assert word not in json.dumps(answer)


def test_two_readers_who_agree_decide_and_neither_key_judges_twice(
    client: TestClient, api_key: ApiKey, headers: dict[str, str], queue: Any, claim: Any, act: Any
) -> None:
    queue("one")
    case = claim()
    grave = {**DECISION, "severity": "S3"}
    act(case["case_id"], "decisions", 1, **grave)
    assert client.post("/v1/cases/claim", json={}, headers=headers).status_code == 204
    other = api_key("review")
    lease = client.post("/v1/cases/claim", json={}, headers=other).json()["lease"]["number"]
    answer = client.post(
        f"/v1/cases/{case['case_id']}/decisions", json={"lease": lease, **grave}, headers=other
    )
    assert answer.status_code == 201
    assert answer.json()["state"] == "no_action"
    assert len(answer.json()["decision"]["dissent"]) == 0


def test_decision_that_comes_too_late_is_kept_as_a_draft_and_one_that_was_made_is_not(
    hub_app: FastAPI, queue: Any, claim: Any, act: Any
) -> None:
    queue("one", "two")
    late, timely = claim(), claim()
    act(timely["case_id"], "decisions", 1, **DECISION)
    act(timely["case_id"], "decisions", 1, **DECISION)
    end_leases(hub_app)
    hostile = {**DECISION, "reason": "Half an hour of work.\u0000"}
    assert act(late["case_id"], "decisions", 1, **hostile).json()["code"] == "lease_lost"
    with hub_app.state.hub.database.read() as session:
        (kept,) = session.scalars(select(Draft)).all()
    assert (kept.case_id, kept.why) == (late["case_id"], "lease_lost")
    assert kept.content["reason"] == "Half an hour of work."
    assert kept.content["outcome"] == "no_action"


def test_outcome_that_rests_on_law_needs_its_elements(queue: Any, claim: Any, act: Any) -> None:
    queue("one")
    case = claim()
    crime = {**DECISION, "outcome": "crime_record_requested", "severity": 0}
    refused = act(case["case_id"], "decisions", 1, **crime)
    assert (refused.status_code, refused.json()["field"]) == (422, "law")
    unknown = act(case["case_id"], "decisions", 1, **crime, law=[{"id": "SECRET1"}])
    assert (unknown.status_code, unknown.json()["field"]) == (422, "law.0.id")
    assert "SECRET1" not in unknown.text
    law = [{"id": "OSA181", "met": ["threat"], "missing": ["fear"]}]
    answer = act(case["case_id"], "decisions", 1, **crime, law=law)
    assert (answer.status_code, answer.json()["state"]) == (201, "crime_candidate")
    assert answer.json()["decision"]["law"] == law


@pytest.mark.parametrize("body", [b"", b"{}"])
def test_claim_of_an_empty_queue_has_no_content(
    client: TestClient, headers: dict[str, str], body: bytes
) -> None:
    sent = {**headers, "content-type": "application/json"}
    answer = client.post("/v1/cases/claim", content=body, headers=sent)
    assert (answer.status_code, answer.content) == (204, b"")


def test_claim_without_body_or_content_type_is_fine(client: TestClient, headers: dict[str, str]) -> None:
    assert client.post("/v1/cases/claim", headers=headers).status_code == 204


def test_every_claim_of_one_key_gives_another_case(queue: Any, claim: Any) -> None:
    queue("one", "two", "three")
    assert len({claim()["case_id"] for _ in range(3)}) == 3


def test_decision_closes_the_case_and_can_be_read_back(
    client: TestClient, headers: dict[str, str], queue: Any, claim: Any, act: Any
) -> None:
    queue("one")
    case = claim()
    answer = act(case["case_id"], "decisions", case["lease"]["number"], **DECISION)
    assert answer.status_code == 201
    decision = answer.json()["decision"]
    assert (answer.json()["case_id"], answer.json()["state"]) == (case["case_id"], "no_action")
    assert decision["decided_by"].startswith("key:")
    assert len(decision["outcomes_sha256"]) == len(decision["codebook_sha256"]) == 64
    read = client.get(f"/v1/cases/{case['case_id']}", headers=headers).json()
    assert (read["state"], read["lease"]) == ("no_action", None)
    assert read["decision"] == decision
    assert client.post("/v1/cases/claim", json={}, headers=headers).status_code == 204


def test_retried_decision_is_refused_with_the_one_that_stands(queue: Any, claim: Any, act: Any) -> None:
    queue("one")
    case = claim()
    first = act(case["case_id"], "decisions", 1, **DECISION).json()
    again = act(case["case_id"], "decisions", 1, **DECISION)
    assert (again.status_code, again.json()["code"]) == (409, "case_decided")
    assert again.json()["decision_id"] == first["decision"]["decision_id"]
    assert again.json()["judgement_id"] == first["judgement_id"]
    other = act(case["case_id"], "heartbeat", 2)
    assert (other.status_code, other.json()["code"]) == (409, "case_decided")
    assert not {"decision_id", "judgement_id"} & set(other.json())


@pytest.mark.parametrize("what", ["heartbeat", "release", "decisions"])
def test_lease_that_ran_out_or_was_never_given_is_lost(
    queue: Any, claim: Any, act: Any, hub_app: FastAPI, what: str
) -> None:
    queue("one")
    case = claim()
    more = DECISION if what == "decisions" else {}
    for number in (0, 2):  # 0 is what a case says that nobody ever claimed
        wrong = act(case["case_id"], what, number, **more)
        assert (wrong.status_code, wrong.json()["code"]) == (409, "lease_lost")
    end_leases(hub_app)
    late = act(case["case_id"], what, 1, **more)
    assert (late.status_code, late.json()["code"]) == (409, "lease_lost")


def test_heartbeat_moves_the_end_and_release_gives_the_case_back(queue: Any, claim: Any, act: Any) -> None:
    queue("one")
    case = claim()
    beat = act(case["case_id"], "heartbeat", 1)
    assert beat.status_code == 200
    assert beat.json()["lease"]["number"] == 1
    assert beat.json()["lease"]["expires_at"] > case["lease"]["expires_at"]
    back = act(case["case_id"], "release", 1)
    assert (back.status_code, back.json()) == (200, {"case_id": case["case_id"], "state": "captured"})
    assert claim()["lease"]["number"] == 2


def test_lease_of_another_key_is_neither_shown_nor_usable(
    client: TestClient, api_key: ApiKey, queue: Any, claim: Any, headers: dict[str, str]
) -> None:
    queue("one")
    case = claim()
    address, other = f"/v1/cases/{case['case_id']}", api_key("review")
    assert client.get(address, headers=headers).json()["lease"]["number"] == 1
    assert client.get(address, headers=other).json()["lease"] is None
    assert client.post(f"{address}/release", json={"lease": 1}, headers=other).status_code == 409


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"outcome": "closed"}, "outcome"),
        ({"outcome": "no_action", "outcome_detail": "other"}, "outcome_detail"),
        ({"strands": ["sexist"]}, "strands"),
        ({"severity": "S9"}, "severity"),
        ({"severity": 1.5}, "severity"),
        ({"severity": 3.0}, "severity"),
        ({"severity": None}, "severity"),
        ({"severity": [3]}, "severity"),
        ({"severity": True}, "severity"),
        ({"reason": "  "}, "reason"),
        ({"reason": "x" * 5_001}, "reason"),
        ({"lease": -1}, "lease"),
        ({"lease": 2**31}, "lease"),
        ({"lease": "1"}, "lease"),
        ({"lease": True}, "lease"),
        ({"verdict": "guilty"}, "body"),
    ],
)
def test_decision_that_cannot_stand_is_refused_by_its_field(
    queue: Any, claim: Any, act: Any, change: dict[str, Any], field: str
) -> None:
    queue("one")
    case = claim()
    body = {**DECISION, "lease": 1, **change}
    answer = act(case["case_id"], "decisions", body.pop("lease"), **body)
    assert answer.status_code == 422
    assert answer.json()["field"] == field
    assert "verdict" not in answer.text
    assert act(case["case_id"], "decisions", 1, **DECISION).status_code == 201


def test_missing_severity_is_named(
    client: TestClient, headers: dict[str, str], queue: Any, claim: Any
) -> None:
    queue("one")
    body = {name: value for name, value in {**DECISION, "lease": 1}.items() if name != "severity"}
    answer = client.post(f"/v1/cases/{claim()['case_id']}/decisions", json=body, headers=headers)
    assert (answer.status_code, answer.json()["field"]) == (422, "severity")


def test_schema_says_how_severity_is_spelled(client: TestClient) -> None:
    decision = client.get("/openapi.json").json()["components"]["schemas"]["DecisionIn"]
    kinds = [kind["type"] for kind in decision["properties"]["severity"]["anyOf"]]
    assert kinds == ["integer", "string"]
    assert "severity" in decision["required"]


def test_outcome_and_severity_may_be_spelled_in_other_letter_case(queue: Any, claim: Any, act: Any) -> None:
    queue("one")
    case = claim()
    answer = act(case["case_id"], "decisions", 1, **{**DECISION, "outcome": "NO_ACTION", "severity": "s0"})
    assert answer.status_code == 201
    decision = answer.json()["decision"]
    assert (decision["outcome"], decision["severity"]) == ("no_action", 0)


def test_cases_are_listed_by_state_page_by_page(
    client: TestClient, headers: dict[str, str], queue: Any, claim: Any, act: Any
) -> None:
    queue("one", "two", "three", "antiword")
    held, done = claim(), claim()
    act(done["case_id"], "decisions", 1, **DECISION)

    def listed(query: str) -> Any:
        return client.get(f"/v1/cases{query}", headers=headers).json()

    assert [case["case_id"] for case in listed("?state=in_review")["cases"]] == [held["case_id"]]
    assert [case["case_id"] for case in listed("?state=settled")["cases"]] == [done["case_id"]]
    assert [case["case_id"] for case in listed("?state=no_action")["cases"]] == [done["case_id"]]
    assert listed("?state=decided")["cases"] == []
    assert len(listed("?state=open")["cases"]) == 3
    assert len(listed("")["cases"]) == 4
    assert listed("?state=&after=") == listed("")
    assert listed("?state=waiting&after=") == listed("?state=waiting")
    first = listed("?state=waiting&limit=1")
    second = listed(f"?state=waiting&limit=1&after={first['next']}")
    assert first["cases"] != second["cases"]
    assert second["next"] is None


@pytest.mark.parametrize(
    ("query", "field"),
    [("state=closed", "state"), ("limit=0", "limit"), ("limit=201", "limit"), ("after=x", "after"),
     (f"state=waiting&after={NO_CASE}", "after")],
)  # fmt: skip
def test_list_with_a_bad_query_is_refused_by_its_field(
    client: TestClient, headers: dict[str, str], query: str, field: str
) -> None:
    answer = client.get(f"/v1/cases?{query}", headers=headers)
    assert (answer.status_code, answer.json()["field"]) == (422, field)
    if field == "state":
        detail = answer.json()["detail"]
        assert all(word in detail for word in ("captured", "in_review", "decided", "open, waiting, settled"))


@pytest.mark.parametrize("case_id", [NO_CASE, "nothing", "x" * 5_000])
def test_case_that_is_not_there_is_not_found(
    client: TestClient, headers: dict[str, str], act: Any, case_id: str
) -> None:
    answers = [client.get(f"/v1/cases/{case_id}", headers=headers), act(case_id, "heartbeat", 1)]
    answers += [act(case_id, "release", 1), act(case_id, "decisions", 1, **DECISION)]
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(404, "not_found")] * 4


@pytest.mark.parametrize(("scopes", "status"), [((), 401), (("score", "posts"), 403)])
def test_cases_need_a_key_with_the_scope(
    client: TestClient, api_key: ApiKey, scopes: tuple[str, ...], status: int
) -> None:
    headers = api_key(*scopes) if scopes else {}
    assert client.post("/v1/cases/claim", json={}, headers=headers).status_code == status
    assert client.get("/v1/cases", headers=headers).status_code == status
    for what, body in (("heartbeat", {}), ("release", {}), ("decisions", DECISION)):
        answer = client.post(f"/v1/cases/{NO_CASE}/{what}", json={"lease": 1, **body}, headers=headers)
        assert answer.status_code == status
