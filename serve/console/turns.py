"""One at a time for one person: two tabs that ask for the next case get the same one."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session


def take_turn(session: Session, actor: str) -> None:
    """Waits until no other transaction has this person's turn, and keeps it to the end of this one.

    "What do I hold, else the next one" is two statements; without a turn both tabs find nothing held.
    """
    if session.get_bind().dialect.name == "postgresql":  # SQLite's write() is alone already
        session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:actor, 0))"), {"actor": actor})
