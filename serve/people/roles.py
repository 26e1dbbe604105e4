"""Roles and what each may do. What is not in the table is denied."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from model.errors import BadInput


class Role(StrEnum):
    """What a person is here to do. Source: DESIGN.md, "Who it serves"."""

    OFFICER = "officer"
    SUPERVISOR = "supervisor"
    ANNOTATOR = "annotator"
    RESEARCHER = "researcher"
    AUDITOR = "auditor"
    ADMIN = "admin"


class Action(StrEnum):
    """Something a signed-in person may or may not do."""

    VIEW_QUEUE = "view_queue"
    SEARCH_CASES = "search_cases"
    DECIDE_CASES = "decide_cases"
    LABEL_TASKS = "label_tasks"
    VIEW_LABELS = "view_labels"
    VIEW_REPORTS = "view_reports"
    RUN_SUITES = "run_suites"
    MAKE_EXTRACTS = "make_extracts"
    VIEW_AUDIT = "view_audit"
    MANAGE_PEOPLE = "manage_people"


PERMITTED: Final[dict[Role, frozenset[Action]]] = {
    Role.OFFICER: frozenset(
        {Action.VIEW_QUEUE, Action.SEARCH_CASES, Action.DECIDE_CASES, Action.LABEL_TASKS}
    ),
    Role.SUPERVISOR: frozenset(
        {
            Action.VIEW_QUEUE,
            Action.SEARCH_CASES,
            Action.DECIDE_CASES,
            Action.LABEL_TASKS,
            Action.VIEW_LABELS,
            Action.VIEW_AUDIT,
        }
    ),
    Role.ANNOTATOR: frozenset({Action.LABEL_TASKS}),
    # A researcher measures the machine and gets pseudonymised extracts: never a post, never a person.
    Role.RESEARCHER: frozenset(
        {Action.VIEW_LABELS, Action.VIEW_REPORTS, Action.RUN_SUITES, Action.MAKE_EXTRACTS}
    ),
    Role.AUDITOR: frozenset({Action.VIEW_AUDIT}),
    # An administrator makes accounts and reads no posts: the two powers are kept apart.
    Role.ADMIN: frozenset({Action.MANAGE_PEOPLE}),
}


def may(role: str, action: Action) -> bool:
    """Whether somebody of this role may do this; an unknown role may do nothing.

    >>> [may(role, Action.DECIDE_CASES) for role in ("officer", "admin", "nobody")]
    [True, False, False]
    """
    return any(action in PERMITTED[known] for known in Role if known.value == role)


def roles_that_may(action: Action) -> tuple[Role, ...]:
    """Every role that may do this, for `access.signed_in(*roles)`."""
    return tuple(role for role in Role if action in PERMITTED[role])


def role_named(name: str) -> Role:
    """The role of that name. Raises: BadInput."""
    try:
        return Role(name)
    except ValueError:
        raise BadInput(f"role: one of {', '.join(Role)}", field="role") from None
