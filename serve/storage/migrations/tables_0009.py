"""What revision 0009 makes: batches, tasks with slots, labels, and what stands beside them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

INSTANT = sa.DateTime(timezone=True)
ROW_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def create_tasks() -> None:
    """The tables of batches, tasks and their slots."""
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
        sa.Column("about", sa.JSON(), nullable=True, comment="what else its source said of it"),
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


def create_labels() -> None:
    """The table of labels, with all that they say from 0009 on."""
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
        sa.Column("strands_asked", sa.JSON(), nullable=True, comment="null: all; else those with an answer"),
        sa.Column("extra", sa.JSON(), nullable=True, comment="fields of its record without a column"),
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


def create_beside() -> None:
    """The tables beside: adjudication, gold, practice, suspects, terms, quarantine."""
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


def recreate_first_light() -> None:
    """The tables of tasks and labels as 0001 made them."""
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
