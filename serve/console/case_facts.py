"""What is known of a case besides its posts: reports, notes, judgements, what is owed, history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from serve.cases.notes import notes_of
from serve.cases.progress import progress_of
from serve.cases.workflow.due import due_times
from serve.cases.workflow.states import JUDGEMENTS, CaseAction, CaseRole, State
from serve.cases.workflow.timers import Timer
from serve.console.action_words import ACTION_WORDS
from serve.console.blindness import open_judgements, open_notes
from serve.hub import Hub
from serve.people.access import SignedIn
from serve.storage.tables import Appeal, Case, CasePost, CaseStep, Judgement, Report

TIMER_WORDS: Final = {
    Timer.EMERGENCY: "Pass the emergency on",
    Timer.TRIAGE: "Triage",
    Timer.ACKNOWLEDGEMENT: "Acknowledge the report",
    Timer.INFORMATION: "The answer to our question",
    Timer.PLATFORM_REPLY: "The platform's reply",
    Timer.VICTIM_UPDATE: "An update to the victim",
}
TO_WHO_REPORTED: Final = frozenset({Timer.ACKNOWLEDGEMENT, Timer.VICTIM_UPDATE})
"""What is owed to whoever reported: with no report there is nobody to tell."""

ROUND_WORDS: Final = {1: "First reader", 2: "Second reader", 3: "Adjudication"}


@dataclass(frozen=True, slots=True)
class Owed:
    """Something that is due on a case."""

    words: str
    at: datetime
    is_overdue: bool


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a case's history. `who` names nobody: it says in what capacity."""

    at: datetime
    who: str
    words: str
    text: str = ""


def reports_of(session: Session, case: Case) -> Sequence[Report]:
    """The reports of the case's posts, oldest first."""
    return session.scalars(
        select(Report)
        .join(CasePost, CasePost.post_id == Report.post_id)
        .where(CasePost.case_id == case.case_id)
        .order_by(Report.report_id)
    ).all()


def judgements_of(session: Session, case: Case) -> Sequence[Judgement]:
    """Every judgement of the case, by cycle and round."""
    return session.scalars(
        select(Judgement).where(Judgement.case_id == case.case_id).order_by(Judgement.cycle, Judgement.round)
    ).all()


def appeals_of(session: Session, case: Case) -> Sequence[Appeal]:
    """The appeals against its decisions, oldest first."""
    return session.scalars(
        select(Appeal).where(Appeal.case_id == case.case_id).order_by(Appeal.appeal_id)
    ).all()


def notes_for(session: Session, case: Case, person: SignedIn) -> tuple[list[Line], int]:
    """The notes that this person may read, and how many are kept from them until they have judged."""
    notes = notes_of(session, case.case_id)
    shown = open_notes(case, notes, judgements_of(session, case), person.actor)
    lines = [Line(note.written_at, _who(note.author, person, None), "Note", note.text) for note in shown]
    return lines, len(notes) - len(shown)


def owed_on(session: Session, hub: Hub, case: Case, now: datetime) -> list[Owed]:
    """What is due on the case, the soonest first."""
    profile = hub.workflow.in_force(now.astimezone(UTC).date())
    is_reported = bool(reports_of(session, case))
    return [
        Owed(TIMER_WORDS[due.timer], due.at, due.at < now)
        for due in due_times(progress_of(session, case), profile)
        if is_reported or due.timer not in TO_WHO_REPORTED
    ]


def follows_from(hub: Hub, case: Case, outcome: str, now: datetime) -> str | None:
    """What the policy lets follow from an outcome, while the case waits for it; None afterwards."""
    if case.state != State.DECIDED.value:
        return None
    action = hub.workflow.in_force(now.astimezone(UTC).date()).after_decision.get(outcome)
    return None if action is None else ACTION_WORDS[action].title


def history_of(session: Session, case: Case, person: SignedIn) -> list[Line]:
    """Every step on the case, oldest first; what a judgement said only where it is open to this person."""
    judgements = judgements_of(session, case)
    open_ids = {one.judgement_id for one in open_judgements(case, judgements, person.actor)}
    steps = session.scalars(
        select(CaseStep).where(CaseStep.case_id == case.case_id).order_by(CaseStep.step_id)
    )
    return [_line(step, person, open_ids) for step in steps]


def _line(step: CaseStep, person: SignedIn, open_ids: set[str]) -> Line:
    action = CaseAction(step.action)
    words = ACTION_WORDS[action].done
    text = step.reason
    if action in JUDGEMENTS and step.details.get("judgement_id") not in open_ids:
        words, text = "was judged", ""
    who = _who(step.actor, person, CaseRole(step.role))
    return Line(step.taken_at, who, words[:1].upper() + words[1:], _brought(step.details) or text)


def _brought(details: dict[str, Any]) -> str:
    """What a step brought along besides its reason, for reading."""
    said = [
        f"{name.replace('_', ' ').capitalize()}: {details[name]}"
        for name in ("owner", "rationale", "certificate")
        if details.get(name)
    ]
    if details.get("law_elements"):
        said.append(f"Elements met: {', '.join(details['law_elements'])}")
    return "\n".join(said)


def _who(actor: str, person: SignedIn, role: CaseRole | None) -> str:
    if actor == person.actor:
        return "you"
    if actor.startswith("system:"):
        return "the hub"
    if actor.startswith("key:"):
        return "a tool"
    return "an officer" if role is None else f"a {role.value.replace('_', ' ')}"
