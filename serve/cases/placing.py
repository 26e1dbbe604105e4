"""A case's place in the queue, worked out from its row: at the start, and whenever more is known of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from serve.cases.ordering import QueueRules, Weighed, due_at, due_class_of, rank_of, why_first
from serve.cases.workflow.states import State
from serve.hub import Hub
from serve.storage.tables import Case, CasePost, Report

READ_BEFORE = ("second_review", "in_second_review", "adjudication", "in_adjudication")
"""States in which `severity_expected` may be what an earlier reader has said."""


def weighed(case: Case) -> Weighed:
    """What the case's place is made of."""
    return Weighed(
        case.severity_expected,
        case.probability,
        case.report_count,
        case.waits_since,
        case.emergency == State.EMERGENCY_ESCALATED.value,
    )


def place(hub: Hub, case: Weighed, route: str, *, raised_at: datetime | None = None) -> dict[str, Any]:
    """The columns of `cases` that say where it comes and by when it is due.

    `raised_at`: when the emergency was raised, if there is one; else it is due from since it waits.
    """
    start = raised_at or case.created_at
    due_class = due_class_of(route, reports=case.reports, is_emergency=case.is_emergency)
    # A case may be older than the rules: then the first of them count.
    day = max(start.astimezone(UTC).date(), hub.workflow.profiles[0].valid_from)
    return {
        "rank": rank_of(case, hub.queue_rules),
        "due_class": due_class,
        "due_at": due_at(due_class, start, hub.queue_rules, hub.workflow.in_force(day)),
    }


def weigh_again(session: Session, hub: Hub, case: Case) -> None:
    """Works out the place anew, after a report or a danger has come to be known. Locks the case.

    An emergency stays due when it was.
    """
    session.refresh(case, with_for_update=True)  # what somebody else has done to it meanwhile counts
    dangers = session.scalars(
        select(Report.immediate_danger)
        .join(CasePost, CasePost.post_id == Report.post_id)
        .where(CasePost.case_id == case.case_id)
    ).all()
    if any(dangers):
        case.severity_expected = max(case.severity_expected, hub.queue_rules.severity_if_danger)
    case.report_count = len(dangers)
    now_weighs = weighed(case)
    placed = place(hub, now_weighs, case.route)
    if now_weighs.is_emergency:
        placed |= {"due_at": case.due_at}
    for column, value in placed.items():
        setattr(case, column, value)


def why_this_place(case: Case, rules: QueueRules, now: datetime) -> str:
    """One line for a reader of the case: what put it where it is, and nothing they should not know yet."""
    return why_first(
        weighed(case),
        rules,
        now,
        hide_scores=scores_hidden(case, rules),
        hide_severity=case.decided_at is None and (case.cycle > 0 or case.state in READ_BEFORE),
    )


def scores_hidden(case: Case, rules: QueueRules) -> bool:
    """Whether the machine's scores are kept from readers: until it is judged, if the rules say so.

    A second reader reads as blind as the first. Source: DOMAIN.md section 9.
    """
    between_two = case.state in ("adjudication", "in_adjudication")
    return rules.scores_hidden_until_judged and case.decided_at is None and not between_two
