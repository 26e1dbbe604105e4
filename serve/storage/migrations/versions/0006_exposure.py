"""The exposure budget: readings, breaks, going on, and how people want to read.

Revision: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels: str | None = None
depends_on: str | None = None

INSTANT = sa.DateTime(timezone=True)

FROZEN_COLUMNS = {
    "readings": (
        "reading_id",
        "version",
        "actor",
        "shift_began_at",
        "recorded_at",
        "subject_kind",
        "subject_id",
        "text_sha256",
        "severity_expected",
        "severity_judged",
        "units",
        "policy_sha256",
    ),
    "breaks": ("break_id", "actor", "kind", "began_at", "least_minutes"),
    "went_on": ("went_on_id", "actor", "went_on_at", "because", "reason", "dose_units"),
}
"""What may never change, column by column. Rows may be deleted: what people read is not kept for good."""


def upgrade() -> None:
    _make_readings()
    op.create_table(
        "exposure_preferences",
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("strands_excluded", sa.JSON(), nullable=False),
        sa.Column("two_worst_in_a_row", sa.Boolean(), nullable=False),
        sa.Column("covers", sa.Boolean(), nullable=False),
        sa.Column("masks", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("actor", name="pk_exposure_preferences"),
    )
    op.create_table(
        "breaks",
        sa.Column("break_id", sa.String(length=26), nullable=False, comment="ULID"),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="own, offered, forced"),
        sa.Column("began_at", INSTANT, nullable=False),
        sa.Column("least_minutes", sa.Integer(), nullable=False, comment="how long it has to be to count"),
        sa.Column("ended_at", INSTANT, nullable=True, comment="null: it runs"),
        sa.CheckConstraint("kind IN ('own', 'offered', 'forced')", name=op.f("ck_breaks_kind")),
        sa.CheckConstraint("ended_at >= began_at", name=op.f("ck_breaks_ended")),
        sa.PrimaryKeyConstraint("break_id", name="pk_breaks"),
    )
    op.create_index("ix_breaks_actor_began_at", "breaks", ["actor", "began_at"], unique=False)
    runs = sa.text("ended_at IS NULL")
    op.create_index(
        "uq_breaks_running", "breaks", ["actor"], unique=True, sqlite_where=runs, postgresql_where=runs
    )
    op.create_table(
        "went_on",
        sa.Column("went_on_id", sa.String(length=26), nullable=False, comment="ULID"),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("went_on_at", INSTANT, nullable=False),
        sa.Column("because", sa.Text(), nullable=False, comment="the stop: serve/people/exposure/budget.py"),
        sa.Column("reason", sa.Text(), nullable=False, comment="a code of the exposure policy"),
        sa.Column("dose_units", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("went_on_id", name="pk_went_on"),
    )
    op.create_index("ix_went_on_actor_went_on_at", "went_on", ["actor", "went_on_at"], unique=False)
    if op.get_bind().dialect.name == "postgresql":
        _refuse_changes_on_postgresql()
    else:
        _refuse_changes_on_sqlite()


def downgrade() -> None:
    for table in ("went_on", "breaks", "exposure_preferences", "readings"):
        op.drop_table(table)  # its triggers go with it


def _make_readings() -> None:
    op.create_table(
        "readings",
        sa.Column("reading_id", sa.String(length=32), nullable=False, comment="random"),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column(
            "shift_began_at", INSTANT, nullable=False, comment="of the shift in which the text was read"
        ),
        sa.Column("recorded_at", INSTANT, nullable=False),
        sa.Column("subject_kind", sa.Text(), nullable=True, comment="post, task; null: set aside unnamed"),
        sa.Column("subject_id", sa.String(length=26), nullable=True),
        sa.Column("text_sha256", sa.String(length=64), nullable=True),
        sa.Column("severity_expected", sa.Integer(), nullable=False),
        sa.Column(
            "severity_judged", sa.Integer(), nullable=True, comment="this person's own; null: not judged"
        ),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("policy_sha256", sa.String(length=64), nullable=False),
        sa.CheckConstraint("severity_expected BETWEEN 0 AND 4", name=op.f("ck_readings_severity_expected")),
        sa.CheckConstraint("severity_judged BETWEEN 0 AND 4", name=op.f("ck_readings_severity_judged")),
        sa.CheckConstraint(
            "version >= 0 AND (version = 0 OR severity_judged IS NOT NULL)", name=op.f("ck_readings_version")
        ),
        sa.CheckConstraint(
            "(subject_kind IS NULL) = (subject_id IS NULL) AND (subject_id IS NULL) = (text_sha256 IS NULL)",
            name=op.f("ck_readings_subject"),
        ),
        sa.PrimaryKeyConstraint("reading_id", "version", name="pk_readings"),
    )
    op.create_index("ix_readings_shift", "readings", ["actor", "shift_began_at", "recorded_at"], unique=False)
    first = sa.text("version = 0")
    op.create_index(
        "uq_readings_text",
        "readings",
        ["actor", "text_sha256", "shift_began_at"],
        unique=True,
        sqlite_where=first,
        postgresql_where=first,
    )
    op.create_index("ix_readings_shift_began_at", "readings", ["shift_began_at"], unique=False)


def _refuse_changes_on_sqlite() -> None:
    for table, columns in FROZEN_COLUMNS.items():
        op.execute(
            f"CREATE TRIGGER {table}_refuse_update BEFORE UPDATE OF {', '.join(columns)} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} never change'); END"
        )
    op.execute(
        "CREATE TRIGGER breaks_end_once BEFORE UPDATE ON breaks WHEN OLD.ended_at IS NOT NULL "
        "BEGIN SELECT RAISE(ABORT, 'breaks never change'); END"
    )


def _refuse_changes_on_postgresql() -> None:
    # The function is that of revision 0001.
    for table, columns in FROZEN_COLUMNS.items():
        op.execute(
            f"CREATE TRIGGER {table}_refuse_update BEFORE UPDATE OF {', '.join(columns)} ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION watchhouse_refuse_change()"
        )
    op.execute(
        "CREATE TRIGGER breaks_end_once BEFORE UPDATE ON breaks FOR EACH ROW "
        "WHEN (OLD.ended_at IS NOT NULL) EXECUTE FUNCTION watchhouse_refuse_change()"
    )
