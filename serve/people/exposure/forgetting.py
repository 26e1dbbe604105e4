"""What is kept of people's reading ends: after the days that the policy says, and with their account."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from serve.storage.tables import Break, ExposurePreferences, Reading, WentOn


def forget_before(session: Session, before: datetime) -> None:
    """Deletes everybody's readings of shifts that began before, and breaks and reasons of that time.

    Rows that another transaction is deleting at this moment are left to it.
    """
    for key, when in (
        (Reading.reading_id, Reading.shift_began_at),
        (Break.break_id, Break.began_at),
        (WentOn.went_on_id, WentOn.went_on_at),
    ):
        old = select(key).where(when < before).with_for_update(skip_locked=True)
        session.execute(delete(key.class_).where(key.in_(old)).execution_options(synchronize_session=False))


def forget_person(session: Session, actor: str) -> None:
    """Deletes what is kept of this person's reading, their preferences among it: nobody else may have it."""
    for table in (Reading, Break, WentOn, ExposurePreferences):
        session.execute(
            delete(table).where(table.actor == actor).execution_options(synchronize_session=False)
        )
