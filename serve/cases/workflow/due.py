"""What is due on a case, and when: read off its history, so nothing has to be kept up to date. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from serve.cases.workflow.states import CaseAction, State, Track
from serve.cases.workflow.steps import Progress
from serve.cases.workflow.timers import Timer, TimerProfile

BEFORE_TRIAGE_ENDS: Final = frozenset({State.RECEIVED, State.SCORED, State.TRIAGE, State.IN_TRIAGE})


@dataclass(frozen=True, slots=True, order=True)
class Due:
    """Something that is owed by an instant (UTC). Sorts by it."""

    at: datetime
    timer: Timer


def due_times(progress: Progress, profile: TimerProfile) -> tuple[Due, ...]:
    """Everything that is owed on a case now, the soonest first."""
    starts = _running(progress)
    running = [Due(profile.due_at(timer, start), timer) for timer, start in starts]
    if progress.victim_update_due is not None:
        running.append(Due(progress.victim_update_due, Timer.VICTIM_UPDATE))
    return tuple(sorted(running))


def _running(progress: Progress) -> Iterator[tuple[Timer, datetime]]:
    position = progress.position
    if position[Track.EMERGENCY] is State.EMERGENCY_ESCALATED:
        yield Timer.EMERGENCY, progress.entered(Track.EMERGENCY)
    if position[Track.CASE] in BEFORE_TRIAGE_ENDS:
        yield Timer.TRIAGE, _triage_began(progress)
    if position[Track.CASE] is State.NEEDS_INFO:
        yield Timer.INFORMATION, progress.entered(Track.CASE)
    if position[Track.PLATFORM] is State.PLATFORM_REFERRED:
        yield Timer.PLATFORM_REPLY, progress.entered(Track.PLATFORM)
    if all(entry.step.action is not CaseAction.ACKNOWLEDGE_REPORT for entry in progress.history):
        yield Timer.ACKNOWLEDGEMENT, progress.received_at


def _triage_began(progress: Progress) -> datetime:
    """When the case came to triage from elsewhere: a lease that is given back does not set the clock back."""
    began = progress.received_at
    for entry in progress.history:
        if entry.after in BEFORE_TRIAGE_ENDS and entry.before not in BEFORE_TRIAGE_ENDS:
            began = entry.step.at
    return began
