"""Who may open which page of the console: one line for each kind of visitor.

Everything finer (which stage, which step) is asked of the workflow's table, in the capacities of the person.
"""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Depends

from serve.people.access import SignedIn, allowed, check_csrf
from serve.people.roles import Action, may

Anybody = Annotated[SignedIn, Depends(allowed(Action.OPEN_HUB))]
Claimer = Annotated[SignedIn, Depends(allowed(Action.CLAIM_CASES))]
"""Takes cases and works on those in hand, at whatever stage."""
Reader = Annotated[SignedIn, Depends(allowed(Action.VIEW_CASE))]
"""Opens cases that somebody else holds, or nobody: how they stand, and what may be done with them."""
Writer = Annotated[SignedIn, Depends(allowed(Action.WRITE_NOTES))]
BoardViewer = Annotated[SignedIn, Depends(allowed(Action.VIEW_BOARD))]
QueueKeeper = Annotated[SignedIn, Depends(allowed(Action.MANAGE_QUEUES))]
ReportTaker = Annotated[SignedIn, Depends(allowed(Action.TRIAGE_CASES))]

CheckCsrf: Final = Depends(check_csrf)


def sees_board(person: SignedIn) -> bool:
    """Whether the board is this person's."""
    return may(person.role, Action.VIEW_BOARD)


def keeps_queues(person: SignedIn) -> bool:
    """Whether this person may free what waits for one person."""
    return may(person.role, Action.MANAGE_QUEUES)
