"""What the queue asks is answered by its partial indexes, however long the backlog: no scan, no sort."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
from case_work import ADA, BEN, LEASE, taken
from sqlalchemy import event, or_, select, text
from sqlalchemy.orm import Session

from serve.cases.claiming import LOOKS, Claimant, claim
from serve.cases.leases import any_expired, held_by
from serve.cases.ordering import QUEUES
from serve.cases.setting_aside import any_overdue, any_to_wake
from serve.cases.viewing import list_cases
from serve.hub import Hub
from serve.storage.tables import CLAIMABLE, Case

BACKLOG, CONTROL_BACKLOG = 100_000, 20_000
CANDIDATES = len(CLAIMABLE) * len(QUEUES) * LOOKS[0]
STEPS_A_CANDIDATE = 60
"""Instructions of SQLite's machine for each case that a claim looks at; about 35 were measured."""


def fill(hub: Hub, cases: int) -> None:
    """Puts so many waiting cases in the queue, of every queue and three stages; statistics are fresh."""
    queue = "CASE n % 5 " + " ".join(f"WHEN {n} THEN '{one}'" for n, one in enumerate(QUEUES)) + " END"
    padded = "printf('%026d', n)" if hub.database.is_sqlite else "lpad(CAST(n AS TEXT), 26, '0')"
    at = "'2026-11-21 09:30:00.000000'"
    with hub.database.write() as session:
        session.execute(
            text(
                "WITH RECURSIVE numbers(n) AS "
                "(SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :cases) "
                "INSERT INTO cases (case_id, state, emergency, platform, support, retention, cycle, route, "
                "strands, queue, priority, severity_expected, report_count, rank, due_class, created_at, "
                "waits_since, sampled, lease_number, waiting) "
                f"SELECT {padded}, CASE (n / 5) % 20 WHEN 0 THEN 'second_review' WHEN 1 THEN 'triage' "
                "ELSE 'captured' END, 'no_emergency', 'not_notified', 'not_offered', 'held', 0, 'review', "
                f"'[]', {queue}, 1.0, 2, 0, (n * 7919) % 1000003, 'review', {at}, {at}, false, 0, true "
                "FROM numbers"
            ),
            {"cases": cases},
        )
    with hub.database.write() as session:
        session.execute(text("ANALYZE"))


@dataclass(frozen=True)
class Work:
    """What statements cost: their plans; rows read one after the other, and instructions run (SQLite)."""

    plans: str
    scans: int = 0
    rows: int = 0
    instructions: int = 0


def read_so_far(session: Session) -> tuple[int, int]:
    """Scans of `cases` and rows of it that this connection has read, on PostgreSQL."""
    if session.get_bind().dialect.name == "sqlite":
        return 0, 0
    counted = session.execute(
        text(
            "SELECT seq_scan, seq_tup_read + coalesce(idx_tup_fetch, 0) AS rows "
            "FROM pg_stat_xact_user_tables WHERE relname = 'cases'"
        )
    ).one()
    return counted.seq_scan, counted.rows


def work_of(hub: Hub, run: Callable[[Session], Any]) -> Work:
    """Runs it, undoes it, and says what it took."""
    sent: list[tuple[str, Any]] = []

    def catch(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        sent.append((statement, parameters))

    counted = 0

    def count() -> None:
        nonlocal counted
        counted += 10

    with Session(hub.database.writing_engine) as session:
        raw: Any = session.connection().connection.driver_connection
        if hub.database.is_sqlite:
            raw.set_progress_handler(count, 10)
        else:  # as a connection plans that has run the statement often
            session.execute(text("SET LOCAL plan_cache_mode = force_generic_plan"))
        before = read_so_far(session)
        event.listen(hub.database.engine, "before_cursor_execute", catch)
        run(session)
        event.remove(hub.database.engine, "before_cursor_execute", catch)
        if hub.database.is_sqlite:
            raw.set_progress_handler(None, 0)
        scans, rows = (after - earlier for after, earlier in zip(read_so_far(session), before, strict=True))
        session.rollback()
    prefix = "EXPLAIN QUERY PLAN " if hub.database.is_sqlite else "EXPLAIN "
    plans = []
    with hub.database.read() as session:
        for statement, parameters in sent:
            if not statement.startswith("INSERT"):
                found = session.connection().exec_driver_sql(prefix + statement, parameters)
                plans += [str(row[-1]) for row in found]
    return Work("\n".join(plans), scans, rows, counted)


def check(hub: Hub, work: Work, index: str, *, rows: int) -> None:
    """Holds if the index was used, and no more than so many cases were looked at."""
    assert index in work.plans
    if hub.database.is_sqlite:
        assert "SCAN cases" not in work.plans.replace("SCAN cases USING INDEX ix_cases_rank", "")
        assert work.instructions <= STEPS_A_CANDIDATE * rows + 2_000
    else:
        assert "Seq Scan on cases" not in work.plans
        assert work.scans == 0
        assert work.rows <= 3 * rows


def test_each_question_of_the_queue_is_answered_by_its_index(hub: Hub, now: datetime) -> None:
    fill(hub, BACKLOG)
    for _ in range(20):
        taken(hub, ADA, now)

    def claims(**limits: Any) -> Callable[[Session], Any]:
        return lambda session: claim(session, Claimant(BEN, **limits), now=now, lease_seconds=LEASE)

    check(hub, work_of(hub, claims()), "ix_cases_waiting", rows=CANDIDATES)
    one_stage = claims(stages=("captured",), queues=("general",), severity_at_most=2)
    check(hub, work_of(hub, one_stage), "ix_cases_waiting", rows=LOOKS[0])
    on_a_shift = claims(severity_at_most=2, shift_began_at=now)
    check(hub, work_of(hub, on_a_shift), "ix_cases_waiting", rows=CANDIDATES)
    wish = claims(severity_at_most=2, strands_left_out=("far_right",))
    check(hub, work_of(hub, wish), "ix_cases_waiting", rows=CANDIDATES)
    emergency = work_of(hub, claims(emergencies_only=True))  # none: what ran out is looked for too
    check(hub, emergency, "ix_cases_emergency", rows=5)
    check(hub, work_of(hub, lambda session: any_expired(session, now)), "ix_cases_leased", rows=1)
    check(hub, work_of(hub, lambda session: any_to_wake(session, now)), "ix_cases_parked", rows=1)
    overdue = work_of(hub, lambda session: any_overdue(session, now))
    check(hub, overdue, "ix_cases_reserved_until", rows=1)
    assert "ix_cases_reserved " in overdue.plans.replace("\n", " ") + " "
    listed = work_of(hub, lambda session: list_cases(session, "waiting", 50, None))
    check(hub, listed, "ix_cases_rank", rows=51)
    # Two partial indexes hold live leases alone; either is a short walk.
    holding = work_of(hub, lambda session: held_by(session, ADA, now))
    check(
        hub, holding, "ix_cases_holder" if "ix_cases_holder" in holding.plans else "ix_cases_leased", rows=20
    )


def test_control_one_question_for_what_is_ready_and_what_has_expired_fails_the_check(
    hub: Hub, now: datetime
) -> None:
    fill(hub, CONTROL_BACKLOG)
    for _ in range(20):
        taken(hub, ADA, now)
    both = (
        select(Case.case_id)
        .where(or_(text("cases.waiting"), Case.lease_expires_at <= now))
        .order_by(Case.rank.desc(), Case.case_id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    work = work_of(hub, lambda session: session.execute(both))
    assert work.rows + work.instructions >= CONTROL_BACKLOG, "it goes through the whole backlog"
    with pytest.raises(AssertionError):
        check(hub, work, "", rows=CANDIDATES)
