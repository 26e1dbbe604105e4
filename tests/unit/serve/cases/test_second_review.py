"""A second reader, blind to the first; where they differ, a senior who is neither of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from case_work import (
    ADA,
    BEN,
    CLEO,
    DORA,
    NOTHING,
    read_by,
    row_of,
    settle,
    step_on,
    steps_of,
    take,
    taken,
)
from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from model.errors import NotAllowed
from serve.cases.workflow.states import CaseAction, CaseRole
from serve.hub import Hub
from serve.storage.identifiers import new_id
from serve.storage.tables import Case, Decision, Judgement

MakeCases = Callable[..., list[str]]
SENIOR = {"role": CaseRole.SENIOR_REVIEWER}
CAUSES = {
    "contested_code": {"codes": ["IH7"], "strands": ["antisemitic"]},
    "context_flag": {"context_flags": ["sarcasm_unclear"]},
    "low_confidence": {"confidence": "low"},
}


def judgements_of(hub: Hub, case_id: str) -> list[Judgement]:
    with hub.database.read() as session:
        query = select(Judgement).where(Judgement.case_id == case_id).order_by(Judgement.judgement_id)
        return list(session.scalars(query))


@pytest.mark.parametrize("severity", [3, 4])
def test_grave_case_goes_to_a_second_reader(
    hub: Hub, make_cases: MakeCases, now: datetime, severity: int
) -> None:
    (case_id,) = make_cases([1.0], severity_expected=1)
    judged = read_by(hub, ADA, now, severity=severity)
    assert (judged.state, judged.decision) == ("second_review", None)
    row = row_of(hub, case_id)
    assert (row.state, row.waiting, row.decided_at, row.leased_by) == ("second_review", True, None, None)
    assert row.severity_expected == severity, "nobody gets it whose budget does not allow what it is"
    assert judged.judgement.second_review_causes == []


@pytest.mark.parametrize("cause", CAUSES)
def test_mild_case_goes_to_a_second_reader_for_a_cause(
    hub: Hub, make_cases: MakeCases, now: datetime, cause: str
) -> None:
    make_cases([1.0])
    judged = read_by(hub, ADA, now, **CAUSES[cause])
    assert judged.state == "second_review"
    assert judged.judgement.second_review_causes == [cause]


def test_case_drawn_for_a_second_reading_is_read_twice_whatever_it_says(
    hub: Hub, make_cases: MakeCases, now: datetime
) -> None:
    make_cases([1.0], sampled=True)
    judged = read_by(hub, ADA, now, **NOTHING)
    assert (judged.state, judged.judgement.second_review_causes) == ("second_review", ["random_sample"])
    assert read_by(hub, BEN, now, **NOTHING).state == "no_action"


@pytest.mark.parametrize("code", ["IH1", "IH2"])
def test_code_that_nobody_contests_needs_one_reader(
    hub: Hub, make_cases: MakeCases, now: datetime, code: str
) -> None:
    make_cases([1.0])
    assert read_by(hub, ADA, now, codes=[code], context_flags=["news"], confidence="medium").decision


def test_two_who_agree_decide_and_the_second_readers_words_stand(
    hub: Hub, make_cases: MakeCases, now: datetime
) -> None:
    (case_id,) = make_cases([1.0])
    first = read_by(hub, ADA, now, severity=3)
    later = now + timedelta(minutes=5)
    second = settle(hub, taken(hub, BEN, later), later, severity=3, reason="I read it so too.")
    decision = second.decision
    assert decision is not None
    assert (second.state, decision.decided_by, decision.reason) == ("decided", BEN, "I read it so too.")
    assert decision.judgement_ids == [first.judgement.judgement_id, second.judgement.judgement_id]
    assert decision.dissent == []
    assert [one.round for one in judgements_of(hub, case_id)] == [1, 2]
    assert [step.action for step in steps_of(hub, case_id)] == ["send_to_second_review", "agree"]


@pytest.mark.parametrize("change", [{"severity": 2}, {"outcome": "victim_support"}])
def test_two_who_differ_go_to_a_senior_who_decides(
    hub: Hub, make_cases: MakeCases, now: datetime, change: dict[str, Any]
) -> None:
    (case_id,) = make_cases([1.0])
    first = read_by(hub, ADA, now, severity=3)
    second = read_by(hub, BEN, now, **{"severity": 3, **change})
    assert (second.state, second.decision) == ("adjudication", None)
    third = settle(hub, taken(hub, DORA, now), now, **SENIOR, severity=3)
    decision = third.decision
    assert decision is not None
    assert decision.judgement_ids == [one.judgement.judgement_id for one in (first, second, third)]
    assert decision.dissent == [
        {
            "judgement_id": second.judgement.judgement_id,
            "outcome": second.judgement.outcome,
            "severity": second.judgement.severity,
        }
    ]
    assert [step.action for step in steps_of(hub, case_id)] == [
        "send_to_second_review", "disagree", "adjudicate",
    ]  # fmt: skip


def test_senior_may_say_a_third_thing_and_both_readers_dissent(
    hub: Hub, make_cases: MakeCases, now: datetime
) -> None:
    make_cases([1.0])
    read_by(hub, ADA, now, severity=4)
    read_by(hub, BEN, now, severity=3)
    decision = settle(hub, taken(hub, DORA, now), now, **SENIOR, **NOTHING).decision
    assert decision is not None
    assert [one["severity"] for one in decision.dissent] == [4, 3]


def test_reviewer_does_not_adjudicate(hub: Hub, make_cases: MakeCases, now: datetime) -> None:
    (case_id,) = make_cases([1.0], state="adjudication")
    with pytest.raises(NotAllowed):
        settle(hub, taken(hub, CLEO, now), now)
    assert row_of(hub, case_id).state == "in_adjudication"


def test_nobody_reads_a_case_in_two_of_its_rounds(hub: Hub, make_cases: MakeCases, now: datetime) -> None:
    make_cases([1.0])
    read_by(hub, ADA, now, severity=4)
    assert take(hub, ADA, now) is None
    read_by(hub, BEN, now, severity=3)
    assert take(hub, ADA, now) is None
    assert take(hub, BEN, now) is None
    assert take(hub, DORA, now) is not None


def test_reader_who_got_hold_of_a_case_they_have_judged_is_refused_by_the_workflow(
    hub: Hub, make_cases: MakeCases, now: datetime
) -> None:
    """As if the claim had let them have it: the guard stands behind it, and the table behind the guard."""
    (case_id,) = make_cases([1.0])
    read_by(hub, ADA, now, severity=4)
    lease = taken(hub, BEN, now)
    with hub.database.write() as session:
        session.execute(update(Case).where(Case.case_id == case_id).values(leased_by=ADA))
    with pytest.raises(NotAllowed, match="judged the case already"):
        settle(hub, lease, now, actor=ADA, severity=4)
    assert [one.actor for one in judgements_of(hub, case_id)] == [ADA]


@pytest.mark.parametrize(
    ("change", "is_refused"),
    [
        ({"round": 2}, True),
        ({"round": 2, "cycle": 1}, True),
        ({"round": 1, "cycle": 1}, True),
        ({"actor": BEN, "round": 1}, True),
        ({"actor": BEN, "round": 2}, False),
        ({"actor": BEN, "round": 1, "cycle": 1}, False),
        ({"actor": BEN, "round": 4}, True),
        ({"actor": BEN, "round": 2, "severity": 5}, True),
    ],
)
def test_table_refuses_a_second_judgement_by_one_person_and_a_second_of_one_round(
    hub: Hub, make_cases: MakeCases, now: datetime, change: dict[str, Any], is_refused: bool
) -> None:
    make_cases([1.0])
    judged = read_by(hub, ADA, now, severity=4).judgement
    columns = [column.name for column in Judgement.__table__.columns]
    row = {name: getattr(judged, name) for name in columns} | {"judgement_id": new_id(), **change}

    def inserts() -> None:
        with hub.database.write() as session:
            session.execute(insert(Judgement), [row])

    if not is_refused:
        inserts()
        return
    with pytest.raises(IntegrityError):
        inserts()


def test_second_reader_who_hesitates_still_decides_with_the_first(
    hub: Hub, make_cases: MakeCases, now: datetime
) -> None:
    """Low confidence asks for two people, and there are two."""
    make_cases([1.0])
    read_by(hub, ADA, now, severity=3)
    assert read_by(hub, BEN, now, severity=3, confidence="low").decision is not None


def test_nothing_of_a_first_judgement_is_a_decision_before_the_second(
    hub: Hub, make_cases: MakeCases, now: datetime
) -> None:
    make_cases([1.0])
    read_by(hub, ADA, now, severity=4)
    with hub.database.read() as session:
        assert session.scalars(select(Decision)).all() == []


def test_no_single_reader_can_decide_what_was_ever_called_grave(
    hub: Hub, make_cases: MakeCases, now: datetime
) -> None:
    (case_id,) = make_cases([1.0])
    read_by(hub, ADA, now, severity=4)
    read_by(hub, BEN, now, severity=4)
    step_on(hub, case_id, CaseAction.REOPEN, DORA, now, role=CaseRole.SENIOR_REVIEWER)
    judged = read_by(hub, CLEO, now, **NOTHING)
    assert (judged.judgement.outcome, judged.state, judged.decision) == ("no_action", "second_review", None)
