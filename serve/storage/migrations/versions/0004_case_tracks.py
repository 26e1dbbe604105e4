"""Cases on tracks, their history, and the judgements of several readers behind a decision.

Revision: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0002"
branch_labels: str | None = None
depends_on: str | None = None

INSTANT = sa.DateTime(timezone=True)
ROW_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


# What may never change, column by column. Triggers as in revision 0001, whose PostgreSQL function serves here.
FROZEN = {
    "decisions": (
        *("decision_id", "case_id", "cycle", "supersedes", "judgement_ids", "lease_number", "decided_by"),
        *("decided_at", "outcome", "outcome_detail", "strands", "codes", "severity", "standard", "law"),
        *("proportionality", "reason", "dissent", "bundles", "policy_sha256", "outcomes_sha256"),
        *("codebook_sha256", "law_sha256"),
    ),
    "judgements": (
        *("judgement_id", "case_id", "actor", "cycle", "round", "lease_number", "judged_at", "outcome"),
        *("outcome_detail", "strands", "codes", "severity", "speech_act", "context_flags", "confidence"),
        *("standard", "law", "proportionality", "reason", "saw_scores", "second_review_causes", "bundles"),
        *("policy_sha256", "outcomes_sha256", "codebook_sha256", "law_sha256"),
    ),
    "case_steps": (
        *("step_id", "case_id", "cycle", "action", "before", "after", "actor", "role", "taken_at", "reason"),
        *("outcome", "severity", "details"),
    ),
}
FROZEN_BEFORE = (
    *("decision_id", "case_id", "lease_number", "decided_by", "decided_at", "outcome", "outcome_detail"),
    *("strands", "severity", "reason", "bundles", "policy_sha256", "outcomes_sha256", "codebook_sha256"),
)
OLD = ("cases", "case_posts", "decisions")
"""Built anew: SQLite cannot change a CHECK, and a decision is no longer one a case."""

OLD_INDEXES = {
    "cases": ("ix_cases_holder", "ix_cases_leased", "ix_cases_queued", "ix_cases_state_created"),
    "case_posts": ("ix_case_posts_case_id",),
    "decisions": ("ix_decisions_decided_at",),
}
NEW_INDEXES = {
    "cases": (
        *(
            "ix_cases_emergency",
            "ix_cases_holder",
            "ix_cases_leased",
            "ix_cases_linked_to",
            "ix_cases_parked",
        ),
        *("ix_cases_rank", "ix_cases_reserved", "ix_cases_reserved_until", "ix_cases_state_created"),
        *("ix_cases_waiting",),
    ),
    "case_posts": ("ix_case_posts_case_id",),
    "decisions": ("ix_decisions_decided_at",),
}

# The rank of queue.yaml as it was on the day of this migration, without the score: priority orders as before.
DAY_SECONDS = 86_400


def upgrade() -> None:
    _set_aside(OLD_INDEXES)
    _create_cases()
    _create_decisions()
    _create_history()
    op.execute(
        "INSERT INTO cases (case_id, state, emergency, platform, support, retention, cycle, route, strands, queue, "
        "priority, severity_expected, probability, report_count, rank, due_class, due_at, created_at, "
        "waits_since, victim_update_due, sampled, lease_number, leased_by, leased_at, lease_expires_at, parked_until, "
        "parked_because, reserved_for, reserved_until, decided_at, linked_to, waiting) "
        f"SELECT c.case_id, {_state_after()}, 'no_emergency', 'not_notified', 'not_offered', 'held', 0, c.route, "
        f"c.strands, {_queue()}, c.priority, {_severity()}, {_probability()}, 0, "
        f"c.priority * {DAY_SECONDS} - ({_seconds('c.created_at')}), {_due_class()}, NULL, c.created_at, c.created_at, "
        f"{_week_after('c.created_at')}, {_false()}, c.lease_number, c.leased_by, NULL, c.lease_expires_at, NULL, NULL, "
        "NULL, NULL, c.decided_at, NULL, (c.state = 'queued') FROM old_cases c "
        "LEFT JOIN old_decisions d ON d.case_id = c.case_id"
    )
    op.execute("INSERT INTO case_posts (post_id, case_id) SELECT post_id, case_id FROM old_case_posts")
    op.execute(
        "INSERT INTO decisions (decision_id, case_id, cycle, supersedes, judgement_ids, lease_number, decided_by, "
        "decided_at, outcome, outcome_detail, strands, codes, severity, standard, law, proportionality, reason, "
        "dissent, bundles, policy_sha256, outcomes_sha256, codebook_sha256, law_sha256) "
        "SELECT decision_id, case_id, 0, NULL, '[]', lease_number, decided_by, decided_at, outcome, outcome_detail, "
        "strands, '[]', severity, NULL, '[]', '', reason, '[]', bundles, policy_sha256, outcomes_sha256, "
        "codebook_sha256, NULL FROM old_decisions"
    )
    # Whoever decided before has judged: a case that is reopened goes to other eyes.
    op.execute(
        "INSERT INTO judgements (judgement_id, case_id, actor, cycle, round, lease_number, judged_at, outcome, "
        "outcome_detail, strands, codes, severity, speech_act, context_flags, confidence, standard, law, "
        "proportionality, reason, saw_scores, second_review_causes, bundles, policy_sha256, outcomes_sha256, "
        "codebook_sha256, law_sha256) "
        "SELECT decision_id, case_id, decided_by, 0, 1, lease_number, decided_at, outcome, outcome_detail, strands, "
        f"'[]', severity, NULL, '[]', 'not_said', NULL, '[]', '', reason, {_true()}, '[]', bundles, policy_sha256, "
        "outcomes_sha256, codebook_sha256, NULL FROM old_decisions"
    )
    _insert_history()
    _drop_old()
    _refuse_changes(FROZEN)


def downgrade() -> None:
    """Cases go back to three states. Judgements, histories and all but a case's newest decision are lost."""
    _set_aside(NEW_INDEXES)
    _recreate_first_light()
    op.execute(
        "INSERT INTO cases (case_id, state, route, strands, priority, created_at, lease_number, leased_by, "
        "lease_expires_at, decided_at) SELECT c.case_id, CASE WHEN d.decision_id IS NOT NULL AND c.decided_at IS NOT "
        "NULL THEN 'decided' ELSE 'queued' END, c.route, c.strands, c.priority, c.created_at, c.lease_number, NULL, "
        "NULL, CASE WHEN d.decision_id IS NOT NULL THEN c.decided_at END FROM old_cases c "
        f"LEFT JOIN old_decisions d ON d.case_id = c.case_id AND {_newest()}"
    )
    op.execute("INSERT INTO case_posts (post_id, case_id) SELECT post_id, case_id FROM old_case_posts")
    op.execute(
        f"INSERT INTO decisions ({', '.join(FROZEN_BEFORE)}) SELECT {', '.join('d.' + one for one in FROZEN_BEFORE)} "
        "FROM old_decisions d JOIN cases c ON c.case_id = d.case_id AND c.state = 'decided' "
        f"WHERE {_newest()}"
    )
    for table in ("case_steps", "judgements"):
        op.drop_table(table)
    _drop_old()
    _refuse_changes({"decisions": FROZEN_BEFORE})


def _insert_history() -> None:
    """The steps that each case has taken, as the table of the workflow has them; claims are not among them."""
    for action, before, after, role in (
        ("score", "received", "scored", "classifier"),
        ("admit_to_review", "scored", "captured", "system"),
    ):
        op.execute(
            "INSERT INTO case_steps (case_id, cycle, action, before, after, actor, role, taken_at, reason, outcome, "
            f"severity, details) SELECT case_id, 0, '{action}', '{before}', '{after}', 'system:scorer', '{role}', "
            "created_at, '', NULL, NULL, '{}' FROM old_cases ORDER BY case_id"
        )
    op.execute(
        "INSERT INTO case_steps (case_id, cycle, action, before, after, actor, role, taken_at, reason, outcome, "
        "severity, details) SELECT case_id, 0, 'decide', 'in_review', 'decided', decided_by, 'review_officer', "
        "decided_at, reason, outcome, severity, '{}' FROM old_decisions ORDER BY case_id"
    )
    for action, after in (
        ("close_no_action", "no_action"),
        ("record_non_crime", "non_crime"),
        ("request_crime_record", "crime_candidate"),
    ):
        op.execute(
            "INSERT INTO case_steps (case_id, cycle, action, before, after, actor, role, taken_at, reason, outcome, "
            f"severity, details) SELECT d.case_id, 0, '{action}', 'decided', '{after}', d.decided_by, 'review_officer', "
            "d.decided_at, d.reason, NULL, NULL, '{}' FROM old_decisions d JOIN cases c ON c.case_id = d.case_id "
            f"WHERE c.state = '{after}' ORDER BY d.case_id"
        )


def _set_aside(indexes: dict[str, tuple[str, ...]]) -> None:
    """Renames the tables that are built anew, and takes off what holds the names of their parts."""
    for table in OLD:
        for index in indexes[table]:
            op.drop_index(index, table_name=table)
        op.rename_table(table, f"old_{table}")
        if _is_postgresql():
            op.execute(f"ALTER INDEX pk_{table} RENAME TO pk_old_{table}")
    if _is_postgresql():
        for name in ("case_id", "case_id_cycle", "supersedes"):
            op.execute(f"ALTER TABLE old_decisions DROP CONSTRAINT IF EXISTS uq_decisions_{name} CASCADE")
        op.execute("ALTER TABLE old_decisions DROP CONSTRAINT IF EXISTS fk_decisions_supersedes_decisions")


def _drop_old() -> None:
    for table in reversed(OLD):
        op.drop_table(f"old_{table}")  # its triggers go with it


def _refuse_changes(frozen: dict[str, tuple[str, ...]]) -> None:
    does = (
        "FOR EACH ROW EXECUTE FUNCTION watchhouse_refuse_change()"
        if _is_postgresql()
        else "BEGIN SELECT RAISE(ABORT, '{table} never change'); END"
    )
    for table, columns in frozen.items():
        for name, when in (("update", f"UPDATE OF {', '.join(columns)}"), ("delete", "DELETE")):
            op.execute(
                f"CREATE TRIGGER {table}_refuse_{name} BEFORE {when} ON {table} {does.format(table=table)}"
            )
        if _is_postgresql():
            op.execute(
                f"CREATE TRIGGER {table}_refuse_truncate BEFORE TRUNCATE ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION watchhouse_refuse_change()"
            )


def _is_postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"


def _true() -> str:
    return "true" if _is_postgresql() else "1"


def _false() -> str:
    return "false" if _is_postgresql() else "0"


def _seconds(column: str) -> str:
    """Seconds since the start of 2026, UTC: what ranks count from."""
    if _is_postgresql():
        return f"EXTRACT(EPOCH FROM {column}) - 1767225600"
    return f"(julianday({column}) - 2461041.5) * {DAY_SECONDS}"


def _week_after(column: str) -> str:
    """Five working days later, when the victim must hear next; no later than the desk's own count of them."""
    if _is_postgresql():
        return f"{column} + INTERVAL '7 days'"
    return f"strftime('%Y-%m-%d %H:%M:%f000', {column}, '+7 days')"


def _probability() -> str:
    """The highest of the newest scores of the case's posts; null where none was scored."""
    heads = ("hate", "antisemitic", "islamophobic", "far_right")
    if _is_postgresql():
        highest = f"GREATEST({', '.join('s.' + head for head in heads)})"
    else:  # SQLite's max() of several is null if one of them is
        highest = f"max({', '.join(f'coalesce(s.{head}, 0)' for head in heads)})"
    return (
        f"(SELECT {highest} FROM post_scores s JOIN old_case_posts p ON p.post_id = s.post_id "
        "WHERE p.case_id = c.case_id AND s.hate IS NOT NULL ORDER BY s.scores_id DESC LIMIT 1)"
    )


def _state_after() -> str:
    """The state on the case's track: what was decided goes on to where its outcome leads by itself."""
    return (
        "CASE c.state WHEN 'queued' THEN 'captured' WHEN 'in_review' THEN 'in_review' ELSE CASE d.outcome "
        "WHEN 'no_action' THEN 'no_action' WHEN 'non_crime_record' THEN 'non_crime' WHEN 'intel_only' THEN "
        "'non_crime' WHEN 'crime_record_requested' THEN 'crime_candidate' WHEN 'refer_force' THEN "
        "'crime_candidate' WHEN 'refer_ctp' THEN 'crime_candidate' ELSE 'decided' END END"
    )


def _severity() -> str:
    return "CASE c.route WHEN 'urgent_review' THEN 3 WHEN 'low_priority' THEN 1 ELSE 2 END"


def _due_class() -> str:
    return (
        "CASE c.route WHEN 'urgent_review' THEN 'urgent' WHEN 'low_priority' THEN 'routine' ELSE 'review' END"
    )


def _queue() -> str:
    length = "json_array_length(c.strands)"
    first = "c.strands->>0" if _is_postgresql() else "json_extract(c.strands, '$[0]')"
    return f"CASE {length} WHEN 0 THEN 'general' WHEN 1 THEN {first} ELSE 'several' END"


def _newest() -> str:
    return "d.cycle = (SELECT max(n.cycle) FROM old_decisions n WHERE n.case_id = d.case_id)"


def _create_cases() -> None:
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
            "(state IN ('in_triage', 'in_review', 'in_second_review', 'in_adjudication')) = (leased_by IS NOT NULL AND lease_expires_at IS NOT NULL)",
            name="ck_cases_lease",
        ),
        sa.CheckConstraint(
            "waiting = (state IN ('triage', 'captured', 'second_review', 'adjudication') AND reserved_for IS NULL)",
            name="ck_cases_waiting",
        ),
        sa.CheckConstraint(
            "state NOT IN ('duplicate_linked') OR linked_to IS NOT NULL", name="ck_cases_linked"
        ),
        sa.CheckConstraint(
            "(reserved_for IS NULL) = (reserved_until IS NULL) AND (reserved_for IS NULL OR state IN ('triage', 'captured', 'second_review', 'adjudication')) AND (parked_until IS NULL OR reserved_for IS NOT NULL)",
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


def _create_decisions() -> None:
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


def _create_history() -> None:
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


def _recreate_first_light() -> None:
    op.create_table(
        "cases",
        sa.Column("case_id", sa.String(length=26), nullable=False, comment="ULID"),
        sa.Column("state", sa.Text(), nullable=False, comment="queued, in_review, decided"),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column(
            "strands", sa.JSON(), nullable=False, comment="strands the policy named, for the text cover"
        ),
        sa.Column("priority", sa.Float(), nullable=False, comment="larger first; from the policy"),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("lease_number", sa.Integer(), nullable=False),
        sa.Column("leased_by", sa.Text(), nullable=True, comment="actor"),
        sa.Column("lease_expires_at", INSTANT, nullable=True),
        sa.Column("decided_at", INSTANT, nullable=True),
        sa.CheckConstraint("(state = 'decided') = (decided_at IS NOT NULL)", name="ck_cases_decided"),
        sa.CheckConstraint(
            "(state = 'in_review') = (leased_by IS NOT NULL AND lease_expires_at IS NOT NULL)",
            name="ck_cases_lease",
        ),
        sa.CheckConstraint("state IN ('queued', 'in_review', 'decided')", name="ck_cases_state"),
        sa.PrimaryKeyConstraint("case_id", name="pk_cases"),
    )
    op.create_index(
        "ix_cases_holder",
        "cases",
        ["leased_by"],
        unique=False,
        sqlite_where=sa.text("state = 'in_review'"),
        postgresql_where=sa.text("state = 'in_review'"),
    )
    op.create_index(
        "ix_cases_leased",
        "cases",
        ["lease_expires_at"],
        unique=False,
        sqlite_where=sa.text("state = 'in_review'"),
        postgresql_where=sa.text("state = 'in_review'"),
    )
    op.create_index(
        "ix_cases_queued",
        "cases",
        [sa.text("priority DESC"), "case_id"],
        unique=False,
        sqlite_where=sa.text("state = 'queued'"),
        postgresql_where=sa.text("state = 'queued'"),
    )
    op.create_index("ix_cases_state_created", "cases", ["state", "case_id"], unique=False)
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
        sa.Column("lease_number", sa.Integer(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=False, comment="actor"),
        sa.Column("decided_at", INSTANT, nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("outcome_detail", sa.Text(), nullable=True),
        sa.Column("strands", sa.JSON(), nullable=False),
        sa.Column("severity", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("bundles", sa.JSON(), nullable=False, comment="bundle ids of the scores that were shown"),
        sa.Column("policy_sha256", sa.String(length=64), nullable=False),
        sa.Column("outcomes_sha256", sa.String(length=64), nullable=False),
        sa.Column("codebook_sha256", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"], name="fk_decisions_case_id_cases"),
        sa.PrimaryKeyConstraint("decision_id", name="pk_decisions"),
        sa.UniqueConstraint("case_id", name="uq_decisions_case_id"),
    )
    op.create_index("ix_decisions_decided_at", "decisions", ["decided_at"], unique=False)
