"""How a person wants to read: kept for them, changed by them, shown to nobody else."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from model.errors import BadInput
from model.taxonomy import STRAND_ORDER
from serve.audit.events import Event
from serve.audit.log import record
from serve.people.exposure.people import take_turn
from serve.people.exposure.shift import Preferences
from serve.storage.tables import ExposurePreferences


def preferences(session: Session, actor: str) -> Preferences:
    """The person's own preferences; the defaults if they never chose.

    Whoever calls this shows nothing of it to anybody but that person, and writes nothing of it down.
    """
    row = session.get(ExposurePreferences, actor)
    if row is None:
        return Preferences()
    return Preferences(tuple(row.strands_excluded), row.two_worst_in_a_row, row.covers, row.masks)


def set_preferences(session: Session, *, actor: str, now: datetime, chosen: Preferences) -> None:
    """Keeps what the person chose. The audit log says that they changed something, and never what.

    Raises: BadInput for a strand that does not exist.
    """
    if unknown := set(chosen.strands_excluded) - set(STRAND_ORDER):
        raise BadInput(f"strands: {len(unknown)} that do not exist", field="strands")
    take_turn(session, actor)
    strands = [strand for strand in STRAND_ORDER if strand in chosen.strands_excluded]
    if preferences(session, actor) == Preferences(
        tuple(strands), chosen.two_worst_in_a_row, chosen.covers, chosen.masks
    ):
        return
    session.merge(
        ExposurePreferences(
            actor=actor,
            strands_excluded=strands,
            two_worst_in_a_row=chosen.two_worst_in_a_row,
            covers=chosen.covers,
            masks=chosen.masks,
        )
    )
    subject = actor.partition(":")[2]
    record(session, actor=actor, event=Event.PREFERENCES_CHANGED, subject=subject, details={}, at=now)
    session.flush()
