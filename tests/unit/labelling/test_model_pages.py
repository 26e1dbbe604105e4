"""The models page: what scores is said, two people promote, one goes back, and a refusal explains itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from labelling.pages import register as labelling_room
from serve.registry import aliases as naming
from serve.registry.bundles import record_verdict, register
from serve.settings import Settings
from serve.storage.engine import Database

Sign = Callable[[TestClient, Any], str]


@pytest.fixture
def app(settings: Settings) -> Iterator[FastAPI]:
    from serve.app import create_app

    made = create_app(settings, run_scorer=False, rooms=[labelling_room])
    yield made
    made.state.hub.database.close()


@pytest.fixture
def second(app: FastAPI, database: Database, hub_home: Path, english_bundle: Path) -> str:
    """A registered bundle that the gate promotes against the current one."""
    now = datetime.now(UTC)
    current = app.state.hub.classifier.bundle_id
    with database.write() as session:
        row = register(session, home=hub_home, folder=english_bundle, actor="officer:x", now=now)
        decision = (
            f'{{"made_at": "{now.strftime("%Y-%m-%dT%H:%M:%SZ")}", "new": "{row.bundle_id}", '
            f'"old": "{current}", "verdict": "promote", "labels_needed": 0}}'
        )
        record_verdict(session, decision=decision.encode(), actor="officer:x", now=now)
    return row.bundle_id


def caller(app: FastAPI) -> TestClient:
    return TestClient(app, base_url="http://127.0.0.1", follow_redirects=True)


def test_two_people_promote_and_one_goes_back(
    app: FastAPI, second: str, database: Database, officer: Callable[..., Any], sign_in: Sign
) -> None:
    with caller(app) as lead, caller(app) as other:
        lead_token = sign_in(lead, officer("hub_lead"))
        other_token = sign_in(other, officer("supervisor"))
        before = app.state.hub.classifier.bundle_id

        asked = lead.post(
            "/models/promotions",
            data={"csrf_token": lead_token, "bundle_id": second, "reason": "misses less"},
        )
        with database.read() as session:
            (waiting,) = naming.waiting_promotions(session)
        alone = lead.post(
            f"/models/promotions/{waiting.promotion_id}",
            data={"csrf_token": lead_token, "answer": "approve"},
        )
        agreed = other.post(
            f"/models/promotions/{waiting.promotion_id}",
            data={"csrf_token": other_token, "answer": "approve"},
        )
        with database.read() as session:
            promoted = naming.aliases(session)
        back = other.post("/models/rollback", data={"csrf_token": other_token, "reason": "overturned"})
        with database.read() as session:
            rolled = naming.aliases(session)

    assert "waits for somebody else" in asked.text
    assert alone.status_code == 403
    assert "two people" in alone.text
    assert "scores from now on" in agreed.text
    assert promoted == naming.Aliases(second, None, before)
    assert "scores again" in back.text
    assert rolled == naming.Aliases(before, None, second)


def test_request_without_a_reason_says_what_is_missing_and_asks_nothing(
    app: FastAPI, second: str, database: Database, officer: Callable[..., Any], sign_in: Sign
) -> None:
    with caller(app) as lead:
        token = sign_in(lead, officer("hub_lead"))
        answer = lead.post(
            "/models/promotions", data={"csrf_token": token, "bundle_id": second, "reason": " "}
        )
    with database.read() as session:
        assert naming.waiting_promotions(session) == []
    assert answer.status_code == 422
    assert "There is a problem" in answer.text


def test_shadow_begins_and_ends_from_the_page(
    app: FastAPI, second: str, database: Database, officer: Callable[..., Any], sign_in: Sign
) -> None:
    with caller(app) as lead:
        token = sign_in(lead, officer("hub_lead"))
        lead.post("/models/shadow", data={"csrf_token": token, "bundle_id": second})
        with database.read() as session:
            begun = naming.aliases(session)
        page = lead.get("/models/shadow")
        lead.post("/models/shadow", data={"csrf_token": token, "bundle_id": ""})
    with database.read() as session:
        ended = naming.aliases(session)
    assert begun is not None
    assert begun.shadow == second
    assert "has read 0 posts" in page.text
    assert ended is not None
    assert ended.shadow is None


@pytest.mark.parametrize("role", ["officer", "annotator", "auditor", "admin"])
def test_others_do_not_see_the_models(
    app: FastAPI, second: str, officer: Callable[..., Any], sign_in: Sign, role: str
) -> None:
    with caller(app) as somebody:
        sign_in(somebody, officer(role))
        assert somebody.get("/models").status_code == 403


def test_researcher_sees_but_does_not_promote(
    app: FastAPI, second: str, officer: Callable[..., Any], sign_in: Sign
) -> None:
    with caller(app) as researcher:
        token = sign_in(researcher, officer("researcher"))
        page = researcher.get("/models")
        refused = researcher.post("/models/rollback", data={"csrf_token": token, "reason": "r"})
    assert page.status_code == 200
    assert "Go back to" not in page.text
    assert refused.status_code == 403
