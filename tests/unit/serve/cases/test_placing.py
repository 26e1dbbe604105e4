"""A case's place as more comes to be known of it, and what its line says to whom."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from case_work import ADA, BEN, DORA, NOTHING, read_by, row_of, step_on, take, taken
from sqlalchemy import select

from serve.cases.placing import scores_hidden, weigh_again, why_this_place
from serve.cases.workflow.states import CaseAction, CaseRole
from serve.hub import Hub
from serve.storage.tables import Case, CasePost, Report

MakeCases = Callable[..., list[str]]


def report(hub: Hub, case_id: str, now: datetime, number: int, *, danger: bool = False) -> Case:
    """One more report of the case's post, and the place worked out anew."""
    with hub.database.write() as session:
        post_id = session.scalars(select(CasePost.post_id).where(CasePost.case_id == case_id)).one()
        session.add(
            Report(
                report_id=f"{number:026d}", post_id=post_id, received_at=now, received_from="key:partner",
                channel="partner", reporter_role="victim", consents=[], immediate_danger=danger,
                under_18=False, why="", perceived_strands=[], reference=None,
            )
        )  # fmt: skip
        session.flush()
        weigh_again(session, hub, session.get_one(Case, case_id))
    return row_of(hub, case_id)


def test_reports_and_danger_bring_a_case_forward(hub: Hub, make_cases: MakeCases, now: datetime) -> None:
    (case_id,) = make_cases([0.5], severity_expected=2, probability=0.5)
    once = report(hub, case_id, now, 1)
    twice = report(hub, case_id, now, 2)
    danger = report(hub, case_id, now, 3, danger=True)
    assert [row.report_count for row in (once, twice, danger)] == [1, 2, 3]
    assert once.rank < twice.rank < danger.rank
    assert (once.due_class, danger.severity_expected) == ("reported", 4)


def test_emergency_stays_due_when_it_was_whatever_is_reported_meanwhile(
    hub: Hub, make_cases: MakeCases, now: datetime
) -> None:
    (case_id,) = make_cases([0.5])
    raised = now + timedelta(hours=3)
    step_on(hub, case_id, CaseAction.ESCALATE, ADA, raised)
    due = row_of(hub, case_id).due_at
    after = report(hub, case_id, raised + timedelta(minutes=1), 1)
    assert (after.due_class, after.due_at) == ("emergency", due)
    assert taken(hub, ADA, raised).case_id == case_id


def test_second_reader_is_told_neither_the_score_nor_what_the_first_made_of_it(
    hub: Hub, make_cases: MakeCases, now: datetime
) -> None:
    (case_id,) = make_cases([1.0], severity_expected=1, probability=0.87)
    rules = hub.queue_rules
    assert "severity S1" in why_this_place(row_of(hub, case_id), rules, now)
    assert "0.87" not in why_this_place(row_of(hub, case_id), rules, now)
    read_by(hub, ADA, now, severity=4)
    for _ in range(2):  # while it waits, and in the second reader's hands
        line = why_this_place(row_of(hub, case_id), rules, now)
        assert "S4" not in line
        assert "0.87" not in line
        take(hub, BEN, now)


def test_reader_of_an_appeal_is_not_told_what_was_decided(
    hub: Hub, make_cases: MakeCases, now: datetime
) -> None:
    (case_id,) = make_cases([1.0])
    read_by(hub, ADA, now, severity=2)
    step_on(hub, case_id, CaseAction.REOPEN, DORA, now, role=CaseRole.SENIOR_REVIEWER)
    assert "severity" not in why_this_place(row_of(hub, case_id), hub.queue_rules, now)


def test_scores_are_hidden_until_a_case_is_judged_unless_the_rules_show_them(
    hub: Hub, make_cases: MakeCases, now: datetime
) -> None:
    (case_id,) = make_cases([1.0])
    hiding = hub.queue_rules
    showing = hiding.model_copy(update={"scores_hidden_until_judged": False})
    hidden = [scores_hidden(row_of(hub, case_id), hiding)]
    read_by(hub, ADA, now, severity=4)
    hidden.append(scores_hidden(row_of(hub, case_id), hiding))
    read_by(hub, BEN, now, severity=3)
    hidden.append(scores_hidden(row_of(hub, case_id), hiding))
    assert hidden == [True, True, False], "a senior who decides between two sees them"
    read_by(hub, DORA, now, role=CaseRole.SENIOR_REVIEWER, **NOTHING)
    assert not scores_hidden(row_of(hub, case_id), hiding)
    assert not scores_hidden(row_of(hub, make_cases([1.0])[0]), showing)


@pytest.mark.parametrize("state", ["triage", "captured", "second_review"])
def test_scores_are_hidden_wherever_nobody_has_judged(hub: Hub, make_cases: MakeCases, state: str) -> None:
    assert scores_hidden(row_of(hub, make_cases([1.0], state=state)[0]), hub.queue_rules)
