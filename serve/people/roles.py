"""Roles, and the one table of what each may do and with whose things. What is not in the table is denied."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from model.errors import BadInput


class Role(StrEnum):
    """What a person is here to do. Source: DESIGN.md, "Who it serves"; DOMAIN.md section 9."""

    OFFICER = "officer"
    SUPERVISOR = "supervisor"
    HUB_LEAD = "hub_lead"
    RECORDS_OFFICER = "records_officer"
    ANNOTATOR = "annotator"
    RESEARCHER = "researcher"
    AUDITOR = "auditor"
    ADMIN = "admin"


class Action(StrEnum):
    """Something a signed-in person may or may not do."""

    OPEN_HUB = "open_hub"
    MANAGE_OWN_ACCOUNT = "manage_own_account"

    VIEW_QUEUE = "view_queue"
    VIEW_CASE = "view_case"
    SEARCH_CASES = "search_cases"
    KEEP_FILTERS = "keep_filters"
    CLAIM_CASES = "claim_cases"
    TRIAGE_CASES = "triage_cases"
    REVIEW_CASES = "review_cases"
    DECIDE_CASES = "decide_cases"
    SECOND_REVIEW = "second_review"
    ADJUDICATE = "adjudicate"
    WRITE_NOTES = "write_notes"
    ESCALATE = "escalate"
    REFER_CASES = "refer_cases"
    REOPEN_CASES = "reopen_cases"
    CLAIM_APPEALS = "claim_appeals"
    HAND_OVER_CASES = "hand_over_cases"
    RETENTION_REVIEW = "retention_review"
    VIEW_BOARD = "view_board"
    MANAGE_QUEUES = "manage_queues"
    VIEW_EXPOSURE_OWN = "view_exposure_own"

    LABEL_TASKS = "label_tasks"
    PRACTISE = "practise"
    MAKE_BATCHES = "make_batches"
    VIEW_LABELS = "view_labels"
    VIEW_AGREEMENT = "view_agreement"
    ADJUDICATE_LABELS = "adjudicate_labels"
    MANAGE_CODEBOOK = "manage_codebook"

    VIEW_REPORTS = "view_reports"
    RUN_SUITES = "run_suites"
    DISCARD_SUITES = "discard_suites"
    MAKE_EXTRACTS = "make_extracts"
    VIEW_MODELS = "view_models"
    MANAGE_MODELS = "manage_models"
    PROMOTE_MODELS = "promote_models"

    VIEW_AUDIT = "view_audit"
    MANAGE_PEOPLE = "manage_people"
    APPROVE_ROLES = "approve_roles"
    MANAGE_KEYS = "manage_keys"


class Ownership(StrEnum):
    """With whose things an action may be done."""

    ANY = "any"
    OWN = "own"
    """What this person holds or made."""
    NOT_OWN = "not_own"
    """Only what they did not make: a second look, a judgement between two others, somebody else's request."""


A, ANY, OWN, NOT_OWN = Action, Ownership.ANY, Ownership.OWN, Ownership.NOT_OWN

_EVERYBODY: Final = {A.OPEN_HUB: ANY, A.MANAGE_OWN_ACCOUNT: OWN}

# A lease is no ownership: who holds a case changes by the minute; the fence keeps it (serve/cases/leases.py).
_OFFICER: Final = {
    **_EVERYBODY,
    A.VIEW_QUEUE: ANY,
    A.VIEW_CASE: ANY,
    A.SEARCH_CASES: ANY,
    A.KEEP_FILTERS: OWN,
    A.CLAIM_CASES: ANY,
    A.TRIAGE_CASES: ANY,
    A.REVIEW_CASES: ANY,
    A.DECIDE_CASES: ANY,
    A.SECOND_REVIEW: NOT_OWN,
    A.WRITE_NOTES: ANY,
    A.ESCALATE: ANY,
    A.REFER_CASES: ANY,
    A.HAND_OVER_CASES: OWN,
    A.VIEW_EXPOSURE_OWN: OWN,
    A.LABEL_TASKS: ANY,
    A.PRACTISE: ANY,
}
_SENIOR: Final = {
    A.ADJUDICATE: NOT_OWN,
    A.REOPEN_CASES: ANY,
    A.CLAIM_APPEALS: NOT_OWN,
    A.HAND_OVER_CASES: ANY,
    A.VIEW_BOARD: ANY,
    A.MANAGE_QUEUES: ANY,
    A.VIEW_AUDIT: ANY,
    A.VIEW_AGREEMENT: ANY,
    A.ADJUDICATE_LABELS: NOT_OWN,
    A.MAKE_BATCHES: ANY,
    A.VIEW_MODELS: ANY,
    A.PROMOTE_MODELS: NOT_OWN,
}

PERMITTED: Final[Mapping[Role, Mapping[Action, Ownership]]] = MappingProxyType(
    {
        Role.OFFICER: _OFFICER,
        Role.SUPERVISOR: {**_OFFICER, **_SENIOR, A.VIEW_LABELS: ANY},
        # Judges between two readers and answers for thresholds and the codebook, but takes no case first.
        Role.HUB_LEAD: {
            **_EVERYBODY,
            **_SENIOR,
            A.VIEW_QUEUE: ANY,
            A.VIEW_CASE: ANY,
            A.CLAIM_CASES: ANY,
            A.SEARCH_CASES: ANY,
            A.KEEP_FILTERS: OWN,
            A.WRITE_NOTES: ANY,
            A.ESCALATE: ANY,
            A.REFER_CASES: ANY,
            A.VIEW_EXPOSURE_OWN: OWN,
            A.MANAGE_CODEBOOK: ANY,
            A.MANAGE_MODELS: ANY,
        },
        Role.RECORDS_OFFICER: {
            **_EVERYBODY,
            A.VIEW_CASE: ANY,
            A.SEARCH_CASES: ANY,
            A.KEEP_FILTERS: OWN,
            A.WRITE_NOTES: ANY,
            A.RETENTION_REVIEW: ANY,
            A.VIEW_EXPOSURE_OWN: OWN,
        },
        Role.ANNOTATOR: {
            **_EVERYBODY,
            A.LABEL_TASKS: ANY,
            A.PRACTISE: ANY,
            A.VIEW_EXPOSURE_OWN: OWN,
        },
        # A researcher measures the machine and gets pseudonymised extracts: never a post, never a person.
        Role.RESEARCHER: {
            **_EVERYBODY,
            A.VIEW_LABELS: ANY,
            A.VIEW_AGREEMENT: ANY,
            A.MAKE_BATCHES: ANY,
            A.VIEW_REPORTS: ANY,
            A.RUN_SUITES: ANY,
            A.DISCARD_SUITES: OWN,
            A.MAKE_EXTRACTS: ANY,
            A.VIEW_MODELS: ANY,
            A.MANAGE_MODELS: ANY,
        },
        Role.AUDITOR: {**_EVERYBODY, A.VIEW_AUDIT: ANY},
        # An administrator makes accounts and reads no posts: the two powers are kept apart.
        Role.ADMIN: {**_EVERYBODY, A.MANAGE_PEOPLE: ANY, A.APPROVE_ROLES: NOT_OWN, A.MANAGE_KEYS: ANY},
    }
)
"""Every cell that is not a denial. Source: DOMAIN.md section 9 for the roles; the cells are our choice."""

CONTENT: Final = frozenset(
    {
        A.VIEW_QUEUE, A.VIEW_CASE, A.SEARCH_CASES, A.CLAIM_CASES, A.TRIAGE_CASES, A.REVIEW_CASES,
        A.DECIDE_CASES, A.SECOND_REVIEW, A.ADJUDICATE, A.WRITE_NOTES, A.ESCALATE, A.REFER_CASES,
        A.REOPEN_CASES, A.CLAIM_APPEALS, A.HAND_OVER_CASES, A.RETENTION_REVIEW, A.LABEL_TASKS, A.PRACTISE,
        A.VIEW_LABELS, A.ADJUDICATE_LABELS, A.RUN_SUITES, A.DISCARD_SUITES, A.MAKE_EXTRACTS,
    }
)  # fmt: skip
"""The actions that show or change what people wrote. Administrators and auditors have none of them."""

TWO_ADMINS: Final = frozenset({Role.HUB_LEAD, Role.ADMIN})
"""Roles that one administrator asks for and another one gives (serve/people/role_grants.py)."""


def may(role: str, action: Action, *, own: bool | None = None) -> bool:
    """Whether somebody of this role may do this, to a thing of their own, of others, or (None) to any at all.

    An unknown role may do nothing.

    >>> [may(role, Action.DECIDE_CASES) for role in ("officer", "admin", "nobody")]
    [True, False, False]
    >>> [may("supervisor", Action.ADJUDICATE, own=own) for own in (None, True, False)]
    [True, False, True]
    """
    for known in Role:
        if known.value == role:
            cell = PERMITTED[known].get(action)
            return cell is not None and not (cell is OWN and own is False) and not (cell is NOT_OWN and own)
    return False


def roles_that_may(action: Action) -> tuple[Role, ...]:
    """Every role that may do this to anything at all, for navigation."""
    return tuple(role for role in Role if action in PERMITTED[role])


def role_named(name: str) -> Role:
    """The role of that name. Raises: BadInput."""
    try:
        return Role(name)
    except ValueError:
        raise BadInput(f"role: one of {', '.join(Role)}", field="role") from None
