"""Whatever people, machines and outsiders try in whatever order: what docs/workflow.md promises holds.

What must hold is read off the history, never off the guards; the controls take one guard away at a time.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from workflow_promises import PROFILE, PROMISES, START

from model.errors import Fault
from serve.cases.workflow import guards
from serve.cases.workflow.advance import advance, begin
from serve.cases.workflow.states import REOPENINGS, CaseAction, CaseRole, Kind, State, Track
from serve.cases.workflow.steps import (
    NOBODY_REPORTED,
    Circumstances,
    Consent,
    Judgement,
    SecondReviewCause,
    Step,
)
from serve.cases.workflow.table import EDGES, Edge, Guard

SETTINGS = settings(
    max_examples=120,
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    database=None,
    print_blob=False,
    suppress_health_check=list(HealthCheck),
)
STAFF: dict[str, CaseRole] = {
    "system:scorer": CaseRole.CLASSIFIER,
    "system:clock": CaseRole.SYSTEM,
    "reporter:1": CaseRole.REPORTER,
    "partner:1": CaseRole.PARTNER,
    "platform:1": CaseRole.PLATFORM,
    "officer:triage": CaseRole.TRIAGE_OFFICER,
    **{f"officer:{number}": CaseRole.REVIEW_OFFICER for number in range(30)},
    **{f"officer:senior-{number}": CaseRole.SENIOR_REVIEWER for number in range(12)},
    "officer:lead": CaseRole.HUB_LEAD,
    "officer:records": CaseRole.RECORDS_OFFICER,
    "officer:auditor": CaseRole.AUDITOR,
}
BACKWARDS = {
    CaseAction.RELEASE, CaseAction.EXPIRE_LEASE, CaseAction.TAKE_BACK, CaseAction.UNLINK,
    CaseAction.ASK_FOR_INFO,
}  # fmt: skip
"""Steps that would keep a random walk among the first states."""
TIDYING = (
    CaseAction.STAND_DOWN, CaseAction.RECORD_REFUSAL, CaseAction.RECORD_DECLINED, CaseAction.UPDATE_VICTIM,
    CaseAction.BEGIN_RETENTION_REVIEW,
)  # fmt: skip
CONSENTS = st.just(NOBODY_REPORTED) | st.frozensets(st.sampled_from(Consent))
COLLEAGUES = ("triage", *range(6), "senior-0", "senior-1", "senior-2", "lead")
LACKS: dict[Guard, list[dict[str, Any]]] = {
    Guard.REASON: [{"reason": " "}],
    Guard.HOLDER: [{"actor": f"officer:{name}"} for name in COLLEAGUES],
    Guard.JUDGEMENT: [{"outcome": None}, {"severity": None}, {"severity": 5}],
    Guard.FRESH_EYES: [{"actor": f"officer:{name}"} for name in COLLEAGUES],
    Guard.TWO_PEOPLE: [{"severity": 3}, {"severity": 4}],
    Guard.SAME_JUDGEMENT: [{"outcome": "no_action"}, {"severity": 0}, {"severity": 1}],
    Guard.FOLLOWS_CAMPAIGN: [{"outcome": "no_action"}, {"severity": 0}, {"severity": 1}],
    Guard.RATIONALE: [{"rationale": ""}],
    Guard.LAW_ELEMENTS: [{"law_elements": ()}, {"law_elements": (" ",)}],
    Guard.OWNER: [{"owner": " "}],
    Guard.NO_IDENTITY: [{"keeps_subject_identity": True, "additional_threshold_met": False}],
    Guard.DANGER_OR_CONSENT: [{"danger_to_life": False}],
    Guard.CERTIFICATE: [{"certificate": ""}],
}
"""What may be wrong with a step. The other guards look at the case and at what is known of it."""


class WorkflowMachine(RuleBasedStateMachine):
    """One case in a hub full of people, under a clock that the rules move."""

    taken: ClassVar[set[tuple[State, CaseAction]]] = set()

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.progress = begin(START, PROFILE)
        self.known = Circumstances()
        self.then: list[Circumstances] = []
        """What was known at each entry of the history."""

    # --- what happens around the case

    @initialize(
        sealed=st.sampled_from([True, True, False]),
        consents=CONSENTS,
        causes=st.sampled_from([frozenset(), frozenset({SecondReviewCause.RANDOM_SAMPLE})]),
    )
    def is_reported(
        self, sealed: bool, consents: frozenset[Consent], causes: frozenset[SecondReviewCause]
    ) -> None:
        self.known = Circumstances(evidence_sealed=sealed, consents=consents, second_review_causes=causes)

    @rule()
    def evidence_is_sealed(self) -> None:
        self.known = replace(self.known, evidence_sealed=True)

    @rule(consents=CONSENTS)
    def consent_changes(self, consents: frozenset[Consent]) -> None:
        self.known = replace(self.known, consents=consents)

    @rule(severity=st.integers(0, 4), people=st.integers(1, 2))
    def campaign_is_decided(self, severity: int, people: int) -> None:
        if self.progress.position[Track.CASE] is State.DUPLICATE_LINKED:
            judged = tuple(
                Judgement(f"officer:elsewhere-{n}", "platform_notice", severity) for n in range(people)
            )
            self.known = replace(self.known, campaign=judged)

    @rule(minutes=st.sampled_from([0, 5, 60, 3_000]))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    # --- steps

    def edges_here(self) -> list[Edge]:
        return [edge for edge in EDGES if self.progress.position[edge.before.track] is edge.before]

    def people_for(self, edge: Edge) -> list[str]:
        people = [actor for actor, role in STAFF.items() if role in edge.roles]
        if Guard.HOLDER in edge.guards:
            return [actor for actor in people if actor == self.progress.holder()]
        if Guard.FRESH_EYES in edge.guards:
            judged = {judgement.actor for judgement in self.progress.judgements()}
            return [actor for actor in people if actor not in judged]
        return people

    def step(self, edge: Edge, actor: str, severity: int, keeps_identity: bool) -> Step:
        judged = self.known.campaign if edge.action is CaseAction.FOLLOW_CAMPAIGN else ()
        judged = judged or self.progress.judgements_of_this_round()
        if edge.action in {CaseAction.AGREE, CaseAction.FOLLOW_CAMPAIGN} and judged:
            severity = judged[-1].severity
        return Step(
            action=edge.action, actor=actor, role=STAFF[actor], at=self.now, reason="A stated reason.",
            outcome="platform_notice", severity=severity, rationale="The victim lives there.",
            law_elements=("MCA1:sends",), owner="PC 1 of another force", certificate="D-1",
            danger_to_life=True, keeps_subject_identity=keeps_identity, additional_threshold_met=True,
        )  # fmt: skip

    def take(self, step: Step, known: Circumstances | None = None) -> bool:
        """Whether the step was taken; a refusal changes nothing."""
        before, known = self.progress, self.known if known is None else known
        try:
            self.progress = advance(before, step, known, PROFILE)
        except Fault:
            assert self.progress is before
            return False
        assert self.progress.history[:-1] == before.history
        self.then.append(known)
        entry = self.progress.history[-1]
        assert entry.step is step
        self.taken.add((entry.before, step.action))
        return True

    def draw_step(self, data: st.DataObject) -> Step:
        """A step that lacks nothing; mostly one that brings the case on, or nothing would ever end."""
        ready = [(edge, people) for edge in self.edges_here() if (people := self.people_for(edge))]
        onwards = [
            (edge, people)
            for edge, people in ready
            if edge.before.track is Track.CASE
            and not edge.stays
            and edge.action not in BACKWARDS | REOPENINGS
        ]
        edge, people = data.draw(st.sampled_from(onwards * 4 + ready))
        severity = data.draw(st.integers(0, 4))
        return self.step(edge, data.draw(st.sampled_from(people)), severity, data.draw(st.booleans()))

    def is_tried_badly(self, step: Step) -> bool:
        """Whether the step could be taken without something that its edge asks for, or by somebody else."""
        edge = next(edge for edge in self.edges_here() if edge.action is step.action)
        for guard in edge.guards:
            for lacking in LACKS.get(guard, []):
                worse = replace(step, **lacking)
                if self.take(replace(worse, role=STAFF[worse.actor])):
                    return True
        outsider = replace(step, actor="officer:auditor", role=CaseRole.AUDITOR)
        assert not self.take(outsider)
        assert not self.take(replace(step, actor=" "))
        unaware = (
            replace(self.known, evidence_sealed=False),
            replace(self.known, consents=frozenset()),
            replace(self.known, campaign=()),
        )
        return any(known != self.known and self.take(step, known) for known in unaware)

    @rule(data=st.data(), times=st.integers(5, 25))
    def things_take_their_course(self, data: st.DataObject, times: int) -> None:
        for _ in range(times):
            if self.progress.position[Track.RETENTION] is State.DISPOSED:
                return
            step = self.draw_step(data)
            if not self.is_tried_badly(step):
                self.take(step)

    @rule(action=st.sampled_from(CaseAction), actor=st.sampled_from(sorted(STAFF)))
    def somebody_tries_anything(self, action: CaseAction, actor: str) -> None:
        edge = Edge(State.RECEIVED, action, frozenset(), State.RECEIVED)
        self.take(self.step(edge, actor, 2, keeps_identity=False))

    @rule(data=st.data())
    def somebody_goes_back_in_time(self, data: st.DataObject) -> None:
        if self.progress.position[Track.RETENTION] is not State.DISPOSED:
            last = self.progress.history[-1].step.at if self.progress.history else START
            assert not self.take(replace(self.draw_step(data), at=last - timedelta(seconds=1)))

    @rule()
    def loose_ends_are_tied(self) -> None:
        """What is open beside an ended case is closed, so that its retention can be reviewed."""
        if self.progress.position[Track.CASE].kind is Kind.TERMINAL:
            for action in TIDYING:
                for edge in [edge for edge in self.edges_here() if edge.action is action]:
                    self.take(self.step(edge, self.people_for(edge)[0], 0, keeps_identity=False))

    # --- what always holds

    @invariant()
    def every_promise_is_kept(self) -> None:
        for promise in PROMISES:
            promise(self.progress, self.then)

    @invariant()
    def an_emergency_can_be_raised_from_anywhere(self) -> None:
        raised = Step(
            action=CaseAction.ESCALATE,
            actor="partner:1",
            role=CaseRole.PARTNER,
            at=self.now,
            reason="A threat.",
        )
        position = self.progress.position
        if State.EMERGENCY_ESCALATED not in position.values() and State.DISPOSED not in position.values():
            after = advance(self.progress, raised, self.known, PROFILE)
            assert after.position == {**position, Track.EMERGENCY: State.EMERGENCY_ESCALATED}
            assert after.victim_update_due is not None

    @invariant()
    def an_ended_case_can_be_reopened_with_a_reason_until_it_is_disposed_of(self) -> None:
        case = self.progress.position[Track.CASE]
        reopened = Step(
            action=CaseAction.REOPEN,
            actor="officer:lead",
            role=CaseRole.HUB_LEAD,
            at=self.now,
            reason="Appeal.",
        )
        if case.kind is not Kind.TERMINAL:
            return
        if self.progress.position[Track.RETENTION] is State.DISPOSED:
            with pytest.raises(Fault):
                advance(self.progress, reopened, self.known, PROFILE)
            return
        assert advance(self.progress, reopened, self.known, PROFILE).position[Track.CASE].kind is Kind.OPEN
        with pytest.raises(Fault, match="reason"):
            advance(self.progress, replace(reopened, reason=" "), self.known, PROFILE)


def test_no_order_of_steps_breaks_what_the_workflow_promises() -> None:
    class CountedMachine(WorkflowMachine):
        taken: ClassVar[set[tuple[State, CaseAction]]] = set()

    run_state_machine_as_test(CountedMachine, settings=SETTINGS)

    # Else the machine would prove little: it has been nearly everywhere.
    untaken = {(edge.before, edge.action) for edge in EDGES} - CountedMachine.taken
    assert {before for before, _ in CountedMachine.taken} >= set(State) - {State.DISPOSED}
    assert len(untaken) <= len(EDGES) // 7, sorted(untaken)


@pytest.mark.parametrize("guard", Guard, ids=[guard.name.lower() for guard in Guard])
def test_control_without_a_guard_the_machine_finds_what_it_kept_out(
    guard: Guard, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_door = MappingProxyType({**guards.CHECKS, guard: lambda *_: None})
    monkeypatch.setattr(guards, "CHECKS", open_door)
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        run_state_machine_as_test(WorkflowMachine, settings=settings(SETTINGS, phases=[Phase.generate]))
