"""Drafts: what somebody had written when their lease was gone, or put by. Nothing typed is lost."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import delete, exists, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from serve.audit.events import Event
from serve.audit.log import record
from serve.storage.tables import Draft, Judgement

LONGEST_KEPT: Final = 20_000
"""Characters of each text that are kept: four times the longest reason. Nobody's draft fills the database."""


def keep_draft(
    session: Session, *, case_id: str, actor: str, now: datetime, why: str, content: Mapping[str, Any]
) -> None:
    """Keeps what somebody had written: a later draft of theirs on the case takes an earlier one's place.

    Nobody has checked it, so what no page and no database can hold is left out of its texts.
    """
    kept = {"kept_at": now, "why": why, "content": _storable(dict(content))}
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    # In one statement: two tabs whose leases are gone may send at once.
    session.execute(
        insert(Draft)
        .values(case_id=case_id, actor=actor, **kept)
        .on_conflict_do_update(index_elements=["case_id", "actor"], set_=kept)
    )
    record(session, actor=actor, event=Event.DRAFT_KEPT, subject=case_id, details={"why": why}, at=now)


def draft_of(session: Session, *, case_id: str, actor: str) -> Draft | None:
    """What this person had written about the case, if it was kept and they have not judged it since."""
    judged = exists().where(Judgement.case_id == Draft.case_id, Judgement.actor == Draft.actor)
    return session.scalars(
        select(Draft)
        .where(Draft.case_id == case_id, Draft.actor == actor, ~judged)
        .execution_options(populate_existing=True)
    ).first()


def drop_draft(session: Session, *, case_id: str, actor: str, now: datetime) -> bool:
    """Throws away what this person had written about the case; whether there was anything."""
    dropped = session.execute(
        delete(Draft).where(Draft.case_id == case_id, Draft.actor == actor).returning(Draft.case_id)
    ).first()
    if dropped is None:
        return False
    record(session, actor=actor, event=Event.DRAFT_DROPPED, subject=case_id, details={}, at=now)
    return True


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return value[:LONGEST_KEPT].replace("\0", "").encode("utf-8", "ignore").decode("utf-8")
    if isinstance(value, Mapping):
        return {_storable(name): _storable(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_storable(one) for one in value]
    return value
