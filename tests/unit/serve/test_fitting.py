from __future__ import annotations

import pytest
from exposure_rules import made_rules
from sqlalchemy import select

from model.policy import Route
from model.taxonomy import STRAND_ORDER
from serve.cases.fitting import cases_that_fit
from serve.hub import Hub
from serve.people.exposure.shift import MayRead, Stop
from serve.storage.identifiers import new_id, utc_now
from serve.storage.tables import Case

RULES = made_rules()
SCORES = (0.0, 0.29, 0.3, 0.69, 0.7, 1.0)
STRANDS = ((), ("far_right",), ("antisemitic", "far_right"))


@pytest.fixture
def waiting(hub: Hub) -> dict[str, tuple[Route, float, tuple[str, ...]]]:
    """A waiting case for every route, score and set of strands, by id."""
    made = {new_id(): (route, score, strands) for route in Route for score in SCORES for strands in STRANDS}
    with hub.database.write() as session:
        for case_id, (route, score, strands) in made.items():
            session.add(
                Case(
                    case_id=case_id, state="queued", route=route.value, strands=list(strands),
                    priority=hub.policy.base_priority[route] + score, created_at=utc_now(), lease_number=0,
                )
            )  # fmt: skip
    return made


@pytest.mark.parametrize("ceiling", range(5))
@pytest.mark.parametrize("excluded", [(), ("far_right",), ("antisemitic", "islamophobic"), STRAND_ORDER])
def test_conditions_find_the_cases_that_may_come_and_no_others(
    hub: Hub,
    waiting: dict[str, tuple[Route, float, tuple[str, ...]]],
    ceiling: int,
    excluded: tuple[str, ...],
) -> None:
    may_read = MayRead(severity_ceiling=ceiling, strands_excluded=excluded, stop=Stop.NONE)

    with hub.database.read() as session:
        fitting = cases_that_fit(RULES, may_read, hub.policy.base_priority)
        found = set(session.scalars(select(Case.case_id).where(*fitting)))

    assert found == {
        case_id
        for case_id, (route, score, strands) in waiting.items()
        if may_read.allows(RULES.expected(route=route.value, score=score), strands)
    }


def test_somebody_who_may_read_everything_adds_no_condition(hub: Hub) -> None:
    may_read = MayRead(severity_ceiling=4, strands_excluded=(), stop=Stop.NONE)

    assert cases_that_fit(RULES, may_read, hub.policy.base_priority) == []
