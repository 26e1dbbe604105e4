"""One step of a case: the table gives the edge, guards are asked, the history grows by one. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from types import MappingProxyType

from model.errors import BadInput, Conflict
from serve.cases.workflow.guards import first_failure
from serve.cases.workflow.states import START, CaseAction, State, Track
from serve.cases.workflow.steps import Circumstances, Entry, Progress, Step
from serve.cases.workflow.table import TRACK_OF, find_edge, is_at_rest
from serve.cases.workflow.timers import Timer, TimerProfile


def begin(received_at: datetime, profile: TimerProfile) -> Progress:
    """A case that was just received, its first victim update due.

    Raises: BadInput if the instant has no time zone.
    """
    at = _in_utc(received_at)
    return Progress(at, START, profile.due_at(Timer.VICTIM_UPDATE, at))


def advance(progress: Progress, step: Step, known: Circumstances, profile: TimerProfile) -> Progress:
    """The case after the step; `progress` itself stays as it was.

    Raises: Conflict (no such step here; something has to happen first), NotAllowed (another role or person),
    BadInput (the step lacks what the edge needs, or goes back in time). `members["allowed"]` of a step
    that is not in the table names what this role may do.
    """
    if progress.position[Track.RETENTION] is State.DISPOSED:
        raise Conflict("the case was disposed of", members={"state": State.DISPOSED.value, "allowed": []})
    at = _in_utc(step.at)
    if at < (progress.history[-1].step.at if progress.history else progress.received_at):
        raise BadInput("at: before the step that was taken last", field="at")
    if not step.actor.strip():
        raise BadInput("actor: nobody does nothing", field="actor")
    track = TRACK_OF[step.action]
    before = progress.position[track]
    edge = find_edge(before, step.action, step.role)
    fault = first_failure(edge.guards, progress, step, known)
    if fault is not None:
        raise fault
    position = MappingProxyType({**progress.position, track: edge.after})
    return Progress(
        received_at=progress.received_at,
        position=position,
        victim_update_due=_victim_update_due(progress, position, step, profile),
        history=(*progress.history, Entry(step, before, edge.after)),
    )


def _victim_update_due(
    progress: Progress, position: MappingProxyType[Track, State], step: Step, profile: TimerProfile
) -> datetime | None:
    """When the victim must hear next. At the end one last update stays due: what came of it."""
    ended = is_at_rest(state for track, state in position.items() if track is not Track.RETENTION)
    if step.action is CaseAction.UPDATE_VICTIM:
        return None if ended else profile.due_at(Timer.VICTIM_UPDATE, step.at)
    if progress.victim_update_due is None and not ended:
        return profile.due_at(Timer.VICTIM_UPDATE, step.at)
    return progress.victim_update_due


def _in_utc(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise BadInput("at: without a time zone", field="at")
    return at.astimezone(UTC)
