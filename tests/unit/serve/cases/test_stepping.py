"""Every track of a case as the database has it: each step is the table's, in the history and in the log."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from case_work import (
    ADA,
    BEN,
    CLEO,
    DORA,
    LEASE,
    NOTHING,
    events,
    read_by,
    row_of,
    settle,
    state_of,
    step_on,
    steps_of,
    take,
    taken,
)
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError

from model.errors import BadInput, Conflict, LeaseLost, NotAllowed, NotFound, NotText
from serve.audit.events import Event
from serve.cases.stepping import JUDGED_ELSEWHERE
from serve.cases.workflow.states import CaseAction, CaseRole, State
from serve.hub import Hub
from serve.storage.tables import Case, CasePost, Report

MakeCases = Callable[..., list[str]]
A, R = CaseAction, CaseRole
SENIOR = {"role": R.SENIOR_REVIEWER}
TRIAGER = {"role": R.TRIAGE_OFFICER}
RECORDS = {"role": R.RECORDS_OFFICER}
CRIME = {"outcome": "crime_record_requested", "law": [{"id": "OSA181", "met": ["threat"]}]}


@pytest.fixture
def reported(hub: Hub, now: datetime) -> Callable[..., None]:
    """Stores a report of a case's post."""

    def report(case_id: str, consents: Sequence[str], *, danger: bool = False) -> None:
        with hub.database.write() as session:
            post_id = session.scalars(select(CasePost.post_id).where(CasePost.case_id == case_id)).one()
            number = session.scalar(select(func.count()).select_from(Report))
            session.add(
                Report(
                    report_id=f"{number:026d}", post_id=post_id, received_at=now, received_from="key:partner",
                    channel="partner", reporter_role="victim", consents=list(consents),
                    immediate_danger=danger, under_18=False, why="", perceived_strands=[], reference=None,
                )
            )  # fmt: skip

    return report


@pytest.fixture
def decided(hub: Hub, make_cases: MakeCases, now: datetime) -> str:
    """A case that ADA has decided: the platform is to be told."""
    (case_id,) = make_cases([1.0])
    read_by(hub, ADA, now)
    return case_id


def test_triage_goes_from_claim_to_capture_and_leaves_the_case_for_anybody(
    hub: Hub, make_cases: MakeCases, now: datetime
) -> None:
    (case_id,) = make_cases([1.0], state="triage")
    lease = taken(hub, ADA, now)
    after = step_on(hub, case_id, A.SEAL_EVIDENCE, ADA, now, lease_number=lease.lease_number, **TRIAGER)
    assert after is State.CAPTURED
    row = row_of(hub, case_id)
    assert (row.state, row.waiting, row.leased_by, row.lease_expires_at) == ("captured", True, None, None)
    (step,) = steps_of(hub, case_id)
    assert (step.action, step.before, step.after, step.actor, step.role) == (
        "seal_evidence", "in_triage", "captured", ADA, "triage_officer",
    )  # fmt: skip
    assert events(hub, case_id)[-1] == (Event.CASE_STEPPED, ADA)
    assert taken(hub, ADA, now).case_id == case_id


def test_question_to_the_reporter_takes_the_case_out_of_the_queue_until_it_is_answered(
    hub: Hub, make_cases: MakeCases, now: datetime
) -> None:
    (case_id,) = make_cases([1.0], state="triage")
    number = taken(hub, ADA, now).lease_number
    assert step_on(hub, case_id, A.ASK_FOR_INFO, ADA, now, lease_number=number, **TRIAGER) is State.NEEDS_INFO
    assert take(hub, BEN, now) is None
    assert step_on(hub, case_id, A.ANSWER, "partner:1", now, role=R.PARTNER) is State.TRIAGE
    assert taken(hub, BEN, now).case_id == case_id


def test_step_of_the_holder_needs_the_live_lease(hub: Hub, make_cases: MakeCases, now: datetime) -> None:
    (case_id,) = make_cases([1.0], state="triage")
    number = taken(hub, ADA, now).lease_number
    late = now + timedelta(seconds=LEASE)
    for actor, lease_number, at in (
        (ADA, None, now),
        (ADA, number + 1, now),
        (BEN, number, now),
        (ADA, number, late),
    ):
        with pytest.raises(LeaseLost):
            step_on(hub, case_id, A.SEAL_EVIDENCE, actor, at, lease_number=lease_number, **TRIAGER)
    assert (state_of(hub, case_id), steps_of(hub, case_id)) == ("in_triage", [])


def test_reopened_out_of_scope_goes_back_to_triage(hub: Hub, make_cases: MakeCases, now: datetime) -> None:
    (case_id,) = make_cases([1.0], state="triage")
    number = taken(hub, ADA, now).lease_number
    step_on(hub, case_id, A.MARK_OUT_OF_SCOPE, ADA, now, lease_number=number, **TRIAGER)
    assert (state_of(hub, case_id), take(hub, BEN, now)) == ("out_of_scope", None)
    assert step_on(hub, case_id, A.REOPEN, DORA, now, **SENIOR) is State.TRIAGE
    assert row_of(hub, case_id).cycle == 1
    assert taken(hub, ADA, now).case_id == case_id, "nobody has judged it"


def test_crime_goes_to_a_force_with_law_owner_and_the_reporters_consent(
    hub: Hub, make_cases: MakeCases, now: datetime, reported: Callable[..., None]
) -> None:
    (case_id,) = make_cases([1.0])
    reported(case_id, ["platform"])
    assert read_by(hub, ADA, now, **CRIME).state == "crime_candidate"
    whole: dict[str, Any] = {
        "rationale": "The victim lives there.", "law_elements": ("OSA181:threat",), "owner": "DS 7",
    }  # fmt: skip
    for lacking in whole:
        with pytest.raises(BadInput) as refused:
            step_on(hub, case_id, A.ALLOCATE_FORCE, ADA, now, **{**whole, lacking: type(whole[lacking])()})
        assert refused.value.field == lacking
    step_on(hub, case_id, A.ALLOCATE_FORCE, ADA, now, **whole)
    assert steps_of(hub, case_id)[-1].details == {**whole, "law_elements": ["OSA181:threat"]}
    with pytest.raises(Conflict, match="police"):
        step_on(hub, case_id, A.HAND_OVER, ADA, now)
    assert state_of(hub, case_id) == "force_allocated"


def test_no_reporter_is_overruled_by_another_who_agreed(
    hub: Hub, decided: str, now: datetime, reported: Callable[..., None]
) -> None:
    reported(decided, ["police", "platform", "support_org"])
    step_on(hub, decided, A.NOTIFY_PLATFORM, ADA, now)
    reported(decided, ["police"])
    with pytest.raises(Conflict, match="support_org"):
        step_on(hub, decided, A.REFER_SUPPORT, ADA, now)
    assert (row_of(hub, decided).platform, row_of(hub, decided).support) == (
        "platform_referred",
        "not_offered",
    )


def test_platform_and_support_run_beside_the_case_and_hold_its_end_back(
    hub: Hub, decided: str, now: datetime
) -> None:
    step_on(hub, decided, A.NOTIFY_PLATFORM, ADA, now)
    step_on(hub, decided, A.REFER_SUPPORT, BEN, now)
    assert state_of(hub, decided) == "decided"
    with pytest.raises(Conflict, match="not been answered"):
        step_on(hub, decided, A.CLOSE_ANSWERED, ADA, now)
    step_on(hub, decided, A.RECORD_REMOVAL, "platform:1", now, role=R.PLATFORM)
    step_on(hub, decided, A.RECORD_SUPPORT, "partner:1", now, role=R.PARTNER)
    assert step_on(hub, decided, A.CLOSE_ANSWERED, ADA, now) is State.ANSWERED_OTHERWISE
    row = row_of(hub, decided)
    assert (row.platform, row.support, row.waiting) == ("removed", "support_taken_up", False)


def test_no_notice_goes_out_before_a_person_has_decided(
    hub: Hub, make_cases: MakeCases, now: datetime
) -> None:
    (case_id,) = make_cases([1.0])
    with pytest.raises(Conflict, match="decided first"):
        step_on(hub, case_id, A.NOTIFY_PLATFORM, ADA, now)


def test_emergency_comes_first_is_due_in_minutes_and_goes_back_when_it_is_over(
    hub: Hub, make_cases: MakeCases, now: datetime
) -> None:
    quiet, heavy = make_cases([0.5, 9.0])
    before = row_of(hub, quiet)
    raised = now + timedelta(hours=3)
    step_on(hub, quiet, A.ESCALATE, "partner:1", raised, role=R.PARTNER)
    row = row_of(hub, quiet)
    assert (row.emergency, row.state, row.due_class) == ("emergency_escalated", "captured", "emergency")
    assert row.due_at == raised + timedelta(minutes=15)
    lease = taken(hub, ADA, raised)
    assert lease.case_id == quiet
    step_on(hub, quiet, A.RELAY_EMERGENCY, ADA, raised, danger_to_life=True)
    row = row_of(hub, quiet)
    assert (row.emergency, row.due_class, row.leased_by) == ("emergency_relayed", "review", ADA)
    assert row.rank < 0.5 * 876_000 * 3600, "its head start is gone"
    assert before.due_class == "routine"
    assert taken(hub, BEN, raised).case_id == heavy


@pytest.mark.parametrize("parked", [False, True])
def test_emergency_frees_a_case_that_waits_for_one_person(
    hub: Hub, make_cases: MakeCases, now: datetime, parked: bool
) -> None:
    until = now + timedelta(days=9)
    (case_id,) = make_cases(
        [1.0], waiting=False, reserved_for=ADA, reserved_until=until, parked_until=until if parked else None
    )
    assert take(hub, BEN, now) is None
    step_on(hub, case_id, A.ESCALATE, BEN, now)
    assert taken(hub, BEN, now).case_id == case_id


def test_emergency_on_a_case_in_somebodys_hands_leaves_it_there(
    hub: Hub, make_cases: MakeCases, now: datetime
) -> None:
    (case_id,) = make_cases([1.0])
    lease = taken(hub, ADA, now)
    step_on(hub, case_id, A.ESCALATE, BEN, now)
    row = row_of(hub, case_id)
    assert (row.leased_by, row.lease_number, row.lease_expires_at) == (ADA, 1, lease.lease_expires_at)
    assert settle(hub, lease, now, **NOTHING).state == "no_action"


def test_victim_hears_of_every_case_until_it_ends(hub: Hub, decided: str, now: datetime) -> None:
    first = row_of(hub, decided).victim_update_due
    assert first is not None
    told = now + timedelta(days=7)
    step_on(hub, decided, A.UPDATE_VICTIM, ADA, told)
    second = row_of(hub, decided).victim_update_due
    assert second is not None
    assert second > first
    step_on(hub, decided, A.CLOSE_ANSWERED, ADA, told)
    assert row_of(hub, decided).victim_update_due == second, "the last word is still owed"
    step_on(hub, decided, A.UPDATE_VICTIM, ADA, told)
    assert row_of(hub, decided).victim_update_due is None
    step_on(hub, decided, A.REOPEN, DORA, told, **SENIOR)
    assert row_of(hub, decided).victim_update_due is not None


def test_case_is_disposed_of_only_at_rest_with_a_certificate_and_then_nothing_moves_it(
    hub: Hub, make_cases: MakeCases, now: datetime
) -> None:
    (case_id,) = make_cases([1.0])
    read_by(hub, ADA, now, **NOTHING)
    with pytest.raises(Conflict, match="victim"):
        step_on(hub, case_id, A.BEGIN_RETENTION_REVIEW, "officer:r", now, **RECORDS)
    step_on(hub, case_id, A.UPDATE_VICTIM, ADA, now)
    step_on(hub, case_id, A.BEGIN_RETENTION_REVIEW, "officer:r", now, **RECORDS)
    with pytest.raises(BadInput) as refused:
        step_on(hub, case_id, A.DISPOSE, "officer:r", now, **RECORDS)
    assert refused.value.field == "certificate"
    step_on(hub, case_id, A.DISPOSE, "officer:r", now, **RECORDS, certificate="D-17")
    assert (row_of(hub, case_id).retention, steps_of(hub, case_id)[-1].details) == (
        "disposed", {"certificate": "D-17"},
    )  # fmt: skip
    with pytest.raises(Conflict, match="disposed"):
        step_on(hub, case_id, A.REOPEN, DORA, now, **SENIOR)


def test_reopened_case_is_read_afresh_by_somebody_else_and_waits_from_then_on(
    hub: Hub, decided: str, make_cases: MakeCases, now: datetime
) -> None:
    much_later = now + timedelta(days=60)
    (fresh,) = make_cases([100.0])
    step_on(hub, decided, A.REOPEN, DORA, much_later, **SENIOR)
    row = row_of(hub, decided)
    assert (row.state, row.cycle, row.decided_at, row.waiting) == ("captured", 1, None, True)
    assert (row.waits_since, row.created_at) == (much_later, now)
    assert row.due_at is not None
    assert row.due_at > much_later
    assert row.rank < row_of(hub, fresh).rank, "it has not waited for sixty days"
    assert taken(hub, ADA, much_later).case_id == fresh
    assert take(hub, ADA, much_later) is None
    again = read_by(hub, BEN, much_later, **NOTHING).decision
    assert again is not None
    assert (again.cycle, again.supersedes is not None) == (1, True)


def test_duplicate_is_linked_to_another_case_and_unlinked_again(
    hub: Hub, make_cases: MakeCases, now: datetime
) -> None:
    campaign, copy = make_cases([1.0, 2.0], state="triage")
    number = taken(hub, ADA, now).lease_number
    held: dict[str, Any] = {"lease_number": number, **TRIAGER}
    for wrong in (None, copy, "0" * 26):
        with pytest.raises(BadInput) as refused:
            step_on(hub, copy, A.LINK_DUPLICATE, ADA, now, linked_to=wrong, **held)
        assert refused.value.field == "linked_to"
    assert (
        step_on(hub, copy, A.LINK_DUPLICATE, ADA, now, linked_to=campaign, **held) is State.DUPLICATE_LINKED
    )
    assert (row_of(hub, copy).linked_to, row_of(hub, copy).waiting) == (campaign, False)
    other = taken(hub, BEN, now)
    with pytest.raises(BadInput):
        step_on(
            hub,
            campaign,
            A.LINK_DUPLICATE,
            BEN,
            now,
            linked_to=copy,
            lease_number=other.lease_number,
            **TRIAGER,
        )
    assert step_on(hub, copy, A.UNLINK, CLEO, now, **TRIAGER) is State.TRIAGE
    assert row_of(hub, copy).linked_to is None
    assert taken(hub, CLEO, now).case_id == copy


@pytest.mark.parametrize("action", sorted(JUDGED_ELSEWHERE))
def test_claims_and_judgements_are_no_plain_steps(
    hub: Hub, make_cases: MakeCases, now: datetime, action: CaseAction
) -> None:
    (case_id,) = make_cases([1.0])
    with pytest.raises(BadInput, match="no plain step"):
        step_on(hub, case_id, action, ADA, now, outcome="no_action", severity=0)


@pytest.mark.parametrize("field", ["reason", "rationale", "owner", "certificate", "law_elements"])
@pytest.mark.parametrize("text", ["a\x00b", "\ud800", "x" * 5_001])
def test_text_that_cannot_be_stored_is_refused_by_its_field(
    hub: Hub, decided: str, now: datetime, field: str, text: str
) -> None:
    brought = {field: (text,) if field == "law_elements" else text}
    with pytest.raises(BadInput) as refused:
        step_on(hub, decided, A.REQUEST_CRIME_RECORD, ADA, now, **brought)
    assert refused.value.field == field
    assert isinstance(refused.value, NotText) == (len(text) < 10)
    assert state_of(hub, decided) == "decided"


def test_step_by_the_wrong_role_from_the_wrong_state_or_on_no_case_is_refused(
    hub: Hub, decided: str, now: datetime
) -> None:
    with pytest.raises(NotAllowed):
        step_on(hub, decided, A.REOPEN, ADA, now)
    with pytest.raises(Conflict):
        step_on(hub, decided, A.HAND_OVER, ADA, now)
    with pytest.raises(NotFound):
        step_on(hub, "0" * 26, A.ESCALATE, ADA, now)
    assert [step.action for step in steps_of(hub, decided)] == ["decide"]


def test_history_does_not_go_back_when_a_servers_clock_does(hub: Hub, decided: str, now: datetime) -> None:
    step_on(hub, decided, A.NOTIFY_PLATFORM, ADA, now + timedelta(seconds=3))
    step_on(hub, decided, A.RECORD_REFUSAL, ADA, now)
    assert [step.taken_at for step in steps_of(hub, decided)][-2:] == [now + timedelta(seconds=3)] * 2


def test_two_who_step_at_once_take_turns(hub: Hub, decided: str, now: datetime) -> None:
    results: list[str] = []

    def work() -> None:
        try:
            results.append(step_on(hub, decided, A.NOTIFY_PLATFORM, ADA, now).value)
        except Conflict as fault:
            results.append(fault.code)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["conflict"] * 5 + ["platform_referred"]
    assert [step.action for step in steps_of(hub, decided)].count("notify_platform") == 1


def test_parked_and_reserved_have_no_place_in_a_state_that_nobody_can_claim(
    hub: Hub, decided: str, now: datetime
) -> None:
    for wrong in (
        {"waiting": True},
        {"reserved_for": ADA, "reserved_until": now},
        {"state": "captured", "reserved_for": ADA},
        {"state": "captured"},
        {"state": "in_review"},
        {"state": "captured", "waiting": True, "parked_until": now},
        {"state": "duplicate_linked"},
    ):
        with pytest.raises(IntegrityError), hub.database.write() as session:
            session.execute(update(Case).where(Case.case_id == decided).values(**wrong))
