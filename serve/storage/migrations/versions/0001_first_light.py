"""First light: people, posts, cases, decisions, labelling and the append-only audit log.

Revision: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision: str | None = None
branch_labels: str | None = None
depends_on: str | None = None

INSTANT = sa.DateTime(timezone=True)
ROW_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

TABLES = (
    "officers",
    "sessions",
    "sign_in_attempts",
    "api_keys",
    "idempotency_keys",
    "posts",
    "post_scores",
    "cases",
    "case_posts",
    "decisions",
    "tasks",
    "labels",
    "audit_events",
)
"""In the order of creation: a table stands after those it refers to."""

# What may never change, column by column; `posts.scored_at` is the only one left out.
FROZEN_COLUMNS = {
    "audit_events": ("event_id", "happened_at", "actor", "event", "subject", "details"),
    "decisions": (
        "decision_id",
        "case_id",
        "lease_number",
        "decided_by",
        "decided_at",
        "outcome",
        "outcome_detail",
        "strands",
        "severity",
        "reason",
        "bundles",
        "policy_sha256",
        "outcomes_sha256",
        "codebook_sha256",
    ),
    "posts": (
        "post_id",
        "external_id",
        "text",
        "text_sha256",
        "platform",
        "url",
        "author",
        "posted_at",
        "received_at",
        "received_from",
    ),
}
APPEND_ONLY = ("audit_events", "decisions")
"""Rows of these cannot be deleted either. Posts can: retention is a later revision's business."""


def upgrade() -> None:
    _create_people()
    _create_posts()
    _create_cases()
    _create_labelling()
    _create_audit()
    if op.get_bind().dialect.name == "postgresql":
        _refuse_changes_on_postgresql()
    else:
        _refuse_changes_on_sqlite()


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)  # its triggers go with it
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION watchhouse_refuse_change()")


def _create_people() -> None:
    op.create_table(
        "officers",
        sa.Column("officer_id", sa.String(length=26), nullable=False, comment="ULID"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False, comment="serve/people/roles.py lists them"),
        sa.Column("password_hash", sa.Text(), nullable=False, comment="argon2id"),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("disabled_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("officer_id", name="pk_officers"),
        sa.UniqueConstraint("name", name="uq_officers_name"),
    )
    op.create_table(
        "sessions",
        sa.Column("token_sha256", sa.String(length=64), nullable=False),
        sa.Column("officer_id", sa.String(length=26), nullable=False),
        sa.Column("csrf_token", sa.Text(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("last_seen_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ["officer_id"], ["officers.officer_id"], name="fk_sessions_officer_id_officers"
        ),
        sa.PrimaryKeyConstraint("token_sha256", name="pk_sessions"),
    )
    op.create_index("ix_sessions_expires_at", "sessions", ["expires_at"], unique=False)
    op.create_index("ix_sessions_officer_id", "sessions", ["officer_id"], unique=False)
    op.create_table(
        "sign_in_attempts",
        sa.Column("attempt_id", ROW_NUMBER, autoincrement=True, nullable=False),
        sa.Column("name_sha256", sa.String(length=64), nullable=False),
        sa.Column("attempted_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("attempt_id", name="pk_sign_in_attempts"),
    )
    op.create_index(
        "ix_sign_in_attempts_name_at", "sign_in_attempts", ["name_sha256", "attempted_at"], unique=False
    )
    op.create_table(
        "api_keys",
        sa.Column("key_id", sa.String(length=26), nullable=False, comment="ULID"),
        sa.Column("key_sha256", sa.String(length=64), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False, comment="score, posts, review"),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("revoked_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("key_id", name="pk_api_keys"),
        sa.UniqueConstraint("key_sha256", name="uq_api_keys_key_sha256"),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("key_id", sa.String(length=26), nullable=False),
        sa.Column("idempotency_key", sa.String(length=255), nullable=False),
        sa.Column("body_sha256", sa.String(length=64), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("answer", sa.JSON(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["key_id"], ["api_keys.key_id"], name="fk_idempotency_keys_key_id_api_keys"),
        sa.PrimaryKeyConstraint("key_id", "idempotency_key", name="pk_idempotency_keys"),
    )
    op.create_index("ix_idempotency_keys_created_at", "idempotency_keys", ["created_at"], unique=False)


def _create_posts() -> None:
    op.create_table(
        "posts",
        sa.Column("post_id", sa.String(length=26), nullable=False, comment="ULID"),
        sa.Column("external_id", sa.Text(), nullable=True, comment="the sender's id"),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("text_sha256", sa.String(length=64), nullable=False),
        sa.Column("platform", sa.Text(), nullable=True),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("author", sa.Text(), nullable=True),
        sa.Column("posted_at", INSTANT, nullable=True),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.Column(
            "received_from", sa.Text(), nullable=False, comment="actor: key:ID, officer:ID, system:NAME"
        ),
        sa.Column("scored_at", INSTANT, nullable=True, comment="null: waits for the scorer"),
        sa.PrimaryKeyConstraint("post_id", name="pk_posts"),
    )
    op.create_index("ix_posts_external_id", "posts", ["external_id"], unique=False)
    op.create_index("ix_posts_text_sha256", "posts", ["text_sha256"], unique=False)
    op.create_index(
        "ix_posts_unscored",
        "posts",
        ["post_id"],
        unique=False,
        sqlite_where=sa.text("scored_at IS NULL"),
        postgresql_where=sa.text("scored_at IS NULL"),
    )
    op.create_table(
        "post_scores",
        sa.Column("scores_id", ROW_NUMBER, autoincrement=True, nullable=False),
        sa.Column("post_id", sa.String(length=26), nullable=False),
        sa.Column("bundle", sa.Text(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False, comment="policy name and version"),
        sa.Column("policy_sha256", sa.String(length=64), nullable=False),
        sa.Column("hate", sa.Float(), nullable=True, comment="null: could not be scored"),
        sa.Column("antisemitic", sa.Float(), nullable=True),
        sa.Column("islamophobic", sa.Float(), nullable=True),
        sa.Column("far_right", sa.Float(), nullable=True),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("scored_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["post_id"], ["posts.post_id"], name="fk_post_scores_post_id_posts"),
        sa.PrimaryKeyConstraint("scores_id", name="pk_post_scores"),
    )
    op.create_index("ix_post_scores_post_id", "post_scores", ["post_id"], unique=False)


def _create_cases() -> None:
    op.create_table(
        "cases",
        sa.Column("case_id", sa.String(length=26), nullable=False, comment="ULID"),
        sa.Column("state", sa.Text(), nullable=False, comment="queued, in_review, decided"),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column(
            "strands", sa.JSON(), nullable=False, comment="strands the policy named, for the text cover"
        ),
        sa.Column("priority", sa.Float(), nullable=False, comment="larger first; from the policy"),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("lease_number", sa.Integer(), nullable=False),
        sa.Column("leased_by", sa.Text(), nullable=True, comment="actor"),
        sa.Column("lease_expires_at", INSTANT, nullable=True),
        sa.Column("decided_at", INSTANT, nullable=True),
        sa.CheckConstraint("(state = 'decided') = (decided_at IS NOT NULL)", name="ck_cases_decided"),
        sa.CheckConstraint(
            "(state = 'in_review') = (leased_by IS NOT NULL AND lease_expires_at IS NOT NULL)",
            name="ck_cases_lease",
        ),
        sa.CheckConstraint("state IN ('queued', 'in_review', 'decided')", name="ck_cases_state"),
        sa.PrimaryKeyConstraint("case_id", name="pk_cases"),
    )
    op.create_index(
        "ix_cases_holder",
        "cases",
        ["leased_by"],
        unique=False,
        sqlite_where=sa.text("state = 'in_review'"),
        postgresql_where=sa.text("state = 'in_review'"),
    )
    op.create_index(
        "ix_cases_leased",
        "cases",
        ["lease_expires_at"],
        unique=False,
        sqlite_where=sa.text("state = 'in_review'"),
        postgresql_where=sa.text("state = 'in_review'"),
    )
    op.create_index(
        "ix_cases_queued",
        "cases",
        [sa.text("priority DESC"), "case_id"],
        unique=False,
        sqlite_where=sa.text("state = 'queued'"),
        postgresql_where=sa.text("state = 'queued'"),
    )
    op.create_index("ix_cases_state_created", "cases", ["state", "case_id"], unique=False)
    op.create_table(
        "case_posts",
        sa.Column("post_id", sa.String(length=26), nullable=False),
        sa.Column("case_id", sa.String(length=26), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"], name="fk_case_posts_case_id_cases"),
        sa.ForeignKeyConstraint(["post_id"], ["posts.post_id"], name="fk_case_posts_post_id_posts"),
        sa.PrimaryKeyConstraint("post_id", name="pk_case_posts"),
    )
    op.create_index("ix_case_posts_case_id", "case_posts", ["case_id"], unique=False)
    op.create_table(
        "decisions",
        sa.Column("decision_id", sa.String(length=26), nullable=False, comment="ULID"),
        sa.Column("case_id", sa.String(length=26), nullable=False),
        sa.Column("lease_number", sa.Integer(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=False, comment="actor"),
        sa.Column("decided_at", INSTANT, nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("outcome_detail", sa.Text(), nullable=True),
        sa.Column("strands", sa.JSON(), nullable=False),
        sa.Column("severity", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("bundles", sa.JSON(), nullable=False, comment="bundle ids of the scores that were shown"),
        sa.Column("policy_sha256", sa.String(length=64), nullable=False),
        sa.Column("outcomes_sha256", sa.String(length=64), nullable=False),
        sa.Column("codebook_sha256", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"], name="fk_decisions_case_id_cases"),
        sa.PrimaryKeyConstraint("decision_id", name="pk_decisions"),
        sa.UniqueConstraint("case_id", name="uq_decisions_case_id"),
    )


def _create_labelling() -> None:
    op.create_table(
        "tasks",
        sa.Column("task_id", sa.String(length=26), nullable=False, comment="ULID"),
        sa.Column("batch", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("text_sha256", sa.String(length=64), nullable=False),
        sa.Column("source", sa.Text(), nullable=False, comment="cases, or the name of the file"),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("state", sa.Text(), nullable=False, comment="open, leased, labelled, skipped"),
        sa.Column("lease_number", sa.Integer(), nullable=False),
        sa.Column("leased_by", sa.Text(), nullable=True),
        sa.Column("lease_expires_at", INSTANT, nullable=True),
        sa.CheckConstraint("state IN ('open', 'leased', 'labelled', 'skipped')", name="ck_tasks_state"),
        sa.PrimaryKeyConstraint("task_id", name="pk_tasks"),
        sa.UniqueConstraint("batch", "text_sha256", name="uq_tasks_batch_text_sha256"),
    )
    op.create_index("ix_tasks_batch", "tasks", ["batch"], unique=False)
    op.create_index("ix_tasks_state", "tasks", ["state", "task_id"], unique=False)
    op.create_table(
        "labels",
        sa.Column("label_id", sa.String(length=26), nullable=False, comment="ULID"),
        sa.Column("task_id", sa.String(length=26), nullable=False),
        sa.Column("annotator", sa.Text(), nullable=False, comment="actor"),
        sa.Column("labelled_at", INSTANT, nullable=False),
        sa.Column("undone_at", INSTANT, nullable=True),
        sa.Column("skipped_because", sa.Text(), nullable=True),
        sa.Column("strands", sa.JSON(), nullable=False),
        sa.Column("hate", sa.Boolean(), nullable=True),
        sa.Column("severity", sa.Integer(), nullable=True),
        sa.Column("speech_act", sa.Text(), nullable=True),
        sa.Column("rationale", sa.JSON(), nullable=False, comment="[start, end) code points"),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("codebook", sa.Text(), nullable=False),
        sa.Column("codebook_sha256", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["task_id"], ["tasks.task_id"], name="fk_labels_task_id_tasks"),
        sa.PrimaryKeyConstraint("label_id", name="pk_labels"),
    )
    op.create_index("ix_labels_task_id", "labels", ["task_id"], unique=False)
    op.create_index(
        "uq_labels_standing",
        "labels",
        ["task_id", "annotator"],
        unique=True,
        sqlite_where=sa.text("undone_at IS NULL"),
        postgresql_where=sa.text("undone_at IS NULL"),
    )


def _create_audit() -> None:
    op.create_table(
        "audit_events",
        sa.Column("event_id", ROW_NUMBER, autoincrement=True, nullable=False),
        sa.Column("happened_at", INSTANT, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False, comment="officer:ID, key:ID, system:NAME"),
        sa.Column(
            "event",
            sa.Text(),
            nullable=False,
            comment="source:subject:action, past sense; serve/audit/events.py",
        ),
        sa.Column("subject", sa.Text(), nullable=False, comment="the id of what it happened to"),
        sa.Column("details", sa.JSON(), nullable=False, comment="never a post's text"),
        sa.PrimaryKeyConstraint("event_id", name="pk_audit_events"),
    )
    op.create_index("ix_audit_events_subject", "audit_events", ["subject"], unique=False)


def _refuse_changes_on_sqlite() -> None:
    for table, columns in FROZEN_COLUMNS.items():
        op.execute(
            f"CREATE TRIGGER {table}_refuse_update BEFORE UPDATE OF {', '.join(columns)} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} never change'); END"
        )
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_refuse_delete BEFORE DELETE ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} never change'); END"
        )


def _refuse_changes_on_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION watchhouse_refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION '% never change', TG_TABLE_NAME; END $$"
    )
    for table, columns in FROZEN_COLUMNS.items():
        op.execute(
            f"CREATE TRIGGER {table}_refuse_update BEFORE UPDATE OF {', '.join(columns)} ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION watchhouse_refuse_change()"
        )
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_refuse_delete BEFORE DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION watchhouse_refuse_change()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_refuse_truncate BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION watchhouse_refuse_change()"
        )
