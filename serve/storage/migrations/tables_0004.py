"""What revision 0004 makes: cases on tracks, decisions by cycle, judgements, steps."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

INSTANT = sa.DateTime(timezone=True)
ROW_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def create_cases() -> None:
    """The table of cases, on tracks."""
    op.create_table(
        "cases",
        sa.Column("case_id", sa.String(length=26), nullable=False, comment="ULID"),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("emergency", sa.Text(), nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("support", sa.Text(), nullable=False),
        sa.Column("retention", sa.Text(), nullable=False),
        sa.Column("cycle", sa.Integer(), nullable=False, comment="how often it was reopened"),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column(
            "strands", sa.JSON(), nullable=False, comment="strands the policy named, for the text cover"
        ),
        sa.Column(
            "queue", sa.Text(), nullable=False, comment="whose skill it needs: a strand, several, general"
        ),
        sa.Column(
            "priority",
            sa.Float(),
            nullable=False,
            comment="the policy's: base of the route plus highest score",
        ),
        sa.Column("severity_expected", sa.Integer(), nullable=False),
        sa.Column(
            "probability", sa.Float(), nullable=True, comment="the highest calibrated score; null: none"
        ),
        sa.Column("report_count", sa.Integer(), nullable=False),
        sa.Column("rank", sa.Float(), nullable=False, comment="larger first; ages by itself: ordering.py"),
        sa.Column("due_class", sa.Text(), nullable=False),
        sa.Column("due_at", INSTANT, nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column(
            "waits_since",
            INSTANT,
            nullable=False,
            comment="rank and due time count from here: arrival, or the last reopening",
        ),
        sa.Column("victim_update_due", INSTANT, nullable=True),
        sa.Column("sampled", sa.Boolean(), nullable=False, comment="drawn for a second reading"),
        sa.Column("lease_number", sa.Integer(), nullable=False),
        sa.Column("leased_by", sa.Text(), nullable=True, comment="actor"),
        sa.Column("leased_at", INSTANT, nullable=True),
        sa.Column("lease_expires_at", INSTANT, nullable=True),
        sa.Column("parked_until", INSTANT, nullable=True),
        sa.Column("parked_because", sa.Text(), nullable=True),
        sa.Column("reserved_for", sa.Text(), nullable=True, comment="actor: handed over to, or parked by"),
        sa.Column("reserved_until", INSTANT, nullable=True, comment="then anybody may have it"),
        sa.Column("decided_at", INSTANT, nullable=True),
        sa.Column("linked_to", sa.String(length=26), nullable=True, comment="its campaign's case"),
        sa.Column("waiting", sa.Boolean(), nullable=False, comment="anybody who may can claim it"),
        sa.CheckConstraint(
            "(state IN ('in_triage', 'in_review', 'in_second_review', 'in_adjudication')) = "
            "(leased_by IS NOT NULL AND lease_expires_at IS NOT NULL)",
            name="ck_cases_lease",
        ),
        sa.CheckConstraint(
            "waiting = (state IN ('triage', 'captured', 'second_review', 'adjudication') "
            "AND reserved_for IS NULL)",
            name="ck_cases_waiting",
        ),
        sa.CheckConstraint(
            "state NOT IN ('duplicate_linked') OR linked_to IS NOT NULL", name="ck_cases_linked"
        ),
        sa.CheckConstraint(
            "(reserved_for IS NULL) = (reserved_until IS NULL) AND (reserved_for IS NULL OR state IN "
            "('triage', 'captured', 'second_review', 'adjudication')) "
            "AND (parked_until IS NULL OR reserved_for IS NOT NULL)",
            name="ck_cases_reserved",
        ),
        sa.ForeignKeyConstraint(["linked_to"], ["cases.case_id"], name="fk_cases_linked_to_cases"),
        sa.PrimaryKeyConstraint("case_id", name="pk_cases"),
    )
    op.create_index(
        "ix_cases_emergency",
        "cases",
        ["emergency"],
        unique=False,
        sqlite_where=sa.text("emergency = 'emergency_escalated'"),
        postgresql_where=sa.text("emergency = 'emergency_escalated'"),
    )
    op.create_index(
        "ix_cases_holder",
        "cases",
        ["leased_by"],
        unique=False,
        sqlite_where=sa.text("leased_by IS NOT NULL"),
        postgresql_where=sa.text("leased_by IS NOT NULL"),
    )
    op.create_index(
        "ix_cases_leased",
        "cases",
        ["lease_expires_at"],
        unique=False,
        sqlite_where=sa.text("lease_expires_at IS NOT NULL"),
        postgresql_where=sa.text("lease_expires_at IS NOT NULL"),
    )
    op.create_index(
        "ix_cases_linked_to",
        "cases",
        ["linked_to"],
        unique=False,
        sqlite_where=sa.text("linked_to IS NOT NULL"),
        postgresql_where=sa.text("linked_to IS NOT NULL"),
    )
    op.create_index(
        "ix_cases_parked",
        "cases",
        ["parked_until"],
        unique=False,
        sqlite_where=sa.text("parked_until IS NOT NULL"),
        postgresql_where=sa.text("parked_until IS NOT NULL"),
    )
    op.create_index(
        "ix_cases_reserved",
        "cases",
        ["reserved_for", sa.text("rank DESC")],
        unique=False,
        sqlite_where=sa.text("reserved_for IS NOT NULL"),
        postgresql_where=sa.text("reserved_for IS NOT NULL"),
    )
    op.create_index(
        "ix_cases_reserved_until",
        "cases",
        ["reserved_until"],
        unique=False,
        sqlite_where=sa.text("reserved_until IS NOT NULL"),
        postgresql_where=sa.text("reserved_until IS NOT NULL"),
    )
    op.create_index("ix_cases_state_created", "cases", ["state", "case_id"], unique=False)
    op.create_index(
        "ix_cases_rank",
        "cases",
        [sa.text("rank DESC"), "case_id"],
        unique=False,
        sqlite_where=sa.text("waiting"),
        postgresql_where=sa.text("waiting"),
    )
    op.create_index(
        "ix_cases_waiting",
        "cases",
        ["state", "queue", sa.text("rank DESC"), "case_id"],
        unique=False,
        sqlite_where=sa.text("waiting"),
        postgresql_where=sa.text("waiting"),
    )


def create_decisions() -> None:
    """The posts of a case, and decisions, one for each cycle."""
    op.create_table(
        "case_posts",
        sa.Column("post_id", sa.String(length=26), nullable=False),
        sa.Column("case_id", sa.String(length=26), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"], name="fk_case_posts_case_id_cases"),
        sa.ForeignKeyConstraint(["post_id"], ["posts.post_id"], name="fk_case_posts_post_id_posts"),
        sa.PrimaryKeyConstraint("post_id", name="pk_case_posts"),
    )
    op.create_index("ix_case_posts_case_id", "case_posts", ["case_id"], unique=False)
    op.create_table(
        "decisions",
        sa.Column("decision_id", sa.String(length=26), nullable=False, comment="ULID"),
        sa.Column("case_id", sa.String(length=26), nullable=False),
        sa.Column("cycle", sa.Integer(), nullable=False),
        sa.Column("supersedes", sa.String(length=26), nullable=True),
        sa.Column(
            "judgement_ids", sa.JSON(), nullable=False, comment="of this cycle, in order; before 0004: none"
        ),
        sa.Column("lease_number", sa.Integer(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=False, comment="actor"),
        sa.Column("decided_at", INSTANT, nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("outcome_detail", sa.Text(), nullable=True),
        sa.Column("strands", sa.JSON(), nullable=False),
        sa.Column("codes", sa.JSON(), nullable=False),
        sa.Column("severity", sa.Integer(), nullable=False),
        sa.Column("standard", sa.Text(), nullable=True),
        sa.Column("law", sa.JSON(), nullable=False),
        sa.Column("proportionality", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column(
            "dissent",
            sa.JSON(),
            nullable=False,
            comment="[{judgement_id, outcome, severity}] of who differed",
        ),
        sa.Column("bundles", sa.JSON(), nullable=False, comment="bundle ids of the scores that were shown"),
        sa.Column("policy_sha256", sa.String(length=64), nullable=False),
        sa.Column("outcomes_sha256", sa.String(length=64), nullable=False),
        sa.Column("codebook_sha256", sa.String(length=64), nullable=False),
        sa.Column("law_sha256", sa.String(length=64), nullable=True, comment="null: made before 0004"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"], name="fk_decisions_case_id_cases"),
        sa.ForeignKeyConstraint(
            ["supersedes"], ["decisions.decision_id"], name="fk_decisions_supersedes_decisions"
        ),
        sa.PrimaryKeyConstraint("decision_id", name="pk_decisions"),
        sa.UniqueConstraint("case_id", "cycle", name="uq_decisions_case_id_cycle"),
        sa.UniqueConstraint("supersedes", name="uq_decisions_supersedes"),
    )
    op.create_index("ix_decisions_decided_at", "decisions", ["decided_at"], unique=False)


def create_history() -> None:
    """Steps and judgements."""
    op.create_table(
        "case_steps",
        sa.Column("step_id", ROW_NUMBER, autoincrement=True, nullable=False),
        sa.Column("case_id", sa.String(length=26), nullable=False),
        sa.Column("cycle", sa.Integer(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column(
            "role", sa.Text(), nullable=False, comment="in what capacity: serve/cases/workflow/states.py"
        ),
        sa.Column("taken_at", INSTANT, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("severity", sa.Integer(), nullable=True),
        sa.Column("details", sa.JSON(), nullable=False, comment="what the edge asked for besides"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"], name="fk_case_steps_case_id_cases"),
        sa.PrimaryKeyConstraint("step_id", name="pk_case_steps"),
    )
    op.create_index("ix_case_steps_case_id", "case_steps", ["case_id"], unique=False)
    op.create_table(
        "judgements",
        sa.Column("judgement_id", sa.String(length=26), nullable=False, comment="ULID"),
        sa.Column("case_id", sa.String(length=26), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("cycle", sa.Integer(), nullable=False),
        sa.Column(
            "round", sa.Integer(), nullable=False, comment="1 first reader, 2 second reader, 3 adjudication"
        ),
        sa.Column("lease_number", sa.Integer(), nullable=False),
        sa.Column("judged_at", INSTANT, nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("outcome_detail", sa.Text(), nullable=True),
        sa.Column("strands", sa.JSON(), nullable=False),
        sa.Column("codes", sa.JSON(), nullable=False, comment="of the codebook"),
        sa.Column("severity", sa.Integer(), nullable=False),
        sa.Column("speech_act", sa.Text(), nullable=True),
        sa.Column("context_flags", sa.JSON(), nullable=False),
        sa.Column("confidence", sa.Text(), nullable=False, comment="high, medium, low; not_said before 0004"),
        sa.Column("standard", sa.Text(), nullable=True, comment="standard of proof applied; configs/law"),
        sa.Column(
            "law",
            sa.JSON(),
            nullable=False,
            comment="[{id, met: [...], missing: [...]}] of the law catalogue",
        ),
        sa.Column("proportionality", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column(
            "saw_scores",
            sa.Boolean(),
            nullable=False,
            comment="whether the machine's scores were shown before",
        ),
        sa.Column("second_review_causes", sa.JSON(), nullable=False),
        sa.Column(
            "bundles", sa.JSON(), nullable=False, comment="bundle ids of the newest scores of its posts"
        ),
        sa.Column("policy_sha256", sa.String(length=64), nullable=False),
        sa.Column("outcomes_sha256", sa.String(length=64), nullable=False),
        sa.Column("codebook_sha256", sa.String(length=64), nullable=False),
        sa.Column("law_sha256", sa.String(length=64), nullable=True, comment="null: made before 0004"),
        sa.CheckConstraint("round IN (1, 2, 3)", name="ck_judgements_round"),
        sa.CheckConstraint("severity BETWEEN 0 AND 4", name="ck_judgements_severity"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"], name="fk_judgements_case_id_cases"),
        sa.PrimaryKeyConstraint("judgement_id", name="pk_judgements"),
        sa.UniqueConstraint("case_id", "actor", name="uq_judgements_case_id_actor"),
        sa.UniqueConstraint("case_id", "cycle", "round", name="uq_judgements_case_id_cycle_round"),
    )
