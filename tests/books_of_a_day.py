"""What the database must say at the end of an officer's day (tests/browser/test_officers_day.py)."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from model.bundle import Bundle
from model.configuration import configs_folder, sha256_of

STANDS_ON = {
    "policy_sha256": "policy/officer.yaml",
    "outcomes_sha256": "policy/outcomes.yaml",
    "codebook_sha256": "codebook/codebook-v1.yaml",
    "law_sha256": "law/england-and-wales.yaml",
}
"""The hashes on a decision, and the file that each is of."""


def decisions_are_sound(hub: Any, bundle: Path, *, campaign: str, appealed: str, reversed_post: str) -> None:
    """Each case is decided once, or once more after its appeal, with a row for each post and every hash."""
    cases = hub.rows("SELECT * FROM cases")
    states = Counter(case["state"] for case in cases)
    assert len(cases) == 21  # the reversed post has its own
    assert states["out_of_scope"] == 1
    assert not states.keys() & {"triage", "captured", "in_review", "second_review", "adjudication"}
    assert all(case["leased_by"] is None and case["reserved_for"] is None for case in cases)

    decisions = hub.rows("SELECT * FROM decisions")
    times = Counter(decision["case_id"] for decision in decisions)
    assert times == {
        case["case_id"]: 1 + (case["case_id"] == appealed)
        for case in cases
        if case["state"] != "out_of_scope"
    }
    assert_appeal_was_read_anew(hub, [one for one in decisions if one["case_id"] == appealed])
    assert_campaign_was_decided_once(hub, campaign, reversed_post)
    [covered] = hub.rows("SELECT count(DISTINCT post_id) AS n FROM decision_posts")
    assert covered["n"] == 59  # all but the poster's

    bundle_id = Bundle.load(bundle).bundle_id
    hashes = {column: sha256_of((configs_folder() / file).read_bytes()) for column, file in STANDS_ON.items()}
    for made in (*decisions, *hub.rows("SELECT * FROM judgements")):
        assert json.loads(made["bundles"]) == [bundle_id]
        assert {column: made[column] for column in hashes} == hashes


def assert_appeal_was_read_anew(hub: Any, decisions: list[dict[str, Any]]) -> None:
    """The later decision supersedes the first, which is still there, and is somebody else's."""
    first, later = sorted(decisions, key=lambda one: one["cycle"])
    assert later["supersedes"] == first["decision_id"]
    assert later["decided_by"] != first["decided_by"]
    [appeal] = hub.rows("SELECT * FROM appeals")
    assert appeal["decision_id"] == first["decision_id"]
    assert later["decided_by"] != appeal["taken_by"]


def assert_campaign_was_decided_once(hub: Any, campaign: str, reversed_post: str) -> None:
    """One decision with forty rows, of which one does not hold any more; that post was decided by itself."""
    [decision] = hub.rows("SELECT * FROM decisions WHERE case_id = ?", campaign)
    rows = hub.rows("SELECT post_id FROM decision_posts WHERE decision_id = ?", decision["decision_id"])
    assert len(rows) == 40
    [reversal] = hub.rows("SELECT * FROM post_reversals")
    assert (reversal["decision_id"], reversal["post_id"]) == (decision["decision_id"], reversed_post)
    [anew] = hub.rows("SELECT * FROM decisions WHERE case_id = ?", reversal["new_case_id"])
    assert hub.rows("SELECT post_id FROM decision_posts WHERE decision_id = ?", anew["decision_id"]) == [
        {"post_id": reversed_post}
    ]
    assert anew["decided_by"] not in (decision["decided_by"], reversal["reversed_by"])


def nobody_judged_twice(hub: Any, actors: Mapping[str, str]) -> None:
    """No reader met their own judgement again: not as second reader, as senior, or after an appeal."""
    judgements = hub.rows("SELECT * FROM judgements")
    readers = Counter((one["case_id"], one["actor"]) for one in judgements)
    assert set(readers.values()) == {1}
    assert {one["actor"] for one in judgements if one["round"] == 2} == {actors["second"]}
    assert {one["actor"] for one in judgements if one["round"] == 3} == {actors["supervisor"]}
    assert not any(one["saw_scores"] for one in judgements if one["round"] < 3)
    by_case = Counter(one["case_id"] for one in judgements if one["cycle"] == 0)
    assert Counter(by_case.values()) == {1: 17, 2: 2, 3: 1}
    for decision in hub.rows("SELECT * FROM decisions WHERE severity >= 3"):
        assert len(json.loads(decision["judgement_ids"])) >= 2


def audit_log_is_whole(hub: Any) -> None:
    """Each judgement, decision, appeal and reversal has its event; none is missing, none can be changed."""
    events = hub.rows("SELECT * FROM audit_events ORDER BY event_id")
    assert [one["event_id"] for one in events] == list(range(1, len(events) + 1))
    for event, detail, table in (
        ("cases:case:judged", "judgement_id", "judgements"),
        ("cases:case:decided", "decision_id", "decisions"),
        ("cases:decision:reversed", "post_id", "post_reversals"),
        ("cases:case:appealed", "appeal_id", "appeals"),
    ):
        said = [json.loads(one["details"])[detail] for one in events if one["event"] == event]
        assert sorted(said) == sorted(row[detail] for row in hub.rows(f"SELECT {detail} FROM {table}"))
    actor_of = {row["decision_id"]: row for row in hub.rows("SELECT * FROM decisions")}
    for one in events:
        if one["event"] == "cases:case:decided":
            decision = actor_of[json.loads(one["details"])["decision_id"]]
            assert (one["actor"], one["subject"]) == (decision["decided_by"], decision["case_id"])
    with sqlite3.connect(hub.home / "hub.sqlite", timeout=30) as connection:
        for change in ("UPDATE audit_events SET actor = 'nobody'", "DELETE FROM audit_events"):
            with pytest.raises(sqlite3.IntegrityError):
                connection.execute(change)
    connection.close()
