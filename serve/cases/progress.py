"""A case's progress as the workflow knows it, read from the tables, and steps written back to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, cast

from sqlalchemy import Table, bindparam, insert, select
from sqlalchemy.orm import Session

from serve.cases.workflow.states import CaseAction, CaseRole, State, Track
from serve.cases.workflow.steps import (
    NOBODY_REPORTED,
    Circumstances,
    Consent,
    Entry,
    Judgement,
    Progress,
    Step,
)
from serve.storage.tables import Case, CasePost, CaseStep, Report
from serve.storage.tables import Judgement as JudgementRow

TRACK_COLUMNS: Mapping[Track, str] = MappingProxyType(
    {
        Track.CASE: "state",
        Track.EMERGENCY: "emergency",
        Track.PLATFORM: "platform",
        Track.SUPPORT: "support",
        Track.RETENTION: "retention",
    }
)
"""The column of `cases` that holds a track's state."""

# Kept: every step of every case runs them, and to put them together takes longer than to run them.
HISTORY: Final = (
    select(
        CaseStep.action, CaseStep.before, CaseStep.after, CaseStep.actor, CaseStep.role,
        CaseStep.taken_at, CaseStep.reason, CaseStep.outcome, CaseStep.severity,
    )
    .where(CaseStep.case_id == bindparam("of_case"))
    .order_by(CaseStep.step_id)
)  # fmt: skip
STORE_STEPS: Final = insert(cast("Table", CaseStep.__table__))


def progress_of(session: Session, case: Case) -> Progress:
    """How far the case has come: its states, its history, and who holds it now."""
    rows = session.connection().execute(HISTORY, {"of_case": case.case_id}).all()
    history = [_entry(row) for row in rows]
    if case.leased_by is not None:
        # Claims stand in the audit log and in the lease itself, not in the history.
        history.append(_claim(case, history[-1].step.at if history else case.created_at))
    position = {track: State(getattr(case, column)) for track, column in TRACK_COLUMNS.items()}
    return Progress(case.created_at, MappingProxyType(position), case.victim_update_due, tuple(history))


def not_before(progress: Progress, at: datetime) -> datetime:
    """The instant, or that of the newest step: servers' clocks may differ, a history does not go back."""
    return max(at, progress.history[-1].step.at if progress.history else progress.received_at)


def circumstances_of(session: Session, case: Case) -> Circumstances:
    """What else is known of the case: consents of its reports, and the judgements of its campaign's case.

    A post is kept as it came, and its text cannot change (a trigger refuses): that is the seal it has.
    """
    consents = session.scalars(
        select(Report.consents)
        .join(CasePost, CasePost.post_id == Report.post_id)
        .where(CasePost.case_id == case.case_id)
    ).all()
    # What every reporter agreed to: one who did not is not overruled by another.
    agreed = (
        frozenset.intersection(*(frozenset(Consent(one) for one in given) for given in consents))
        if consents
        else NOBODY_REPORTED
    )
    return Circumstances(evidence_sealed=True, consents=agreed, campaign=campaign_of(session, case))


def campaign_of(session: Session, case: Case) -> tuple[Judgement, ...]:
    """The judgements of the case that this one is linked to, oldest first, once that is decided."""
    if case.linked_to is None:
        return ()
    rows = session.scalars(
        select(JudgementRow)
        .join(Case, Case.case_id == JudgementRow.case_id)
        .where(
            JudgementRow.case_id == case.linked_to,
            JudgementRow.cycle == Case.cycle,
            Case.decided_at.is_not(None),
        )
        .order_by(JudgementRow.round)
    ).all()
    return tuple(Judgement(row.actor, row.outcome, row.severity) for row in rows)


def step_row(case: Case, entry: Entry, details: Mapping[str, Any]) -> dict[str, Any]:
    """A line of the case's history, for `store_steps`."""
    step = entry.step
    return {
        "case_id": case.case_id,
        "cycle": case.cycle,
        "action": step.action.value,
        "before": entry.before.value,
        "after": entry.after.value,
        "actor": step.actor,
        "role": step.role.value,
        "taken_at": step.at,
        "reason": step.reason,
        "outcome": step.outcome,
        "severity": step.severity,
        "details": dict(details),
    }


def store_steps(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Adds lines to the histories of cases that are in the database already, in this order."""
    session.connection().execute(STORE_STEPS, list(rows))


def _entry(row: Any) -> Entry:
    step = Step(
        action=CaseAction(row.action),
        actor=row.actor,
        role=CaseRole(row.role),
        at=row.taken_at,
        reason=row.reason,
        outcome=row.outcome,
        severity=row.severity,
    )
    return Entry(step, State(row.before), State(row.after))


def _claim(case: Case, earliest: datetime) -> Entry:
    at = max(case.leased_at or case.created_at, earliest)
    state = State(case.state)
    step = Step(action=CaseAction.CLAIM, actor=case.leased_by or "", role=CaseRole.REVIEW_OFFICER, at=at)
    return Entry(step, state, state)
