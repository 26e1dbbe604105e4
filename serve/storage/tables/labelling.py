"""Tables of the labelling tool: tasks and labels."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from serve.storage.tables.row import Row


class Task(Row):
    """One labelling assignment: a text to be labelled. Leased like a case."""

    __tablename__ = "tasks"

    task_id: Mapped[str] = mapped_column(String(26), primary_key=True, comment="ULID")
    batch: Mapped[str] = mapped_column(index=True)
    external_id: Mapped[str | None]
    text: Mapped[str]
    text_sha256: Mapped[str] = mapped_column(String(64))
    source: Mapped[str] = mapped_column(comment="cases, or the name of the file")
    created_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(comment="open, leased, labelled, skipped")
    lease_number: Mapped[int] = mapped_column(default=0)
    leased_by: Mapped[str | None]
    lease_expires_at: Mapped[datetime | None]

    __table_args__ = (
        UniqueConstraint("batch", "text_sha256"),
        CheckConstraint("state IN ('open', 'leased', 'labelled', 'skipped')", name="state"),
        Index("ix_tasks_state", "state", "task_id"),
    )


class LabelRow(Row):
    """What one annotator said of one task. Append-only: undo adds `undone_at`, a new label a new row."""

    __tablename__ = "labels"

    label_id: Mapped[str] = mapped_column(String(26), primary_key=True, comment="ULID")
    task_id: Mapped[str] = mapped_column(ForeignKey("tasks.task_id"), index=True)
    annotator: Mapped[str] = mapped_column(comment="actor")
    labelled_at: Mapped[datetime]
    undone_at: Mapped[datetime | None]
    skipped_because: Mapped[str | None]
    strands: Mapped[list[Any]]
    hate: Mapped[bool | None] = mapped_column(Boolean)
    severity: Mapped[int | None]
    speech_act: Mapped[str | None]
    rationale: Mapped[list[Any]] = mapped_column(comment="[start, end) code points")
    note: Mapped[str | None]
    codebook: Mapped[str]
    codebook_sha256: Mapped[str] = mapped_column(String(64))

    __table_args__ = (
        # At most one standing label per task and annotator.
        Index(
            "uq_labels_standing",
            "task_id",
            "annotator",
            unique=True,
            sqlite_where=sql("undone_at IS NULL"),
            postgresql_where=sql("undone_at IS NULL"),
        ),
    )
