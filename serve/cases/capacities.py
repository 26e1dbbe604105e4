"""In what capacity somebody acts on a case: from the role of a person, or from what kind of actor it is."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from model.errors import NotAllowed
from serve.cases.workflow.states import CaseAction, CaseRole, State
from serve.cases.workflow.table import TABLE
from serve.storage.tables import CLAIMABLE

CAPACITIES: Final[Mapping[str, frozenset[CaseRole]]] = MappingProxyType(
    {
        "officer": frozenset({CaseRole.TRIAGE_OFFICER, CaseRole.REVIEW_OFFICER}),
        "supervisor": frozenset({CaseRole.SENIOR_REVIEWER}),
        "hub_lead": frozenset({CaseRole.HUB_LEAD, CaseRole.SENIOR_REVIEWER}),
        "records_officer": frozenset({CaseRole.RECORDS_OFFICER}),
        "researcher": frozenset({CaseRole.RESEARCHER}),
        "auditor": frozenset({CaseRole.AUDITOR}),
        "admin": frozenset({CaseRole.ADMIN}),
    }
)
"""Role of a person -> capacities; other roles may do nothing on a case. Source: DOMAIN.md section 9."""

OF_A_KEY: Final = frozenset({CaseRole.REVIEW_OFFICER})
"""A key of the scope `review` works like a review officer: a person stands behind it, or a tool of theirs."""


def capacities(role: str) -> frozenset[CaseRole]:
    """The capacities of a person of this role.

    >>> sorted(capacities("officer"))[0].value, capacities("annotator")
    ('review_officer', frozenset())
    """
    return CAPACITIES.get(role, frozenset())


def acting_as(roles: frozenset[CaseRole], state: State, action: CaseAction) -> CaseRole:
    """The capacity in which somebody of these may take the action in the state.

    Where none may, the first of them: the table refuses it in its own words.

    Raises: NotAllowed for somebody who has no capacity at all.
    """
    if not roles:
        raise NotAllowed("Your role may not do this.")
    edge = TABLE.get((state, action))
    fitting = sorted(role for role in roles if edge is not None and role in edge.roles)
    return fitting[0] if fitting else sorted(roles)[0]


def stages_open_to(roles: frozenset[CaseRole]) -> tuple[str, ...]:
    """The waiting states from which somebody of these capacities may claim, in the order of a case's way."""
    return tuple(state for state in CLAIMABLE if roles & TABLE[State(state), CaseAction.CLAIM].roles)
