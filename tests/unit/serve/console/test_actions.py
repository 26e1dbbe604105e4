"""Steps as forms: every step has words, and a field for what its guards ask somebody; no other."""

from __future__ import annotations

from dataclasses import fields

import pytest

from serve.cases.capacities import CAPACITIES
from serve.cases.ordering import DueClass
from serve.cases.stepping import APPELLANTS
from serve.cases.workflow.guards import CHECKS
from serve.cases.workflow.states import MACHINES, CaseAction, CaseRole, State, Track
from serve.cases.workflow.steps import Step
from serve.cases.workflow.table import EDGES, Guard
from serve.cases.workflow.timers import Timer
from serve.console.action_fields import APPEAL, ASKED, LINK, fields_of
from serve.console.action_pages import WRITE
from serve.console.action_words import ACTION_WORDS, DUE_WORDS, STAGE_WORDS, TRACK_WORDS, state_words
from serve.console.case_actions import NOT_HERE, edges_for
from serve.console.case_facts import ROUND_WORDS, TIMER_WORDS
from serve.console.triage_pages import TRIAGE_KEYS
from serve.storage.tables import CLAIMABLE

LOOKED_AT = {
    Guard.HOLDER, Guard.JUDGEMENT, Guard.EVIDENCE_SEALED, Guard.FRESH_EYES, Guard.TWO_PEOPLE,
    Guard.SAME_JUDGEMENT, Guard.FOLLOWS_CAMPAIGN, Guard.REFERRALS_ANSWERED, Guard.DECIDED,
    Guard.POLICE_CONSENT, Guard.PLATFORM_CONSENT, Guard.SUPPORT_CONSENT, Guard.AT_REST,
}  # fmt: skip
"""Guards that look at the case, or belong to judgements: nobody types anything for them."""


def test_everything_of_the_workflow_has_words() -> None:
    assert set(ACTION_WORDS) == set(CaseAction)
    assert set(TRACK_WORDS) == set(Track)
    assert set(STAGE_WORDS) == set(CLAIMABLE)
    assert set(TIMER_WORDS) == set(Timer)
    assert set(DUE_WORDS) == set(DueClass.__args__)
    assert set(ROUND_WORDS) == {1, 2, 3}
    assert state_words("in_second_review") == "In second review"


def test_every_guard_either_has_fields_or_looks_at_the_case() -> None:
    assert set(ASKED) | LOOKED_AT == set(Guard) == set(CHECKS)
    assert not set(ASKED) & LOOKED_AT


def test_every_field_is_one_of_a_step_and_says_what_is_missing() -> None:
    known = {one.name for one in fields(Step)}
    for asked in ASKED.values():
        for one in asked:
            assert one.name in known
            assert one.name in WRITE or one.kind in ("tick", "law")


@pytest.mark.parametrize("edge", [edge for edge in EDGES if edge.action not in NOT_HERE])
def test_form_of_an_edge_asks_exactly_what_its_guards_ask(edge) -> None:
    names = [one.name for one in fields_of(edge)]
    wanted = {one.name for guard in edge.guards for one in ASKED.get(guard, ())}
    if edge.action is CaseAction.LINK_DUPLICATE:
        wanted.add(LINK.name)
    assert len(names) == len(set(names))
    assert set(names) == wanted


def test_no_form_takes_a_judgement_or_a_lease_and_no_machine_has_one() -> None:
    for roles in (*CAPACITIES.values(), frozenset(CaseRole) - MACHINES):
        for state in State:
            for edge in edges_for(roles, state):
                assert edge.before is state
                assert edge.roles & roles
                assert edge.action not in NOT_HERE
    assert edges_for(CAPACITIES["admin"], State.DECIDED) == []


def test_letters_of_triage_are_distinct_and_free_of_those_of_the_lease() -> None:
    letters = list(TRIAGE_KEYS.values())
    assert len(set(letters)) == len(letters)
    assert not set(letters) & set("rpkhxqn")
    assert set(TRIAGE_KEYS) <= {action.value for action in CaseAction}


def test_appeal_asks_who_and_why() -> None:
    assert [one.name for one in APPEAL] == ["made_by", "grounds"]
    assert "author" in APPELLANTS
