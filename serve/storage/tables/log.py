"""The table of the audit log."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from serve.storage.tables.row import Row, RowNumber


class AuditEvent(Row):
    """Something that happened. Triggers refuse UPDATE and DELETE (migration 0001)."""

    __tablename__ = "audit_events"

    event_id: Mapped[int] = mapped_column(RowNumber, primary_key=True, autoincrement=True)
    happened_at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(comment="officer:ID, key:ID, system:NAME")
    event: Mapped[str] = mapped_column(comment="source:subject:action, past sense; serve/audit/events.py")
    subject: Mapped[str] = mapped_column(index=True, comment="the id of what it happened to")
    details: Mapped[dict[str, Any]] = mapped_column(comment="never a post's text")

    __table_args__ = (
        # How many extracts somebody made today: asked before each one.
        Index(
            "ix_audit_events_extracts",
            "actor",
            "happened_at",
            sqlite_where=sql("event = 'research:extract:made'"),
            postgresql_where=sql("event = 'research:extract:made'"),
        ),
    )
