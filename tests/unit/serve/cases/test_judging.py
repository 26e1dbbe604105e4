"""One reader's judgement: checked, fenced, stored with all it stood on; a refused one changes nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from case_work import ADA, BEN, LEASE, NOTHING, settle, state_of, step_on, steps_of, taken
from sqlalchemy import func, select

from model.errors import BadInput, CaseDecided, Conflict, Fault, LeaseLost, NotFound, NotText, TextEmpty
from serve.audit.events import Event
from serve.cases import deciding, judging
from serve.cases.leases import ClaimedCase
from serve.cases.said import check_severity, check_strands
from serve.cases.viewing import case_view
from serve.cases.workflow.states import CaseAction, State
from serve.hub import Hub
from serve.storage.tables import AuditEvent, Decision, Judgement

MakeCases = Callable[..., list[str]]
THREAT = {"id": "OSA181", "met": ["threat"], "missing": ["fear"]}


@pytest.fixture
def lease(hub: Hub, make_cases: MakeCases, now: datetime) -> ClaimedCase:
    make_cases([1.0])
    return taken(hub, ADA, now)


def how_it_stands(hub: Hub, case_id: str) -> tuple[str, int, int]:
    """The state, and how many judgements and decisions there are."""
    with hub.database.read() as session:
        judgements, decisions = (
            session.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (Judgement, Decision)
        )
    return state_of(hub, case_id), judgements, decisions


def test_decision_is_stored_with_everything_it_stood_on(hub: Hub, lease: ClaimedCase, now: datetime) -> None:
    at = now + timedelta(seconds=5)
    settle(hub, lease, at)
    with hub.database.read() as session:
        view = case_view(session, lease.case_id)
        event = session.scalars(select(AuditEvent).where(AuditEvent.event == Event.CASE_DECIDED)).one()
    decision = view.decision
    assert decision is not None
    assert (view.case.state, view.case.decided_at, view.case.leased_by) == ("decided", at, None)
    assert (decision.decided_by, decision.decided_at, decision.lease_number) == (ADA, at, 1)
    assert (decision.outcome, decision.severity) == ("platform_notice", 2)
    assert decision.strands == ["antisemitic", "far_right"]
    assert decision.bundles == ["tiny-1"]
    assert decision.policy_sha256 == "a" * 64  # the policy whose route was shown, not the one loaded since
    assert decision.outcomes_sha256 == hub.outcomes.sha256
    assert decision.codebook_sha256 == hub.codebook_sha256
    assert decision.law_sha256 == hub.law.sha256
    assert (event.actor, event.subject, event.happened_at) == (ADA, lease.case_id, at)
    assert "tropes" not in str(event.details)


def test_judgement_keeps_what_its_reader_said(hub: Hub, lease: ClaimedCase, now: datetime) -> None:
    judged = settle(
        hub, lease, now, outcome="crime_record_requested", severity=1, strands=["antisemitic"],
        codes=["IH2"], speech_act="endorses", context_flags=["news"], confidence="medium",
        standard="recording", law=[THREAT], saw_scores=True,
    )  # fmt: skip
    with hub.database.read() as session:
        kept = session.scalars(select(Judgement)).one()
    assert kept.judgement_id == judged.judgement.judgement_id
    assert (kept.actor, kept.cycle, kept.round, kept.lease_number, kept.judged_at) == (ADA, 0, 1, 1, now)
    assert (kept.codes, kept.speech_act, kept.context_flags) == (["IH2"], "endorses", ["news"])
    assert (kept.confidence, kept.standard, kept.law) == ("medium", "recording", [THREAT])
    assert (kept.saw_scores, kept.second_review_causes) == (True, [])
    assert judged.decision is not None
    assert (judged.decision.judgement_ids, judged.decision.dissent) == ([kept.judgement_id], [])
    assert (judged.decision.codes, judged.decision.law, judged.decision.standard) == (
        ["IH2"], [THREAT], "recording",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "field", "kind"),
    [
        ({"outcome": "close"}, "outcome", BadInput),
        ({"outcome_detail": "satire"}, "outcome_detail", BadInput),
        ({"strands": ["antisemitic", "sexist"]}, "strands", BadInput),
        ({"severity": 5}, "severity", BadInput),
        ({"severity": True}, "severity", BadInput),
        ({"severity": "severe"}, "severity", BadInput),
        ({"severity": None}, "severity", BadInput),
        ({"reason": " \n "}, "reason", TextEmpty),
        ({"reason": "a\x00b"}, "reason", NotText),
        ({"reason": "\ud800"}, "reason", NotText),
        ({"reason": "x" * 5_001}, "reason", BadInput),
        ({"proportionality": "x" * 5_001}, "proportionality", BadInput),
        ({"proportionality": "a\x00b"}, "proportionality", NotText),
        ({"codes": ["IH99"]}, "codes", BadInput),
        ({"codes": ["IH1"], "strands": ["far_right"]}, "codes", BadInput),
        ({"speech_act": "mumble"}, "speech_act", BadInput),
        ({"context_flags": ["late"]}, "context_flags", BadInput),
        ({"confidence": "total"}, "confidence", BadInput),
        ({"standard": "gut_feeling"}, "standard", BadInput),
        ({"law": [{"id": "POA99"}]}, "law.0.id", BadInput),
        ({"law": [{"id": "OSA181", "met": ["menace"]}]}, "law.0", BadInput),
    ],
)
def test_answer_that_cannot_stand_is_refused_and_nothing_changes(
    hub: Hub, lease: ClaimedCase, now: datetime, changes: dict[str, Any], field: str, kind: type[Fault]
) -> None:
    with pytest.raises(kind) as refused:
        settle(hub, lease, now, **changes)
    assert refused.value.field == field
    assert refused.value.message.startswith(f"{field}: ") or field == "law.0"
    assert how_it_stands(hub, lease.case_id) == ("in_review", 0, 0)


def test_reason_of_the_longest_length_is_kept_whole(hub: Hub, lease: ClaimedCase, now: datetime) -> None:
    decision = settle(hub, lease, now, reason="x" * 5_000).decision
    assert decision is not None
    assert decision.reason == "x" * 5_000


@pytest.mark.parametrize("outcome", ["crime_record_requested", "refer_force", "refer_ctp"])
def test_outcome_that_rests_on_law_needs_an_element_that_is_met(
    hub: Hub, lease: ClaimedCase, now: datetime, outcome: str
) -> None:
    for law in ([], [{"id": "OSA181"}], [{"id": "OSA181", "missing": ["threat", "fear"]}]):
        with pytest.raises(BadInput) as refused:
            settle(hub, lease, now, outcome=outcome, law=law)
        assert refused.value.field == "law"
    assert how_it_stands(hub, lease.case_id) == ("in_review", 0, 0)
    assert settle(hub, lease, now, outcome=outcome, law=[THREAT]).state == "crime_candidate"


@pytest.mark.parametrize(
    ("outcome", "severity", "needed"),
    [
        ("platform_notice", 1, True),
        ("platform_notice", 2, True),
        ("platform_notice", 0, False),
        ("non_crime_record", 0, True),
        ("intel_only", 0, True),
        ("no_action", 1, False),
        ("victim_support", 2, False),
    ],
)
def test_proportionality_is_asked_for_what_is_no_crime_and_for_s1_and_s2(
    hub: Hub, lease: ClaimedCase, now: datetime, outcome: str, severity: int, needed: bool
) -> None:
    said = {"outcome": outcome, "severity": severity, "proportionality": " "}
    if not needed:
        assert settle(hub, lease, now, **said).decision is not None
        return
    with pytest.raises(BadInput) as refused:
        settle(hub, lease, now, **said)
    assert refused.value.field == "proportionality"
    assert settle(hub, lease, now, **{**said, "proportionality": "It is the least."}).decision is not None


@pytest.mark.parametrize("spelling", [3, "S3", "s3"])
def test_severity_may_be_spelled_in_three_ways(spelling: int | str) -> None:
    assert check_severity(spelling) == 3


def test_no_strand_is_an_answer() -> None:
    assert check_strands([]) == []


def test_second_decision_is_refused_and_tells_the_first_holder_which_stands(
    hub: Hub, lease: ClaimedCase, now: datetime
) -> None:
    first = settle(hub, lease, now)
    assert first.decision is not None
    with pytest.raises(CaseDecided) as mine:
        settle(hub, lease, now)
    assert mine.value.members == {
        "judgement_id": first.judgement.judgement_id,
        "decision_id": first.decision.decision_id,
    }
    with pytest.raises(CaseDecided) as other:
        settle(hub, lease, now, actor=BEN)
    assert other.value.members == {}
    assert how_it_stands(hub, lease.case_id) == ("decided", 1, 1)


def test_judgement_sent_again_after_it_went_to_a_second_reader_names_the_first_and_no_decision(
    hub: Hub, lease: ClaimedCase, now: datetime
) -> None:
    first = settle(hub, lease, now, severity=4)
    with pytest.raises(LeaseLost) as again:
        settle(hub, lease, now, severity=4)
    assert again.value.members == {"judgement_id": first.judgement.judgement_id}
    assert how_it_stands(hub, lease.case_id) == ("second_review", 1, 0)


@pytest.mark.parametrize("after_seconds", [LEASE, LEASE + 3600])
def test_zombie_whose_lease_ran_out_is_refused_even_if_nobody_took_the_case(
    hub: Hub, lease: ClaimedCase, now: datetime, after_seconds: float
) -> None:
    with pytest.raises(LeaseLost):
        settle(hub, lease, now + timedelta(seconds=after_seconds))
    assert how_it_stands(hub, lease.case_id) == ("in_review", 0, 0)


def test_zombie_is_refused_while_another_holds_the_case(hub: Hub, lease: ClaimedCase, now: datetime) -> None:
    later = now + timedelta(seconds=LEASE)
    second = taken(hub, ADA, later)
    # Same actor, same case, and a clock that has not noticed: only the number tells them apart.
    with pytest.raises(LeaseLost):
        settle(hub, lease, now)
    settle(hub, second, later)
    assert how_it_stands(hub, lease.case_id) == ("decided", 1, 1)


def test_lease_of_somebody_else_decides_nothing(hub: Hub, lease: ClaimedCase, now: datetime) -> None:
    with pytest.raises(LeaseLost):
        settle(hub, lease, now, actor=BEN)


def test_case_that_does_not_exist_is_not_found(hub: Hub, now: datetime) -> None:
    with pytest.raises(NotFound):
        settle(hub, ClaimedCase("0" * 26, ADA, 1, now, "in_review"), now)


def test_case_in_triage_is_not_judged(hub: Hub, make_cases: MakeCases, now: datetime) -> None:
    (case_id,) = make_cases([1.0], state="triage")
    with pytest.raises(Conflict, match="no step from in_triage"):
        settle(hub, taken(hub, ADA, now), now)
    assert how_it_stands(hub, case_id) == ("in_triage", 0, 0)


@pytest.mark.parametrize("event", [Event.CASE_JUDGED, Event.CASE_DECIDED])
def test_decision_without_its_audit_event_is_undone(
    hub: Hub, lease: ClaimedCase, now: datetime, monkeypatch: pytest.MonkeyPatch, event: Event
) -> None:
    def broken(*_args: Any, **_more: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(judging if event is Event.CASE_JUDGED else deciding, "record", broken)
    with pytest.raises(ZeroDivisionError):
        settle(hub, lease, now)
    assert how_it_stands(hub, lease.case_id) == ("in_review", 0, 0)
    assert steps_of(hub, lease.case_id) == []


def test_of_eight_who_decide_at_once_one_wins(hub: Hub, lease: ClaimedCase, now: datetime) -> None:
    results: list[str] = []

    def work() -> None:
        try:
            results.append(settle(hub, lease, now).judgement.judgement_id)
        except CaseDecided as fault:
            results.append(fault.code)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results.count("case_decided") == 7
    assert how_it_stands(hub, lease.case_id) == ("decided", 1, 1)


@pytest.mark.parametrize(
    ("said", "follows", "state"),
    [
        (NOTHING, CaseAction.CLOSE_NO_ACTION, State.NO_ACTION),
        ({"outcome": "non_crime_record"}, CaseAction.RECORD_NON_CRIME, State.NON_CRIME),
        ({"outcome": "intel_only"}, CaseAction.RECORD_NON_CRIME, State.NON_CRIME),
        ({"outcome": "refer_force", "law": [THREAT]}, CaseAction.REQUEST_CRIME_RECORD, State.CRIME_CANDIDATE),
        ({"outcome": "platform_notice"}, None, State.DECIDED),
        ({"outcome": "victim_support"}, None, State.DECIDED),
        ({"outcome": "advice_warning"}, None, State.DECIDED),
    ],
)
def test_step_that_follows_by_itself_is_taken_and_one_that_tells_somebody_outside_is_not(
    hub: Hub,
    lease: ClaimedCase,
    now: datetime,
    said: dict[str, Any],
    follows: CaseAction | None,
    state: State,
) -> None:
    assert settle(hub, lease, now, **said).state == state_of(hub, lease.case_id) == state.value
    taken_steps = [(step.action, step.before, step.after) for step in steps_of(hub, lease.case_id)]
    wanted = [("decide", "in_review", "decided")]
    if follows is not None:
        wanted.append((follows.value, "decided", state.value))
    assert taken_steps == wanted


def test_servers_whose_clocks_differ_do_not_lose_a_decision(
    hub: Hub, lease: ClaimedCase, now: datetime
) -> None:
    ahead = now + timedelta(seconds=5)
    step_on(hub, lease.case_id, CaseAction.ACKNOWLEDGE_REPORT, ADA, ahead)
    judged = settle(hub, lease, now - timedelta(seconds=2), **NOTHING)
    assert judged.state == "no_action"
    assert [step.taken_at for step in steps_of(hub, lease.case_id)] == [ahead] * 3
