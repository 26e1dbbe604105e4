"""Whatever people do with cases in whatever order, the database ends up with what the workflow allows."""

from __future__ import annotations

from types import MappingProxyType

import pytest
from case_machine import STAFF, CaseMachine
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import event
from workflow_promises import START

from serve.cases import claiming, judging
from serve.cases.workflow import guards
from serve.cases.workflow.states import State, Track
from serve.cases.workflow.table import Guard
from serve.hub import Hub
from serve.storage.tables import Officer

FEW = settings(
    max_examples=50,
    stateful_step_count=15,
    deadline=None,
    derandomize=True,
    database=None,
    print_blob=False,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def machine(hub: Hub) -> type[CaseMachine]:
    if hub.database.is_sqlite:  # no power is cut here, and the disk is slow
        hub.database.close()
        event.listen(
            hub.database.engine,
            "connect",
            lambda connection, _record: connection.execute("PRAGMA synchronous=OFF"),
        )
    with hub.database.write() as session:
        session.add_all(
            Officer(
                officer_id=actor.removeprefix("officer:"),
                name=actor,
                role=role,
                password_hash="",
                created_at=START,
            )
            for actor, role in STAFF.items()
        )
    return type("BoundCaseMachine", (CaseMachine,), {"hub": hub, "taken": set()})


def test_no_order_of_events_takes_a_case_where_the_workflow_does_not(machine: type[CaseMachine]) -> None:
    """On PostgreSQL a smaller run: what differs there is locking, and that is tested elsewhere."""
    examples = FEW.max_examples if machine.hub.database.is_sqlite else 4
    run_state_machine_as_test(machine, settings=settings(FEW, max_examples=examples))

    if machine.hub.database.is_sqlite:  # else it would prove little: it has been about
        been = {state for state, _ in machine.taken if state.track is Track.CASE}
        assert been >= {
            State.IN_TRIAGE,
            State.IN_REVIEW,
            State.IN_SECOND_REVIEW,
            State.DECIDED,
            State.NO_ACTION,
        }
        assert len(machine.taken) >= 30, sorted(machine.taken)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("guard", [Guard.TWO_PEOPLE, Guard.FRESH_EYES, Guard.PLATFORM_CONSENT])
def test_control_without_a_guard_the_machine_finds_what_it_kept_out(
    machine: type[CaseMachine], monkeypatch: pytest.MonkeyPatch, guard: Guard
) -> None:
    open_door = MappingProxyType({**guards.CHECKS, guard: lambda *_: None})
    monkeypatch.setattr(guards, "CHECKS", open_door)
    if guard is Guard.TWO_PEOPLE:  # the same rule chooses what a judgement is
        monkeypatch.setattr(judging, "GRAVE", 9)
    if guard is Guard.FRESH_EYES:
        claiming.claim_statement.cache_clear()
        monkeypatch.setattr(claiming, "_may_have", lambda *_, **__: [])
    with pytest.raises(Exception) as found:  # an AssertionError, or the database's own refusal
        run_state_machine_as_test(machine, settings=settings(FEW, max_examples=300, phases=[Phase.generate]))
    claiming.claim_statement.cache_clear()
    assert type(found.value).__name__ in {"AssertionError", "IntegrityError"}
