"""Tables of what people said: judgements of single readers, decisions, and what undid them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, CheckConstraint, ForeignKey, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from serve.storage.tables.row import Row


class Judgement(Row):
    """What one reader said of a case, blind to the others. Append-only.

    Nobody judges a case twice, in no round and after no reopening: the constraint says so.
    """

    __tablename__ = "judgements"

    judgement_id: Mapped[str] = mapped_column(String(26), primary_key=True, comment="ULID")
    case_id: Mapped[str] = mapped_column(ForeignKey("cases.case_id"))
    actor: Mapped[str]
    cycle: Mapped[int]
    round: Mapped[int] = mapped_column(comment="1 first reader, 2 second reader, 3 adjudication")
    lease_number: Mapped[int]
    judged_at: Mapped[datetime]
    outcome: Mapped[str]
    outcome_detail: Mapped[str | None]
    strands: Mapped[list[Any]]
    codes: Mapped[list[Any]] = mapped_column(comment="of the codebook")
    severity: Mapped[int]
    speech_act: Mapped[str | None]
    context_flags: Mapped[list[Any]]
    confidence: Mapped[str] = mapped_column(comment="high, medium, low; not_said before 0004")
    standard: Mapped[str | None] = mapped_column(comment="standard of proof applied; configs/law")
    law: Mapped[list[Any]] = mapped_column(comment="[{id, met: [...], missing: [...]}] of the law catalogue")
    proportionality: Mapped[str]
    reason: Mapped[str]
    saw_scores: Mapped[bool] = mapped_column(
        Boolean, comment="whether the machine's scores were shown before"
    )
    second_review_causes: Mapped[list[Any]]
    bundles: Mapped[list[Any]] = mapped_column(comment="bundle ids of the newest scores of its posts")
    policy_sha256: Mapped[str] = mapped_column(String(64))
    outcomes_sha256: Mapped[str] = mapped_column(String(64))
    codebook_sha256: Mapped[str] = mapped_column(String(64))
    law_sha256: Mapped[str | None] = mapped_column(String(64), comment="null: made before 0004")

    __table_args__ = (
        UniqueConstraint("case_id", "actor"),
        UniqueConstraint("case_id", "cycle", "round"),
        CheckConstraint("round IN (1, 2, 3)", name="round"),
        CheckConstraint("severity BETWEEN 0 AND 4", name="severity"),
    )


class Decision(Row):
    """What stands of a case, with everything it stood on. Append-only; a later cycle's supersedes it."""

    __tablename__ = "decisions"

    decision_id: Mapped[str] = mapped_column(String(26), primary_key=True, comment="ULID")
    case_id: Mapped[str] = mapped_column(ForeignKey("cases.case_id"))
    cycle: Mapped[int] = mapped_column(Integer, default=0)
    supersedes: Mapped[str | None] = mapped_column(ForeignKey("decisions.decision_id"), unique=True)
    judgement_ids: Mapped[list[Any]] = mapped_column(
        default=list, comment="of this cycle, in order; before 0004: none"
    )
    lease_number: Mapped[int]
    decided_by: Mapped[str] = mapped_column(comment="actor")
    decided_at: Mapped[datetime] = mapped_column(index=True)
    outcome: Mapped[str]
    outcome_detail: Mapped[str | None]
    strands: Mapped[list[Any]]
    codes: Mapped[list[Any]] = mapped_column(default=list)
    severity: Mapped[int]
    standard: Mapped[str | None]
    law: Mapped[list[Any]] = mapped_column(default=list)
    proportionality: Mapped[str] = mapped_column(default="")
    reason: Mapped[str]
    dissent: Mapped[list[Any]] = mapped_column(
        default=list, comment="[{judgement_id, outcome, severity}] of who differed"
    )
    bundles: Mapped[list[Any]] = mapped_column(comment="bundle ids of the scores that were shown")
    policy_sha256: Mapped[str] = mapped_column(String(64))
    outcomes_sha256: Mapped[str] = mapped_column(String(64))
    codebook_sha256: Mapped[str] = mapped_column(String(64))
    law_sha256: Mapped[str | None] = mapped_column(String(64), comment="null: made before 0004")

    __table_args__ = (UniqueConstraint("case_id", "cycle"),)


class DecisionPost(Row):
    """A post that a decision is about. Append-only: what undoes it stands in `post_reversals`."""

    __tablename__ = "decision_posts"

    decision_id: Mapped[str] = mapped_column(ForeignKey("decisions.decision_id"), primary_key=True)
    post_id: Mapped[str] = mapped_column(ForeignKey("posts.post_id"), primary_key=True, index=True)


class PostReversal(Row):
    """A decision does not hold for one of its posts, which has a case of its own since. Append-only."""

    __tablename__ = "post_reversals"

    decision_id: Mapped[str] = mapped_column(ForeignKey("decisions.decision_id"), primary_key=True)
    post_id: Mapped[str] = mapped_column(ForeignKey("posts.post_id"), primary_key=True)
    reversed_by: Mapped[str] = mapped_column(comment="actor")
    reversed_at: Mapped[datetime]
    reason: Mapped[str]
    new_case_id: Mapped[str] = mapped_column(ForeignKey("cases.case_id"))


class Appeal(Row):
    """Somebody says that a decision is wrong: the case goes to eyes that have not judged it. Append-only."""

    __tablename__ = "appeals"

    appeal_id: Mapped[str] = mapped_column(String(26), primary_key=True, comment="ULID")
    case_id: Mapped[str] = mapped_column(ForeignKey("cases.case_id"), index=True)
    decision_id: Mapped[str] = mapped_column(ForeignKey("decisions.decision_id"), unique=True)
    made_by: Mapped[str] = mapped_column(comment="reporter, victim, author, platform, partner")
    grounds: Mapped[str]
    received_at: Mapped[datetime]
    taken_by: Mapped[str] = mapped_column(comment="actor")
    cycle: Mapped[int] = mapped_column(comment="the cycle that it opened")
