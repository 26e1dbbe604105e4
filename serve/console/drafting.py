"""Keeping what somebody typed about a case, whatever becomes of the page it was typed on."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from model.errors import CaseDecided, LeaseLost
from serve.cases.drafts import draft_of, keep_draft
from serve.console.decision_form import DecisionForm, form_of_draft
from serve.console.holding import holds
from serve.people.access import SignedIn
from serve.storage.tables import Case, Judgement

PUT_BY: Final = "put_by"
"""Why a draft was kept: its writer set the case aside, or went to another of its pages."""


def keep_typed(session: Session, case: Case, person: SignedIn, form: DecisionForm, now: datetime) -> bool:
    """Keeps what is in the form as this person's draft; whether there was anything to keep.

    Not where this very lease has judged the case: then the form came a second time, and nothing is missing.
    """
    if not form.is_begun or has_judged(session, case, person, form.lease_number):
        return False
    keep_draft(
        session,
        case_id=case.case_id,
        actor=person.actor,
        now=now,
        why=_why(case, person, now),
        content=form.content(),
    )
    return True


def has_judged(session: Session, case: Case, person: SignedIn, lease_number: int) -> bool:
    """Whether this person judged the case under this lease."""
    statement = select(Judgement.judgement_id).where(
        Judgement.case_id == case.case_id,
        Judgement.actor == person.actor,
        Judgement.lease_number == lease_number,
    )
    return session.scalar(statement) is not None


def form_to_begin(session: Session, case: Case, person: SignedIn, *, wants_draft: bool) -> DecisionForm:
    """An empty form, or the person's draft: by itself if they put it by, on demand if it came too late."""
    draft = draft_of(session, case_id=case.case_id, actor=person.actor)
    if draft is None or not (wants_draft or draft.why == PUT_BY):
        return DecisionForm()
    return form_of_draft(draft.content, lease_number=case.lease_number)


def _why(case: Case, person: SignedIn, now: datetime) -> str:
    if holds(case, person, now):
        return PUT_BY
    return CaseDecided.code if case.decided_at is not None else LeaseLost.code
