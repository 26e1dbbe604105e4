"""Research: uploaded suites, their runs and results, and a quick count of a person's extracts.

Revision: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision: str | None = "0001"
branch_labels: str | None = None
depends_on: str | None = None

INSTANT = sa.DateTime(timezone=True)

FROZEN_COLUMNS = {
    "suites": ("suite_id", "name", "sha256", "cases", "uploaded_at", "uploaded_by", "csv"),
    "suite_runs": ("suite_id", "bundle", "requested_at", "requested_by"),
    "suite_results": ("suite_id", "bundle", "thresholds", "scores", "scored_at"),
}
"""What may never change, column by column: everything."""

APPEND_ONLY = ("suite_runs", "suite_results")
"""Rows of these cannot be deleted either, and a suite that was run is held by its runs.

On SQLite by a trigger too: a client that does not ask for foreign keys has none.
"""

ONLY_EXTRACTS = sa.text("event = 'research:extract:made'")


def upgrade() -> None:
    op.create_table(
        "suites",
        sa.Column("suite_id", sa.String(length=26), nullable=False, comment="ULID"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False, comment="of `csv`"),
        sa.Column("cases", sa.Integer(), nullable=False),
        sa.Column("uploaded_at", INSTANT, nullable=False),
        sa.Column("uploaded_by", sa.Text(), nullable=False, comment="actor"),
        sa.Column("csv", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("suite_id", name="pk_suites"),
        sa.UniqueConstraint("sha256", name="uq_suites_sha256"),
    )
    op.create_table(
        "suite_runs",
        sa.Column("suite_id", sa.String(length=26), nullable=False),
        sa.Column("bundle", sa.Text(), nullable=False),
        sa.Column("requested_at", INSTANT, nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False, comment="actor"),
        sa.ForeignKeyConstraint(["suite_id"], ["suites.suite_id"], name="fk_suite_runs_suite_id_suites"),
        sa.PrimaryKeyConstraint("suite_id", "bundle", name="pk_suite_runs"),
    )
    op.create_table(
        "suite_results",
        sa.Column("suite_id", sa.String(length=26), nullable=False),
        sa.Column("bundle", sa.Text(), nullable=False),
        sa.Column("thresholds", sa.JSON(), nullable=False),
        sa.Column("scores", sa.JSON(), nullable=False),
        sa.Column("scored_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ["suite_id", "bundle"],
            ["suite_runs.suite_id", "suite_runs.bundle"],
            name="fk_suite_results_suite_id_suite_runs",
        ),
        sa.PrimaryKeyConstraint("suite_id", "bundle", name="pk_suite_results"),
    )
    op.create_index(
        "ix_audit_events_extracts",
        "audit_events",
        ["actor", "happened_at"],
        unique=False,
        sqlite_where=ONLY_EXTRACTS,
        postgresql_where=ONLY_EXTRACTS,
    )
    op.create_index(op.f("ix_decisions_decided_at"), "decisions", ["decided_at"], unique=False)
    if op.get_bind().dialect.name == "postgresql":
        _refuse_changes_on_postgresql()
    else:
        _refuse_changes_on_sqlite()


def downgrade() -> None:
    op.drop_index(op.f("ix_decisions_decided_at"), table_name="decisions")
    op.drop_index("ix_audit_events_extracts", table_name="audit_events")
    for table in ("suite_results", "suite_runs", "suites"):
        op.drop_table(table)  # its triggers go with it


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
    op.execute(
        "CREATE TRIGGER suites_refuse_delete BEFORE DELETE ON suites "
        "WHEN EXISTS (SELECT 1 FROM suite_runs WHERE suite_id = OLD.suite_id) "
        "BEGIN SELECT RAISE(ABORT, 'suites never change'); END"
    )


def _refuse_changes_on_postgresql() -> None:
    # The function is that of revision 0001.
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
