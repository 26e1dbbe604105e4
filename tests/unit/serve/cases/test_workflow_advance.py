"""One case from its report to its disposal, an appeal by other people, and what is due on the way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from model.errors import BadInput, Conflict, NotAllowed
from serve.cases.workflow.advance import advance, begin
from serve.cases.workflow.due import due_times
from serve.cases.workflow.states import CaseAction, CaseRole, State, Track
from serve.cases.workflow.steps import NOBODY_REPORTED, Circumstances, Progress, Step
from serve.cases.workflow.timers import Timer, load_workflow

PROFILE = load_workflow().profiles[-1]
MONDAY = datetime(2026, 11, 23, 10, tzinfo=UTC)
KNOWN = Circumstances(evidence_sealed=True, consents=NOBODY_REPORTED)
ROLES = {
    "clock": CaseRole.SYSTEM, "ada": CaseRole.REVIEW_OFFICER, "ben": CaseRole.REVIEW_OFFICER,
    "cleo": CaseRole.REVIEW_OFFICER, "dora": CaseRole.SENIOR_REVIEWER, "rita": CaseRole.RECORDS_OFFICER,
}  # fmt: skip


def does(progress: Progress, actor: str, action: CaseAction, hours: float = 0, **brings: Any) -> Progress:
    last = progress.history[-1].step.at if progress.history else progress.received_at
    filled = {"reason": "A stated reason.", "outcome": "platform_notice", "severity": 2, **brings}
    at = last + timedelta(hours=hours)
    return advance(
        progress, Step(action=action, actor=actor, role=ROLES[actor], at=at, **filled), KNOWN, PROFILE
    )


@pytest.fixture
def captured() -> Progress:
    case = does(begin(MONDAY, PROFILE), "clock", CaseAction.ENQUEUE)
    return does(does(case, "ada", CaseAction.CLAIM), "ada", CaseAction.SEAL_EVIDENCE)


@pytest.fixture
def decided(captured: Progress) -> Progress:
    return does(does(captured, "ada", CaseAction.CLAIM), "ada", CaseAction.DECIDE)


def timers(progress: Progress) -> dict[Timer, datetime]:
    return {due.timer: due.at for due in due_times(progress, PROFILE)}


def test_case_goes_from_report_to_disposal(decided: Progress) -> None:
    case = does(decided, "ada", CaseAction.NOTIFY_PLATFORM)
    with pytest.raises(Conflict, match="has not been answered"):
        does(case, "ada", CaseAction.CLOSE_ANSWERED)
    case = does(does(case, "ben", CaseAction.RECORD_REMOVAL), "ada", CaseAction.CLOSE_ANSWERED)
    with pytest.raises(Conflict, match="victim has not been told"):
        does(case, "rita", CaseAction.BEGIN_RETENTION_REVIEW)
    case = does(case, "ada", CaseAction.UPDATE_VICTIM)
    assert case.victim_update_due is None
    case = does(case, "clock", CaseAction.BEGIN_RETENTION_REVIEW, hours=8_760)
    case = does(case, "rita", CaseAction.DISPOSE, certificate="D-17")

    assert case.position[Track.RETENTION] is State.DISPOSED
    assert case.position[Track.CASE] is State.ANSWERED_OTHERWISE
    with pytest.raises(Conflict, match="disposed of"):
        does(case, "dora", CaseAction.REOPEN)


def test_step_leaves_the_case_before_it_as_it_was(captured: Progress) -> None:
    position, history = dict(captured.position), captured.history
    does(captured, "ada", CaseAction.CLAIM)

    assert (dict(captured.position), captured.history) == (position, history)


def test_grave_case_needs_a_second_person_who_agrees(captured: Progress) -> None:
    case = does(captured, "ada", CaseAction.CLAIM)
    with pytest.raises(Conflict, match="second review"):
        does(case, "ada", CaseAction.DECIDE, severity=3)
    case = does(case, "ada", CaseAction.SEND_TO_SECOND_REVIEW, severity=3)
    with pytest.raises(NotAllowed, match="judged the case already"):
        does(case, "ada", CaseAction.CLAIM)
    case = does(case, "ben", CaseAction.CLAIM)
    with pytest.raises(Conflict, match="readers differ"):
        does(case, "ben", CaseAction.AGREE, severity=2)

    agreed = does(case, "ben", CaseAction.AGREE, severity=3)
    differing = does(case, "ben", CaseAction.DISAGREE, severity=2)
    assert agreed.position[Track.CASE] is State.DECIDED
    adjudicated = does(does(differing, "dora", CaseAction.CLAIM), "dora", CaseAction.ADJUDICATE)
    assert adjudicated.position[Track.CASE] is State.DECIDED


def test_appeal_is_read_by_somebody_else_and_one_person_cannot_undo_what_was_grave(
    captured: Progress,
) -> None:
    first = does(does(captured, "ada", CaseAction.CLAIM), "ada", CaseAction.SEND_TO_SECOND_REVIEW, severity=4)
    decided = does(does(first, "ben", CaseAction.CLAIM), "ben", CaseAction.AGREE, severity=4)
    appealed = does(decided, "dora", CaseAction.REOPEN)

    for judge in ("ada", "ben"):
        with pytest.raises(NotAllowed, match="judged the case already"):
            does(appealed, judge, CaseAction.CLAIM)
    again = does(appealed, "cleo", CaseAction.CLAIM)
    with pytest.raises(Conflict, match="second review"):
        does(again, "cleo", CaseAction.DECIDE, severity=0)


def test_emergency_keeps_the_place_of_the_case_and_is_due_in_fifteen_minutes(captured: Progress) -> None:
    raised = does(captured, "ada", CaseAction.ESCALATE, hours=14)

    assert raised.position[Track.CASE] is State.CAPTURED
    assert timers(raised)[Timer.EMERGENCY] == MONDAY + timedelta(hours=14, minutes=15)
    assert due_times(raised, PROFILE)[0].timer is Timer.EMERGENCY
    assert Timer.EMERGENCY not in timers(does(raised, "dora", CaseAction.STAND_DOWN))


def test_due_times_begin_with_the_report_and_end_with_what_they_wait_for() -> None:
    case = begin(MONDAY, PROFILE)
    assert timers(case) == {
        Timer.TRIAGE: MONDAY + timedelta(hours=4),
        Timer.ACKNOWLEDGEMENT: MONDAY + timedelta(hours=24),
        Timer.VICTIM_UPDATE: datetime(2026, 11, 30, 17, tzinfo=UTC),
    }
    case = does(case, "clock", CaseAction.ENQUEUE)
    case = does(does(case, "ada", CaseAction.CLAIM, hours=1), "ada", CaseAction.RELEASE)
    assert timers(case)[Timer.TRIAGE] == MONDAY + timedelta(hours=4), "a release sets no clock back"
    case = does(case, "clock", CaseAction.ACKNOWLEDGE_REPORT)
    assert Timer.ACKNOWLEDGEMENT not in timers(case)
    asked = does(does(case, "ada", CaseAction.CLAIM), "ada", CaseAction.ASK_FOR_INFO)
    assert set(timers(asked)) == {Timer.INFORMATION, Timer.VICTIM_UPDATE}
    answered = does(asked, "ada", CaseAction.ANSWER, hours=1)
    assert timers(answered)[Timer.TRIAGE] == MONDAY + timedelta(hours=6)


def test_platform_reply_is_due_a_day_after_the_notice(decided: Progress) -> None:
    sent = does(decided, "ada", CaseAction.NOTIFY_PLATFORM, hours=3)

    assert timers(sent)[Timer.PLATFORM_REPLY] == MONDAY + timedelta(hours=27)
    assert Timer.PLATFORM_REPLY not in timers(does(sent, "clock", CaseAction.RECORD_NO_REPLY))


def test_update_moves_the_victims_next_date(decided: Progress) -> None:
    told = does(decided, "ada", CaseAction.UPDATE_VICTIM, hours=24)

    assert told.victim_update_due == datetime(2026, 12, 1, 17, tzinfo=UTC)


def test_instant_without_a_zone_and_a_step_back_in_time_are_refused(captured: Progress) -> None:
    with pytest.raises(BadInput, match="time zone"):
        begin(MONDAY.replace(tzinfo=None), PROFILE)
    with pytest.raises(BadInput, match="before the step"):
        does(captured, "ada", CaseAction.CLAIM, hours=-1)


def test_refusal_never_repeats_what_was_written(captured: Progress) -> None:
    held = does(captured, "ada", CaseAction.CLAIM)
    with pytest.raises(BadInput) as refusal:
        does(held, "ada", CaseAction.DECIDE, reason="zebra", outcome="zebra", severity=9)
    assert "zebra" not in f"{refusal.value.message} {refusal.value.members}"
