"""Searches that somebody keeps under a name: their own, for nobody else."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from model.errors import BadInput, NotFound
from serve.cases.finding.criteria import Criteria
from serve.field_text import field_text
from serve.storage.identifiers import new_id
from serve.storage.tables import SavedFilter

LONGEST_NAME: Final = 60
MOST: Final = 50
"""Filters that one person may keep: more than a list on a page can be of use."""


def filters_of(session: Session, actor: str) -> list[SavedFilter]:
    """This person's filters, by name."""
    kept = session.scalars(select(SavedFilter).where(SavedFilter.actor == actor))
    return sorted(kept, key=lambda one: (one.name.casefold(), one.name))


def save_filter(session: Session, *, actor: str, name: str, criteria: Criteria, now: datetime) -> SavedFilter:
    """The filter, kept; one of the same name takes the place of the earlier.

    Raises: BadInput (name; nothing to keep; 50 are kept already).
    """
    chosen = field_text(" ".join(name.split()), field="name", longest=LONGEST_NAME)
    if criteria.is_empty:
        raise BadInput("q: something to look for", field="q")
    kept = session.scalars(
        select(SavedFilter).where(SavedFilter.actor == actor, SavedFilter.name == chosen).with_for_update()
    ).first()
    if kept is not None:
        kept.query, kept.saved_at = criteria.as_typed(), now
        return kept
    number = session.scalar(select(func.count()).select_from(SavedFilter).where(SavedFilter.actor == actor))
    if (number or 0) >= MOST:
        raise BadInput(f"name: {MOST} filters are kept already; delete one first", field="name")
    kept = SavedFilter(filter_id=new_id(), actor=actor, name=chosen, query=criteria.as_typed(), saved_at=now)
    session.add(kept)
    session.flush()
    return kept


def delete_filter(session: Session, *, actor: str, filter_id: str) -> str:
    """Forgets one of this person's filters and gives its name. Raises: NotFound, also for another's."""
    kept = session.get(SavedFilter, filter_id)
    if kept is None or kept.actor != actor:
        raise NotFound("there is no such filter")
    session.delete(kept)
    session.flush()
    return kept.name
