"""Tables of the research pages: suites, their runs and results."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, ForeignKeyConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from serve.storage.tables.row import Row


class SuiteRow(Row):
    """A functional suite as a researcher uploaded it. Never changed; deleted only while it was never run."""

    __tablename__ = "suites"

    suite_id: Mapped[str] = mapped_column(String(26), primary_key=True, comment="ULID")
    name: Mapped[str]
    sha256: Mapped[str] = mapped_column(String(64), unique=True, comment="of `csv`")
    cases: Mapped[int]
    uploaded_at: Mapped[datetime]
    uploaded_by: Mapped[str] = mapped_column(comment="actor")
    csv: Mapped[bytes]


class SuiteRun(Row):
    """Somebody asked for a suite to be scored with a bundle. Append-only."""

    __tablename__ = "suite_runs"

    suite_id: Mapped[str] = mapped_column(ForeignKey("suites.suite_id"), primary_key=True)
    bundle: Mapped[str] = mapped_column(primary_key=True)
    requested_at: Mapped[datetime]
    requested_by: Mapped[str] = mapped_column(comment="actor")


class SuiteResult(Row):
    """What a bundle gave a suite, by head, in the suite's order (null: no score). Append-only, one a run."""

    __tablename__ = "suite_results"

    suite_id: Mapped[str] = mapped_column(String(26), primary_key=True)
    bundle: Mapped[str] = mapped_column(primary_key=True)
    thresholds: Mapped[dict[str, Any]]
    scores: Mapped[dict[str, Any]]
    scored_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(["suite_id", "bundle"], ["suite_runs.suite_id", "suite_runs.bundle"]),
    )
