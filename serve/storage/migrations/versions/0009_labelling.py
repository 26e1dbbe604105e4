"""Labelling by several people: batches with their rules, slots, richer labels, adjudication, gold, practice.

Revision: 0009
"""

from __future__ import annotations

from alembic import op

from serve.storage.migrations.tables_0009 import (
    create_beside,
    create_labels,
    create_tasks,
    recreate_first_light,
)

revision = "0009"
down_revision = "0008"
branch_labels: str | None = None
depends_on: str | None = None


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
    create_tasks()
    create_labels()
    create_beside()
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
    recreate_first_light()
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
