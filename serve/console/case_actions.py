"""What one person may do with a case now, on each of its tracks, read off the workflow's table."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from serve.cases.capacities import acting_as, capacities
from serve.cases.deciding import standing_decision
from serve.cases.progress import TRACK_COLUMNS, circumstances_of, progress_of
from serve.cases.stepping import JUDGED_ELSEWHERE
from serve.cases.workflow.guards import first_failure
from serve.cases.workflow.states import CaseAction, CaseRole, State, Track
from serve.cases.workflow.steps import Circumstances, Progress, Step
from serve.cases.workflow.table import TABLE, TRACK_OF, Edge, Guard, allowed_actions
from serve.console.action_fields import ASKED
from serve.console.action_words import ACTION_WORDS, TRACK_WORDS
from serve.console.form_errors import capital
from serve.people.access import SignedIn
from serve.storage.tables import Appeal, Case

APPEAL: Final = "appeal"
"""The last part of an appeal's address: it is a reopening that brings its grounds along."""

NOT_HERE: Final = JUDGED_ELSEWHERE | {CaseAction.FOLLOW_CAMPAIGN}
"""Actions that are no form of their own: judgements, leases, and what a whole campaign does."""


@dataclass(frozen=True, slots=True)
class Possible:
    """A step that a person may take. `why_not`: what the case lacks for it now; empty if nothing."""

    action: str
    track: Track
    title: str
    hint: str
    address: str
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class TrackNow:
    """Where a case stands on a track, and what this person may do there."""

    track: Track
    title: str
    state: State
    possible: tuple[Possible, ...]


def tracks_of(session: Session, case: Case, person: SignedIn, *, holds: bool) -> list[TrackNow]:
    """Every track with the person's possible steps, in the order of the table."""
    roles = capacities(person.role)
    progress, known = progress_of(session, case), circumstances_of(session, case)
    found = []
    for track, column in TRACK_COLUMNS.items():
        state = State(getattr(case, column))
        possible = [
            _possible(case, edge, progress, known, person)
            for edge in edges_for(roles, state)
            if holds or Guard.HOLDER not in edge.guards
        ]
        if track is Track.CASE and may_appeal(session, case, roles):
            possible.append(_appeal(case))
        found.append(TrackNow(track, TRACK_WORDS[track], state, tuple(possible)))
    return found


def edges_for(roles: Collection[CaseRole], state: State) -> list[Edge]:
    """The edges from a state that somebody of these capacities may take by a form, in the table's order."""
    allowed = {action for role in roles for action in allowed_actions(state, role)} - NOT_HERE
    return [edge for (before, action), edge in TABLE.items() if before is state and action in allowed]


def edge_for(case: Case, action: CaseAction, person: SignedIn) -> Edge | None:
    """The edge that this action would take from where the case stands; None if it is not for this person."""
    state = State(getattr(case, TRACK_COLUMNS[TRACK_OF[action]]))
    edges = {edge.action: edge for edge in edges_for(capacities(person.role), state)}
    return edges.get(action)


def why_not(
    edge: Edge, progress: Progress, known: Circumstances, *, actor: str, role: CaseRole, at: datetime
) -> str:
    """What the case itself lacks for the edge, whatever somebody would write; empty for nothing."""
    looks = tuple(guard for guard in edge.guards if guard not in ASKED and guard is not Guard.HOLDER)
    fault = first_failure(looks, progress, Step(action=edge.action, actor=actor, role=role, at=at), known)
    return "" if fault is None else capital(fault.message)


def may_appeal(session: Session, case: Case, roles: frozenset[CaseRole]) -> bool:
    """Whether somebody of these capacities may record an appeal: against what stands, once."""
    edge = TABLE.get((State(case.state), CaseAction.REOPEN))
    standing = None if case.decided_at is None else standing_decision(session, case.case_id)
    if edge is None or not roles & edge.roles or standing is None:
        return False
    appealed = select(Appeal.appeal_id).where(Appeal.decision_id == standing.decision_id)
    return session.scalar(appealed) is None


def _possible(case: Case, edge: Edge, progress: Progress, known: Circumstances, person: SignedIn) -> Possible:
    role = acting_as(capacities(person.role), edge.before, edge.action)
    words = ACTION_WORDS[edge.action]
    return Possible(
        action=edge.action.value,
        track=edge.before.track,
        title=words.title,
        hint=words.hint,
        address=f"/cases/{case.case_id}/do/{edge.action.value}",
        why_not=why_not(edge, progress, known, actor=person.actor, role=role, at=case.created_at),
    )


def _appeal(case: Case) -> Possible:
    return Possible(
        action=APPEAL,
        track=Track.CASE,
        title="Record an appeal",
        hint="It is read by somebody who has not judged it.",
        address=f"/cases/{case.case_id}/do/{APPEAL}",
    )
