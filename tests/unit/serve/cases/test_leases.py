"""A lease is its holder's until it runs out, and no instant longer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from case_work import ADA, BEN, LEASE, beat, events, give_back, state_of, take, taken
from sqlalchemy import select

from model.errors import LeaseLost, NotFound
from serve.audit.events import Event
from serve.cases.leases import GIVEN_BACK, TAKEN, ClaimedCase, any_expired, held_by, requeue_expired
from serve.cases.reaper import Reaper
from serve.hub import Hub
from serve.storage.tables import CLAIMABLE, HELD, Case

MakeCases = Callable[..., list[str]]


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
        assert session.execute(select(Case.state).where(Case.case_id == case_id)).scalar() == "captured"


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
        beat(hub, ClaimedCase("0" * 26, ADA, 1, now, "in_review"), now)


@pytest.mark.parametrize(("waits", "held"), list(TAKEN.items()))
def test_case_goes_back_to_where_it_waited_whether_it_is_given_back_or_runs_out(
    hub: Hub, make_cases: MakeCases, now: datetime, waits: str, held: str
) -> None:
    (case_id,) = make_cases([1.0], state=waits)
    lease = taken(hub, ADA, now)
    assert (lease.state, state_of(hub, case_id)) == (held, held)
    assert give_back(hub, lease, now) == waits
    taken(hub, ADA, now)
    with hub.database.write() as session:
        assert requeue_expired(session, now + timedelta(seconds=LEASE)) == 1
    assert state_of(hub, case_id) == waits
    assert taken(hub, BEN, now + timedelta(seconds=LEASE)).case_id == case_id


def test_every_state_that_can_be_claimed_has_the_state_of_its_holder() -> None:
    assert tuple(TAKEN) == CLAIMABLE
    assert tuple(TAKEN.values()) == HELD
    assert {GIVEN_BACK[held] for held in HELD} == set(CLAIMABLE)
