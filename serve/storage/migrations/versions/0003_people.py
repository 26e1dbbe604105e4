"""People: second factors, recovery codes, sign-in elsewhere, skills, and roles that two administrators give.

Revision: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision: str | None = "0002"
branch_labels: str | None = None
depends_on: str | None = None

INSTANT = sa.DateTime(timezone=True)
WAITING = sa.text("outcome IS NULL")

OFFICER_COLUMNS = (
    "password_changed_at",
    "last_signed_in_at",
    "totp_secret",
    "totp_offered",
    "totp_enrolled_at",
    "totp_last_counter",
    "skills",
    "need_to_know",
    "oidc_issuer",
    "oidc_subject",
)


def upgrade() -> None:
    _add_to_officers()
    op.create_index("uq_officers_oidc", "officers", ["oidc_issuer", "oidc_subject"], unique=True)
    op.create_table(
        "recovery_codes",
        sa.Column("code_sha256", sa.String(length=64), nullable=False),
        sa.Column("officer_id", sa.String(length=26), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("used_at", INSTANT, nullable=True),
        sa.ForeignKeyConstraint(
            ["officer_id"], ["officers.officer_id"], name="fk_recovery_codes_officer_id_officers"
        ),
        sa.PrimaryKeyConstraint("code_sha256", name="pk_recovery_codes"),
    )
    op.create_index("ix_recovery_codes_officer_id", "recovery_codes", ["officer_id"], unique=False)
    _create_role_grants()
    op.create_table(
        "sign_in_steps",
        sa.Column("token_sha256", sa.String(length=64), nullable=False),
        sa.Column("officer_id", sa.String(length=26), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ["officer_id"], ["officers.officer_id"], name="fk_sign_in_steps_officer_id_officers"
        ),
        sa.PrimaryKeyConstraint("token_sha256", name="pk_sign_in_steps"),
    )
    op.create_index("ix_sign_in_steps_officer_id", "sign_in_steps", ["officer_id"], unique=False)
    op.create_index("ix_sign_in_steps_expires_at", "sign_in_steps", ["expires_at"], unique=False)
    op.create_table(
        "used_states",
        sa.Column("state_sha256", sa.String(length=64), nullable=False),
        sa.Column("used_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("state_sha256", name="pk_used_states"),
    )
    op.create_index("ix_used_states_used_at", "used_states", ["used_at"], unique=False)


def _add_to_officers() -> None:
    # All may be null, and none has a constraint: SQLite adds such columns without copying the table, and a
    # copy would have to let go of the sessions that point at it.
    for column in (
        sa.Column("password_changed_at", INSTANT, comment="null: never since it was made"),
        sa.Column("last_signed_in_at", INSTANT),
        sa.Column("totp_secret", sa.LargeBinary(), comment="sealed with the hub's secret key"),
        sa.Column("totp_offered", sa.LargeBinary(), comment="sealed; shown, and not confirmed yet"),
        sa.Column("totp_enrolled_at", INSTANT, comment="null: no codes are asked for"),
        sa.Column("totp_last_counter", sa.Integer(), comment="of the newest code used, 30 s each"),
        sa.Column("skills", sa.JSON(), comment="strands; null: all"),
        sa.Column(
            "need_to_know",
            sa.JSON(),
            comment="names of closed queues that are open to this person; null: none",
        ),
        sa.Column("oidc_issuer", sa.Text()),
        sa.Column("oidc_subject", sa.Text()),
    ):
        op.add_column("officers", column)


def _create_role_grants() -> None:
    op.create_table(
        "role_grants",
        sa.Column("grant_id", sa.String(length=26), nullable=False, comment="ULID"),
        sa.Column("officer_id", sa.String(length=26), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False, comment="actor"),
        sa.Column("requested_at", INSTANT, nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True, comment="given, refused; null: waits"),
        sa.Column("decided_by", sa.Text(), nullable=True, comment="actor"),
        sa.Column("decided_at", INSTANT, nullable=True),
        sa.Column(
            "by_only_admin",
            sa.Boolean(),
            nullable=False,
            comment="the hub had one administrator, who gave it alone",
        ),
        sa.CheckConstraint("outcome IN ('given', 'refused')", name=op.f("ck_role_grants_outcome")),
        sa.CheckConstraint(
            "(outcome IS NULL) = (decided_by IS NULL) AND (outcome IS NULL) = (decided_at IS NULL)",
            name=op.f("ck_role_grants_decided"),
        ),
        sa.CheckConstraint(
            "outcome IS NULL OR outcome <> 'given' OR decided_by <> requested_by OR by_only_admin",
            name=op.f("ck_role_grants_two_people"),
        ),
        sa.ForeignKeyConstraint(
            ["officer_id"], ["officers.officer_id"], name="fk_role_grants_officer_id_officers"
        ),
        sa.PrimaryKeyConstraint("grant_id", name="pk_role_grants"),
    )
    op.create_index(
        "uq_role_grants_waiting",
        "role_grants",
        ["officer_id"],
        unique=True,
        sqlite_where=WAITING,
        postgresql_where=WAITING,
    )


def downgrade() -> None:
    for table in ("used_states", "sign_in_steps", "role_grants", "recovery_codes"):
        op.drop_table(table)
    op.drop_index("uq_officers_oidc", table_name="officers")
    for column in reversed(OFFICER_COLUMNS):
        op.drop_column("officers", column)
