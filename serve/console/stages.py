"""At which stages somebody of a role works: where the workflow and the table of roles both let them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from serve.cases.capacities import capacities, stages_open_to
from serve.cases.workflow.states import State
from serve.people.roles import Action, may

STAGE_ACTIONS: Final[Mapping[str, Action]] = MappingProxyType(
    {
        State.TRIAGE.value: Action.TRIAGE_CASES,
        State.CAPTURED.value: Action.REVIEW_CASES,
        State.SECOND_REVIEW.value: Action.SECOND_REVIEW,
        State.ADJUDICATION.value: Action.ADJUDICATE,
    }
)
"""What somebody must be allowed to do, to be given a case that waits at a stage."""


def stages_of(role: str) -> tuple[str, ...]:
    """The waiting states from which somebody of this role may claim, in the order of a case's way.

    >>> stages_of("officer"), stages_of("hub_lead"), stages_of("researcher")
    (('triage', 'captured', 'second_review'), ('adjudication',), ())
    """
    return tuple(stage for stage in stages_open_to(capacities(role)) if may(role, STAGE_ACTIONS[stage]))
