"""Tables of the exposure budget: what people read, how they want to read, their breaks.

Nothing here points at a table that holds a name. Rows never change; old ones are deleted
(serve/people/exposure/readings.py), and those of a person whose account ends.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, CheckConstraint, Index, String
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from serve.storage.tables.row import Row


class Reading(Row):
    """That somebody read a text (version 0), or judged one that they had read (1, 2, ...).

    The id is random, and not one that sorts: the order of rows must not tell who set a text aside unnamed.
    """

    __tablename__ = "readings"

    reading_id: Mapped[str] = mapped_column(String(32), primary_key=True, comment="random")
    version: Mapped[int] = mapped_column(primary_key=True)
    actor: Mapped[str]
    shift_began_at: Mapped[datetime] = mapped_column(comment="of the shift in which the text was read")
    recorded_at: Mapped[datetime]
    subject_kind: Mapped[str | None] = mapped_column(comment="post, task; null: set aside unnamed")
    subject_id: Mapped[str | None] = mapped_column(String(26))
    text_sha256: Mapped[str | None] = mapped_column(String(64))
    severity_expected: Mapped[int]
    severity_judged: Mapped[int | None] = mapped_column(comment="this person's own; null: not judged")
    units: Mapped[int]
    policy_sha256: Mapped[str] = mapped_column(String(64))

    __table_args__ = (
        CheckConstraint("severity_expected BETWEEN 0 AND 4", name="severity_expected"),
        CheckConstraint("severity_judged BETWEEN 0 AND 4", name="severity_judged"),
        CheckConstraint("version >= 0 AND (version = 0 OR severity_judged IS NOT NULL)", name="version"),
        CheckConstraint(
            "(subject_kind IS NULL) = (subject_id IS NULL) AND (subject_id IS NULL) = (text_sha256 IS NULL)",
            name="subject",
        ),
        # What this person has read since their shift began, and (read from its end) which shift is the last.
        Index("ix_readings_shift", "actor", "shift_began_at", "recorded_at"),
        # A text counts once a shift, whoever asks at the same moment.
        Index(
            "uq_readings_text",
            "actor",
            "text_sha256",
            "shift_began_at",
            unique=True,
            sqlite_where=sql("version = 0"),
            postgresql_where=sql("version = 0"),
        ),
        Index("ix_readings_shift_began_at", "shift_began_at"),
    )


class ExposurePreferences(Row):
    """How a person wants to read. Theirs alone: no page, export or log shows it to anybody else."""

    __tablename__ = "exposure_preferences"

    actor: Mapped[str] = mapped_column(primary_key=True)
    strands_excluded: Mapped[list[Any]]
    two_worst_in_a_row: Mapped[bool] = mapped_column(Boolean)
    covers: Mapped[bool] = mapped_column(Boolean)
    masks: Mapped[bool] = mapped_column(Boolean)


class Break(Row):
    """A break that a person began on the page. `ended_at` is set once."""

    __tablename__ = "breaks"

    break_id: Mapped[str] = mapped_column(String(26), primary_key=True, comment="ULID")
    actor: Mapped[str]
    kind: Mapped[str] = mapped_column(comment="own, offered, forced")
    began_at: Mapped[datetime]
    least_minutes: Mapped[int] = mapped_column(comment="how long it has to be to count")
    ended_at: Mapped[datetime | None] = mapped_column(comment="null: it runs")

    __table_args__ = (
        CheckConstraint("kind IN ('own', 'offered', 'forced')", name="kind"),
        CheckConstraint("ended_at >= began_at", name="ended"),
        Index("ix_breaks_actor_began_at", "actor", "began_at"),
        Index(
            "uq_breaks_running",
            "actor",
            unique=True,
            sqlite_where=sql("ended_at IS NULL"),
            postgresql_where=sql("ended_at IS NULL"),
        ),
    )


class WentOn(Row):
    """That a person went on past a stop, with the reason they chose. Theirs alone."""

    __tablename__ = "went_on"

    went_on_id: Mapped[str] = mapped_column(String(26), primary_key=True, comment="ULID")
    actor: Mapped[str]
    went_on_at: Mapped[datetime]
    because: Mapped[str] = mapped_column(comment="the stop: serve/people/exposure/budget.py")
    reason: Mapped[str] = mapped_column(comment="a code of the exposure policy")
    dose_units: Mapped[int]

    __table_args__ = (Index("ix_went_on_actor_went_on_at", "actor", "went_on_at"),)
