"""The table itself: whole, without dead ends, closed to whoever is not named; and the page made of it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

import watchhouse
from model.errors import Conflict, NotAllowed
from serve.cases.workflow.diagram import BEGINS, ENDS, edge_rows, mermaid
from serve.cases.workflow.guards import CHECKS
from serve.cases.workflow.states import (
    MACHINES,
    MEANINGS,
    REOPENINGS,
    START,
    CaseAction,
    CaseRole,
    Kind,
    State,
    Track,
)
from serve.cases.workflow.table import EDGES, OUTWARD, TABLE, TRACK_OF, Guard, allowed_actions, find_edge

PAGE = Path(__file__).resolve().parents[4] / "docs" / "workflow.md"
IDLE = {CaseRole.RESEARCHER, CaseRole.AUDITOR, CaseRole.ADMIN}


def reached(starts: Iterable[State], *, forwards: bool = True) -> set[State]:
    found, waiting = set(starts), list(starts)
    while waiting:
        state = waiting.pop()
        for edge in EDGES:
            here, there = (edge.before, edge.after) if forwards else (edge.after, edge.before)
            if here is state and there not in found:
                found.add(there)
                waiting.append(there)
    return found


def test_every_state_is_explained_and_reached_from_the_start() -> None:
    assert set(MEANINGS) == set(State)
    assert reached(START.values()) == set(State)


def test_every_open_state_has_a_way_to_an_end_of_its_track() -> None:
    for track in Track:
        ends = [state for state in State if state.track is track and state.kind is not Kind.OPEN]
        owing = {state for state in State if state.track is track and state.kind is Kind.OPEN}
        assert owing
        assert owing <= reached(ends, forwards=False), track


def test_every_open_case_has_a_way_to_a_terminal_state_without_reopening() -> None:
    terminal = {state for state in State if state.track is Track.CASE and state.kind is Kind.TERMINAL}
    found = set(terminal)
    while (
        more := {edge.before for edge in EDGES if edge.after in found and edge.action not in REOPENINGS}
        - found
    ):
        found |= more

    assert {state for state in State if state.track is Track.CASE} <= found


def test_every_way_on_is_open_to_some_person() -> None:
    for state in State:
        if state.kind is Kind.OPEN and state not in {State.RECEIVED, State.SCORED}:
            moves = [edge for edge in EDGES if edge.before is state and not edge.stays]
            assert any(edge.roles - MACHINES for edge in moves), state


def test_an_edge_stays_on_its_track_and_an_action_on_one_track() -> None:
    assert all(edge.before.track is edge.after.track for edge in EDGES)
    assert set(TRACK_OF) == set(CaseAction)
    for action in CaseAction:
        assert len({edge.before.track for edge in EDGES if edge.action is action}) == 1, action
    assert len(TABLE) == len(EDGES)


def test_classifier_can_only_score() -> None:
    assert [(edge.before, edge.after) for edge in EDGES if CaseRole.CLASSIFIER in edge.roles] == [
        (State.RECEIVED, State.SCORED)
    ]


def test_no_machine_decides_closes_or_tells_anybody_outside() -> None:
    taken = [edge for edge in EDGES if edge.roles & MACHINES and not edge.stays]

    assert taken
    assert {edge.after for edge in taken if edge.after.kind is Kind.TERMINAL} == set()
    assert State.DECIDED not in {edge.after for edge in taken}
    assert {edge.action for edge in taken} & set(OUTWARD) == set()


def test_nothing_leaves_a_terminal_state_but_reopening_with_a_reason() -> None:
    leaving = [edge for edge in EDGES if edge.before.kind is Kind.TERMINAL and not edge.stays]

    assert {edge.action for edge in leaving} == REOPENINGS
    assert all(Guard.REASON in edge.guards for edge in leaving)
    assert {edge.before for edge in leaving} == {
        state for state in State if state.kind is Kind.TERMINAL and state is not State.DISPOSED
    }


def test_every_ending_of_a_case_has_a_reason_and_a_rule_on_identity() -> None:
    endings = [
        edge
        for edge in EDGES
        if edge.after.track is Track.CASE and edge.after.kind is Kind.TERMINAL and not edge.stays
    ]

    assert len(endings) == 5
    for edge in endings:
        assert Guard.REASON in edge.guards
        assert (Guard.NO_IDENTITY in edge.guards) is (edge.action is not CaseAction.RECORD_OUTCOME)


def test_outward_steps_ask_for_consent_and_no_other_step_leaves_the_house() -> None:
    consents = {
        Guard.POLICE_CONSENT, Guard.PLATFORM_CONSENT, Guard.SUPPORT_CONSENT, Guard.DANGER_OR_CONSENT
    }  # fmt: skip
    asked = {(edge.action, guard) for edge in EDGES for guard in edge.guards if guard in consents}

    assert asked == set(OUTWARD.items())
    for edge in EDGES:
        if edge.action in OUTWARD:
            assert OUTWARD[edge.action] in edge.guards


def test_an_emergency_can_be_raised_in_every_resting_state_of_its_track() -> None:
    resting = {state for state in State if state.track is Track.EMERGENCY and state.kind is not Kind.OPEN}

    assert {edge.before for edge in EDGES if edge.action is CaseAction.ESCALATE} == resting


def test_researcher_auditor_and_admin_may_do_nothing() -> None:
    assert {role for role in CaseRole if not any(role in edge.roles for edge in EDGES)} == IDLE


def test_every_guard_has_a_check_and_an_edge() -> None:
    assert set(CHECKS) == set(Guard) == {guard for edge in EDGES for guard in edge.guards}


@given(st.sampled_from(State), st.sampled_from(CaseAction), st.sampled_from(CaseRole))
def test_step_that_is_not_in_the_table_is_refused_with_what_is_allowed(
    state: State, action: CaseAction, role: CaseRole
) -> None:
    allowed = allowed_actions(state, role)
    if action in allowed:
        assert find_edge(state, action, role).before is state
        return
    with pytest.raises((Conflict, NotAllowed)) as refusal:
        find_edge(state, action, role)
    assert isinstance(refusal.value, NotAllowed) is ((state, action) in TABLE)
    assert refusal.value.members == {"state": state, "allowed": [each.value for each in allowed]}
    assert all(each in refusal.value.message for each in allowed)


def test_table_shows_every_edge_that_leads_somewhere_and_the_picture_all_but_reopening() -> None:
    for track in Track:
        moves = [edge for edge in EDGES if edge.before.track is track and not edge.stays]
        arrows = [line.strip() for line in mermaid(track).splitlines() if " : " in line]
        shown = [(before, row[1], row[3]) for row in edge_rows(track) for before in row[0].split(", ")]

        assert sorted(arrow.split(" : ")[0] for arrow in arrows) == sorted(
            {f"{edge.before} --> {edge.after}" for edge in moves if edge.action not in REOPENINGS}
        )
        assert sorted(shown) == sorted(
            tuple(str(name).replace("_", " ") for name in (edge.before, edge.action, edge.after))
            for edge in moves
        )


def test_page_holds_what_the_command_prints() -> None:
    printed = CliRunner().invoke(watchhouse.app, ["admin", "workflow-diagram"])
    page = PAGE.read_text(encoding="utf-8")

    assert printed.exit_code == 0, printed.output
    assert printed.stdout.startswith(BEGINS)
    assert printed.stdout.endswith(f"{ENDS}\n")
    assert page[page.index(BEGINS) :] == printed.stdout, "run: watchhouse admin workflow-diagram"


def test_workflow_needs_no_database_and_no_web(tmp_path: Path) -> None:
    rooms = "advance, command, diagram, due, guards, states, steps, table, timers"
    ask = (
        "print(sorted({name.split('.')[0] for name in sys.modules} & {'sqlalchemy', 'fastapi', 'starlette'}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; from serve.cases.workflow import {rooms}; {ask}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr
