"""Tables of the labelling tool: batches, tasks and their slots, labels, and what became of disagreements."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    CheckConstraint,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    UniqueConstraint,
    false,
)
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from serve.storage.tables.row import Row, RowNumber


class BatchRow(Row):
    """Some tasks that are labelled for one purpose, under one set of rules."""

    __tablename__ = "batches"

    batch: Mapped[str] = mapped_column(primary_key=True, comment="its name")
    purpose: Mapped[str] = mapped_column(comment="train, audit, gold, relabel")
    redundancy: Mapped[int] = mapped_column(Integer, comment="labels that each task wants, of as many people")
    paradigm: Mapped[str] = mapped_column(comment="prescriptive, descriptive")
    codebook: Mapped[str]
    codebook_sha256: Mapped[str] = mapped_column(String(64))
    made_at: Mapped[datetime]
    made_by: Mapped[str] = mapped_column(comment="actor")
    closed_at: Mapped[datetime | None]
    released_at: Mapped[datetime | None] = mapped_column(comment="audit: since when its labels may train")
    assisted: Mapped[bool] = mapped_column(
        Boolean,
        default=False,
        server_default=false(),
        comment="the machine's scores are shown once somebody has answered",
    )
    drawn: Mapped[dict[str, Any] | None] = mapped_column(
        JSON(none_as_null=True), comment="how its texts were chosen; null: nobody chose"
    )

    __table_args__ = (
        CheckConstraint("purpose IN ('train', 'audit', 'gold', 'relabel')", name="purpose"),
        CheckConstraint("paradigm IN ('prescriptive', 'descriptive')", name="paradigm"),
        CheckConstraint("redundancy BETWEEN 1 AND 20", name="redundancy"),
    )


class Task(Row):
    """One text to be labelled, by as many people as its batch wants."""

    __tablename__ = "tasks"

    task_id: Mapped[str] = mapped_column(String(26), primary_key=True, comment="ULID")
    batch: Mapped[str] = mapped_column(ForeignKey("batches.batch"), index=True)
    external_id: Mapped[str | None]
    text: Mapped[str]
    text_sha256: Mapped[str] = mapped_column(String(64), index=True)
    source: Mapped[str] = mapped_column(comment="cases, background, or the name of a file")
    created_at: Mapped[datetime]
    sample_reason: Mapped[str] = mapped_column(default="all", comment="why it was chosen: docs/sampling.md")
    inclusion_probability: Mapped[float | None] = mapped_column(Float, comment="null: none is defined")
    severity_expected: Mapped[int] = mapped_column(Integer, default=1)
    place: Mapped[int] = mapped_column(Integer, default=0, comment="in its batch")
    about: Mapped[dict[str, Any] | None] = mapped_column(
        JSON(none_as_null=True), comment="what else its source said of it"
    )

    __table_args__ = (UniqueConstraint("batch", "text_sha256"),)


class TaskSlot(Row):
    """One of the labels that a task wants: open, held by one person under a lease, filled or skipped.

    `lease_number` is the fence. Nobody has two slots of one task: the index says so.
    """

    __tablename__ = "task_slots"

    task_id: Mapped[str] = mapped_column(ForeignKey("tasks.task_id"), primary_key=True)
    slot: Mapped[int] = mapped_column(Integer, primary_key=True)
    batch: Mapped[str] = mapped_column(comment="its task's")
    place: Mapped[int] = mapped_column(Integer, default=0, comment="its task's")
    severity_expected: Mapped[int] = mapped_column(Integer, default=1, comment="its task's")
    state: Mapped[str] = mapped_column(comment="open, leased, labelled, skipped")
    annotator: Mapped[str | None] = mapped_column(comment="actor; null after a quiet skip")
    lease_number: Mapped[int] = mapped_column(default=0)
    lease_expires_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("state IN ('open', 'leased', 'labelled', 'skipped')", name="state"),
        CheckConstraint("(state = 'leased') = (lease_expires_at IS NOT NULL)", name="lease"),
        CheckConstraint("state NOT IN ('leased', 'labelled') OR annotator IS NOT NULL", name="annotator"),
        Index(
            "uq_task_slots_annotator",
            "task_id",
            "annotator",
            unique=True,
            sqlite_where=sql("annotator IS NOT NULL"),
            postgresql_where=sql("annotator IS NOT NULL"),
        ),
        Index(
            "ix_task_slots_open",
            "batch",
            "place",
            "task_id",
            "slot",
            sqlite_where=sql("state = 'open'"),
            postgresql_where=sql("state = 'open'"),
        ),
        Index(
            "ix_task_slots_leased",
            "lease_expires_at",
            sqlite_where=sql("state = 'leased'"),
            postgresql_where=sql("state = 'leased'"),
        ),
        Index(
            "ix_task_slots_holder",
            "annotator",
            sqlite_where=sql("state = 'leased'"),
            postgresql_where=sql("state = 'leased'"),
        ),
    )


class LabelRow(Row):
    """What one annotator said of one task. Append-only: undo adds `undone_at`, a new label a new row."""

    __tablename__ = "labels"

    label_id: Mapped[str] = mapped_column(String(26), primary_key=True, comment="ULID")
    task_id: Mapped[str] = mapped_column(ForeignKey("tasks.task_id"), index=True)
    slot: Mapped[int | None] = mapped_column(Integer)
    annotator: Mapped[str] = mapped_column(comment="actor")
    cohort: Mapped[str | None] = mapped_column(comment="what the annotator chose to say of themselves")
    labelled_at: Mapped[datetime]
    undone_at: Mapped[datetime | None]
    skipped_because: Mapped[str | None]
    strands: Mapped[list[Any]]
    codes: Mapped[list[Any]] = mapped_column(default=list)
    hate: Mapped[bool | None] = mapped_column(Boolean)
    severity: Mapped[int | None]
    speech_act: Mapped[str | None]
    context_flags: Mapped[list[Any]] = mapped_column(default=list)
    rationale: Mapped[list[Any]] = mapped_column(comment="[start, end) code points")
    confidence: Mapped[str | None] = mapped_column(comment="high, medium, low")
    disagrees: Mapped[bool] = mapped_column(Boolean, default=False, comment="with the clause applied")
    disagreement: Mapped[str | None]
    note: Mapped[str | None]
    assisted: Mapped[str] = mapped_column(default="none", comment="none, shown_after, prefilled")
    saw_scores: Mapped[bool] = mapped_column(Boolean, default=False)
    seconds_spent: Mapped[float | None] = mapped_column(Float)
    profiles: Mapped[dict[str, Any]] = mapped_column(default=dict, comment="strand -> definition profile")
    codebook: Mapped[str]
    codebook_sha256: Mapped[str] = mapped_column(String(64))
    imported_from: Mapped[str | None] = mapped_column(comment="null: made at this desk")
    strands_asked: Mapped[list[Any] | None] = mapped_column(
        JSON(none_as_null=True), comment="null: all; else those with an answer"
    )
    extra: Mapped[dict[str, Any] | None] = mapped_column(
        JSON(none_as_null=True), comment="fields of its record without a column"
    )

    __table_args__ = (
        # At most one standing label per task and annotator.
        Index(
            "uq_labels_standing",
            "task_id",
            "annotator",
            unique=True,
            sqlite_where=sql("undone_at IS NULL"),
            postgresql_where=sql("undone_at IS NULL"),
        ),
        Index("ix_labels_annotator_at", "annotator", "labelled_at"),
    )


class Adjudication(Row):
    """What a senior made of a task on which its annotators differ. Append-only; a later one supersedes it."""

    __tablename__ = "adjudications"

    adjudication_id: Mapped[str] = mapped_column(String(26), primary_key=True, comment="ULID")
    task_id: Mapped[str] = mapped_column(ForeignKey("tasks.task_id"), index=True)
    supersedes: Mapped[str | None] = mapped_column(ForeignKey("adjudications.adjudication_id"), unique=True)
    adjudicator: Mapped[str] = mapped_column(comment="actor")
    adjudicated_at: Mapped[datetime]
    kind: Mapped[str] = mapped_column(comment="ambiguity, guideline_gap, error, perspective")
    suggested_kind: Mapped[str | None]
    label_ids: Mapped[list[Any]] = mapped_column(comment="the labels that were before the adjudicator")
    strands: Mapped[list[Any]]
    codes: Mapped[list[Any]]
    hate: Mapped[bool | None] = mapped_column(Boolean, comment="null: unresolved, kept as a soft label")
    severity: Mapped[int | None]
    speech_act: Mapped[str | None]
    context_flags: Mapped[list[Any]]
    explanation: Mapped[str]
    codebook: Mapped[str]
    codebook_sha256: Mapped[str] = mapped_column(String(64))

    __table_args__ = (
        CheckConstraint("kind IN ('ambiguity', 'guideline_gap', 'error', 'perspective')", name="kind"),
    )


class GoldItem(Row):
    """A text with an agreed answer and its explanation: checks annotators, and teaches in practice."""

    __tablename__ = "gold_items"

    gold_id: Mapped[str] = mapped_column(String(26), primary_key=True, comment="ULID")
    adjudication_id: Mapped[str] = mapped_column(ForeignKey("adjudications.adjudication_id"), unique=True)
    text: Mapped[str]
    text_sha256: Mapped[str] = mapped_column(String(64), index=True)
    course: Mapped[str] = mapped_column(comment="general, or a strand's own course")
    use: Mapped[str] = mapped_column(comment="seed: hidden among tasks; practice: shown with its answer")
    made_at: Mapped[datetime]
    made_by: Mapped[str] = mapped_column(comment="actor")
    retired_at: Mapped[datetime | None]

    __table_args__ = (CheckConstraint("use IN ('seed', 'practice')", name="use"),)


class PracticeAnswer(Row):
    """What somebody answered in practice. Never a label: nothing here is read by any export. Append-only."""

    __tablename__ = "practice_answers"

    answer_id: Mapped[int] = mapped_column(RowNumber, primary_key=True, autoincrement=True)
    gold_id: Mapped[str | None] = mapped_column(
        ForeignKey("gold_items.gold_id"), comment="a text of the hub's own"
    )
    starter_item: Mapped[str | None] = mapped_column(comment="an item of the course file that ships")
    material_sha256: Mapped[str] = mapped_column(
        String(64), comment="of the course file, or of the gold text"
    )
    course: Mapped[str]
    person: Mapped[str] = mapped_column(comment="actor")
    answered_at: Mapped[datetime]
    strands: Mapped[list[Any]]
    codes: Mapped[list[Any]]
    severity: Mapped[int]
    speech_act: Mapped[str]
    is_right: Mapped[bool] = mapped_column(Boolean)
    confused: Mapped[list[Any]] = mapped_column(comment="[[what the item has, what was answered], ...]")

    __table_args__ = (
        CheckConstraint("(gold_id IS NULL) <> (starter_item IS NULL)", name="material"),
        Index("ix_practice_answers_person_at", "person", "answered_at"),
    )


class LabelSuspect(Row):
    """A label that may be wrong, as a computation found it, and what a person made of that."""

    __tablename__ = "label_suspects"

    suspect_id: Mapped[str] = mapped_column(String(26), primary_key=True, comment="ULID")
    task_id: Mapped[str] = mapped_column(ForeignKey("tasks.task_id"), index=True)
    found_at: Mapped[datetime]
    found_by: Mapped[str] = mapped_column(comment="the method and its version")
    why: Mapped[str]
    score: Mapped[float] = mapped_column(Float, comment="larger: more suspect")
    details: Mapped[dict[str, Any]]
    verdict: Mapped[str | None] = mapped_column(comment="error, right, unclear; null: waits")
    judged_by: Mapped[str | None] = mapped_column(comment="actor")
    judged_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("verdict IN ('error', 'right', 'unclear')", name="verdict"),
        Index(
            "ix_label_suspects_waiting",
            score.desc(),
            sqlite_where=sql("verdict IS NULL"),
            postgresql_where=sql("verdict IS NULL"),
        ),
    )


class TermReview(Row):
    """Whether a coded term meant what the glossary says, in one text that a person labelled. Append-only."""

    __tablename__ = "term_reviews"

    term: Mapped[str] = mapped_column(primary_key=True)
    task_id: Mapped[str] = mapped_column(ForeignKey("tasks.task_id"), primary_key=True)
    reviewed_at: Mapped[datetime]
    confirmed: Mapped[bool] = mapped_column(Boolean, comment="its strand was labelled hate")


class Quarantined(Row):
    """A label that the firewall keeps out of training, and why; a person may let it in."""

    __tablename__ = "quarantined_labels"

    label_id: Mapped[str] = mapped_column(ForeignKey("labels.label_id"), primary_key=True)
    why: Mapped[str]
    since: Mapped[datetime]
    released_by: Mapped[str | None] = mapped_column(comment="actor")
    released_at: Mapped[datetime | None]
    released_because: Mapped[str | None] = mapped_column(comment="in words, who let it go")
