"""Migrations 0004 and 0005 on a hub that people have worked with: nothing is lost, up, down and up again."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from case_history import FOLLOWING
from sqlalchemy import event, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from serve.cases.claiming import Claimant, claim
from serve.storage.engine import Database
from serve.storage.identifiers import new_id
from serve.storage.migrating import downgrade, migrate, newest_revision
from serve.storage.tables import Case, CaseStep, Decision, DecisionPost, Judgement, Row

AT = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
KEPT = (
    *("decision_id", "case_id", "lease_number", "decided_by", "decided_at", "outcome", "outcome_detail"),
    *("strands", "severity", "reason", "bundles", "policy_sha256", "outcomes_sha256", "codebook_sha256"),
)
AFTER = {
    "no_action": "no_action",
    "non_crime_record": "non_crime",
    "intel_only": "non_crime",
    "crime_record_requested": "crime_candidate",
    "refer_force": "crime_candidate",
    "refer_ctp": "crime_candidate",
    "platform_notice": "decided",
    "victim_support": "decided",
    "an_outcome_of_old": "decided",
}
OPEN = {
    # id: (state, route, strands, priority)
    "01": ("queued", "urgent_review", ["antisemitic"], 2.9),
    "02": ("queued", "review", ["antisemitic", "far_right"], 1.4),
    "03": ("queued", "low_priority", [], 0.2),
    "04": ("in_review", "unscored", ["far_right"], 1.0),
}


def padded(name: str) -> str:
    return name.rjust(26, "0")


@pytest.fixture
def worked(database: Database) -> Database:
    """A hub of revision 0002 with cases in every state and a decision of every kind."""
    downgrade(database, "0002")
    decided = {f"d{number}": outcome for number, outcome in enumerate(AFTER)}
    with database.write() as session:

        def put(table: str, **columns: Any) -> None:
            names = ", ".join(columns)
            marks = ", ".join(f":{name}" for name in columns)
            session.execute(text(f"INSERT INTO {table} ({names}) VALUES ({marks})"), columns)

        def instant(minutes: int) -> Any:
            at = AT + timedelta(minutes=minutes)
            return at.replace(tzinfo=None).isoformat(" ", "microseconds") if database.is_sqlite else at

        for number, name in enumerate([*OPEN, *decided]):
            state, route, strands, priority = OPEN.get(name, ("decided", "review", ["islamophobic"], 1.5))
            held = state == "in_review"
            put(
                "posts", post_id=padded(f"p{name}"), text="The bakery opens at nine.", text_sha256="0" * 64,
                received_at=instant(number), received_from="key:1", scored_at=instant(number),
            )  # fmt: skip
            put(
                "cases", case_id=padded(name), state=state, route=route, strands=json.dumps(strands),
                priority=priority, created_at=instant(number), lease_number=0 if state == "queued" else 3,
                leased_by="officer:held" if held else None,
                lease_expires_at=instant(10_000) if held else None,
                decided_at=instant(number + 60) if state == "decided" else None,
            )  # fmt: skip
            put("case_posts", post_id=padded(f"p{name}"), case_id=padded(name))
            for score in (0.1, 0.87):
                put(
                    "post_scores", post_id=padded(f"p{name}"), bundle="b-1", policy="officer 1",
                    policy_sha256="1" * 64, hate=None if route == "unscored" else score / 2,
                    antisemitic=None if route == "unscored" else score, islamophobic=None, far_right=None,
                    route=route, reason="a test", scored_at=instant(number),
                )  # fmt: skip
        for number, (name, outcome) in enumerate(decided.items()):
            put(
                "decisions", decision_id=new_id(), case_id=padded(name), lease_number=3,
                decided_by=f"officer:{number}", decided_at=instant(number + 60), outcome=outcome,
                outcome_detail=None, strands='["islamophobic"]', severity=number % 5, reason="Twice. \u2019",
                bundles='["b-1"]', policy_sha256="1" * 64, outcomes_sha256="2" * 64, codebook_sha256="3" * 64,
            )  # fmt: skip
            put(
                "audit_events", happened_at=instant(number), actor=f"officer:{number}",
                event="cases:case:decided", subject=padded(name), details="{}",
            )  # fmt: skip
    return database


def rows(database: Database, statement: str) -> list[tuple[Any, ...]]:
    with database.read() as session:
        return [tuple(row) for row in session.execute(text(statement))]


def content(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    """What both schemas have, in full."""
    return {
        "decisions": rows(database, f"SELECT {', '.join(KEPT)} FROM decisions ORDER BY decision_id"),
        "case_posts": rows(database, "SELECT post_id, case_id FROM case_posts ORDER BY post_id"),
        "posts": rows(database, "SELECT * FROM posts ORDER BY post_id"),
        "post_scores": rows(database, "SELECT * FROM post_scores ORDER BY scores_id"),
        "audit_events": rows(database, "SELECT * FROM audit_events ORDER BY event_id"),
        "cases": rows(
            database,
            "SELECT case_id, route, strands, priority, created_at, lease_number, decided_at FROM cases "
            "ORDER BY case_id",
        ),
    }  # fmt: skip


def as_text(found: dict[str, list[tuple[Any, ...]]]) -> dict[str, list[str]]:
    """JSON columns come back as text or as values; both say the same."""
    return {table: [str(row) for row in every] for table, every in found.items()}


def test_every_row_survives_up_down_and_up_again(worked: Database) -> None:
    before = as_text(content(worked))
    assert len(before["cases"]) == len(OPEN) + len(AFTER)
    for _ in range(2):
        assert migrate(worked) == newest_revision()
        assert as_text(content(worked)) == before
        downgrade(worked, "0002")
        assert as_text(content(worked)) == before
    states = dict(rows(worked, "SELECT case_id, state FROM cases"))
    assert [states[padded(name)] for name in OPEN] == ["queued"] * 4, "a lease does not go back"
    assert set(states.values()) == {"queued", "decided"}


def test_cases_come_to_the_states_that_their_decisions_lead_to(worked: Database) -> None:
    migrate(worked)
    with worked.read() as session:
        cases = {case.case_id: case for case in session.scalars(select(Case))}
        outcomes = {one.case_id: one.outcome for one in session.scalars(select(Decision))}
    for case_id, outcome in outcomes.items():
        case = cases[case_id]
        assert (case.state, case.waiting, case.decided_at is not None) == (AFTER[outcome], False, True)
    assert [cases[padded(name)].state for name in OPEN] == ["captured"] * 3 + ["in_review"]
    assert [cases[padded(name)].waiting for name in OPEN] == [True] * 3 + [False]
    held = cases[padded("04")]
    assert (held.leased_by, held.lease_number, held.lease_expires_at) == (
        "officer:held", 3, AT + timedelta(minutes=10_000),
    )  # fmt: skip
    assert [cases[padded(name)].queue for name in OPEN] == ["antisemitic", "several", "general", "far_right"]
    assert [cases[padded(name)].severity_expected for name in OPEN] == [3, 2, 1, 2]
    assert [cases[padded(name)].due_class for name in OPEN] == ["urgent", "review", "routine", "review"]
    assert [cases[padded(name)].probability for name in OPEN] == [0.87, 0.87, 0.87, None]
    assert all(case.victim_update_due == case.created_at + timedelta(days=7) for case in cases.values())
    assert all(case.waits_since == case.created_at for case in cases.values())


def test_queue_keeps_its_order(worked: Database) -> None:
    query = "SELECT case_id FROM cases WHERE {} ORDER BY {} DESC, case_id"
    before = rows(worked, query.format("state = 'queued'", "priority"))
    migrate(worked)
    assert rows(worked, query.format("waiting", "rank")) == before
    ranks = dict(rows(worked, "SELECT case_id, rank FROM cases"))
    assert ranks[padded("03")] == pytest.approx(
        0.2 * 86_400 - (AT + timedelta(minutes=2) - datetime(2026, 1, 1, tzinfo=UTC)).total_seconds(),
        abs=0.01,
    )


def test_histories_are_what_the_workflow_would_have_written(worked: Database) -> None:
    migrate(worked)
    with worked.read() as session:
        for case in session.scalars(select(Case)):
            steps = session.scalars(
                select(CaseStep).where(CaseStep.case_id == case.case_id).order_by(CaseStep.step_id)
            ).all()
            actions = [step.action for step in steps]
            assert actions[:2] == ["score", "admit_to_review"]
            assert all(later.before in (earlier.after, "in_review") for earlier, later in pairwise(steps))
            if case.decided_at is None:
                assert actions[2:] == []
                continue
            assert actions[2] == "decide"
            assert (actions[-1] in FOLLOWING, steps[-1].after) == (case.state != "decided", case.state)


def test_whoever_decided_has_judged_and_cannot_judge_again(worked: Database) -> None:
    migrate(worked)
    with worked.read() as session:
        decisions = session.scalars(select(Decision)).all()
        judgements = {one.case_id: one for one in session.scalars(select(Judgement))}
        posts = {(row.decision_id, row.post_id) for row in session.scalars(select(DecisionPost))}
    assert len(judgements) == len(decisions) == len(AFTER)
    columns = [column.name for column in Judgement.__table__.columns]
    for decision in decisions:
        judged = judgements[decision.case_id]
        assert (judged.actor, judged.round, judged.cycle, judged.confidence) == (
            decision.decided_by, 1, 0, "not_said",
        )  # fmt: skip
        assert (judged.outcome, judged.severity, judged.reason) == (
            decision.outcome, decision.severity, decision.reason,
        )  # fmt: skip
        assert (decision.decision_id, padded(f"p{decision.case_id.lstrip('0')}")) in posts
        again = {name: getattr(judged, name) for name in columns}
        with pytest.raises(IntegrityError), worked.write() as session:
            session.add(Judgement(**{**again, "judgement_id": new_id(), "cycle": 1}))


def test_decided_case_can_be_reopened_and_goes_to_somebody_else(worked: Database) -> None:
    migrate(worked)
    case_id = padded("d0")
    with worked.write() as session:
        case = session.get_one(Case, case_id)
        case.state, case.waiting, case.cycle, case.decided_at, case.rank = "captured", True, 1, None, 1e12
    now = AT + timedelta(minutes=5)
    with worked.write() as session:
        first = claim(session, Claimant("officer:0"), now=now, lease_seconds=60)
        second = claim(session, Claimant("officer:1"), now=now, lease_seconds=60)
    assert first is not None
    assert second is not None
    assert first.case_id != case_id
    assert second.case_id == case_id


def test_decision_of_a_later_cycle_is_the_one_that_goes_back(worked: Database) -> None:
    migrate(worked)
    with worked.write() as session:
        first = session.scalars(select(Decision).where(Decision.case_id == padded("d0"))).one()
        again = {name: getattr(first, name) for name in KEPT} | {
            "decision_id": new_id(),
            "reason": "After the appeal.",
        }
        session.add(Decision(**again, cycle=1, supersedes=first.decision_id))
        session.get_one(Case, padded("d0")).cycle = 1
        reopened = session.get_one(Case, padded("d1"))
        reopened.state, reopened.waiting, reopened.cycle, reopened.decided_at = "captured", True, 1, None
    downgrade(worked, "0002")
    reasons = dict(rows(worked, "SELECT case_id, reason FROM decisions"))
    states = dict(rows(worked, "SELECT case_id, state FROM cases"))
    assert (reasons[padded("d0")], states[padded("d0")]) == ("After the appeal.", "decided")
    assert (padded("d1") in reasons, states[padded("d1")]) == (False, "queued")
    assert migrate(worked) == newest_revision()


@pytest.mark.parametrize("table", ["decisions", "judgements", "case_steps", "decision_posts"])
def test_what_people_said_and_did_never_changes(worked: Database, table: str) -> None:
    migrate(worked)
    for column in Row.metadata.tables[table].columns:
        with pytest.raises(DBAPIError, match=f"{table} never change"), worked.write() as session:
            session.execute(text(f"UPDATE {table} SET {column.name} = {column.name}"))
    with pytest.raises(DBAPIError, match=f"{table} never change"), worked.write() as session:
        session.execute(text(f"DELETE FROM {table}"))
    if not worked.is_sqlite:
        with pytest.raises(DBAPIError, match="never change"), worked.write() as session:
            session.execute(text(f"TRUNCATE {table} CASCADE"))


def test_decisions_are_frozen_again_after_going_back(worked: Database) -> None:
    migrate(worked)
    downgrade(worked, "0002")
    for column in KEPT:
        with pytest.raises(DBAPIError, match="decisions never change"), worked.write() as session:
            session.execute(text(f"UPDATE decisions SET {column} = {column}"))
    with pytest.raises(DBAPIError, match="decisions never change"), worked.write() as session:
        session.execute(text("DELETE FROM decisions"))


def test_schema_after_down_and_up_is_that_of_the_tables(worked: Database) -> None:
    migrate(worked)
    downgrade(worked, "0002")
    migrate(worked)
    with worked.engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        assert compare_metadata(context, Row.metadata) == []
        checks = (
            "SELECT sql FROM sqlite_master WHERE name = 'cases'"
            if worked.is_sqlite
            else "SELECT string_agg(pg_get_constraintdef(oid), ' ') FROM pg_constraint "
            "WHERE conrelid = 'cases'::regclass"
        )
        on_disk = connection.execute(text(checks)).scalar_one()
    for word in ("reserved_until", "leased_by", "in_adjudication", "duplicate_linked", "waiting ="):
        assert word in on_disk


@pytest.mark.parametrize("fails_at", [2, 9, 17, 25, 33, 41, 49])
def test_migration_that_is_cut_off_changes_nothing_and_goes_through_the_next_time(
    worked: Database, fails_at: int
) -> None:
    before = as_text(content(worked))
    counted = 0

    def cut(*_arguments: Any) -> None:
        nonlocal counted
        counted += 1
        if counted == fails_at:
            raise ConnectionAbortedError("cut off")

    event.listen(worked.engine, "before_cursor_execute", cut)
    with pytest.raises(ConnectionAbortedError):
        migrate(worked)
    event.remove(worked.engine, "before_cursor_execute", cut)
    assert as_text(content(worked)) == before
    assert rows(worked, "SELECT version_num FROM alembic_version") == [("0002",)]
    assert migrate(worked) == newest_revision()
    assert as_text(content(worked)) == before
