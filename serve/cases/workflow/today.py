"""Where the hub of today stands in the table: its three states, its events and its people. Pure.

The queue as it is knows `queued`, `in_review` and `decided`. A post enters the table at
`captured`, since nothing triages it yet; what its edges ask for beyond that, `not_kept_today` lists.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from model.errors import BadInput
from serve.audit.events import Event
from serve.cases.workflow.states import MACHINES, CaseAction, CaseRole, State
from serve.cases.workflow.table import EDGES, Edge, Guard
from serve.people.roles import Role

SCORER: Final = "system:scorer"

STATES_TODAY: Final[Mapping[str, State]] = MappingProxyType(
    {
        "waiting": State.RECEIVED,
        "queued": State.CAPTURED,
        "in_review": State.IN_REVIEW,
        "decided": State.DECIDED,
    }
)
"""`waiting` is a post that has no case yet (serve/intake/storing.py), the others are `cases.state`."""

ACTIONS_TODAY: Final[Mapping[Event, CaseAction]] = MappingProxyType(
    {
        Event.POST_SCORED: CaseAction.SCORE,
        Event.CASE_OPENED: CaseAction.ADMIT_TO_REVIEW,
        Event.CASE_CLAIMED: CaseAction.CLAIM,
        Event.LEASE_RELEASED: CaseAction.RELEASE,
        Event.LEASE_EXPIRED: CaseAction.EXPIRE_LEASE,
        Event.CASE_DECIDED: CaseAction.DECIDE,
    }
)
"""The audit events that move a case, and the actions they are. A heartbeat moves nothing."""

_ROLES_TODAY: Final[Mapping[Role, frozenset[CaseRole]]] = MappingProxyType(
    {
        Role.OFFICER: frozenset({CaseRole.TRIAGE_OFFICER, CaseRole.REVIEW_OFFICER}),
        Role.SUPERVISOR: frozenset({CaseRole.SENIOR_REVIEWER}),
        Role.HUB_LEAD: frozenset({CaseRole.HUB_LEAD}),
        Role.RECORDS_OFFICER: frozenset({CaseRole.RECORDS_OFFICER}),
        Role.RESEARCHER: frozenset({CaseRole.RESEARCHER}),
        Role.AUDITOR: frozenset({CaseRole.AUDITOR}),
        Role.ADMIN: frozenset({CaseRole.ADMIN}),
    }
)
_KEPT_TODAY: Final = frozenset({Guard.REASON, Guard.HOLDER, Guard.JUDGEMENT})


def state_today(state: str) -> State:
    """The table's state for a state of the present schema.

    Raises: BadInput.

    >>> state_today("queued").value
    'captured'
    """
    if state not in STATES_TODAY:
        raise BadInput(f"state: one of {', '.join(STATES_TODAY)}", field="state")
    return STATES_TODAY[state]


def roles_today(actor: str, role: Role | None = None) -> frozenset[CaseRole]:
    """In what capacities an actor of the audit log may act; `role` is that of an `officer:` actor.

    A key of the scope `review` works like a review officer.

    >>> sorted(roles_today("system:reaper")), sorted(roles_today("officer:1", Role.ADMIN))
    ([<CaseRole.SYSTEM: 'system'>], [<CaseRole.ADMIN: 'admin'>])
    """
    kind = actor.partition(":")[0]
    if kind == "system":
        # The scorer runs the classifier, and then opens the case like any job.
        return frozenset(MACHINES if actor == SCORER else {CaseRole.SYSTEM})
    if kind == "key":
        return frozenset({CaseRole.REVIEW_OFFICER})
    return frozenset() if role is None else _ROLES_TODAY.get(role, frozenset())


def edges_today() -> tuple[Edge, ...]:
    """The edges of the table that the hub of today takes."""
    states, actions = set(STATES_TODAY.values()) | {State.SCORED}, set(ACTIONS_TODAY.values())
    return tuple(edge for edge in EDGES if edge.action in actions and {edge.before, edge.after} <= states)


def not_kept_today() -> Mapping[CaseAction, tuple[Guard, ...]]:
    """The guards of those edges that nothing keeps yet."""
    lacking = {
        edge.action: tuple(guard for guard in edge.guards if guard not in _KEPT_TODAY)
        for edge in edges_today()
    }
    return MappingProxyType({action: guards for action, guards in lacking.items() if guards})
