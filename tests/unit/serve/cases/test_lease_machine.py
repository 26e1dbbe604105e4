"""Any order of claims, heartbeats, expiries, late decisions: decided once, zombies refused, none lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import bindparam, func, select, update

from model.errors import CaseDecided, Conflict, Fault, LeaseLost, NotAllowed
from serve.cases import judging
from serve.cases.claiming import Claimant, claim
from serve.cases.fence import held_case_statement, pass_statement
from serve.cases.judging import judge
from serve.cases.leases import ClaimedCase, heartbeat, release, requeue_expired
from serve.cases.said import Said
from serve.cases.workflow.states import CaseRole
from serve.hub import Hub
from serve.intake.storing import ids_in_order
from serve.storage.tables import Case, Decision

LEASE = 10.0
CASES = 3
DECIDED = "no_action"  # where the machine's decision leads by itself
ACTORS = st.sampled_from(["officer:ada", "officer:ben"])
FEW = settings(
    max_examples=15,
    stateful_step_count=20,
    deadline=None,
    derandomize=True,
    database=None,
    print_blob=False,
    suppress_health_check=list(HealthCheck),
)


@dataclass
class Known:
    """What the model believes of a case."""

    state: str = "captured"
    lease_number: int = 0
    actor: str = ""
    expires_at: datetime | None = None


class LeaseMachine(RuleBasedStateMachine):
    """The queue beside a model of it in a dictionary, under a clock that the rules move."""

    hub: Hub
    start: datetime
    second_line: tuple[type[Fault], ...] = ()
    """Other refusals that count: those of the workflow, which stands behind the fence."""
    leases: Bundle[ClaimedCase] = Bundle("leases")

    def __init__(self) -> None:
        super().__init__()
        self.now = self.start
        self.known: dict[str, Known] = {}
        with self.hub.database.write() as session:
            # Decisions cannot be deleted, so cases of the run before are put out of the queue's sight.
            session.execute(
                update(Case).values(
                    state=DECIDED, waiting=False, decided_at=self.now, leased_by=None, lease_expires_at=None
                )
            )
            for case_id in ids_in_order(CASES):
                self.known[case_id] = Known()
                session.add(
                    Case(case_id=case_id, state="captured", waiting=True, route="review", strands=[],
                         priority=1.0, created_at=self.now, lease_number=0)
                )  # fmt: skip

    def is_live(self, lease: ClaimedCase) -> bool:
        known = self.known[lease.case_id]
        held = (known.state, known.lease_number, known.actor) == (
            "in_review",
            lease.lease_number,
            lease.actor,
        )
        return held and known.expires_at is not None and self.now < known.expires_at

    def expire(self) -> None:
        for known in self.known.values():
            if known.state == "in_review" and known.expires_at is not None and known.expires_at <= self.now:
                known.state = "captured"

    def must_refuse(self, lease: ClaimedCase, act: Callable[[], None]) -> None:
        wanted = CaseDecided if self.known[lease.case_id].state == DECIDED else LeaseLost
        try:
            act()
        except (wanted, *self.second_line):
            return
        raise AssertionError("a zombie was let through")

    @rule(target=leases, actor=ACTORS)
    def claims(self, actor: str) -> Any:
        with self.hub.database.write() as session:
            claimed = claim(session, Claimant(actor), now=self.now, lease_seconds=LEASE)
        if not any(known.state == "captured" for known in self.known.values()):
            self.expire()
        waiting = [case_id for case_id, known in self.known.items() if known.state == "captured"]
        if not waiting:
            assert claimed is None
            return ClaimedCase(
                min(self.known), actor, 10_000, self.now, "in_review"
            )  # a number that nobody was given
        assert claimed is not None
        assert claimed.case_id == min(waiting)
        known = self.known[claimed.case_id]
        assert claimed.lease_number == known.lease_number + 1
        self.known[claimed.case_id] = Known(
            "in_review", claimed.lease_number, actor, self.now + timedelta(seconds=LEASE)
        )
        return claimed

    @rule(lease=leases)
    def beats(self, lease: ClaimedCase) -> None:
        def act() -> None:
            with self.hub.database.write() as session:
                heartbeat(session, case_id=lease.case_id, lease_number=lease.lease_number, actor=lease.actor,
                          now=self.now, lease_seconds=LEASE)  # fmt: skip

        if self.is_live(lease):
            act()
            self.known[lease.case_id].expires_at = self.now + timedelta(seconds=LEASE)
        else:
            self.must_refuse(lease, act)

    @rule(lease=leases)
    def releases(self, lease: ClaimedCase) -> None:
        def act() -> None:
            with self.hub.database.write() as session:
                release(session, case_id=lease.case_id, lease_number=lease.lease_number, actor=lease.actor,
                        now=self.now)  # fmt: skip

        if self.is_live(lease):
            act()
            self.known[lease.case_id].state = "captured"
        else:
            self.must_refuse(lease, act)

    @rule(lease=leases)
    def decides(self, lease: ClaimedCase) -> None:
        def act() -> None:
            with self.hub.database.write() as session:
                judge(session, self.hub, case_id=lease.case_id, lease_number=lease.lease_number,
                      actor=lease.actor, role=CaseRole.REVIEW_OFFICER, now=self.now,
                      said=Said(outcome="no_action", severity=0, reason="by the machine"))  # fmt: skip

        if self.is_live(lease):
            act()
            self.known[lease.case_id].state = DECIDED
        else:
            self.must_refuse(lease, act)

    @rule(seconds=st.sampled_from([1.0, LEASE / 2, LEASE]))
    def waits(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    @rule()
    def reaps(self) -> None:
        with self.hub.database.write() as session:
            requeue_expired(session, self.now)
        self.expire()

    @invariant()
    def no_case_is_lost_or_decided_twice(self) -> None:
        with self.hub.database.read() as session:
            rows = session.execute(select(Case.case_id, Case.state).where(Case.case_id.in_(self.known)))
            states = {row.case_id: row.state for row in rows}
            decisions = session.execute(
                select(Decision.case_id, func.count().label("times"))
                .where(Decision.case_id.in_(self.known))
                .group_by(Decision.case_id)
            ).all()
        assert states == {case_id: known.state for case_id, known in self.known.items()}
        assert {row.case_id: row.times for row in decisions} == {
            case_id: 1 for case_id, known in self.known.items() if known.state == DECIDED
        }


@pytest.fixture
def machine(hub: Hub, now: datetime) -> type[LeaseMachine]:
    return type("BoundLeaseMachine", (LeaseMachine,), {"hub": hub, "start": now})


def test_no_order_of_events_decides_twice_or_loses_a_case(machine: type[LeaseMachine]) -> None:
    run_state_machine_as_test(machine, settings=FEW)


def test_control_without_the_fence_the_machine_finds_a_zombie_that_decides(
    machine: type[LeaseMachine], monkeypatch: pytest.MonkeyPatch
) -> None:
    no_fence = (Case.case_id == bindparam("held_case"), Case.state != DECIDED)
    monkeypatch.setattr(judging, "HELD_CASE", held_case_statement(no_fence))
    monkeypatch.setattr(judging, "PASS_FENCE", pass_statement(no_fence))
    monkeypatch.setattr(machine, "second_line", (Conflict, NotAllowed))
    with pytest.raises(AssertionError, match="a zombie was let through"):
        run_state_machine_as_test(machine, settings=settings(FEW, max_examples=200, phases=[Phase.generate]))
