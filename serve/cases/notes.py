"""Notes: what an officer writes down about a case for whoever comes next. Append-only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from model.errors import NotFound
from serve.audit.events import Event
from serve.audit.log import record
from serve.cases.said import check_written
from serve.storage.identifiers import new_id
from serve.storage.tables import Case, Note


def write_note(session: Session, *, case_id: str, author: str, text: str, now: datetime) -> Note:
    """The note, stored. The audit event says that there is one, and not what it says.

    Raises: NotFound; BadInput (also as NotText, TextEmpty) with the field `note`.
    """
    if session.get(Case, case_id) is None:
        raise NotFound("there is no such case")
    checked = check_written("note", text)
    note = Note(note_id=new_id(), case_id=case_id, author=author, written_at=now, text=checked)
    session.add(note)
    record(
        session,
        actor=author,
        event=Event.NOTE_WRITTEN,
        subject=case_id,
        details={"note_id": note.note_id, "characters": len(checked)},
        at=now,
    )
    return note


def notes_of(session: Session, case_id: str) -> Sequence[Note]:
    """Every note on the case, oldest first."""
    return session.scalars(select(Note).where(Note.case_id == case_id).order_by(Note.note_id)).all()
