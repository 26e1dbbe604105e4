from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from serve.cases.queue import (
    ClaimedCase,
    any_expired,
    claim,
    claim_statement,
    heartbeat,
    held_by,
    release,
    requeue_expired,
)
from sqlalchemy import event, select, text
from sqlalchemy.orm import Session

from model.errors import LeaseLost, NotFound
from serve.audit.events import Event
from serve.cases.reaper import Reaper
from serve.hub import Hub
from serve.storage.tables import AuditEvent, Case

MakeCases = Callable[[Sequence[float]], list[str]]
ADA, BEN = "officer:ada", "officer:ben"
LEASE = 60.0


def take(hub: Hub, actor: str, now: datetime) -> ClaimedCase | None:
    with hub.database.write() as session:
        return claim(session, actor=actor, now=now, lease_seconds=LEASE)


def taken(hub: Hub, actor: str, now: datetime) -> ClaimedCase:
    claimed = take(hub, actor, now)
    assert claimed is not None
    return claimed


def beat(hub: Hub, lease: ClaimedCase, now: datetime, *, actor: str | None = None) -> ClaimedCase:
    with hub.database.write() as session:
        return heartbeat(
            session,
            case_id=lease.case_id,
            lease_number=lease.lease_number,
            actor=actor or lease.actor,
            now=now,
            lease_seconds=LEASE,
        )


def give_back(hub: Hub, lease: ClaimedCase, now: datetime) -> None:
    with hub.database.write() as session:
        release(session, case_id=lease.case_id, lease_number=lease.lease_number, actor=lease.actor, now=now)


def events(hub: Hub, subject: str) -> list[tuple[str, str]]:
    with hub.database.read() as session:
        rows = session.execute(
            select(AuditEvent.event, AuditEvent.actor)
            .where(AuditEvent.subject == subject)
            .order_by(AuditEvent.event_id)
        )
        return [(row.event, row.actor) for row in rows]


def test_claims_come_by_priority_then_age_and_never_the_same_case(
    hub: Hub, make_cases: MakeCases, now: datetime
) -> None:
    low, high, high_later, middle = make_cases([0.1, 2.9, 2.9, 1.0])
    claimed = [taken(hub, ADA, now).case_id for _ in range(4)]
    assert claimed == [high, high_later, middle, low]
    assert take(hub, BEN, now) is None


def test_claim_of_an_empty_queue_gives_none(hub: Hub, now: datetime) -> None:
    assert take(hub, ADA, now) is None


def test_lease_number_grows_with_every_claim(hub: Hub, make_cases: MakeCases, now: datetime) -> None:
    (case_id,) = make_cases([1.0])
    first = taken(hub, ADA, now)
    give_back(hub, first, now)
    second = taken(hub, ADA, now)
    assert (first.lease_number, second.lease_number) == (1, 2)
    with pytest.raises(LeaseLost):
        beat(hub, first, now)
    assert [name for name, _ in events(hub, case_id)] == [
        Event.CASE_CLAIMED,
        Event.LEASE_RELEASED,
        Event.CASE_CLAIMED,
    ]


def test_heartbeat_moves_the_end_of_the_lease(hub: Hub, make_cases: MakeCases, now: datetime) -> None:
    make_cases([1.0])
    lease = taken(hub, ADA, now)
    later = now + timedelta(seconds=LEASE - 1)
    assert beat(hub, lease, later).lease_expires_at == later + timedelta(seconds=LEASE)
    assert take(hub, BEN, now + timedelta(seconds=LEASE + 1)) is None


@pytest.mark.parametrize("after_seconds", [LEASE, LEASE + 3600])
def test_expired_lease_is_lost_even_if_nobody_took_the_case(
    hub: Hub, make_cases: MakeCases, now: datetime, after_seconds: float
) -> None:
    make_cases([1.0])
    lease = taken(hub, ADA, now)
    later = now + timedelta(seconds=after_seconds)
    with hub.database.read() as session:
        assert held_by(session, ADA, later) is None
    with pytest.raises(LeaseLost):
        beat(hub, lease, later)
    with pytest.raises(LeaseLost):
        give_back(hub, lease, later)


def test_case_of_an_expired_lease_goes_to_the_next_who_asks(
    hub: Hub, make_cases: MakeCases, now: datetime
) -> None:
    (case_id,) = make_cases([1.0])
    taken(hub, ADA, now)
    second = taken(hub, BEN, now + timedelta(seconds=LEASE))
    assert (second.case_id, second.lease_number) == (case_id, 2)
    assert events(hub, case_id) == [
        (Event.CASE_CLAIMED, ADA),
        (Event.LEASE_EXPIRED, "system:reaper"),
        (Event.CASE_CLAIMED, BEN),
    ]


def test_reaper_puts_back_expired_cases_only(hub: Hub, make_cases: MakeCases, now: datetime) -> None:
    make_cases([1.0, 1.0, 1.0])
    taken(hub, ADA, now)
    taken(hub, ADA, now)
    kept = taken(hub, BEN, now + timedelta(seconds=30))
    with hub.database.write() as session:
        assert requeue_expired(session, now + timedelta(seconds=LEASE)) == 2
        assert requeue_expired(session, now + timedelta(seconds=LEASE)) == 0
    with hub.database.read() as session:
        assert held_by(session, BEN, now + timedelta(seconds=LEASE)) == kept
        assert not any_expired(session, now + timedelta(seconds=LEASE))


def test_reaper_reads_the_present_time(hub: Hub, make_cases: MakeCases, now: datetime) -> None:
    (case_id,) = make_cases([1.0])
    taken(hub, ADA, now - timedelta(days=400))  # long past on any clock that runs these tests
    assert Reaper(hub).reap()
    assert not Reaper(hub).reap()
    with hub.database.read() as session:
        assert session.execute(select(Case.state).where(Case.case_id == case_id)).scalar() == "queued"


def test_held_by_gives_an_officer_their_own_live_case(hub: Hub, make_cases: MakeCases, now: datetime) -> None:
    make_cases([1.0, 1.0])
    mine = taken(hub, ADA, now)
    taken(hub, BEN, now)
    with hub.database.read() as session:
        assert held_by(session, ADA, now) == mine
        assert held_by(session, "officer:cat", now) is None


def test_lease_of_another_actor_is_not_mine(hub: Hub, make_cases: MakeCases, now: datetime) -> None:
    make_cases([1.0])
    lease = taken(hub, ADA, now)
    with pytest.raises(LeaseLost):
        beat(hub, lease, now, actor=BEN)


def test_case_that_does_not_exist_is_not_found(hub: Hub, now: datetime) -> None:
    with pytest.raises(NotFound):
        beat(hub, ClaimedCase("0" * 26, ADA, 1, now), now)


def test_claim_that_is_rolled_back_leaves_no_lease_and_no_event(
    hub: Hub, make_cases: MakeCases, now: datetime
) -> None:
    (case_id,) = make_cases([1.0])

    def claims_and_fails() -> None:
        with hub.database.write() as session:
            claim(session, actor=ADA, now=now, lease_seconds=LEASE)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        claims_and_fails()
    assert events(hub, case_id) == []
    assert taken(hub, BEN, now).lease_number == 1


def test_eight_who_claim_at_once_share_the_cases_out(hub: Hub, make_cases: MakeCases, now: datetime) -> None:
    case_ids = make_cases([1.0] * 60)
    found: list[str] = []
    lock = threading.Lock()

    def work(actor: str) -> None:
        while (claimed := take(hub, actor, now)) is not None:
            with lock:
                found.append(claimed.case_id)

    threads = [threading.Thread(target=work, args=(f"officer:{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == case_ids


def explain(hub: Hub, run: Callable[[Session], Any]) -> str:
    """The plan of the first statement that `run` sends, with the parameters it really had."""
    sent: list[tuple[str, Any]] = []

    def catch(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        sent.append((statement, parameters))

    with hub.database.write() as session:
        session.connection()
        event.listen(hub.database.engine, "before_cursor_execute", catch)
        run(session)
        event.remove(hub.database.engine, "before_cursor_execute", catch)
    prefix = "EXPLAIN QUERY PLAN " if hub.database.is_sqlite else "EXPLAIN "
    with hub.database.read() as session:
        rows = session.connection().exec_driver_sql(prefix + sent[0][0], sent[0][1])
        return "\n".join(str(row[-1]) for row in rows)


def test_each_question_of_the_queue_is_answered_by_its_index(
    hub: Hub, make_cases: MakeCases, now: datetime
) -> None:
    make_cases([float(number % 7) for number in range(2_000)])
    for _ in range(20):
        taken(hub, ADA, now)
    with hub.database.write() as session:
        session.execute(text("ANALYZE"))
    claiming = explain(hub, lambda session: session.execute(claim_statement(BEN, now)))
    assert "ix_cases_queued" in claiming
    assert "sort" not in claiming.lower()
    assert "temp b-tree" not in claiming.lower()
    assert "ix_cases_leased" in explain(hub, lambda session: any_expired(session, now))
    # Two partial indexes hold live leases alone; either is a short walk.
    holding = explain(hub, lambda session: held_by(session, BEN, now))
    assert "ix_cases_holder" in holding or "ix_cases_leased" in holding
