"""Two cases in a hub full of people, for Hypothesis (tests/unit/serve/cases/test_case_machine.py).

Beside the real database stands nothing but the table of the workflow and the promises of
tests/workflow_promises.py, which are read off each case's history as the database has it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, ClassVar

import pytest
from case_history import whole_history
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session
from workflow_promises import PROMISES, START

from model.errors import Fault
from model.policy import Routed
from serve.audit.events import Event
from serve.cases import progress as case_progress
from serve.cases.capacities import acting_as, capacities, stages_open_to
from serve.cases.claiming import Claimant, claim
from serve.cases.judging import judge
from serve.cases.leases import IS_DECIDED, heartbeat, release, requeue_expired
from serve.cases.opening import NewCase, open_cases
from serve.cases.ordering import rank_of
from serve.cases.placing import weigh_again, weighed
from serve.cases.said import Said
from serve.cases.setting_aside import free_overdue, free_reserved, hand_over, park, skip, wake_parked
from serve.cases.stepping import JUDGED_ELSEWHERE, appeal, take_step
from serve.cases.workflow.states import CaseAction, CaseRole, State
from serve.cases.workflow.steps import (
    NOBODY_REPORTED,
    Circumstances,
    Consent,
    SecondReviewCause,
    Step,
)
from serve.cases.workflow.table import EDGES, TABLE
from serve.hub import Hub
from serve.intake.storing import ids_in_order
from serve.scoring.scorer import SCORER
from serve.storage.identifiers import new_id
from serve.storage.tables import (
    CLAIMABLE,
    HELD,
    AuditEvent,
    Case,
    Decision,
    Judgement,
    Post,
    Report,
)

LEASE = 600.0
CASES = 2
STAFF = {
    **{f"officer:{name}": "officer" for name in ("ada", "ben", "cleo", "dirk")},
    **{f"officer:{name}": "supervisor" for name in ("sam", "sue", "sid")},
    "officer:hugo": "hub_lead",
    "officer:rita": "records_officer",
    "officer:axel": "auditor",
}
OUTSIDE = {"partner:1": CaseRole.PARTNER, "platform:1": CaseRole.PLATFORM, "system:clock": CaseRole.SYSTEM}
PEOPLE = st.sampled_from(sorted(STAFF))
SAID = st.fixed_dictionaries(
    {
        "outcome": st.sampled_from(
            ["no_action", "no_action", "platform_notice", "refer_force", "intel_only"]
        ),
        "severity": st.sampled_from([0, 2, 2, 3]),
        "confidence": st.sampled_from(["high", "high", "low"]),
    }
)
PLAIN_STEPS = sorted({edge.action for edge in EDGES} - JUDGED_ELSEWHERE - {CaseAction.FOLLOW_CAMPAIGN})
BACKWARDS = {CaseAction.TAKE_BACK, CaseAction.REOPEN, CaseAction.ASK_FOR_INFO, CaseAction.LINK_DUPLICATE}


class CaseMachine(RuleBasedStateMachine):
    """Two cases in a hub full of people, under a clock that the rules move."""

    hub: Hub
    taken: ClassVar[set[tuple[State, CaseAction]]] = set()

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.then: dict[str, list[Circumstances]] = {}
        self.consents: dict[str, frozenset[Consent]] = {}
        self.posts: dict[str, str] = {}
        with self.hub.database.write() as session:
            # Histories cannot be deleted, so cases of the run before are put out of the queue's sight.
            session.execute(
                update(Case).values(
                    state="no_action", waiting=False, leased_by=None, lease_expires_at=None,
                    reserved_for=None, reserved_until=None, parked_until=None,
                )
            )  # fmt: skip
            self.open_cases(session)
        self.remember()

    def open_cases(self, session: Session) -> None:
        routed = Routed("review", "a test", ("antisemitic",), 1.5)
        new = []
        for number, (post_id, case_id) in enumerate(
            zip(ids_in_order(CASES), ids_in_order(CASES), strict=True)
        ):
            self.posts[case_id], self.consents[case_id] = post_id, NOBODY_REPORTED
            session.add(
                Post(
                    post_id=post_id,
                    text="A fair.",
                    text_sha256="0" * 64,
                    received_at=START,
                    received_from="k",
                )
            )
            session.flush()
            if number % 2:
                self.consents[case_id] = frozenset({Consent.POLICE, Consent.PLATFORM})
                self.add_report(session, case_id, self.consents[case_id], danger=False)
            new.append(NewCase(case_id, post_id, routed, 0.5, START))
        for case in open_cases(session, self.hub, new, actor=SCORER, now=START):
            case.sampled = False  # chance is what Hypothesis draws
            session.add(
                AuditEvent(
                    happened_at=START, actor=SCORER, event=Event.CASE_OPENED, subject=case.case_id, details={}
                )
            )

    def add_report(
        self, session: Session, case_id: str, consents: frozenset[Consent], *, danger: bool
    ) -> None:
        session.add(
            Report(
                report_id=new_id(), post_id=self.posts[case_id], received_at=self.now, received_from="key:p",
                channel="partner", reporter_role="victim", consents=sorted(consents), immediate_danger=danger,
                under_18=False, why="", perceived_strands=[], reference=None,
            )
        )  # fmt: skip
        session.flush()

    # --- what the machine knows

    def row(self, case_id: str) -> Case:
        with self.hub.database.read() as session:
            return session.get_one(Case, case_id)

    def snapshot(self) -> list[Any]:
        """Everything that a refusal must leave as it was."""
        with self.hub.database.read() as session:
            rows = session.execute(
                select(Case.__table__).where(Case.case_id.in_(self.posts)).order_by(Case.case_id)
            )
            tables = (AuditEvent, Judgement, Decision)
            return [*rows, *(session.scalar(select(func.count()).select_from(one)) for one in tables)]

    def tries(self, act: Callable[[Session], Any]) -> bool:
        """Whether it was let through; a refusal is a Fault, and changes nothing."""
        before = self.snapshot()
        try:
            with self.hub.database.write() as session:
                act(session)
        except Fault:
            assert self.snapshot() == before, "a refusal changed something"
            return False
        self.remember()
        return True

    def remember(self) -> None:
        """Notes for every new line of a history what was known when it was written."""
        with self.hub.database.read() as session:
            for case_id in self.posts:
                progress = whole_history(session, session.get_one(Case, case_id))
                newest = session.scalars(
                    select(Judgement)
                    .where(Judgement.case_id == case_id)
                    .order_by(Judgement.judgement_id.desc())
                ).first()
                causes = [] if newest is None else newest.second_review_causes
                known = Circumstances(
                    evidence_sealed=True,
                    consents=self.consents[case_id],
                    second_review_causes=frozenset(SecondReviewCause(cause) for cause in causes),
                )
                then = self.then.setdefault(case_id, [])
                then += [known] * (len(progress.history) - len(then))
                self.taken.update((entry.before, entry.step.action) for entry in progress.history)

    # --- rules

    @rule(actor=PEOPLE)
    def somebody_claims(self, actor: str) -> None:
        self.claims_for(actor)

    def claims_for(self, actor: str) -> None:
        claimant = Claimant(actor, stages=stages_open_to(capacities(STAFF[actor])))
        self.tries(lambda session: claim(session, claimant, now=self.now, lease_seconds=LEASE))

    @rule(data=st.data(), said=SAID)
    def holder_judges(self, data: st.DataObject, said: dict[str, Any]) -> None:
        case = self.row(data.draw(st.sampled_from(sorted(self.posts))))
        actor = case.leased_by or data.draw(PEOPLE)
        self.judges(case, actor, case.lease_number, said)

    @rule(data=st.data(), actor=PEOPLE, said=SAID)
    def somebody_judges(self, data: st.DataObject, actor: str, said: dict[str, Any]) -> None:
        case = self.row(data.draw(st.sampled_from(sorted(self.posts))))
        self.judges(case, actor, max(0, case.lease_number - data.draw(st.integers(0, 1))), said)

    def judges(self, case: Case, actor: str, lease_number: int, said: dict[str, Any]) -> None:
        roles = capacities(STAFF[actor])
        waits = State(case.state)
        role = acting_as(roles, waits, CaseAction.ADJUDICATE)
        if waits is not State.IN_ADJUDICATION:
            role = acting_as(roles, State.CAPTURED, CaseAction.CLAIM)
        whole = Said(
            **said, reason="A stated reason.", proportionality="It is the least.",
            law=[{"id": "OSA181", "met": ["threat"]}],
        )  # fmt: skip
        self.tries(
            lambda session: judge(
                session, self.hub, case_id=case.case_id, lease_number=lease_number, actor=actor, role=role,
                now=self.now, said=whole,
            )
        )  # fmt: skip

    @rule(
        data=st.data(),
        how=st.sampled_from(["release", "park", "hand_over", "skip", "beat", "free"]),
        to=PEOPLE,
    )
    def holder_sets_aside(self, data: st.DataObject, how: str, to: str) -> None:
        case = self.row(data.draw(st.sampled_from(sorted(self.posts))))
        held: dict[str, Any] = {
            "case_id": case.case_id, "lease_number": case.lease_number, "actor": case.leased_by or to,
            "now": self.now,
        }  # fmt: skip
        rules = self.hub.queue_rules
        acts: dict[str, Callable[[Session], Any]] = {
            "release": lambda session: release(session, **held),
            "beat": lambda session: heartbeat(session, **held, lease_seconds=LEASE),
            "park": lambda session: park(
                session, rules, **held, reason="waits_for_reply", until=self.now + timedelta(days=2)
            ),
            "hand_over": lambda session: hand_over(session, rules, **held, to=to, reason="Yours."),
            "skip": lambda session: skip(session, rules, **held, reason="language"),
            "free": lambda session: free_reserved(session, case_id=case.case_id, actor=to, now=self.now),
        }
        self.tries(acts[how])

    @rule(data=st.data(), times=st.integers(3, 12))
    def things_take_their_course(self, data: st.DataObject, times: int) -> None:
        """What a hub does all day: claims, judgements, and steps that bring a case on."""
        for _ in range(times):
            case = self.row(data.draw(st.sampled_from(sorted(self.posts))))
            if case.state in CLAIMABLE:
                self.claims_for(data.draw(PEOPLE))
                continue
            if case.state in HELD and case.state != "in_triage":
                self.judges(case, case.leased_by or "", case.lease_number, data.draw(SAID))
                continue
            here = {State(getattr(case, column)) for column in case_progress.TRACK_COLUMNS.values()}
            edges = [edge for edge in EDGES if edge.before in here and edge.action in PLAIN_STEPS]
            onwards = [e for e in edges if not e.stays and e.action not in BACKWARDS]
            edge = data.draw(st.sampled_from(onwards * 3 + edges))
            people = [actor for actor in STAFF if capacities(STAFF[actor]) & edge.roles]
            people += [actor for actor, role in OUTSIDE.items() if role in edge.roles]
            actor = case.leased_by if case.leased_by in people else data.draw(st.sampled_from(sorted(people)))
            self.steps(case, edge.action, actor or "")

    @rule(data=st.data(), action=st.sampled_from(PLAIN_STEPS), actor=PEOPLE)
    def somebody_tries_anything(self, data: st.DataObject, action: CaseAction, actor: str) -> None:
        self.steps(self.row(data.draw(st.sampled_from(sorted(self.posts)))), action, actor)

    def steps(self, case: Case, action: CaseAction, actor: str) -> None:
        roles = capacities(STAFF[actor]) if actor in STAFF else frozenset({OUTSIDE[actor]})
        track = next(edge.before.track for edge in EDGES if edge.action is action)
        role = acting_as(roles, State(getattr(case, case_progress.TRACK_COLUMNS[track])), action)
        step = Step(
            action=action, actor=actor, role=role, at=self.now, reason="A stated reason.",
            rationale="The victim lives there.", law_elements=("OSA181:threat",), owner="PC 1",
            certificate="D-1", danger_to_life=True,
        )  # fmt: skip
        other = next(one for one in self.posts if one != case.case_id)
        number = case.lease_number if case.leased_by == actor else None
        linked_to = other if action is CaseAction.LINK_DUPLICATE else None
        self.tries(
            lambda session: take_step(
                session, self.hub, case.case_id, step, lease_number=number, linked_to=linked_to
            )
        )

    @rule(data=st.data(), made_by=st.sampled_from(["victim", "author"]))
    def somebody_appeals(self, data: st.DataObject, made_by: str) -> None:
        case_id = data.draw(st.sampled_from(sorted(self.posts)))
        step = Step(
            action=CaseAction.REOPEN,
            actor="officer:sam",
            role=CaseRole.SENIOR_REVIEWER,
            at=self.now,
            reason="Appeal.",
        )
        self.tries(
            lambda session: appeal(
                session, self.hub, case_id=case_id, step=step, made_by=made_by, grounds="Wrong."
            )
        )

    @rule(data=st.data(), consents=st.frozensets(st.sampled_from(Consent)), danger=st.booleans())
    def somebody_reports(self, data: st.DataObject, consents: frozenset[Consent], danger: bool) -> None:
        case_id = data.draw(st.sampled_from(sorted(self.posts)))
        with self.hub.database.write() as session:
            self.add_report(session, case_id, consents, danger=danger)
            weigh_again(session, self.hub, session.get_one(Case, case_id))
        self.consents[case_id] &= consents

    @rule(minutes=st.sampled_from([1, 11, 60 * 24 * 3]))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule()
    def reaper_comes(self) -> None:
        self.tries(
            lambda session: (
                requeue_expired(session, self.now), wake_parked(session, self.now),
                free_overdue(session, self.now),
            )
        )  # fmt: skip

    # --- what always holds

    @invariant()
    def every_transition_is_an_edge_and_every_promise_is_kept(self) -> None:
        with self.hub.database.read() as session:
            for case_id, then in self.then.items():
                progress = whole_history(session, session.get_one(Case, case_id))
                for entry in progress.history:
                    edge = TABLE[entry.before, entry.step.action]
                    assert edge.after is entry.after
                    if entry.step.action not in {CaseAction.CLAIM, CaseAction.RELEASE}:
                        assert entry.step.role in edge.roles
                for promise in PROMISES:
                    promise(progress, then)

    @invariant()
    def rows_say_what_the_history_says(self) -> None:
        with self.hub.database.read() as session:
            for case_id in self.posts:
                case = session.get_one(Case, case_id)
                claims = session.scalar(
                    select(func.count()).where(
                        AuditEvent.subject == case_id, AuditEvent.event == Event.CASE_CLAIMED
                    )
                )
                assert case.lease_number == claims
                assert (case.leased_by is not None) == (case.state in HELD)
                assert case.waiting == (case.state in CLAIMABLE and case.reserved_for is None)
                assert case.rank == pytest.approx(rank_of(weighed(case), self.hub.queue_rules))
                self.decisions_follow_each_other(session, case)

    def decisions_follow_each_other(self, session: Session, case: Case) -> None:
        decisions = session.scalars(
            select(Decision).where(Decision.case_id == case.case_id).order_by(Decision.cycle)
        ).all()
        before = None
        for decision in decisions:
            judged = session.scalars(
                select(Judgement)
                .where(Judgement.case_id == case.case_id, Judgement.cycle == decision.cycle)
                .order_by(Judgement.round)
            ).all()
            assert decision.judgement_ids == [one.judgement_id for one in judged]
            assert (decision.decided_by, decision.outcome) == (judged[-1].actor, judged[-1].outcome)
            assert decision.supersedes == before
            before = decision.decision_id
        is_decided = case.state in IS_DECIDED
        assert (case.decided_at is not None) == is_decided
        assert is_decided == bool(decisions and decisions[-1].cycle == case.cycle)

    def teardown(self) -> None:
        """Nothing is stuck: in the end somebody who has never seen it can have every case that waits."""
        self.now += timedelta(days=60)
        self.reaper_comes()
        with self.hub.database.write() as session:
            while claim(session, Claimant("officer:fresh"), now=self.now, lease_seconds=LEASE) is not None:
                pass
        with self.hub.database.read() as session:
            stuck = select(Case.case_id, Case.state).where(
                Case.case_id.in_(self.posts), Case.state.in_(CLAIMABLE)
            )
            assert session.execute(stuck).all() == []
