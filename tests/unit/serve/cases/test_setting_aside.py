"""Parked, handed over, skipped: a case set aside waits for whom it should, and never for ever."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from case_work import ADA, BEN, CLEO, LEASE, events, read_by, row_of, take, taken
from sqlalchemy import select, update

from model.errors import BadInput, LeaseLost, NotFound
from serve.audit.events import Event
from serve.cases.claiming import Claimant, claim
from serve.cases.leases import ClaimedCase
from serve.cases.reaper import Reaper
from serve.cases.setting_aside import (
    any_overdue,
    any_to_wake,
    free_overdue,
    free_reserved,
    hand_over,
    park,
    skip,
    wake_parked,
)
from serve.hub import Hub
from serve.people.officers import disable_officer, officer_actor
from serve.storage.tables import Case, CaseSkip, Note, Officer

MakeCases = Callable[..., list[str]]
DAY = timedelta(days=1)


@pytest.fixture
def lease(hub: Hub, make_cases: MakeCases, now: datetime) -> ClaimedCase:
    make_cases([1.0])
    return taken(hub, ADA, now)


@pytest.fixture
def colleague(officer: Callable[..., Officer]) -> str:
    return officer_actor(officer().officer_id)


def holder(lease: ClaimedCase, now: datetime) -> dict[str, Any]:
    return {
        "case_id": lease.case_id, "lease_number": lease.lease_number, "actor": lease.actor, "now": now,
    }  # fmt: skip


def parks(
    hub: Hub, lease: ClaimedCase, now: datetime, until: datetime, reason: str = "waits_for_reply"
) -> None:
    with hub.database.write() as session:
        park(session, hub.queue_rules, **holder(lease, now), reason=reason, until=until)


def hands_over(hub: Hub, lease: ClaimedCase, now: datetime, to: str, reason: str = "She knows it.") -> None:
    with hub.database.write() as session:
        hand_over(session, hub.queue_rules, **holder(lease, now), to=to, reason=reason)


def skips(hub: Hub, lease: ClaimedCase, now: datetime, reason: str = "language") -> None:
    with hub.database.write() as session:
        skip(session, hub.queue_rules, **holder(lease, now), reason=reason)


def reap(hub: Hub, now: datetime) -> tuple[int, int]:
    with hub.database.read() as session:
        there = any_to_wake(session, now), any_overdue(session, now)
    with hub.database.write() as session:
        done = wake_parked(session, now), free_overdue(session, now)
    assert there == tuple(count > 0 for count in done)
    return done


def test_parked_case_comes_back_on_its_day_to_whoever_parked_it(
    hub: Hub, lease: ClaimedCase, now: datetime
) -> None:
    day = now + 3 * DAY
    parks(hub, lease, now, day)
    assert take(hub, ADA, day - timedelta(seconds=1)) is None
    assert reap(hub, day - timedelta(seconds=1)) == (0, 0)
    assert reap(hub, day) == (1, 0)
    assert take(hub, BEN, day) is None
    again = taken(hub, ADA, day)
    assert (again.case_id, again.lease_number) == (lease.case_id, 2)
    row = row_of(hub, lease.case_id)
    assert (row.parked_until, row.parked_because, row.reserved_for, row.reserved_until) == (None,) * 4
    assert [name for name, _ in events(hub, lease.case_id)] == [
        Event.CASE_CLAIMED, Event.CASE_PARKED, Event.CASE_WOKEN, Event.CASE_CLAIMED,
    ]  # fmt: skip


def test_claim_wakes_what_is_due_even_if_no_reaper_runs(hub: Hub, lease: ClaimedCase, now: datetime) -> None:
    parks(hub, lease, now, now + DAY)
    assert taken(hub, ADA, now + DAY).case_id == lease.case_id


def test_case_that_nobody_fetches_is_free_to_all_after_the_days_of_the_rules(
    hub: Hub, lease: ClaimedCase, now: datetime
) -> None:
    parks(hub, lease, now, now + DAY)
    free_from = now + DAY + timedelta(days=hub.queue_rules.reserved_days)
    assert reap(hub, free_from - timedelta(seconds=1)) == (1, 0)
    assert take(hub, BEN, free_from - timedelta(seconds=1)) is None
    assert reap(hub, free_from) == (0, 1)
    assert taken(hub, BEN, free_from).case_id == lease.case_id


def test_case_that_was_handed_over_comes_to_that_officer_alone_with_the_reason_as_a_note(
    hub: Hub, lease: ClaimedCase, now: datetime, colleague: str
) -> None:
    hands_over(hub, lease, now, colleague, "She reads Arabic; I do not.")
    assert take(hub, ADA, now) is None
    assert taken(hub, colleague, now).case_id == lease.case_id
    with hub.database.read() as session:
        note = session.scalars(select(Note)).one()
    assert (note.case_id, note.author, note.text) == (lease.case_id, ADA, "She reads Arabic; I do not.")


@pytest.mark.parametrize(
    ("role", "stage", "may"),
    [
        ("officer", "captured", True),
        ("officer", "adjudication", False),
        ("supervisor", "adjudication", True),
        ("auditor", "captured", False),
        ("annotator", "triage", False),
    ],
)
def test_case_is_handed_only_to_somebody_who_works_in_its_stage(
    hub: Hub,
    make_cases: MakeCases,
    officer: Callable[..., Officer],
    now: datetime,
    role: str,
    stage: str,
    may: bool,
) -> None:
    make_cases([1.0], state=stage)
    lease = taken(hub, ADA, now)
    to = officer_actor(officer(role).officer_id)
    if may:
        hands_over(hub, lease, now, to)
        assert row_of(hub, lease.case_id).reserved_for == to
        return
    with pytest.raises(BadInput) as refused:
        hands_over(hub, lease, now, to)
    assert refused.value.field == "to"
    assert row_of(hub, lease.case_id).leased_by == ADA


def test_case_is_not_handed_to_who_has_judged_or_skipped_it_or_has_left_or_never_was(
    hub: Hub, make_cases: MakeCases, officer: Callable[..., Officer], now: datetime
) -> None:
    judge, passed_by, left = (officer() for _ in range(3))
    make_cases([1.0])
    read_by(hub, officer_actor(judge.officer_id), now, severity=4)
    skips(hub, taken(hub, officer_actor(passed_by.officer_id), now), now)
    with hub.database.write() as session:
        disable_officer(session, officer_id=left.officer_id, actor="system:tests", at=now)
    lease = taken(hub, ADA, now)
    nobody = ["officer:" + "0" * 26, "key:" + "0" * 26, judge.officer_id, "", ADA]
    for to in [*(officer_actor(one.officer_id) for one in (judge, passed_by, left)), *nobody]:
        with pytest.raises(BadInput) as refused:
            hands_over(hub, lease, now, to)
        assert refused.value.field == "to"
    assert row_of(hub, lease.case_id).state == "in_second_review"


def test_case_kept_for_an_officer_who_leaves_is_free_at_once(
    hub: Hub, lease: ClaimedCase, now: datetime, officer: Callable[..., Officer]
) -> None:
    person = officer()
    hands_over(hub, lease, now, officer_actor(person.officer_id))
    assert reap(hub, now) == (0, 0)
    with hub.database.write() as session:
        disable_officer(session, officer_id=person.officer_id, actor="system:tests", at=now)
    assert taken(hub, BEN, now).case_id == lease.case_id
    assert (Event.CASE_FREED, "system:reaper") in events(hub, lease.case_id)


def test_skipped_case_goes_to_others_and_not_to_who_skipped_it(
    hub: Hub, lease: ClaimedCase, now: datetime
) -> None:
    skips(hub, lease, now, "too_much")
    assert take(hub, ADA, now) is None
    assert taken(hub, BEN, now).case_id == lease.case_id
    with hub.database.read() as session:
        kept = session.scalars(select(CaseSkip)).one()
    assert (kept.actor, kept.reason) == (ADA, "too_much")


def test_skip_and_claim_in_one_transaction_give_another_case(
    hub: Hub, make_cases: MakeCases, now: datetime
) -> None:
    first, second = make_cases([2.0, 1.0])
    lease = taken(hub, ADA, now)
    with hub.database.write() as session:
        skip(session, hub.queue_rules, **holder(lease, now), reason="language")
        claimed = claim(session, Claimant(ADA), now=now, lease_seconds=LEASE)
    assert lease.case_id == first
    assert claimed is not None
    assert claimed.case_id == second


def test_senior_frees_what_waits_for_somebody(hub: Hub, lease: ClaimedCase, now: datetime) -> None:
    parks(hub, lease, now, now + DAY)
    with hub.database.write() as session:
        free_reserved(session, case_id=lease.case_id, actor=CLEO, now=now)
    assert taken(hub, BEN, now).case_id == lease.case_id
    assert (Event.CASE_FREED, CLEO) in events(hub, lease.case_id)


def test_what_waits_for_nobody_in_particular_is_not_freed(
    hub: Hub, lease: ClaimedCase, now: datetime
) -> None:
    with pytest.raises(BadInput, match="waits for nobody"), hub.database.write() as session:
        free_reserved(session, case_id=lease.case_id, actor=CLEO, now=now)
    with pytest.raises(NotFound), hub.database.write() as session:
        free_reserved(session, case_id="0" * 26, actor=CLEO, now=now)


@pytest.mark.parametrize("days", [-1, 0, 15])
def test_parking_into_the_past_or_too_far_is_refused(
    hub: Hub, lease: ClaimedCase, now: datetime, days: int
) -> None:
    with pytest.raises(BadInput) as refused:
        parks(hub, lease, now, now + days * DAY)
    assert refused.value.field == "until"
    parks(hub, lease, now, now + 14 * DAY)


def test_reasons_are_those_of_the_rules_and_never_blank(hub: Hub, lease: ClaimedCase, now: datetime) -> None:
    for act in (
        lambda: parks(hub, lease, now, now + DAY, "lunch"),
        lambda: skips(hub, lease, now, "lunch"),
        lambda: hands_over(hub, lease, now, BEN, "  "),
        lambda: hands_over(hub, lease, now, BEN, "a\x00b"),
    ):
        with pytest.raises(BadInput) as refused:
            act()
        assert refused.value.field == "reason"
        assert "lunch" not in refused.value.message
    assert row_of(hub, lease.case_id).leased_by == ADA


def test_lease_that_ran_out_sets_nothing_aside(
    hub: Hub, lease: ClaimedCase, now: datetime, colleague: str
) -> None:
    late = now + timedelta(seconds=LEASE)
    for act in (
        lambda: parks(hub, lease, late, late + DAY),
        lambda: skips(hub, lease, late),
        lambda: hands_over(hub, lease, late, colleague),
    ):
        with pytest.raises(LeaseLost):
            act()
    assert [name for name, _ in events(hub, lease.case_id)] == [Event.CASE_CLAIMED]


def test_reaper_wakes_and_frees_by_the_present_time(hub: Hub, make_cases: MakeCases, now: datetime) -> None:
    past = now - timedelta(days=400)
    parked, kept = make_cases([1.0, 1.0], waiting=False, reserved_for=ADA, reserved_until=now + 9_999 * DAY)
    with hub.database.write() as session:
        session.execute(update(Case).where(Case.case_id == parked).values(parked_until=past))
        session.execute(update(Case).where(Case.case_id == kept).values(reserved_until=past))
    assert Reaper(hub).reap()
    assert not Reaper(hub).reap()
    assert (row_of(hub, parked).parked_until, row_of(hub, parked).reserved_for) == (None, ADA)
    assert (row_of(hub, kept).waiting, row_of(hub, kept).reserved_for) == (True, None)
