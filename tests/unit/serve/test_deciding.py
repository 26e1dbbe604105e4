from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from serve.cases.queue import ClaimedCase, claim
from sqlalchemy import func, select

from model.errors import BadInput, CaseDecided, Fault, LeaseLost, NotFound, NotText, TextEmpty
from serve.audit.events import Event
from serve.cases import deciding
from serve.cases.deciding import check_severity, check_strands, decide
from serve.cases.viewing import case_view, counts, list_cases
from serve.hub import Hub
from serve.storage.tables import AuditEvent, Case, Decision

MakeCases = Callable[[Sequence[float]], list[str]]
ADA, BEN = "officer:ada", "officer:ben"
LEASE = 60.0
ANSWER: dict[str, Any] = {
    "outcome": "platform_notice",
    "outcome_detail": None,
    "strands": ["far_right", "antisemitic", "far_right"],
    "severity": "S2",
    "reason": "Two tropes, aimed at a named congregation.",
}


@pytest.fixture
def lease(hub: Hub, make_cases: MakeCases, now: datetime) -> ClaimedCase:
    make_cases([1.0])
    with hub.database.write() as session:
        claimed = claim(session, actor=ADA, now=now, lease_seconds=LEASE)
    assert claimed is not None
    return claimed


def settle(
    hub: Hub, lease: ClaimedCase, at: datetime, *, actor: str | None = None, **changes: Any
) -> Decision:
    with hub.database.write() as session:
        return decide(
            session,
            hub,
            case_id=lease.case_id,
            lease_number=lease.lease_number,
            actor=actor or lease.actor,
            now=at,
            **{**ANSWER, **changes},
        )


def state_of(hub: Hub, case_id: str) -> tuple[str, int]:
    with hub.database.read() as session:
        state = session.execute(select(Case.state).where(Case.case_id == case_id)).scalar_one()
        return state, session.execute(select(func.count()).select_from(Decision)).scalar_one()


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
    assert (event.actor, event.subject, event.happened_at) == (ADA, lease.case_id, at)
    assert "tropes" not in str(event.details)


@pytest.mark.parametrize(
    ("changes", "field", "kind"),
    [
        ({"outcome": "close"}, "outcome", BadInput),
        ({"outcome_detail": "satire"}, "outcome_detail", BadInput),
        ({"strands": ["antisemitic", "sexist"]}, "strands", BadInput),
        ({"severity": 5}, "severity", BadInput),
        ({"severity": True}, "severity", BadInput),
        ({"severity": "severe"}, "severity", BadInput),
        ({"reason": " \n "}, "reason", TextEmpty),
        ({"reason": "a\x00b"}, "reason", NotText),
        ({"reason": "\ud800"}, "reason", NotText),
        ({"reason": "x" * 5_001}, "reason", BadInput),
    ],
)
def test_answer_that_cannot_stand_is_refused_and_nothing_changes(
    hub: Hub, lease: ClaimedCase, now: datetime, changes: dict[str, Any], field: str, kind: type[Fault]
) -> None:
    with pytest.raises(kind) as refused:
        settle(hub, lease, now, **changes)
    assert refused.value.field == field
    assert refused.value.message.startswith(f"{field}: ")
    assert state_of(hub, lease.case_id) == ("in_review", 0)


def test_reason_of_the_longest_length_is_kept_whole(hub: Hub, lease: ClaimedCase, now: datetime) -> None:
    assert settle(hub, lease, now, reason="x" * 5_000).reason == "x" * 5_000


@pytest.mark.parametrize("spelling", [3, "S3", "s3"])
def test_severity_may_be_spelled_in_three_ways(spelling: int | str) -> None:
    assert check_severity(spelling) == 3


def test_no_strand_is_an_answer() -> None:
    assert check_strands([]) == []


def test_second_decision_is_refused_and_tells_the_first_holder_which_stands(
    hub: Hub, lease: ClaimedCase, now: datetime
) -> None:
    first = settle(hub, lease, now)
    with pytest.raises(CaseDecided) as mine:
        settle(hub, lease, now)
    assert mine.value.members == {"decision_id": first.decision_id}
    with pytest.raises(CaseDecided) as other:
        settle(hub, lease, now, actor=BEN)
    assert other.value.members == {}
    assert state_of(hub, lease.case_id) == ("decided", 1)


@pytest.mark.parametrize("after_seconds", [LEASE, LEASE + 3600])
def test_zombie_whose_lease_ran_out_is_refused_even_if_nobody_took_the_case(
    hub: Hub, lease: ClaimedCase, now: datetime, after_seconds: float
) -> None:
    with pytest.raises(LeaseLost):
        settle(hub, lease, now + timedelta(seconds=after_seconds))
    assert state_of(hub, lease.case_id) == ("in_review", 0)


def test_zombie_is_refused_while_another_holds_the_case(hub: Hub, lease: ClaimedCase, now: datetime) -> None:
    later = now + timedelta(seconds=LEASE)
    with hub.database.write() as session:
        second = claim(session, actor=ADA, now=later, lease_seconds=LEASE)
    assert second is not None
    # Same actor, same case, and a clock that has not noticed: only the number tells them apart.
    with pytest.raises(LeaseLost):
        settle(hub, lease, now)
    settle(hub, second, later)
    assert state_of(hub, lease.case_id) == ("decided", 1)


def test_lease_of_somebody_else_decides_nothing(hub: Hub, lease: ClaimedCase, now: datetime) -> None:
    with pytest.raises(LeaseLost):
        settle(hub, lease, now, actor=BEN)


def test_case_that_does_not_exist_is_not_found(hub: Hub, now: datetime) -> None:
    with pytest.raises(NotFound):
        settle(hub, ClaimedCase("0" * 26, ADA, 1, now), now)


def test_decision_without_its_audit_event_is_undone(
    hub: Hub, lease: ClaimedCase, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: Any, **_more: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(deciding, "record", broken)
    with pytest.raises(ZeroDivisionError):
        settle(hub, lease, now)
    assert state_of(hub, lease.case_id) == ("in_review", 0)


def test_of_eight_who_decide_at_once_one_wins(hub: Hub, lease: ClaimedCase, now: datetime) -> None:
    results: list[str] = []

    def work() -> None:
        try:
            results.append(settle(hub, lease, now).decision_id)
        except CaseDecided as fault:
            results.append(fault.code)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results.count("case_decided") == 7
    assert state_of(hub, lease.case_id) == ("decided", 1)


def test_counts_name_every_state(hub: Hub, lease: ClaimedCase, make_cases: MakeCases, now: datetime) -> None:
    make_cases([1.0, 1.0])
    settle(hub, lease, now)
    with hub.database.read() as session:
        assert counts(session) == {"queued": 2, "in_review": 0, "decided": 1}


@pytest.mark.parametrize("state", [None, "open", "queued"])
def test_pages_of_cases_follow_each_other_without_a_gap(
    hub: Hub, make_cases: MakeCases, now: datetime, state: str | None
) -> None:
    priorities = [float(number % 3) for number in range(11)]
    case_ids = make_cases(priorities)
    if state != "queued":
        with hub.database.write() as session:
            for _ in range(3):
                claim(session, actor=ADA, now=now, lease_seconds=LEASE)
    seen: list[str] = []
    after: str | None = None
    with hub.database.read() as session:
        while True:
            page = list_cases(session, state, 4, after)
            seen += [case.case_id for case in page.cases]
            after = page.next
            if after is None:
                break
    by_claim_order = sorted(case_ids, key=lambda case_id: (-priorities[case_ids.index(case_id)], case_id))
    assert seen == (by_claim_order if state == "queued" else case_ids)


def test_list_of_an_unknown_state_names_the_known_ones(hub: Hub) -> None:
    with hub.database.read() as session, pytest.raises(BadInput, match="queued, in_review, decided, open"):
        list_cases(session, "closed", 10, None)
