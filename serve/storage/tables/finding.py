"""Tables of finding things again: saved filters and the log of searches."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from serve.storage.tables.row import Row


class SavedFilter(Row):
    """A search that somebody keeps under a name; their own."""

    __tablename__ = "saved_filters"

    filter_id: Mapped[str] = mapped_column(String(26), primary_key=True, comment="ULID")
    actor: Mapped[str]
    name: Mapped[str]
    query: Mapped[dict[str, Any]]
    saved_at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("actor", "name"),)


class SearchEntry(Row):
    """Somebody searched the hub: for what, and how much came of it. Append-only."""

    __tablename__ = "search_entries"

    search_id: Mapped[str] = mapped_column(String(26), primary_key=True, comment="ULID")
    actor: Mapped[str]
    searched_at: Mapped[datetime] = mapped_column(index=True)
    query: Mapped[dict[str, Any]]
    found: Mapped[int]
