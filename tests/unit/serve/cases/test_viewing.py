"""Cases as they are listed and counted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest
from case_work import ADA, BEN, NOTHING, read_by, taken

from model.errors import BadInput
from serve.cases.viewing import STATES, counts, list_cases
from serve.cases.workflow.states import State, Track
from serve.hub import Hub

MakeCases = Callable[..., list[str]]


def listed(hub: Hub, state: str | None) -> list[str]:
    with hub.database.read() as session:
        return [case.case_id for case in list_cases(session, state, 50, None).cases]


def test_counts_name_every_state(hub: Hub, make_cases: MakeCases, now: datetime) -> None:
    make_cases([3.0, 2.0, 1.0, 1.0])
    read_by(hub, ADA, now)
    read_by(hub, ADA, now, severity=4)
    taken(hub, ADA, now)
    with hub.database.read() as session:
        found = counts(session)
    assert set(found) == {state.value for state in State if state.track is Track.CASE}
    assert {state: count for state, count in found.items() if count} == {
        "decided": 1, "second_review": 1, "in_review": 1, "captured": 1,
    }  # fmt: skip


@pytest.mark.parametrize("state", [None, "open", "waiting"])
def test_pages_of_cases_follow_each_other_without_a_gap(
    hub: Hub, make_cases: MakeCases, now: datetime, state: str | None
) -> None:
    priorities = [float(number % 3) for number in range(11)]
    case_ids = make_cases(priorities)
    if state != "waiting":
        for _ in range(3):
            taken(hub, ADA, now)
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
    assert seen == (by_claim_order if state == "waiting" else case_ids)


def test_filters_sort_what_is_open_what_waits_and_what_is_settled(
    hub: Hub, make_cases: MakeCases, now: datetime
) -> None:
    done, noticed, grave, held, waiting = make_cases([5.0, 4.0, 3.0, 2.0, 1.0])
    read_by(hub, ADA, now, **NOTHING)
    read_by(hub, ADA, now)
    read_by(hub, ADA, now, severity=4)
    taken(hub, ADA, now)
    assert listed(hub, "settled") == [done, noticed]
    assert listed(hub, "decided") == [noticed]
    assert listed(hub, "open") == [grave, held, waiting]
    assert listed(hub, "waiting") == [grave, waiting]
    assert listed(hub, "in_review") == [held]
    taken(hub, BEN, now)
    assert listed(hub, "waiting") == [waiting]


def test_list_of_an_unknown_state_names_the_known_ones(hub: Hub) -> None:
    with hub.database.read() as session, pytest.raises(BadInput) as refused:
        list_cases(session, "closed", 10, None)
    assert refused.value.message == f"state: one of {', '.join((*STATES, 'open', 'waiting', 'settled'))}"
