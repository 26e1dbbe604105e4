"""Cases and decisions as revision 0001 had them, for going back from 0004."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

INSTANT = sa.DateTime(timezone=True)


def recreate_cases() -> None:
    """Cases in three states, their posts, and one decision for each."""
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
    op.create_index("ix_decisions_decided_at", "decisions", ["decided_at"], unique=False)
