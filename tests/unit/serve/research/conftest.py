"""A small suite, a report as the bench writes it, and decided cases."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from research_desk import Desk
from starlette.testclient import TestClient

from serve.storage.engine import Database
from serve.storage.identifiers import new_id
from serve.storage.tables import Officer

HEADER = "case_id,functionality,test_case,label_gold,strand,strand_label"
ROWS = (
    "a1,plain_hate,They say hateword here,hateful,,",
    "a2,plain_hate,They say antiword here,hateful,antisemitic,1",
    "a3,plain_hate,Nothing that the model knows,hateful,antisemitic,1",
    "b1,news,The paper reports on the match,non-hateful,antisemitic,0",
    "b2,news,The paper quotes hateword,non-hateful,,",
    "b3,news,The market opens at nine,non-hateful,,",
)


@pytest.fixture
def suite_csv() -> bytes:
    """Six cases of two functionalities; with the tiny bundle a3 and b2 are wrong."""
    return "\n".join((HEADER, *ROWS)).encode()


def figure(value: float, half: float = 0.05, posts: int = 100) -> dict[str, Any]:
    return {"value": value, "low": value - half, "high": value + half, "posts": posts}


@pytest.fixture
def report_content() -> dict[str, Any]:
    """One target on one suite, in the shape of report.json, with keys that the pages do not show."""
    functionality = {
        "name": "derog_neg_emote_h",
        "title": "Strong negative emotions",
        "why": "Hatred said outright.",
        "kind": "derogation",
        "hateful": True,
        "cases": 140,
        "accuracy": figure(0.912, posts=140),
        "strand_accuracy": None,
    }
    suite = {
        "head": "hate",
        "threshold": 0.41,
        "cases": 3728,
        "not_answered": 2,
        "accuracy": figure(0.853),
        "hateful": figure(0.9),
        "non_hateful": figure(0.7),
        "macro": figure(0.8),
        "functionalities": [functionality],
        "targets": [],
    }
    line = {
        "measure": "hatecheck_accuracy",
        "words": "HateCheck, all cases",
        "direction": "at_least",
        "must": 0.8,
        "aim": 0.9,
        "got": figure(0.853),
        "verdict": "holds",
    }
    group = {
        "group": "muslim",
        "axis": "community",
        "posts": 321,
        "false_positive_rate": figure(0.111),
        "ece": 0.1,
    }
    target = {
        "name": "minilm",
        "identity": "minilm-v2",
        "kind": "bundle",
        "heads": ["hate"],
        "thresholds": {"hate": 0.41},
    }
    comparison = {
        "a": "minilm",
        "b": "other",
        "what": "suite:hatecheck",
        "cases": 3728,
        "difference": figure(0.021),
        "only_a_right": 150,
        "only_b_right": 72,
        "mcnemar_p": 0.0101,
        "holm_p": 0.0203,
        "verdict": "better",
    }
    return {
        "schema_version": 1,
        "made_at": "2026-11-22T03:00:00Z",
        "code": {"commit": "0123456789abcdef", "version": "0.2.0"},
        "data": {"manifest_sha256": None},
        "seconds": 210.5,
        "targets": [target],
        "suites": [],
        "results": {
            "minilm": {"headline": [line], "suites": {"hatecheck": suite}, "groups": [group], "worst": []}
        },
        "comparisons": [comparison],
        "peers": [],
        "against": None,
    }  # fmt: skip


@pytest.fixture
def put_report(hub_home: Path) -> Callable[..., Path]:
    """Writes a report into the hub's folder: `put_report("name", content, html="...")`."""

    def put(name: str, content: object, *, html: str | None = None) -> Path:
        folder = hub_home / "reports" / name
        folder.mkdir(parents=True, exist_ok=True)
        raw = content if isinstance(content, str) else json.dumps(content)
        (folder / "report.json").write_text(raw, "utf-8")
        if html is not None:
            (folder / "report.html").write_text(html, "utf-8")
        return folder

    return put


@pytest.fixture
def decide_cases(database: Database) -> Callable[..., list[str]]:
    """Stores decided cases, each with one post and its scores, and gives the case ids."""
    from serve.storage.tables import Case, CasePost, Decision, Post, PostScores

    def decide(
        count: int,
        at: datetime,
        *,
        outcome: str = "no_offence",
        severity: int = 1,
        strands: tuple[str, ...] = (),
    ) -> list[str]:
        made = []
        with database.write() as session:
            for number in range(count):
                case_id, post_id = new_id(), new_id()
                made.append(case_id)
                session.add(
                    Post(
                        post_id=post_id, external_id="external-SECRET", text="A text that is SECRET.",
                        text_sha256="0" * 64, platform="SECRET-platform", url="https://SECRET.example/1",
                        author="@SECRET", received_at=at, received_from="key:SECRET", scored_at=at,
                    )
                )  # fmt: skip
                session.add(
                    Case(
                        case_id=case_id, state="decided", route="review", strands=list(strands), priority=1.0,
                        created_at=at - timedelta(days=7), lease_number=1, decided_at=at,
                    )
                )  # fmt: skip
                session.flush()
                session.add(CasePost(post_id=post_id, case_id=case_id))
                session.add(
                    PostScores(
                        post_id=post_id, bundle="minilm-v2", policy="officer 1", policy_sha256="1" * 64,
                        hate=0.1234 + number / 1000, antisemitic=0.9876, islamophobic=None, far_right=0.0,
                        route="review", reason="SECRET reason", scored_at=at,
                    )
                )  # fmt: skip
                session.add(
                    Decision(
                        decision_id=new_id(), case_id=case_id, lease_number=1, decided_by="officer:SECRET",
                        decided_at=at, outcome=outcome, strands=list(strands), severity=severity,
                        reason="A SECRET reason.", bundles=["minilm-v2"], policy_sha256="1" * 64,
                        outcomes_sha256="2" * 64, codebook_sha256="3" * 64,
                    )
                )  # fmt: skip
        return made

    return decide


@pytest.fixture
def desk(client: TestClient, officer: Callable[..., Officer], sign_in: Callable[..., str]) -> Desk:
    return Desk(client, sign_in(client, officer("researcher")))
