"""Every table of the hub: the schema is one read.

The same definitions serve SQLite and PostgreSQL. Instants are UTC (`UtcDateTime`). Lists and
small objects are JSON. Nothing here has behaviour: rules live in the rooms.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy import (
    text as sql,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC instant on both databases; SQLite alone would drop the zone and keep the wrong hour."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuses naive instants, stores UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime reached the database")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Gives back an aware UTC instant."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Row(DeclarativeBase):
    """The parent of every table."""

    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it as a plain class attribute
        datetime: UtcDateTime,
        dict[str, Any]: JSON,
        list[Any]: JSON,
        str: Text,
        bytes: LargeBinary,
    }


# SQLite numbers rows by itself only in an INTEGER primary key.
RowNumber = BigInteger().with_variant(Integer, "sqlite")


class Officer(Row):
    """A person who signs in. Everything else knows people by `officer_id` only."""

    __tablename__ = "officers"

    officer_id: Mapped[str] = mapped_column(String(26), primary_key=True, comment="ULID")
    name: Mapped[str] = mapped_column(unique=True)
    role: Mapped[str] = mapped_column(comment="serve/people/roles.py lists them")
    password_hash: Mapped[str] = mapped_column(comment="argon2id")
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]


class Session(Row):
    """A signed-in browser. Only the hash of the cookie is stored."""

    __tablename__ = "sessions"

    token_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    officer_id: Mapped[str] = mapped_column(ForeignKey("officers.officer_id"), index=True)
    csrf_token: Mapped[str]
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class SignInAttempt(Row):
    """A failed sign-in; enough of them in a window lock the name for a while."""

    __tablename__ = "sign_in_attempts"

    attempt_id: Mapped[int] = mapped_column(RowNumber, primary_key=True, autoincrement=True)
    name_sha256: Mapped[str] = mapped_column(String(64))
    attempted_at: Mapped[datetime]

    __table_args__ = (Index("ix_sign_in_attempts_name_at", "name_sha256", "attempted_at"),)


class ApiKey(Row):
    """A caller without a browser. Only the hash of the key is stored."""

    __tablename__ = "api_keys"

    key_id: Mapped[str] = mapped_column(String(26), primary_key=True, comment="ULID")
    key_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    label: Mapped[str]
    scopes: Mapped[list[Any]] = mapped_column(comment="score, posts, review")
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class IdempotencyKey(Row):
    """The answer that a repeated request with the same key gets again."""

    __tablename__ = "idempotency_keys"

    key_id: Mapped[str] = mapped_column(ForeignKey("api_keys.key_id"), primary_key=True)
    idempotency_key: Mapped[str] = mapped_column(String(255), primary_key=True)
    body_sha256: Mapped[str] = mapped_column(String(64))
    status: Mapped[int]
    answer: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(index=True)


class Post(Row):
    """What was published, as it was sent to us. Never changed after it is stored."""

    __tablename__ = "posts"

    post_id: Mapped[str] = mapped_column(String(26), primary_key=True, comment="ULID")
    external_id: Mapped[str | None] = mapped_column(index=True, comment="the sender's id")
    text: Mapped[str]
    text_sha256: Mapped[str] = mapped_column(String(64), index=True)
    platform: Mapped[str | None]
    url: Mapped[str | None]
    author: Mapped[str | None]
    posted_at: Mapped[datetime | None]
    received_at: Mapped[datetime]
    received_from: Mapped[str] = mapped_column(comment="actor: key:ID, officer:ID, system:NAME")
    scored_at: Mapped[datetime | None] = mapped_column(comment="null: waits for the scorer")

    __table_args__ = (
        Index(
            "ix_posts_unscored",
            "post_id",
            sqlite_where=sql("scored_at IS NULL"),
            postgresql_where=sql("scored_at IS NULL"),
        ),
    )


class PostScores(Row):
    """The machine's scores of a post. A later bundle adds a row; none is overwritten."""

    __tablename__ = "post_scores"

    scores_id: Mapped[int] = mapped_column(RowNumber, primary_key=True, autoincrement=True)
    post_id: Mapped[str] = mapped_column(ForeignKey("posts.post_id"), index=True)
    bundle: Mapped[str]
    policy: Mapped[str] = mapped_column(comment="policy name and version")
    policy_sha256: Mapped[str] = mapped_column(String(64))
    hate: Mapped[float | None] = mapped_column(Float, comment="null: could not be scored")
    antisemitic: Mapped[float | None] = mapped_column(Float)
    islamophobic: Mapped[float | None] = mapped_column(Float)
    far_right: Mapped[float | None] = mapped_column(Float)
    route: Mapped[str]
    reason: Mapped[str]
    scored_at: Mapped[datetime]


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
