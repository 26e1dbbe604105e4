"""The one line at the top of a page that says what has just been done; true of this person, or not said."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from serve.cases.workflow.states import JUDGEMENTS, CaseAction
from serve.console.action_words import ACTION_WORDS
from serve.console.plain_words import reference
from serve.field_text import is_identifier
from serve.people.access import SignedIn
from serve.storage.tables import CaseStep

ENDS = frozenset({CaseAction.DECIDE, CaseAction.AGREE, CaseAction.ADJUDICATE})


def notice_of(session: Session, person: SignedIn, case_id: str) -> str | None:
    """What this person did last to the case, in a sentence; None if they did nothing to it.

    An address can be typed by anybody, so the line comes from the history and never from the address.
    """
    if not is_identifier(case_id):
        return None
    last = session.scalars(
        select(CaseStep)
        .where(CaseStep.case_id == case_id, CaseStep.actor == person.actor)
        .order_by(CaseStep.step_id.desc())
        .limit(2)
    ).all()
    if not last:
        return None
    # A decision may be followed by a step that takes itself; what the person did is the judgement.
    step = next((one for one in last if CaseAction(one.action) in JUDGEMENTS), last[0])
    if step is not last[0] and step.taken_at != last[0].taken_at:
        step = last[0]
    action = CaseAction(step.action)
    if action in ENDS:
        return f"Decision recorded for case {reference(case_id)}."
    return f"Case {reference(case_id)} {ACTION_WORDS[action].done}."
