"""Tables of cases: where each stands, what it is about, and what people decided."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Float, ForeignKey, Index, String
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from serve.storage.tables.row import Row


class Case(Row):
    """The unit of officer work. `lease_number` is the fence: it grows with every claim."""

    __tablename__ = "cases"

    case_id: Mapped[str] = mapped_column(String(26), primary_key=True, comment="ULID")
    state: Mapped[str] = mapped_column(comment="queued, in_review, decided")
    route: Mapped[str]
    strands: Mapped[list[Any]] = mapped_column(comment="strands the policy named, for the text cover")
    priority: Mapped[float] = mapped_column(Float, comment="larger first; from the policy")
    created_at: Mapped[datetime]
    lease_number: Mapped[int] = mapped_column(default=0)
    leased_by: Mapped[str | None] = mapped_column(comment="actor")
    lease_expires_at: Mapped[datetime | None]
    decided_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("state IN ('queued', 'in_review', 'decided')", name="state"),
        CheckConstraint(
            "(state = 'in_review') = (leased_by IS NOT NULL AND lease_expires_at IS NOT NULL)", name="lease"
        ),
        CheckConstraint("(state = 'decided') = (decided_at IS NOT NULL)", name="decided"),
        # One partial index per question the queue asks; never an OR over ready and expired.
        # Source: PROMISES.md section 0, finding 4.
        Index(
            "ix_cases_queued",
            priority.desc(),
            "case_id",
            sqlite_where=sql("state = 'queued'"),
            postgresql_where=sql("state = 'queued'"),
        ),
        Index(
            "ix_cases_leased",
            "lease_expires_at",
            sqlite_where=sql("state = 'in_review'"),
            postgresql_where=sql("state = 'in_review'"),
        ),
        Index(
            "ix_cases_holder",
            "leased_by",
            sqlite_where=sql("state = 'in_review'"),
            postgresql_where=sql("state = 'in_review'"),
        ),
        Index("ix_cases_state_created", "state", "case_id"),
    )


class CasePost(Row):
    """Which posts a case is about. A post is in one case."""

    __tablename__ = "case_posts"

    post_id: Mapped[str] = mapped_column(ForeignKey("posts.post_id"), primary_key=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("cases.case_id"), index=True)


class Decision(Row):
    """A person's act on a case, with everything it stood on. Append-only; one per case."""

    __tablename__ = "decisions"

    decision_id: Mapped[str] = mapped_column(String(26), primary_key=True, comment="ULID")
    case_id: Mapped[str] = mapped_column(ForeignKey("cases.case_id"), unique=True)
    lease_number: Mapped[int]
    decided_by: Mapped[str] = mapped_column(comment="actor")
    decided_at: Mapped[datetime] = mapped_column(index=True)
    outcome: Mapped[str]
    outcome_detail: Mapped[str | None]
    strands: Mapped[list[Any]]
    severity: Mapped[int]
    reason: Mapped[str]
    bundles: Mapped[list[Any]] = mapped_column(comment="bundle ids of the scores that were shown")
    policy_sha256: Mapped[str] = mapped_column(String(64))
    outcomes_sha256: Mapped[str] = mapped_column(String(64))
    codebook_sha256: Mapped[str] = mapped_column(String(64))
