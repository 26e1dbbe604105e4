"""The hub as it is walks along the table: every move that its queue really makes is an edge."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import pytest
from serve.cases.queue import claim, heartbeat, release, requeue_expired
from sqlalchemy import select

from model.errors import BadInput, NotAllowed
from serve.audit.events import Event
from serve.cases.deciding import decide
from serve.cases.viewing import STATES
from serve.cases.workflow.states import CaseAction, CaseRole, State
from serve.cases.workflow.table import Edge, Guard, find_edge
from serve.cases.workflow.today import (
    ACTIONS_TODAY,
    STATES_TODAY,
    edges_today,
    not_kept_today,
    roles_today,
    state_today,
)
from serve.hub import Hub
from serve.intake.reading import read_posts
from serve.intake.storing import ids_in_order, store_posts, stored_post
from serve.people.roles import PERMITTED, Action, Role
from serve.scoring.scorer import SCORER, Scorer
from serve.storage.tables import AuditEvent, Case

LEASE = 10.0
OFFICER, SUPERVISOR, KEY = "officer:01A", "officer:01B", "key:01C"
PEOPLE = {OFFICER: Role.OFFICER, SUPERVISOR: Role.SUPERVISOR}


def state_of(hub: Hub, case_id: str) -> State:
    with hub.database.read() as session:
        return state_today(session.execute(select(Case.state).where(Case.case_id == case_id)).scalar_one())


def newest_event(hub: Hub) -> AuditEvent:
    with hub.database.read() as session:
        return session.scalars(select(AuditEvent).order_by(AuditEvent.event_id.desc()).limit(1)).one()


def edge_of(before: State, event: AuditEvent) -> Edge:
    """The edge of the table that somebody took, in any of the capacities they have."""
    action = ACTIONS_TODAY[Event(event.event)]
    refusals = []
    for role in roles_today(event.actor, PEOPLE.get(event.actor)):
        try:
            return find_edge(before, action, role)
        except NotAllowed as fault:
            refusals.append(fault.message)
    raise AssertionError(f"{event.actor} has no such edge: {refusals}")


@pytest.fixture
def walk(
    hub: Hub, make_cases: Callable[[Sequence[float]], list[str]], now: datetime
) -> Callable[..., set[Edge]]:
    """Does things with one case, and gives the edges that it took by its states and its audit events."""

    def walk_along(*moves: Callable[[str], None]) -> set[Edge]:
        case_id = make_cases([1.0])[0]
        taken = set()
        for move in moves:
            before = state_of(hub, case_id)
            move(case_id)
            edge = edge_of(before, newest_event(hub))
            assert edge.after is state_of(hub, case_id), edge
            taken.add(edge)
        return taken

    return walk_along


@pytest.fixture
def claims(hub: Hub, now: datetime) -> Callable[..., Callable[[str], None]]:
    def by(actor: str, at: datetime = now) -> Callable[[str], None]:
        def move(case_id: str) -> None:
            with hub.database.write() as session:
                claimed = claim(session, actor=actor, now=at, lease_seconds=LEASE)
            assert claimed is not None
            assert claimed.case_id == case_id

        return move

    return by


@pytest.fixture
def decides(hub: Hub, now: datetime) -> Callable[..., Callable[[str], None]]:
    def by(actor: str, lease_number: int) -> Callable[[str], None]:
        def move(case_id: str) -> None:
            with hub.database.write() as session:
                decide(
                    session, hub, case_id=case_id, lease_number=lease_number, actor=actor, now=now,
                    outcome="no_action", outcome_detail="not_hate", strands=[], severity=0, reason="A fair.",
                )  # fmt: skip

        return move

    return by


@pytest.mark.parametrize("actor", [OFFICER, SUPERVISOR, KEY])
def test_claim_release_and_decision_are_edges_for_everybody_who_may_review(
    actor: str,
    hub: Hub,
    now: datetime,
    walk: Callable[..., set[Edge]],
    claims: Callable[..., Callable[[str], None]],
    decides: Callable[..., Callable[[str], None]],
) -> None:
    def gives_back(case_id: str) -> None:
        with hub.database.write() as session:
            release(session, case_id=case_id, lease_number=1, actor=actor, now=now)

    taken = walk(claims(actor), gives_back, claims(actor), decides(actor, 2))

    assert {(edge.before, edge.action, edge.after) for edge in taken} == {
        (State.CAPTURED, CaseAction.CLAIM, State.IN_REVIEW),
        (State.IN_REVIEW, CaseAction.RELEASE, State.CAPTURED),
        (State.IN_REVIEW, CaseAction.DECIDE, State.DECIDED),
    }


def test_expiry_is_an_edge_of_the_clock(
    hub: Hub, now: datetime, walk: Callable[..., set[Edge]], claims: Callable[..., Callable[[str], None]]
) -> None:
    def runs_out(_case_id: str) -> None:
        with hub.database.write() as session:
            assert requeue_expired(session, now + timedelta(seconds=LEASE)) == 1

    taken = walk(claims(OFFICER), runs_out)

    assert (State.IN_REVIEW, CaseAction.EXPIRE_LEASE, State.CAPTURED) in {
        (edge.before, edge.action, edge.after) for edge in taken
    }


def test_heartbeat_moves_nothing(
    hub: Hub,
    now: datetime,
    make_cases: Callable[[Sequence[float]], list[str]],
    claims: Callable[..., Callable[[str], None]],
) -> None:
    case_id = make_cases([1.0])[0]
    claims(OFFICER)(case_id)
    with hub.database.write() as session:
        heartbeat(session, case_id=case_id, lease_number=1, actor=OFFICER, now=now, lease_seconds=LEASE)

    assert state_of(hub, case_id) is State.IN_REVIEW
    assert Event(newest_event(hub).event) not in ACTIONS_TODAY


def test_scoring_a_post_and_opening_its_case_are_edges_of_machines(hub: Hub, now: datetime) -> None:
    posts, refusals = read_posts([{"text": "A quiet afternoon at the market."}], now=now)
    post_id = ids_in_order(1)[0]
    with hub.database.write() as session:
        store_posts(session, posts, [post_id], actor=KEY, now=now)
    with hub.database.read() as session:
        assert state_today(stored_post(session, post_id).state) is State.RECEIVED

    Scorer(hub).score_batch()

    with hub.database.read() as session:
        events = session.scalars(select(AuditEvent).order_by(AuditEvent.event_id)).all()
        state = state_today(stored_post(session, post_id).state)
    here = State.RECEIVED
    for event in events:
        if event.event in ACTIONS_TODAY:
            here = edge_of(here, event).after
    assert refusals == []
    assert here is state is State.CAPTURED


def test_every_state_of_the_schema_has_its_place_and_an_unknown_one_none() -> None:
    assert set(STATES_TODAY) == {*STATES, "waiting"}
    with pytest.raises(BadInput, match="state: one of"):
        state_today("archived")


def test_every_edge_of_today_has_its_event_and_who_may_not_decide_has_none() -> None:
    deciders = {role for role in Role if Action.DECIDE_CASES in PERMITTED[role]}
    edges = edges_today()

    assert {edge.action for edge in edges} == set(ACTIONS_TODAY.values())
    for edge in edges:
        if edge.action is CaseAction.DECIDE:
            assert {role for role in Role if roles_today("officer:1", role) & edge.roles} == deciders
    assert roles_today("officer:1") == roles_today("officer:1", Role.ANNOTATOR) == frozenset()
    assert roles_today(SCORER) == {CaseRole.CLASSIFIER, CaseRole.SYSTEM}


def test_what_nothing_keeps_yet_is_what_the_page_says() -> None:
    lacking = {guard for guards in not_kept_today().values() for guard in guards}

    assert lacking == {Guard.EVIDENCE_SEALED, Guard.FRESH_EYES, Guard.TWO_PEOPLE}
