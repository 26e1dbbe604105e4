"""The bundles that a hub knows, who agreed to which, and what a shadow said.

Revision: 0008
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels: str | None = None
depends_on: str | None = None

INSTANT = sa.DateTime(timezone=True)
ROW_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


FROZEN = {
    "bundles": ("bundle_id", "folder", "manifest_sha256", "lineage", "registered_at", "registered_by"),
    "gate_verdicts": (
        *("verdict_id", "bundle_id", "against", "verdict", "labels_needed", "decision", "decided_at"),
        *("recorded_at", "recorded_by"),
    ),
    "alias_changes": (
        *("change_id", "alias", "before", "after", "why", "reason", "changed_at", "changed_by"),
    ),
    "shadow_scores": (
        *("post_id", "bundle", "hate", "antisemitic", "islamophobic", "far_right", "route", "against_bundle"),
        *("against_route", "differs", "scored_at"),
    ),
}
"""What may never change. Triggers as in revision 0001; shadow scores may be deleted, with their post."""
KEPT = ("bundles", "gate_verdicts", "alias_changes")
TABLES = ("bundles", "gate_verdicts", "bundle_aliases", "promotions", "alias_changes", "shadow_scores")


def upgrade() -> None:
    _create()
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    for table, columns in FROZEN.items():
        does = (
            "FOR EACH ROW EXECUTE FUNCTION watchhouse_refuse_change()"
            if is_postgresql
            else f"BEGIN SELECT RAISE(ABORT, '{table} never change'); END"
        )
        op.execute(
            f"CREATE TRIGGER {table}_refuse_update BEFORE UPDATE OF {', '.join(columns)} ON {table} {does}"
        )
        if table in KEPT:
            op.execute(f"CREATE TRIGGER {table}_refuse_delete BEFORE DELETE ON {table} {does}")
        if table in KEPT and is_postgresql:
            op.execute(
                f"CREATE TRIGGER {table}_refuse_truncate BEFORE TRUNCATE ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION watchhouse_refuse_change()"
            )


def downgrade() -> None:
    """Which bundle scores goes back to the setting `bundle`; requests, verdicts and shadow scores are lost."""
    for table in reversed(TABLES):
        op.drop_table(table)  # its triggers go with it


def _create() -> None:
    op.create_table(
        "bundles",
        sa.Column("bundle_id", sa.Text(), nullable=False),
        sa.Column(
            "folder",
            sa.Text(),
            nullable=False,
            comment="inside the hub's folder; `shipped`: the product's own",
        ),
        sa.Column("manifest_sha256", sa.String(length=64), nullable=False),
        sa.Column("lineage", sa.JSON(), nullable=False, comment="hashes of data, codebook, recipe, code"),
        sa.Column("registered_at", INSTANT, nullable=False),
        sa.Column("registered_by", sa.Text(), nullable=False, comment="actor"),
        sa.PrimaryKeyConstraint("bundle_id", name="pk_bundles"),
    )
    op.create_table(
        "gate_verdicts",
        sa.Column("verdict_id", sa.String(length=26), nullable=False, comment="ULID"),
        sa.Column("bundle_id", sa.Text(), nullable=False),
        sa.Column("against", sa.Text(), nullable=False, comment="the bundle it was compared with"),
        sa.Column("verdict", sa.Text(), nullable=False, comment="promote, refuse, needs labels"),
        sa.Column("labels_needed", sa.Integer(), nullable=False),
        sa.Column("decision", sa.JSON(), nullable=False, comment="the gate's file as it was"),
        sa.Column("decided_at", INSTANT, nullable=False),
        sa.Column("recorded_at", INSTANT, nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False, comment="actor"),
        sa.ForeignKeyConstraint(
            ["bundle_id"], ["bundles.bundle_id"], name="fk_gate_verdicts_bundle_id_bundles"
        ),
        sa.PrimaryKeyConstraint("verdict_id", name="pk_gate_verdicts"),
    )
    op.create_index("ix_gate_verdicts_bundle_id", "gate_verdicts", ["bundle_id"], unique=False)
    op.create_table(
        "bundle_aliases",
        sa.Column("alias", sa.String(length=16), nullable=False),
        sa.Column("bundle_id", sa.Text(), nullable=False),
        sa.Column("set_at", INSTANT, nullable=False),
        sa.Column("set_by", sa.Text(), nullable=False, comment="actor"),
        sa.CheckConstraint("alias IN ('current', 'shadow', 'previous')", name="ck_bundle_aliases_alias"),
        sa.ForeignKeyConstraint(
            ["bundle_id"], ["bundles.bundle_id"], name="fk_bundle_aliases_bundle_id_bundles"
        ),
        sa.PrimaryKeyConstraint("alias", name="pk_bundle_aliases"),
    )
    op.create_table(
        "promotions",
        sa.Column("promotion_id", sa.String(length=26), nullable=False, comment="ULID"),
        sa.Column("bundle_id", sa.Text(), nullable=False),
        sa.Column("replaces", sa.Text(), nullable=False),
        sa.Column("verdict_id", sa.String(length=26), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False, comment="actor"),
        sa.Column("asked_at", INSTANT, nullable=False),
        sa.Column("answer", sa.Text(), nullable=True, comment="approved, declined, withdrawn; null: waits"),
        sa.Column("answered_by", sa.Text(), nullable=True, comment="actor"),
        sa.Column("answered_at", INSTANT, nullable=True),
        sa.CheckConstraint(
            "answer <> 'approved' OR answered_by <> asked_by", name="ck_promotions_two_people"
        ),
        sa.CheckConstraint("answer IN ('approved', 'declined', 'withdrawn')", name="ck_promotions_answer"),
        sa.CheckConstraint("(answer IS NULL) = (answered_by IS NULL)", name="ck_promotions_answered"),
        sa.ForeignKeyConstraint(["bundle_id"], ["bundles.bundle_id"], name="fk_promotions_bundle_id_bundles"),
        sa.ForeignKeyConstraint(
            ["verdict_id"], ["gate_verdicts.verdict_id"], name="fk_promotions_verdict_id_gate_verdicts"
        ),
        sa.PrimaryKeyConstraint("promotion_id", name="pk_promotions"),
    )
    op.create_index(
        "uq_promotions_waiting",
        "promotions",
        ["bundle_id"],
        unique=True,
        sqlite_where=sa.text("answer IS NULL"),
        postgresql_where=sa.text("answer IS NULL"),
    )
    op.create_table(
        "alias_changes",
        sa.Column("change_id", ROW_NUMBER, autoincrement=True, nullable=False),
        sa.Column("alias", sa.Text(), nullable=False),
        sa.Column("before", sa.Text(), nullable=True),
        sa.Column("after", sa.Text(), nullable=True),
        sa.Column(
            "why",
            sa.Text(),
            nullable=False,
            comment="first_start, promoted, rolled_back, shadow_begun, shadow_ended",
        ),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("changed_at", INSTANT, nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False, comment="actor"),
        sa.PrimaryKeyConstraint("change_id", name="pk_alias_changes"),
    )
    op.create_index("ix_alias_changes_changed_at", "alias_changes", ["changed_at"], unique=False)
    op.create_table(
        "shadow_scores",
        sa.Column("post_id", sa.String(length=26), nullable=False),
        sa.Column("bundle", sa.Text(), nullable=False),
        sa.Column("hate", sa.Float(), nullable=True, comment="null: could not be scored"),
        sa.Column("antisemitic", sa.Float(), nullable=True),
        sa.Column("islamophobic", sa.Float(), nullable=True),
        sa.Column("far_right", sa.Float(), nullable=True),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("against_bundle", sa.Text(), nullable=False, comment="whose scores it is compared with"),
        sa.Column("against_route", sa.Text(), nullable=False),
        sa.Column("differs", sa.Boolean(), nullable=False, comment="another route, or a strand more or less"),
        sa.Column("scored_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["post_id"], ["posts.post_id"], name="fk_shadow_scores_post_id_posts"),
        sa.PrimaryKeyConstraint("post_id", "bundle", name="pk_shadow_scores"),
    )
    op.create_index("ix_shadow_scores_differs", "shadow_scores", ["differs"], unique=False)
