"""Cases on tracks, their history, and the judgements of several readers behind a decision.

Revision: 0004
"""

from __future__ import annotations

from alembic import op

from serve.storage.migrations import tables_0001, tables_0004

revision = "0004"
down_revision = "0003"
branch_labels: str | None = None
depends_on: str | None = None

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
    tables_0004.create_cases()
    tables_0004.create_decisions()
    tables_0004.create_history()
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
    tables_0001.recreate_cases()
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
