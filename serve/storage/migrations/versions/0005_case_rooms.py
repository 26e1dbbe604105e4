"""What belongs to a case: reports, notes, drafts, skips, appeals, its texts, and searches.

Revision: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels: str | None = None
depends_on: str | None = None

INSTANT = sa.DateTime(timezone=True)
ROW_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


# What may never change: what people said and did. Triggers as in revision 0001.
FROZEN = {
    "reports": (
        *("report_id", "post_id", "received_at", "received_from", "channel", "reporter_role", "consents"),
        *("immediate_danger", "under_18", "why", "perceived_strands", "reference"),
    ),
    "notes": ("note_id", "case_id", "author", "written_at", "text"),
    "appeals": (
        *("appeal_id", "case_id", "decision_id", "made_by", "grounds", "received_at", "taken_by", "cycle"),
    ),
    "decision_posts": ("decision_id", "post_id"),
    "post_reversals": ("decision_id", "post_id", "reversed_by", "reversed_at", "reason", "new_case_id"),
    "text_separations": ("text_key", "other_key", "separated_by", "separated_at", "reason"),
    "search_entries": ("search_id", "actor", "searched_at", "query", "found"),
}
TABLES = (
    *("reports", "notes", "drafts", "case_skips", "appeals", "decision_posts", "post_reversals"),
    *("distinct_texts", "post_texts", "text_bands", "text_separations", "saved_filters", "search_entries"),
)


def upgrade() -> None:
    _create_rooms()
    _create_texts()
    op.execute(
        "INSERT INTO decision_posts (decision_id, post_id) SELECT d.decision_id, p.post_id FROM decisions d "
        "JOIN case_posts p ON p.case_id = d.case_id"
    )
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    for table, columns in FROZEN.items():
        does = (
            "FOR EACH ROW EXECUTE FUNCTION watchhouse_refuse_change()"
            if is_postgresql
            else f"BEGIN SELECT RAISE(ABORT, '{table} never change'); END"
        )
        for name, when in (("update", f"UPDATE OF {', '.join(columns)}"), ("delete", "DELETE")):
            op.execute(f"CREATE TRIGGER {table}_refuse_{name} BEFORE {when} ON {table} {does}")
        if is_postgresql:
            op.execute(
                f"CREATE TRIGGER {table}_refuse_truncate BEFORE TRUNCATE ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION watchhouse_refuse_change()"
            )


def downgrade() -> None:
    """Reports, notes, drafts, appeals and the log of searches are lost."""
    for table in reversed(TABLES):
        op.drop_table(table)  # its triggers go with it


def _create_rooms() -> None:
    op.create_table(
        "reports",
        sa.Column("report_id", sa.String(length=26), nullable=False, comment="ULID"),
        sa.Column("post_id", sa.String(length=26), nullable=False),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.Column("received_from", sa.Text(), nullable=False, comment="actor"),
        sa.Column(
            "channel",
            sa.Text(),
            nullable=False,
            comment="officer, partner, api, phone_101, true_vision, form",
        ),
        sa.Column(
            "reporter_role",
            sa.Text(),
            nullable=False,
            comment="victim, witness, on_behalf, organisation, not_said",
        ),
        sa.Column("consents", sa.JSON(), nullable=False, comment="police, platform, support_org"),
        sa.Column("immediate_danger", sa.Boolean(), nullable=False),
        sa.Column("under_18", sa.Boolean(), nullable=False),
        sa.Column(
            "why", sa.Text(), nullable=False, comment="why the reporter thinks it is hostility; may be empty"
        ),
        sa.Column("perceived_strands", sa.JSON(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=True, comment="the partner's own"),
        sa.ForeignKeyConstraint(["post_id"], ["posts.post_id"], name="fk_reports_post_id_posts"),
        sa.PrimaryKeyConstraint("report_id", name="pk_reports"),
    )
    op.create_index("ix_reports_post_id", "reports", ["post_id"], unique=False)
    op.create_table(
        "notes",
        sa.Column("note_id", sa.String(length=26), nullable=False, comment="ULID"),
        sa.Column("case_id", sa.String(length=26), nullable=False),
        sa.Column("author", sa.Text(), nullable=False, comment="actor"),
        sa.Column("written_at", INSTANT, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"], name="fk_notes_case_id_cases"),
        sa.PrimaryKeyConstraint("note_id", name="pk_notes"),
    )
    op.create_index("ix_notes_case_id", "notes", ["case_id"], unique=False)
    op.create_table(
        "drafts",
        sa.Column("case_id", sa.String(length=26), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("kept_at", INSTANT, nullable=False),
        sa.Column("why", sa.Text(), nullable=False, comment="lease_lost, case_decided, put_by"),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"], name="fk_drafts_case_id_cases"),
        sa.PrimaryKeyConstraint("case_id", "actor", name="pk_drafts"),
    )
    op.create_table(
        "case_skips",
        sa.Column("case_id", sa.String(length=26), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("skipped_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"], name="fk_case_skips_case_id_cases"),
        sa.PrimaryKeyConstraint("case_id", "actor", name="pk_case_skips"),
    )
    op.create_table(
        "appeals",
        sa.Column("appeal_id", sa.String(length=26), nullable=False, comment="ULID"),
        sa.Column("case_id", sa.String(length=26), nullable=False),
        sa.Column("decision_id", sa.String(length=26), nullable=False),
        sa.Column(
            "made_by", sa.Text(), nullable=False, comment="reporter, victim, author, platform, partner"
        ),
        sa.Column("grounds", sa.Text(), nullable=False),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.Column("taken_by", sa.Text(), nullable=False, comment="actor"),
        sa.Column("cycle", sa.Integer(), nullable=False, comment="the cycle that it opened"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"], name="fk_appeals_case_id_cases"),
        sa.ForeignKeyConstraint(
            ["decision_id"], ["decisions.decision_id"], name="fk_appeals_decision_id_decisions"
        ),
        sa.PrimaryKeyConstraint("appeal_id", name="pk_appeals"),
        sa.UniqueConstraint("decision_id", name="uq_appeals_decision_id"),
    )
    op.create_index("ix_appeals_case_id", "appeals", ["case_id"], unique=False)
    op.create_table(
        "decision_posts",
        sa.Column("decision_id", sa.String(length=26), nullable=False),
        sa.Column("post_id", sa.String(length=26), nullable=False),
        sa.ForeignKeyConstraint(
            ["decision_id"], ["decisions.decision_id"], name="fk_decision_posts_decision_id_decisions"
        ),
        sa.ForeignKeyConstraint(["post_id"], ["posts.post_id"], name="fk_decision_posts_post_id_posts"),
        sa.PrimaryKeyConstraint("decision_id", "post_id", name="pk_decision_posts"),
    )
    op.create_index("ix_decision_posts_post_id", "decision_posts", ["post_id"], unique=False)
    op.create_table(
        "post_reversals",
        sa.Column("decision_id", sa.String(length=26), nullable=False),
        sa.Column("post_id", sa.String(length=26), nullable=False),
        sa.Column("reversed_by", sa.Text(), nullable=False, comment="actor"),
        sa.Column("reversed_at", INSTANT, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("new_case_id", sa.String(length=26), nullable=False),
        sa.ForeignKeyConstraint(
            ["decision_id"], ["decisions.decision_id"], name="fk_post_reversals_decision_id_decisions"
        ),
        sa.ForeignKeyConstraint(
            ["new_case_id"], ["cases.case_id"], name="fk_post_reversals_new_case_id_cases"
        ),
        sa.ForeignKeyConstraint(["post_id"], ["posts.post_id"], name="fk_post_reversals_post_id_posts"),
        sa.PrimaryKeyConstraint("decision_id", "post_id", name="pk_post_reversals"),
    )


def _create_texts() -> None:
    op.create_table(
        "distinct_texts",
        sa.Column("text_key", sa.String(length=64), nullable=False, comment="SHA-256"),
        sa.Column("first_post_id", sa.String(length=26), nullable=False),
        sa.Column("first_seen_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ["first_post_id"], ["posts.post_id"], name="fk_distinct_texts_first_post_id_posts"
        ),
        sa.PrimaryKeyConstraint("text_key", name="pk_distinct_texts"),
    )
    op.create_table(
        "post_texts",
        sa.Column("post_id", sa.String(length=26), nullable=False),
        sa.Column("text_key", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["post_id"], ["posts.post_id"], name="fk_post_texts_post_id_posts"),
        sa.ForeignKeyConstraint(
            ["text_key"], ["distinct_texts.text_key"], name="fk_post_texts_text_key_distinct_texts"
        ),
        sa.PrimaryKeyConstraint("post_id", name="pk_post_texts"),
    )
    op.create_index("ix_post_texts_text_key", "post_texts", ["text_key"], unique=False)
    op.create_table(
        "text_bands",
        sa.Column("band", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=16), nullable=False),
        sa.Column("text_key", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["text_key"], ["distinct_texts.text_key"], name="fk_text_bands_text_key_distinct_texts"
        ),
        sa.PrimaryKeyConstraint("band", "digest", "text_key", name="pk_text_bands"),
    )
    op.create_table(
        "text_separations",
        sa.Column("text_key", sa.String(length=64), nullable=False),
        sa.Column("other_key", sa.String(length=64), nullable=False),
        sa.Column("separated_by", sa.Text(), nullable=False, comment="actor"),
        sa.Column("separated_at", INSTANT, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.CheckConstraint("text_key < other_key", name="ck_text_separations_in_order"),
        sa.ForeignKeyConstraint(
            ["other_key"], ["distinct_texts.text_key"], name="fk_text_separations_other_key_distinct_texts"
        ),
        sa.ForeignKeyConstraint(
            ["text_key"], ["distinct_texts.text_key"], name="fk_text_separations_text_key_distinct_texts"
        ),
        sa.PrimaryKeyConstraint("text_key", "other_key", name="pk_text_separations"),
    )
    op.create_index("ix_text_separations_other_key", "text_separations", ["other_key"], unique=False)
    # ### end Alembic commands ###
    op.create_table(
        "saved_filters",
        sa.Column("filter_id", sa.String(length=26), nullable=False, comment="ULID"),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("query", sa.JSON(), nullable=False),
        sa.Column("saved_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("filter_id", name="pk_saved_filters"),
        sa.UniqueConstraint("actor", "name", name="uq_saved_filters_actor_name"),
    )
    op.create_table(
        "search_entries",
        sa.Column("search_id", sa.String(length=26), nullable=False, comment="ULID"),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("searched_at", INSTANT, nullable=False),
        sa.Column("query", sa.JSON(), nullable=False),
        sa.Column("found", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("search_id", name="pk_search_entries"),
    )
    op.create_index("ix_search_entries_searched_at", "search_entries", ["searched_at"], unique=False)
