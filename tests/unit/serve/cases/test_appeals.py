"""An appeal goes to eyes that have not judged the case, once for each decision."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from case_work import ADA, BEN, CLEO, DORA, NOTHING, events, read_by, row_of, take, taken
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from model.errors import BadInput, Conflict, NotAllowed
from serve.audit.events import Event
from serve.cases.deciding import standing_decision
from serve.cases.stepping import APPELLANTS, appeal
from serve.cases.viewing import case_view
from serve.cases.workflow.states import CaseAction, CaseRole
from serve.cases.workflow.steps import Step
from serve.hub import Hub
from serve.storage.identifiers import new_id
from serve.storage.tables import Appeal, DecisionPost

MakeCases = Callable[..., list[str]]


@pytest.fixture
def decided(hub: Hub, make_cases: MakeCases, now: datetime) -> str:
    (case_id,) = make_cases([1.0])
    read_by(hub, ADA, now, **NOTHING)
    return case_id


def appeals(hub: Hub, case_id: str, now: datetime, **changes: Any) -> Appeal:
    made: dict[str, Any] = {
        "made_by": "author",
        "grounds": "It was a quotation.",
        "role": CaseRole.SENIOR_REVIEWER,
    }
    made |= changes
    step = Step(
        action=CaseAction.REOPEN, actor=made.pop("actor", DORA), role=made.pop("role"), at=now,
        reason="An appeal has come in.",
    )  # fmt: skip
    with hub.database.write() as session:
        return appeal(session, hub, case_id=case_id, step=step, **made)


def test_appeal_reopens_the_case_for_others_and_names_what_it_is_against(
    hub: Hub, decided: str, now: datetime
) -> None:
    with hub.database.read() as session:
        first = standing_decision(session, decided)
    made = appeals(hub, decided, now)
    assert first is not None
    assert (made.decision_id, made.cycle, made.taken_by) == (first.decision_id, 1, DORA)
    assert take(hub, ADA, now) is None
    second = read_by(hub, BEN, now).decision
    assert second is not None
    assert (second.supersedes, second.cycle) == (first.decision_id, 1)
    with hub.database.read() as session:
        standing = standing_decision(session, decided)
        posts = session.execute(select(DecisionPost.decision_id, DecisionPost.post_id)).all()
    assert standing is not None
    assert standing.decision_id == second.decision_id
    assert {row.decision_id for row in posts} == {first.decision_id, second.decision_id}
    assert len({row.post_id for row in posts}) == 1
    assert (Event.CASE_APPEALED, DORA) in events(hub, decided)


def test_decision_under_appeal_is_not_shown_as_what_stands(hub: Hub, decided: str, now: datetime) -> None:
    appeals(hub, decided, now)
    with hub.database.read() as session:
        assert case_view(session, decided).decision is None


def test_second_appeal_against_one_decision_is_refused_and_one_against_the_next_is_not(
    hub: Hub, decided: str, now: datetime
) -> None:
    appeals(hub, decided, now)
    with pytest.raises(Conflict):
        appeals(hub, decided, now)
    read_by(hub, BEN, now, **NOTHING)
    appeals(hub, decided, now, made_by="victim")
    assert row_of(hub, decided).cycle == 2
    for reader in (ADA, BEN):
        assert take(hub, reader, now) is None
    assert taken(hub, CLEO, now).case_id == decided


def test_table_holds_one_appeal_against_a_decision(hub: Hub, decided: str, now: datetime) -> None:
    made = appeals(hub, decided, now)
    with pytest.raises(IntegrityError), hub.database.write() as session:
        session.add(
            Appeal(
                appeal_id=new_id(), case_id=decided, decision_id=made.decision_id, made_by="author",
                grounds="Again.", received_at=now, taken_by=DORA, cycle=2,
            )
        )  # fmt: skip


def test_of_four_appeals_at_once_one_is_taken(hub: Hub, decided: str, now: datetime) -> None:
    results: list[str] = []

    def work() -> None:
        try:
            results.append(appeals(hub, decided, now).made_by)
        except Conflict as fault:
            results.append(fault.code)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["author", "conflict", "conflict", "conflict"]
    assert row_of(hub, decided).cycle == 1


def test_case_on_which_nothing_stands_cannot_be_appealed(
    hub: Hub, make_cases: MakeCases, now: datetime
) -> None:
    (case_id,) = make_cases([1.0])
    with pytest.raises(Conflict, match="nothing stands"):
        appeals(hub, case_id, now)


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"made_by": "anybody"}, "made_by"), ({"grounds": " "}, "grounds"), ({"grounds": "a\x00b"}, "grounds")],
)
def test_appeal_that_cannot_stand_is_refused_and_reopens_nothing(
    hub: Hub, decided: str, now: datetime, changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(BadInput) as refused:
        appeals(hub, decided, now, **changes)
    assert refused.value.field == field
    assert row_of(hub, decided).cycle == 0


def test_officer_who_decided_does_not_take_the_appeal(hub: Hub, decided: str, now: datetime) -> None:
    with pytest.raises(NotAllowed):
        appeals(hub, decided, now, actor=ADA, role=CaseRole.REVIEW_OFFICER)
    assert set(APPELLANTS) == {"reporter", "victim", "author", "platform", "partner"}
