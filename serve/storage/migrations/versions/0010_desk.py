"""The desk: assisted batches, how a batch was drawn, and practice on the course file that ships.

Revision: 0010
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels: str | None = None
depends_on: str | None = None

INSTANT = sa.DateTime(timezone=True)
ROW_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
KEPT = "answer_id, gold_id, person, answered_at, strands, severity, speech_act, is_right"
BEFORE = tuple(KEPT.split(", "))
AFTER = (*BEFORE, "starter_item", "material_sha256", "course", "codes", "confused")


def upgrade() -> None:
    op.add_column(
        "batches",
        sa.Column(
            "assisted",
            sa.Boolean(),
            nullable=False,
            server_default=sa.false(),
            comment="the machine's scores are shown once somebody has answered",
        ),
    )
    op.add_column(
        "batches",
        sa.Column("drawn", sa.JSON(), nullable=True, comment="how its texts were chosen; null: nobody chose"),
    )
    _set_aside()
    op.create_table(
        "practice_answers",
        sa.Column("answer_id", ROW_NUMBER, autoincrement=True, nullable=False),
        sa.Column("gold_id", sa.String(length=26), nullable=True, comment="a text of the hub's own"),
        sa.Column("starter_item", sa.Text(), nullable=True, comment="an item of the course file that ships"),
        sa.Column(
            "material_sha256",
            sa.String(length=64),
            nullable=False,
            comment="of the course file, or of the gold text",
        ),
        sa.Column("course", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False, comment="actor"),
        sa.Column("answered_at", INSTANT, nullable=False),
        sa.Column("strands", sa.JSON(), nullable=False),
        sa.Column("codes", sa.JSON(), nullable=False),
        sa.Column("severity", sa.Integer(), nullable=False),
        sa.Column("speech_act", sa.Text(), nullable=False),
        sa.Column("is_right", sa.Boolean(), nullable=False),
        sa.Column(
            "confused",
            sa.JSON(),
            nullable=False,
            comment="[[what the item has, what was answered], ...]",
        ),
        sa.CheckConstraint(
            "(gold_id IS NULL) <> (starter_item IS NULL)", name="ck_practice_answers_material"
        ),
        sa.ForeignKeyConstraint(
            ["gold_id"], ["gold_items.gold_id"], name="fk_practice_answers_gold_id_gold_items"
        ),
        sa.PrimaryKeyConstraint("answer_id", name="pk_practice_answers"),
    )
    op.execute(
        f"INSERT INTO practice_answers ({KEPT}, material_sha256, course, codes, confused) "
        f"SELECT {', '.join('o.' + name for name in BEFORE)}, g.text_sha256, g.course, '[]', '[]' "
        "FROM old_practice_answers o JOIN gold_items g ON g.gold_id = o.gold_id"
    )
    _finish(AFTER)


def downgrade() -> None:
    """Answers to the course file that ships are lost, and with them what was confused."""
    _set_aside()
    op.create_table(
        "practice_answers",
        sa.Column("answer_id", ROW_NUMBER, autoincrement=True, nullable=False),
        sa.Column("gold_id", sa.String(length=26), nullable=False),
        sa.Column("person", sa.Text(), nullable=False, comment="actor"),
        sa.Column("answered_at", INSTANT, nullable=False),
        sa.Column("strands", sa.JSON(), nullable=False),
        sa.Column("severity", sa.Integer(), nullable=False),
        sa.Column("speech_act", sa.Text(), nullable=False),
        sa.Column("is_right", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["gold_id"], ["gold_items.gold_id"], name="fk_practice_answers_gold_id_gold_items"
        ),
        sa.PrimaryKeyConstraint("answer_id", name="pk_practice_answers"),
    )
    op.execute(
        f"INSERT INTO practice_answers ({KEPT}) SELECT {KEPT} FROM old_practice_answers "
        "WHERE gold_id IS NOT NULL"
    )
    _finish(BEFORE)
    op.drop_column("batches", "drawn")
    op.drop_column("batches", "assisted")


def _set_aside() -> None:
    op.drop_index("ix_practice_answers_person_at", table_name="practice_answers")
    op.rename_table("practice_answers", "old_practice_answers")
    if _is_postgresql():
        op.execute("ALTER INDEX pk_practice_answers RENAME TO pk_old_practice_answers")
        op.execute("ALTER TABLE old_practice_answers DROP CONSTRAINT fk_practice_answers_gold_id_gold_items")
        op.execute(
            "ALTER SEQUENCE practice_answers_answer_id_seq RENAME TO old_practice_answers_answer_id_seq"
        )


def _finish(columns: tuple[str, ...]) -> None:
    """Drops what was set aside, its triggers among it, and refuses changes of the new table's rows."""
    op.drop_table("old_practice_answers")
    op.create_index(
        "ix_practice_answers_person_at", "practice_answers", ["person", "answered_at"], unique=False
    )
    if _is_postgresql():
        op.execute(
            "SELECT setval('practice_answers_answer_id_seq', "
            "(SELECT COALESCE(max(answer_id), 0) + 1 FROM practice_answers), false)"
        )
    does = (
        "FOR EACH ROW EXECUTE FUNCTION watchhouse_refuse_change()"
        if _is_postgresql()
        else "BEGIN SELECT RAISE(ABORT, 'practice_answers never change'); END"
    )
    for name, when in (("update", f"UPDATE OF {', '.join(columns)}"), ("delete", "DELETE")):
        op.execute(f"CREATE TRIGGER practice_answers_refuse_{name} BEFORE {when} ON practice_answers {does}")
    if _is_postgresql():
        op.execute(
            "CREATE TRIGGER practice_answers_refuse_truncate BEFORE TRUNCATE ON practice_answers "
            "FOR EACH STATEMENT EXECUTE FUNCTION watchhouse_refuse_change()"
        )


def _is_postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"
