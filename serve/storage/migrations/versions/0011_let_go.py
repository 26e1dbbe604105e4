"""Why somebody let a label go that was held back from training.

Revision: 0011
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.add_column(
        "quarantined_labels",
        sa.Column("released_because", sa.Text(), nullable=True, comment="in words, who let it go"),
    )


def downgrade() -> None:
    """The reasons are lost; who let a label go, and when, stays."""
    op.drop_column("quarantined_labels", "released_because")
