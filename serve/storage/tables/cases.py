"""Tables of cases: where each stands, what it is about, who holds it, and what was done with it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, CheckConstraint, Float, ForeignKey, Index, Integer, String
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from serve.storage.tables.row import Row, RowNumber

CLAIMABLE = ("triage", "captured", "second_review", "adjudication")
"""States in which a case waits for somebody; serve/cases/workflow has them all."""
HELD = ("in_triage", "in_review", "in_second_review", "in_adjudication")
"""States in which somebody holds it under a lease."""


def _created_at(context: Any) -> datetime:
    """The default of `waits_since`: a row that says nothing else has waited since it was made."""
    made: datetime = context.get_current_parameters()["created_at"]
    return made


def _listed(states: tuple[str, ...]) -> str:
    return ", ".join(f"'{state}'" for state in states)


class Case(Row):
    """The unit of officer work. `lease_number` is the fence: it grows with every claim.

    `state` and the four states after it are the tracks of serve/cases/workflow/states.py.
    """

    __tablename__ = "cases"

    case_id: Mapped[str] = mapped_column(String(26), primary_key=True, comment="ULID")
    state: Mapped[str]
    emergency: Mapped[str] = mapped_column(default="no_emergency")
    platform: Mapped[str] = mapped_column(default="not_notified")
    support: Mapped[str] = mapped_column(default="not_offered")
    retention: Mapped[str] = mapped_column(default="held")
    cycle: Mapped[int] = mapped_column(Integer, default=0, comment="how often it was reopened")
    route: Mapped[str]
    strands: Mapped[list[Any]] = mapped_column(comment="strands the policy named, for the text cover")
    queue: Mapped[str] = mapped_column(
        default="general", comment="whose skill it needs: a strand, several, general"
    )
    priority: Mapped[float] = mapped_column(
        Float, comment="the policy's: base of the route plus highest score"
    )
    severity_expected: Mapped[int] = mapped_column(Integer, default=1)
    probability: Mapped[float | None] = mapped_column(
        Float, comment="the highest calibrated score; null: none"
    )
    report_count: Mapped[int] = mapped_column(Integer, default=0)
    rank: Mapped[float] = mapped_column(
        Float, default=0.0, comment="larger first; ages by itself: ordering.py"
    )
    due_class: Mapped[str] = mapped_column(default="routine")
    due_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    waits_since: Mapped[datetime] = mapped_column(
        default=_created_at, comment="rank and due time count from here: arrival, or the last reopening"
    )
    victim_update_due: Mapped[datetime | None]
    sampled: Mapped[bool] = mapped_column(Boolean, default=False, comment="drawn for a second reading")
    lease_number: Mapped[int] = mapped_column(default=0)
    leased_by: Mapped[str | None] = mapped_column(comment="actor")
    leased_at: Mapped[datetime | None]
    lease_expires_at: Mapped[datetime | None]
    parked_until: Mapped[datetime | None]
    parked_because: Mapped[str | None]
    reserved_for: Mapped[str | None] = mapped_column(comment="actor: handed over to, or parked by")
    reserved_until: Mapped[datetime | None] = mapped_column(comment="then anybody may have it")
    decided_at: Mapped[datetime | None]
    linked_to: Mapped[str | None] = mapped_column(ForeignKey("cases.case_id"), comment="its campaign's case")
    waiting: Mapped[bool] = mapped_column(Boolean, default=False, comment="anybody who may can claim it")

    __table_args__ = (
        CheckConstraint(
            f"(state IN ({_listed(HELD)})) = (leased_by IS NOT NULL AND lease_expires_at IS NOT NULL)",
            name="lease",
        ),
        # An equality: a case that waits for somebody is in the queue, or waits for one person by name.
        CheckConstraint(
            f"waiting = (state IN ({_listed(CLAIMABLE)}) AND reserved_for IS NULL)", name="waiting"
        ),
        CheckConstraint("state NOT IN ('duplicate_linked') OR linked_to IS NOT NULL", name="linked"),
        CheckConstraint(
            "(reserved_for IS NULL) = (reserved_until IS NULL) AND (reserved_for IS NULL OR state IN "
            f"({_listed(CLAIMABLE)})) AND (parked_until IS NULL OR reserved_for IS NOT NULL)",
            name="reserved",
        ),
        # One partial index per question the queue asks; never an OR over ready and expired.
        # Source: PROMISES.md section 0, finding 4.
        Index(
            "ix_cases_waiting",
            "state",
            "queue",
            rank.desc(),
            "case_id",
            sqlite_where=sql("waiting"),
            postgresql_where=sql("waiting"),
        ),
        Index(
            "ix_cases_rank",
            rank.desc(),
            "case_id",
            sqlite_where=sql("waiting"),
            postgresql_where=sql("waiting"),
        ),
        Index(
            "ix_cases_leased",
            "lease_expires_at",
            sqlite_where=sql("lease_expires_at IS NOT NULL"),
            postgresql_where=sql("lease_expires_at IS NOT NULL"),
        ),
        Index(
            "ix_cases_holder",
            "leased_by",
            sqlite_where=sql("leased_by IS NOT NULL"),
            postgresql_where=sql("leased_by IS NOT NULL"),
        ),
        Index(
            "ix_cases_parked",
            "parked_until",
            sqlite_where=sql("parked_until IS NOT NULL"),
            postgresql_where=sql("parked_until IS NOT NULL"),
        ),
        Index(
            "ix_cases_reserved",
            "reserved_for",
            rank.desc(),
            sqlite_where=sql("reserved_for IS NOT NULL"),
            postgresql_where=sql("reserved_for IS NOT NULL"),
        ),
        Index(
            "ix_cases_reserved_until",
            "reserved_until",
            sqlite_where=sql("reserved_until IS NOT NULL"),
            postgresql_where=sql("reserved_until IS NOT NULL"),
        ),
        Index(
            "ix_cases_linked_to",
            "linked_to",
            sqlite_where=sql("linked_to IS NOT NULL"),
            postgresql_where=sql("linked_to IS NOT NULL"),
        ),
        Index(
            "ix_cases_emergency",
            "emergency",
            sqlite_where=sql("emergency = 'emergency_escalated'"),
            postgresql_where=sql("emergency = 'emergency_escalated'"),
        ),
        Index("ix_cases_state_created", "state", "case_id"),
    )


class CasePost(Row):
    """Which posts a case is about. A post is in one case."""

    __tablename__ = "case_posts"

    post_id: Mapped[str] = mapped_column(ForeignKey("posts.post_id"), primary_key=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("cases.case_id"), index=True)


class CaseStep(Row):
    """One step that was taken on a case, on any of its tracks. Append-only; claims stand in the audit log."""

    __tablename__ = "case_steps"

    step_id: Mapped[int] = mapped_column(RowNumber, primary_key=True, autoincrement=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("cases.case_id"), index=True)
    cycle: Mapped[int]
    action: Mapped[str]
    before: Mapped[str]
    after: Mapped[str]
    actor: Mapped[str]
    role: Mapped[str] = mapped_column(comment="in what capacity: serve/cases/workflow/states.py")
    taken_at: Mapped[datetime]
    reason: Mapped[str]
    outcome: Mapped[str | None]
    severity: Mapped[int | None]
    details: Mapped[dict[str, Any]] = mapped_column(comment="what the edge asked for besides")


class CaseSkip(Row):
    """An officer passed a case by, and does not get it again."""

    __tablename__ = "case_skips"

    case_id: Mapped[str] = mapped_column(ForeignKey("cases.case_id"), primary_key=True)
    actor: Mapped[str] = mapped_column(primary_key=True)
    reason: Mapped[str]
    skipped_at: Mapped[datetime]


class Draft(Row):
    """What somebody had written when their lease was gone, or put by; one each for a case and a person."""

    __tablename__ = "drafts"

    case_id: Mapped[str] = mapped_column(ForeignKey("cases.case_id"), primary_key=True)
    actor: Mapped[str] = mapped_column(primary_key=True)
    kept_at: Mapped[datetime]
    why: Mapped[str] = mapped_column(comment="lease_lost, case_decided, put_by")
    content: Mapped[dict[str, Any]]


class Note(Row):
    """What an officer wrote down about a case for the next. Append-only."""

    __tablename__ = "notes"

    note_id: Mapped[str] = mapped_column(String(26), primary_key=True, comment="ULID")
    case_id: Mapped[str] = mapped_column(ForeignKey("cases.case_id"), index=True)
    author: Mapped[str] = mapped_column(comment="actor")
    written_at: Mapped[datetime]
    text: Mapped[str]


class Report(Row):
    """Somebody told us of a post. What they consented to limits who hears of it. Append-only."""

    __tablename__ = "reports"

    report_id: Mapped[str] = mapped_column(String(26), primary_key=True, comment="ULID")
    post_id: Mapped[str] = mapped_column(ForeignKey("posts.post_id"), index=True)
    received_at: Mapped[datetime]
    received_from: Mapped[str] = mapped_column(comment="actor")
    channel: Mapped[str] = mapped_column(comment="officer, partner, api, phone_101, true_vision, form")
    reporter_role: Mapped[str] = mapped_column(comment="victim, witness, on_behalf, organisation, not_said")
    consents: Mapped[list[Any]] = mapped_column(comment="police, platform, support_org")
    immediate_danger: Mapped[bool] = mapped_column(Boolean)
    under_18: Mapped[bool] = mapped_column(Boolean)
    why: Mapped[str] = mapped_column(comment="why the reporter thinks it is hostility; may be empty")
    perceived_strands: Mapped[list[Any]]
    reference: Mapped[str | None] = mapped_column(comment="the partner's own")
