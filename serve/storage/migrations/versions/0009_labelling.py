"""Labelling by several people: batches with their rules, slots, richer labels, adjudication, gold, practice.

Revision: 0009
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels: str | None = None
depends_on: str | None = None

INSTANT = sa.DateTime(timezone=True)
ROW_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

NEW_TABLES = (
    *("batches", "task_slots", "adjudications", "gold_items", "practice_answers", "label_suspects"),
    *("term_reviews", "quarantined_labels"),
)
INDEXES_BEFORE: dict[str, tuple[str, ...]] = {
    "tasks": ("ix_tasks_batch", "ix_tasks_state"),
    "labels": ("ix_labels_task_id", "uq_labels_standing"),
}
INDEXES_AFTER: dict[str, tuple[str, ...]] = {
    "tasks": ("ix_tasks_batch", "ix_tasks_text_sha256"),
    "labels": ("ix_labels_annotator_at", "ix_labels_task_id", "uq_labels_standing"),
}
FROZEN = {
    "adjudications": (
        *(
            "adjudication_id",
            "task_id",
            "supersedes",
            "adjudicator",
            "adjudicated_at",
            "kind",
            "suggested_kind",
        ),
        *("label_ids", "strands", "codes", "hate", "severity", "speech_act", "context_flags", "explanation"),
        *("codebook", "codebook_sha256"),
    ),
    "practice_answers": (
        *("answer_id", "gold_id", "person", "answered_at", "strands", "severity", "speech_act", "is_right"),
    ),
    "term_reviews": ("term", "task_id", "reviewed_at", "confirmed"),
}
"""What may never change. Triggers as in revision 0001."""

KEPT_OF_A_LABEL = (
    "label_id, task_id, annotator, labelled_at, undone_at, skipped_because, strands, hate, severity, speech_act, "
    "rationale, note, codebook, codebook_sha256"
)
KEPT_OF_A_TASK = "task_id, batch, external_id, text, text_sha256, source, created_at"
DESK = "system:labelling"
"""Stands for whoever skipped quietly."""


def upgrade() -> None:
    _set_aside(INDEXES_BEFORE)
    _create_tasks()
    _create_labels()
    _create_beside()
    op.execute(
        "INSERT INTO batches (batch, purpose, redundancy, paradigm, codebook, codebook_sha256, made_at, made_by) "
        "SELECT t.batch, 'train', 1, 'prescriptive', COALESCE(max(l.codebook), ''), "
        "COALESCE(max(l.codebook_sha256), ''), min(t.created_at), 'system:migration' "
        "FROM old_tasks t LEFT JOIN old_labels l ON l.task_id = t.task_id GROUP BY t.batch"
    )
    op.execute(
        f"INSERT INTO tasks ({KEPT_OF_A_TASK}, sample_reason, inclusion_probability, severity_expected, place) "
        f"SELECT {KEPT_OF_A_TASK}, 'all', NULL, 1, 0 FROM old_tasks"
    )
    op.execute(
        "INSERT INTO task_slots (task_id, slot, batch, place, severity_expected, state, annotator, lease_number, "
        "lease_expires_at) SELECT t.task_id, 1, t.batch, 0, 1, t.state, CASE t.state WHEN 'leased' THEN t.leased_by "
        f"WHEN 'open' THEN NULL ELSE (SELECT max(l.annotator) FROM old_labels l WHERE l.task_id = t.task_id "
        f"AND l.undone_at IS NULL AND l.annotator <> '{DESK}') END, t.lease_number, "
        "CASE t.state WHEN 'leased' THEN t.lease_expires_at END FROM old_tasks t"
    )
    is_no = "false" if _is_postgresql() else "0"
    op.execute(
        f"INSERT INTO labels ({KEPT_OF_A_LABEL}, slot, cohort, codes, context_flags, confidence, disagrees, "
        "disagreement, assisted, saw_scores, seconds_spent, profiles, imported_from) "
        f"SELECT {KEPT_OF_A_LABEL}, 1, NULL, '[]', '[]', NULL, {is_no}, NULL, 'none', {is_no}, NULL, '{{}}', NULL "
        "FROM old_labels"
    )
    for table in ("labels", "tasks"):
        op.drop_table(f"old_{table}")
    _refuse_changes()


def downgrade() -> None:
    """A task goes back to one state. Slots, adjudications, gold, practice and what labels said more are lost."""
    _set_aside(INDEXES_AFTER)
    _recreate_first_light()
    state = (
        "CASE WHEN EXISTS (SELECT 1 FROM task_slots s WHERE s.task_id = t.task_id AND s.state = 'labelled') "
        "THEN 'labelled' WHEN NOT EXISTS (SELECT 1 FROM task_slots s WHERE s.task_id = t.task_id AND s.state <> "
        "'skipped') THEN 'skipped' ELSE 'open' END"
    )
    op.execute(
        f"INSERT INTO tasks ({KEPT_OF_A_TASK}, state, lease_number, leased_by, lease_expires_at) "
        f"SELECT {KEPT_OF_A_TASK}, {state}, COALESCE((SELECT max(s.lease_number) FROM task_slots s "
        "WHERE s.task_id = t.task_id), 0), NULL, NULL FROM old_tasks t"
    )
    op.execute(f"INSERT INTO labels ({KEPT_OF_A_LABEL}) SELECT {KEPT_OF_A_LABEL} FROM old_labels")
    for table in (
        "quarantined_labels",
        "term_reviews",
        "label_suspects",
        "practice_answers",
        "gold_items",
        "adjudications",
        "task_slots",
        "old_labels",
        "old_tasks",
        "batches",
    ):
        op.drop_table(table)


def _set_aside(indexes: dict[str, tuple[str, ...]]) -> None:
    for table, names in indexes.items():
        for name in names:
            op.drop_index(name, table_name=table)
        op.rename_table(table, f"old_{table}")
        if _is_postgresql():
            op.execute(f"ALTER INDEX pk_{table} RENAME TO pk_old_{table}")
    if _is_postgresql():
        op.execute("ALTER TABLE old_tasks DROP CONSTRAINT uq_tasks_batch_text_sha256")


def _refuse_changes() -> None:
    for table, columns in FROZEN.items():
        does = (
            "FOR EACH ROW EXECUTE FUNCTION watchhouse_refuse_change()"
            if _is_postgresql()
            else f"BEGIN SELECT RAISE(ABORT, '{table} never change'); END"
        )
        for name, when in (("update", f"UPDATE OF {', '.join(columns)}"), ("delete", "DELETE")):
            op.execute(f"CREATE TRIGGER {table}_refuse_{name} BEFORE {when} ON {table} {does}")
        if _is_postgresql():
            op.execute(
                f"CREATE TRIGGER {table}_refuse_truncate BEFORE TRUNCATE ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION watchhouse_refuse_change()"
            )


def _is_postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"


def _create_tasks() -> None:
    op.create_table(
        "batches",
        sa.Column("batch", sa.Text(), nullable=False, comment="its name"),
        sa.Column("purpose", sa.Text(), nullable=False, comment="train, audit, gold, relabel"),
        sa.Column(
            "redundancy",
            sa.Integer(),
            nullable=False,
            comment="labels that each task wants, of as many people",
        ),
        sa.Column("paradigm", sa.Text(), nullable=False, comment="prescriptive, descriptive"),
        sa.Column("codebook", sa.Text(), nullable=False),
        sa.Column("codebook_sha256", sa.String(length=64), nullable=False),
        sa.Column("made_at", INSTANT, nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False, comment="actor"),
        sa.Column("closed_at", INSTANT, nullable=True),
        sa.Column("released_at", INSTANT, nullable=True, comment="audit: since when its labels may train"),
        sa.CheckConstraint("paradigm IN ('prescriptive', 'descriptive')", name="ck_batches_paradigm"),
        sa.CheckConstraint("purpose IN ('train', 'audit', 'gold', 'relabel')", name="ck_batches_purpose"),
        sa.CheckConstraint("redundancy BETWEEN 1 AND 20", name="ck_batches_redundancy"),
        sa.PrimaryKeyConstraint("batch", name="pk_batches"),
    )
    op.create_table(
        "tasks",
        sa.Column("task_id", sa.String(length=26), nullable=False, comment="ULID"),
        sa.Column("batch", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("text_sha256", sa.String(length=64), nullable=False),
        sa.Column("source", sa.Text(), nullable=False, comment="cases, background, or the name of a file"),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("sample_reason", sa.Text(), nullable=False, comment="why it was chosen: docs/sampling.md"),
        sa.Column("inclusion_probability", sa.Float(), nullable=True, comment="null: none is defined"),
        sa.Column("severity_expected", sa.Integer(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False, comment="in its batch"),
        sa.ForeignKeyConstraint(["batch"], ["batches.batch"], name="fk_tasks_batch_batches"),
        sa.PrimaryKeyConstraint("task_id", name="pk_tasks"),
        sa.UniqueConstraint("batch", "text_sha256", name="uq_tasks_batch_text_sha256"),
    )
    op.create_index("ix_tasks_batch", "tasks", ["batch"], unique=False)
    op.create_index("ix_tasks_text_sha256", "tasks", ["text_sha256"], unique=False)
    op.create_table(
        "task_slots",
        sa.Column("task_id", sa.String(length=26), nullable=False),
        sa.Column("slot", sa.Integer(), nullable=False),
        sa.Column("batch", sa.Text(), nullable=False, comment="its task's"),
        sa.Column("place", sa.Integer(), nullable=False, comment="its task's"),
        sa.Column("severity_expected", sa.Integer(), nullable=False, comment="its task's"),
        sa.Column("state", sa.Text(), nullable=False, comment="open, leased, labelled, skipped"),
        sa.Column("annotator", sa.Text(), nullable=True, comment="actor; null after a quiet skip"),
        sa.Column("lease_number", sa.Integer(), nullable=False),
        sa.Column("lease_expires_at", INSTANT, nullable=True),
        sa.CheckConstraint("(state = 'leased') = (lease_expires_at IS NOT NULL)", name="ck_task_slots_lease"),
        sa.CheckConstraint("state IN ('open', 'leased', 'labelled', 'skipped')", name="ck_task_slots_state"),
        sa.CheckConstraint(
            "state NOT IN ('leased', 'labelled') OR annotator IS NOT NULL", name="ck_task_slots_annotator"
        ),
        sa.ForeignKeyConstraint(["task_id"], ["tasks.task_id"], name="fk_task_slots_task_id_tasks"),
        sa.PrimaryKeyConstraint("task_id", "slot", name="pk_task_slots"),
    )
    op.create_index(
        "ix_task_slots_holder",
        "task_slots",
        ["annotator"],
        unique=False,
        sqlite_where=sa.text("state = 'leased'"),
        postgresql_where=sa.text("state = 'leased'"),
    )
    op.create_index(
        "ix_task_slots_leased",
        "task_slots",
        ["lease_expires_at"],
        unique=False,
        sqlite_where=sa.text("state = 'leased'"),
        postgresql_where=sa.text("state = 'leased'"),
    )
    op.create_index(
        "ix_task_slots_open",
        "task_slots",
        ["batch", "place", "task_id", "slot"],
        unique=False,
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index(
        "uq_task_slots_annotator",
        "task_slots",
        ["task_id", "annotator"],
        unique=True,
        sqlite_where=sa.text("annotator IS NOT NULL"),
        postgresql_where=sa.text("annotator IS NOT NULL"),
    )


def _create_labels() -> None:
    op.create_table(
        "labels",
        sa.Column("label_id", sa.String(length=26), nullable=False, comment="ULID"),
        sa.Column("task_id", sa.String(length=26), nullable=False),
        sa.Column("slot", sa.Integer(), nullable=True),
        sa.Column("annotator", sa.Text(), nullable=False, comment="actor"),
        sa.Column(
            "cohort", sa.Text(), nullable=True, comment="what the annotator chose to say of themselves"
        ),
        sa.Column("labelled_at", INSTANT, nullable=False),
        sa.Column("undone_at", INSTANT, nullable=True),
        sa.Column("skipped_because", sa.Text(), nullable=True),
        sa.Column("strands", sa.JSON(), nullable=False),
        sa.Column("codes", sa.JSON(), nullable=False),
        sa.Column("hate", sa.Boolean(), nullable=True),
        sa.Column("severity", sa.Integer(), nullable=True),
        sa.Column("speech_act", sa.Text(), nullable=True),
        sa.Column("context_flags", sa.JSON(), nullable=False),
        sa.Column("rationale", sa.JSON(), nullable=False, comment="[start, end) code points"),
        sa.Column("confidence", sa.Text(), nullable=True, comment="high, medium, low"),
        sa.Column("disagrees", sa.Boolean(), nullable=False, comment="with the clause applied"),
        sa.Column("disagreement", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("assisted", sa.Text(), nullable=False, comment="none, shown_after, prefilled"),
        sa.Column("saw_scores", sa.Boolean(), nullable=False),
        sa.Column("seconds_spent", sa.Float(), nullable=True),
        sa.Column("profiles", sa.JSON(), nullable=False, comment="strand -> definition profile"),
        sa.Column("codebook", sa.Text(), nullable=False),
        sa.Column("codebook_sha256", sa.String(length=64), nullable=False),
        sa.Column("imported_from", sa.Text(), nullable=True, comment="null: made at this desk"),
        sa.ForeignKeyConstraint(["task_id"], ["tasks.task_id"], name="fk_labels_task_id_tasks"),
        sa.PrimaryKeyConstraint("label_id", name="pk_labels"),
    )
    op.create_index("ix_labels_annotator_at", "labels", ["annotator", "labelled_at"], unique=False)
    op.create_index("ix_labels_task_id", "labels", ["task_id"], unique=False)
    op.create_index(
        "uq_labels_standing",
        "labels",
        ["task_id", "annotator"],
        unique=True,
        sqlite_where=sa.text("undone_at IS NULL"),
        postgresql_where=sa.text("undone_at IS NULL"),
    )


def _create_beside() -> None:
    op.create_table(
        "adjudications",
        sa.Column("adjudication_id", sa.String(length=26), nullable=False, comment="ULID"),
        sa.Column("task_id", sa.String(length=26), nullable=False),
        sa.Column("supersedes", sa.String(length=26), nullable=True),
        sa.Column("adjudicator", sa.Text(), nullable=False, comment="actor"),
        sa.Column("adjudicated_at", INSTANT, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="ambiguity, guideline_gap, error, perspective"),
        sa.Column("suggested_kind", sa.Text(), nullable=True),
        sa.Column(
            "label_ids", sa.JSON(), nullable=False, comment="the labels that were before the adjudicator"
        ),
        sa.Column("strands", sa.JSON(), nullable=False),
        sa.Column("codes", sa.JSON(), nullable=False),
        sa.Column("hate", sa.Boolean(), nullable=True, comment="null: unresolved, kept as a soft label"),
        sa.Column("severity", sa.Integer(), nullable=True),
        sa.Column("speech_act", sa.Text(), nullable=True),
        sa.Column("context_flags", sa.JSON(), nullable=False),
        sa.Column("explanation", sa.Text(), nullable=False),
        sa.Column("codebook", sa.Text(), nullable=False),
        sa.Column("codebook_sha256", sa.String(length=64), nullable=False),
        sa.CheckConstraint(
            "kind IN ('ambiguity', 'guideline_gap', 'error', 'perspective')", name="ck_adjudications_kind"
        ),
        sa.ForeignKeyConstraint(
            ["supersedes"],
            ["adjudications.adjudication_id"],
            name="fk_adjudications_supersedes_adjudications",
        ),
        sa.ForeignKeyConstraint(["task_id"], ["tasks.task_id"], name="fk_adjudications_task_id_tasks"),
        sa.PrimaryKeyConstraint("adjudication_id", name="pk_adjudications"),
        sa.UniqueConstraint("supersedes", name="uq_adjudications_supersedes"),
    )
    op.create_index("ix_adjudications_task_id", "adjudications", ["task_id"], unique=False)
    op.create_table(
        "gold_items",
        sa.Column("gold_id", sa.String(length=26), nullable=False, comment="ULID"),
        sa.Column("adjudication_id", sa.String(length=26), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("text_sha256", sa.String(length=64), nullable=False),
        sa.Column("course", sa.Text(), nullable=False, comment="general, or a strand's own course"),
        sa.Column(
            "use",
            sa.Text(),
            nullable=False,
            comment="seed: hidden among tasks; practice: shown with its answer",
        ),
        sa.Column("made_at", INSTANT, nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False, comment="actor"),
        sa.Column("retired_at", INSTANT, nullable=True),
        sa.CheckConstraint("use IN ('seed', 'practice')", name="ck_gold_items_use"),
        sa.ForeignKeyConstraint(
            ["adjudication_id"],
            ["adjudications.adjudication_id"],
            name="fk_gold_items_adjudication_id_adjudications",
        ),
        sa.PrimaryKeyConstraint("gold_id", name="pk_gold_items"),
        sa.UniqueConstraint("adjudication_id", name="uq_gold_items_adjudication_id"),
    )
    op.create_index("ix_gold_items_text_sha256", "gold_items", ["text_sha256"], unique=False)
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
    op.create_index(
        "ix_practice_answers_person_at", "practice_answers", ["person", "answered_at"], unique=False
    )
    # ### end Alembic commands ###
    op.create_table(
        "label_suspects",
        sa.Column("suspect_id", sa.String(length=26), nullable=False, comment="ULID"),
        sa.Column("task_id", sa.String(length=26), nullable=False),
        sa.Column("found_at", INSTANT, nullable=False),
        sa.Column("found_by", sa.Text(), nullable=False, comment="the method and its version"),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("score", sa.Float(), nullable=False, comment="larger: more suspect"),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=True, comment="error, right, unclear; null: waits"),
        sa.Column("judged_by", sa.Text(), nullable=True, comment="actor"),
        sa.Column("judged_at", INSTANT, nullable=True),
        sa.CheckConstraint("verdict IN ('error', 'right', 'unclear')", name="ck_label_suspects_verdict"),
        sa.ForeignKeyConstraint(["task_id"], ["tasks.task_id"], name="fk_label_suspects_task_id_tasks"),
        sa.PrimaryKeyConstraint("suspect_id", name="pk_label_suspects"),
    )
    op.create_index("ix_label_suspects_task_id", "label_suspects", ["task_id"], unique=False)
    op.create_index(
        "ix_label_suspects_waiting",
        "label_suspects",
        [sa.text("score DESC")],
        unique=False,
        sqlite_where=sa.text("verdict IS NULL"),
        postgresql_where=sa.text("verdict IS NULL"),
    )
    op.create_table(
        "term_reviews",
        sa.Column("term", sa.Text(), nullable=False),
        sa.Column("task_id", sa.String(length=26), nullable=False),
        sa.Column("reviewed_at", INSTANT, nullable=False),
        sa.Column("confirmed", sa.Boolean(), nullable=False, comment="its strand was labelled hate"),
        sa.ForeignKeyConstraint(["task_id"], ["tasks.task_id"], name="fk_term_reviews_task_id_tasks"),
        sa.PrimaryKeyConstraint("term", "task_id", name="pk_term_reviews"),
    )
    op.create_table(
        "quarantined_labels",
        sa.Column("label_id", sa.String(length=26), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("since", INSTANT, nullable=False),
        sa.Column("released_by", sa.Text(), nullable=True, comment="actor"),
        sa.Column("released_at", INSTANT, nullable=True),
        sa.ForeignKeyConstraint(
            ["label_id"], ["labels.label_id"], name="fk_quarantined_labels_label_id_labels"
        ),
        sa.PrimaryKeyConstraint("label_id", name="pk_quarantined_labels"),
    )


def _recreate_first_light() -> None:
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
