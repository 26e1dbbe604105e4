"""What docs/workflow.md promises, each promise read off a case's history alone, never off the guards."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

from serve.cases.workflow.states import MACHINES, REOPENINGS, CaseAction, CaseRole, Kind, State, Track
from serve.cases.workflow.steps import Circumstances, Consent, Entry, Judgement, Progress, Step
from serve.cases.workflow.timers import Timer, load_workflow

PROFILE = load_workflow().profiles[-1]
START = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
NEEDED_CONSENT = {
    CaseAction.HAND_OVER: Consent.POLICE,
    CaseAction.NOTIFY_PLATFORM: Consent.PLATFORM,
    CaseAction.REFER_SUPPORT: Consent.SUPPORT,
}
CRIME = {State.CRIME_CANDIDATE, State.FORCE_ALLOCATED, State.HANDED_OVER, State.OUTCOME_RECORDED}
READING = {State.IN_REVIEW, State.IN_SECOND_REVIEW, State.IN_ADJUDICATION}
Then = Sequence[Circumstances]
"""What was known at each entry of the history."""


def entries(progress: Progress, then: Then) -> Iterator[tuple[Entry, Circumstances]]:
    return zip(progress.history, then, strict=True)


def history_leads_from_the_start_to_the_position(progress: Progress, then: Then) -> None:
    position = {
        state.track: state
        for state in (
            State.RECEIVED, State.NO_EMERGENCY, State.NOT_NOTIFIED, State.NOT_OFFERED, State.HELD,
        )
    }  # fmt: skip
    at = START
    for entry, _ in entries(progress, then):
        assert position[entry.before.track] is entry.before
        position[entry.after.track] = entry.after
        assert entry.step.actor.strip()
        assert at <= entry.step.at
        at = entry.step.at
    assert position == progress.position


def machines_only_order(progress: Progress, then: Then) -> None:
    for entry, _ in entries(progress, then):
        if entry.step.role is CaseRole.CLASSIFIER:
            assert (entry.step.action, entry.after) == (CaseAction.SCORE, State.SCORED)
        if entry.step.role in MACHINES and entry.before is not entry.after:
            assert entry.after.kind is not Kind.TERMINAL
            assert entry.after is not State.DECIDED


def only_reopening_with_a_reason_leaves_an_end(progress: Progress, then: Then) -> None:
    for entry, _ in entries(progress, then):
        if entry.before.kind is Kind.TERMINAL and entry.before is not entry.after:
            assert entry.step.action in REOPENINGS
        if entry.step.action in REOPENINGS:
            assert entry.step.reason.strip()


def evidence_is_sealed_first(progress: Progress, then: Then) -> None:
    for entry, known in entries(progress, then):
        if entry.after is State.CAPTURED and entry.before in {State.SCORED, State.IN_TRIAGE}:
            assert known.evidence_sealed
        if entry.step.action in {CaseAction.NOTIFY_PLATFORM, CaseAction.HAND_OVER}:
            assert known.evidence_sealed


def notices_need_a_persons_decision(progress: Progress, then: Then) -> None:
    case = State.RECEIVED
    for entry, _ in entries(progress, then):
        if entry.after.track is Track.CASE:
            case = entry.after
        if entry.step.action is CaseAction.NOTIFY_PLATFORM:
            assert case is State.DECIDED or case in CRIME or case.kind is Kind.TERMINAL
            assert case is not State.OUT_OF_SCOPE


def nothing_is_answered_while_a_referral_is_open(progress: Progress, then: Then) -> None:
    position: dict[Track, State] = {}
    for entry, _ in entries(progress, then):
        position[entry.after.track] = entry.after
        if entry.step.action is CaseAction.CLOSE_ANSWERED:
            assert State.PLATFORM_REFERRED not in position.values()
            assert State.SUPPORT_REFERRED not in position.values()


def a_force_gets_rationale_law_and_owner(progress: Progress, then: Then) -> None:
    for entry, _ in entries(progress, then):
        if entry.after is State.FORCE_ALLOCATED and entry.before is State.CRIME_CANDIDATE:
            assert entry.step.rationale.strip()
            assert entry.step.law_elements
            assert all(element.strip() for element in entry.step.law_elements)
            assert entry.step.owner.strip()


def no_identity_without_the_threshold_and_a_reason(progress: Progress, then: Then) -> None:
    for entry, _ in entries(progress, then):
        ends = entry.after.track is Track.CASE and entry.after.kind is Kind.TERMINAL
        moves = entry.before is not entry.after
        if ends and moves and entry.after not in CRIME and entry.step.keeps_subject_identity:
            assert entry.step.additional_threshold_met
            assert entry.step.reason.strip()


def consent_limits_what_goes_out(progress: Progress, then: Then) -> None:
    for entry, known in entries(progress, then):
        if entry.step.action in NEEDED_CONSENT:
            assert NEEDED_CONSENT[entry.step.action] in known.consents
        if entry.step.action is CaseAction.RELAY_EMERGENCY:
            assert entry.step.danger_to_life or Consent.POLICE in known.consents
            assert entry.step.reason.strip()


def two_people_stand_behind_what_is_grave(progress: Progress, then: Then) -> None:
    judged: list[Judgement] = []
    this_round: set[str] = set()
    for entry, known in entries(progress, then):
        step = entry.step
        if step.action is CaseAction.REOPEN:
            this_round = set()
        if entry.before in READING and step.action not in {CaseAction.RELEASE, CaseAction.EXPIRE_LEASE}:
            if entry.before is entry.after:
                continue  # a word to the reporter or the victim
            assert step.actor not in {each.actor for each in judged}, "judged twice"
            assert step.outcome is not None
            assert step.severity is not None
            assert 0 <= step.severity <= 4
            assert step.reason.strip()
            judged.append(Judgement(step.actor, step.outcome, step.severity))
            this_round.add(step.actor)
        if entry.after is State.DECIDED and entry.before is not entry.after:
            followed = step.action is CaseAction.FOLLOW_CAMPAIGN
            if followed:
                assert known.campaign, "follows nothing"
                last = known.campaign[-1]
                assert (last.outcome, last.severity) == (step.outcome, step.severity)
            judged += known.campaign if followed else ()
            people = {each.actor for each in known.campaign} if followed else this_round
            if max(each.severity for each in judged) >= 3 or (known.second_review_causes and not followed):
                assert len(people) >= 2, "one person alone"


def agreement_is_agreement(progress: Progress, then: Then) -> None:
    first: Step | None = None
    for entry, _ in entries(progress, then):
        if entry.step.action is CaseAction.SEND_TO_SECOND_REVIEW:
            first = entry.step
        if entry.step.action is CaseAction.AGREE:
            assert first is not None
            assert (first.outcome, first.severity) == (entry.step.outcome, entry.step.severity)


def leases_are_left_by_their_holder_or_by_the_clock(progress: Progress, then: Then) -> None:
    holder = ""
    for entry, _ in entries(progress, then):
        if entry.step.action is CaseAction.CLAIM:
            holder = entry.step.actor
        elif entry.before.value.startswith("in_") and entry.before is not entry.after:
            assert entry.step.actor in {holder, "system:clock"}


def the_victim_has_a_date_while_anything_goes_on(progress: Progress, then: Then) -> None:
    open_now = [
        state
        for track, state in progress.position.items()
        if track is not Track.RETENTION and state.kind is Kind.OPEN
    ]
    due = progress.victim_update_due
    assert due is not None or not open_now
    told = [entry for entry, _ in entries(progress, then) if entry.step.action is CaseAction.UPDATE_VICTIM]
    if due is None:
        assert told, "closed without a word to the victim"
    elif told:
        assert due <= PROFILE.due_at(Timer.VICTIM_UPDATE, progress.history[-1].step.at)


def disposal_is_a_persons_act_on_a_case_at_rest(progress: Progress, then: Then) -> None:
    position = progress.position
    if position[Track.RETENTION] is State.DISPOSED:
        rest = [state.kind for track, state in position.items() if track is not Track.RETENTION]
        assert Kind.OPEN not in rest
        last = progress.history[-1].step
        assert (last.action, last.role) == (CaseAction.DISPOSE, CaseRole.RECORDS_OFFICER)
        assert last.reason.strip()
        assert last.certificate.strip()


PROMISES: tuple[Callable[[Progress, Then], None], ...] = (
    history_leads_from_the_start_to_the_position,
    machines_only_order,
    only_reopening_with_a_reason_leaves_an_end,
    evidence_is_sealed_first,
    notices_need_a_persons_decision,
    nothing_is_answered_while_a_referral_is_open,
    a_force_gets_rationale_law_and_owner,
    no_identity_without_the_threshold_and_a_reason,
    consent_limits_what_goes_out,
    two_people_stand_behind_what_is_grave,
    agreement_is_agreement,
    leases_are_left_by_their_holder_or_by_the_clock,
    the_victim_has_a_date_while_anything_goes_on,
    disposal_is_a_persons_act_on_a_case_at_rest,
)
