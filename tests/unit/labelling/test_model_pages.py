"""The models page: what scores is said, two people promote, one goes back, and a refusal explains itself."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import select
from starlette.testclient import TestClient

from labelling.pages import register as labelling_room
from serve.intake.storing import take_posts
from serve.registry import aliases as naming
from serve.registry.bundles import record_verdict, register
from serve.scoring.scorer import Scorer
from serve.settings import Settings
from serve.storage.engine import Database
from serve.storage.tables import Case, PostScores, ShadowScores

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
    assert (alone.status_code, alone.json()["detail"]) == (404, "there is no such promotion")
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


def test_request_is_withdrawn_by_whoever_may_ask_and_then_it_is_over(
    app: FastAPI, second: str, database: Database, officer: Callable[..., Any], sign_in: Sign
) -> None:
    with caller(app) as lead, caller(app) as other:
        lead_token = sign_in(lead, officer("hub_lead"))
        other_token = sign_in(other, officer("supervisor"))
        lead.post(
            "/models/promotions",
            data={"csrf_token": lead_token, "bundle_id": second, "reason": "misses less"},
        )
        with database.read() as session:
            (waiting,) = naming.waiting_promotions(session)
        address = f"/models/promotions/{waiting.promotion_id}/withdraw"
        refused = other.post(address, data={"csrf_token": other_token})
        done = lead.post(address, data={"csrf_token": lead_token})
        again = lead.post(address, data={"csrf_token": lead_token})
        missing = lead.post(f"/models/promotions/{'0' * 26}/withdraw", data={"csrf_token": lead_token})
    assert (refused.status_code, missing.status_code) == (403, 404)
    assert "The request is ended" in done.text
    assert again.status_code == 409
    with database.read() as session:
        assert naming.waiting_promotions(session) == []


def test_compare_page_shows_the_gates_lines_and_what_made_the_bundles(
    app: FastAPI, second: str, database: Database, officer: Callable[..., Any], sign_in: Sign
) -> None:
    now = datetime.now(UTC)
    line = {
        "name": "F1 of <b>far_right</b>", "family": "strand_f1", "verdict": "inferior", "margin": 0.02,
        "old": 0.9, "new": 0.8, "value": -0.1, "low": -0.15, "posts": 1234, "more": 0, "reason": "worse",
    }  # fmt: skip
    facts = {
        "made_at": now.strftime("%Y-%m-%dT%H:%M:%SZ"), "new": second,
        "old": app.state.hub.classifier.bundle_id,
        "verdict": "refuse", "labels_needed": 0,
        "lines": [
            {**line, "name": "holds", "verdict": "non-inferior"}, line, "nonsense", {"name": 3, "old": True}
        ],
    }  # fmt: skip
    with database.write() as session:
        record_verdict(session, decision=json.dumps(facts).encode(), actor="officer:x", now=now)
    with caller(app) as researcher:
        sign_in(researcher, officer("researcher"))
        page = researcher.get(f"/models/compare?bundle={second}")
        missing = researcher.get("/models/compare?bundle=none")
        itself = researcher.get(f"/models/compare?bundle={app.state.hub.classifier.bundle_id}")

    assert "F1 of &lt;b&gt;far_right&lt;/b&gt;" in page.text
    assert page.text.index("far_right") < page.text.index("holds")  # what does not hold stands first
    assert "1,234" in page.text
    assert "Refuse." in page.text
    assert "normaliser version" in page.text
    assert (missing.status_code, itself.status_code) == (404, 404)


def test_shadow_page_has_both_bundles_scores_and_opens_decided_cases_alone(
    app: FastAPI, second: str, database: Database, officer: Callable[..., Any], sign_in: Sign
) -> None:
    hub, now = app.state.hub, datetime.now(UTC)
    with database.write() as session:
        naming.set_shadow(session, bundle_id=second, actor="officer:x", now=now)
    posts = [{"text": "First antiword."}, {"text": "A second antiword, of another day."}]
    take_posts(hub, posts, actor="key:1", repeatable=None)
    Scorer(hub).score_batch()
    with database.write() as session:
        cases = list(session.scalars(select(Case).order_by(Case.case_id)))
        cases[0].decided_at = now
        for scores in session.scalars(select(PostScores)):
            session.add(
                ShadowScores(
                    post_id=scores.post_id, bundle=second, hate=0.25, antisemitic=0.125, islamophobic=0.0,
                    far_right=0.0, route="low_priority", against_bundle=scores.bundle,
                    against_route=scores.route, differs=True, scored_at=now,
                )
            )  # fmt: skip
    with caller(app) as senior, caller(app) as researcher:
        sign_in(senior, officer("supervisor"))
        sign_in(researcher, officer("researcher"))
        page, plain = senior.get("/models/shadow").text, researcher.get("/models/shadow").text

    assert page.count("0.98 → 0.25") == 2
    assert re.findall(r'href="/cases/(\w+)"', page) == [cases[0].case_id]
    assert 'href="/cases/' not in plain
    assert "antiword" not in page
