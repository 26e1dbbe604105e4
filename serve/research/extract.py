"""Decided cases as rows that name nobody: no text, no address, no author, no reporter, no officer.

Cases go by pseudonyms that are made anew for every extract with a key that is thrown away, scores are rounded
and days are weeks, so that ids do not tell that rows of two extracts are the same case, and figures hardly.
In a file, what a row has in common with too few others is blank (`RARE_FIRST`).
Two extracts whose periods differ by a week would tell of that week: those of one person do not overlap
(`OVERLAP_DAYS`). What cannot be hidden: two people may lay theirs side by side, and whoever can score a post
may know its row by its scores. Hence a reference, a bound a day and a record of each.
Source: PROMISES.md section 5, items 3 and 5.
"""

from __future__ import annotations

import csv
import hashlib
import hmac
import io
import json
import secrets
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import Session, aliased

from model.errors import BadInput, TooMany
from model.taxonomy import HEAD_ORDER, STRAND_ORDER
from serve.audit.events import Event
from serve.audit.log import Detail, record
from serve.research.disclosure import LEAST_SHOWN, blank_rare, withhold_small
from serve.storage.identifiers import new_id
from serve.storage.tables import AuditEvent, Case, CasePost, Decision, PostScores

MAX_ROWS: Final = 20_000
EXTRACTS_A_DAY: Final = 20
OVERLAP_DAYS: Final = 90
"""For so long nobody gets weeks that overlap with weeks they had, unless they are the very same."""

SCORE_STEP: Final = 0.05
"""Scores are rounded to this: four decimals of four heads would be a fingerprint of the post."""

PSEUDONYM_CHARACTERS: Final = 20
"""80 bits of hexadecimal digits."""

NO_STRAND: Final = "none"
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")

COLUMNS: Final = (
    "extract",
    "case",
    "opened_week",
    "decided_week",
    "strands",
    "outcome",
    "severity",
    *HEAD_ORDER,
    "bundle",
    "policy_sha256",
    "codebook_sha256",
    "outcomes_sha256",
)
RARE_FIRST: Final = (
    ("opened_week",),
    ("decided_week",),
    ("severity",),
    ("outcome",),
    ("strands",),
    ("bundle", "policy_sha256", "codebook_sha256", "outcomes_sha256"),
)
"""What is known of a case outside the hub, or dates it; blanked in this order where few rows share it."""

Row = dict[str, str | int | float | None]


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody asks for. Both weeks belong to the period and begin on Mondays, UTC."""

    purpose: str
    reference: str
    first_week: date
    last_week: date
    strand: str | None
    given_as: str


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts of an extract; None stands for a number that is withheld."""

    cases: int | None
    by_strand: dict[str, int | None]
    by_outcome: dict[str, int | None]
    by_severity: dict[str, int | None]


@dataclass(frozen=True, slots=True)
class Extract:
    """The rows, in the order of their pseudonyms, under the id that the audit log has."""

    extract_id: str
    rows: tuple[Row, ...]


def make_extract(session: Session, asked: Asked, *, actor: str, at: datetime) -> Extract:
    """The decided cases asked for, with the audit event of it in the same transaction.

    Raises: BadInput (too many rows; weeks that overlap with an earlier extract's), TooMany.
    """
    _check_rate(session, actor, at)
    _check_overlap(session, asked, actor, at)
    decided = _decided(session, asked)
    extract_id, key = new_id(), secrets.token_bytes(32)  # the key is kept nowhere
    scores = _scores(session, asked)
    rows = [
        _row(extract_id, key, decision, opened_at, scores.get(decision.case_id, {}))
        for decision, opened_at in decided
    ]
    rows.sort(key=lambda row: str(row["case"]))  # the database's order would say which came first
    details: dict[str, Detail] = {
        "purpose": asked.purpose,
        "reference": asked.reference,
        "first_week": asked.first_week.isoformat(),
        "last_week": asked.last_week.isoformat(),
        "strand": asked.strand,
        "given_as": asked.given_as,
        "rows": len(rows),
    }
    record(session, actor=actor, event=Event.EXTRACT_MADE, subject=extract_id, details=details, at=at)
    return Extract(extract_id, tuple(rows))


def monday(day: date) -> date:
    """The first day of the day's week."""
    return day - timedelta(days=day.weekday())


def summary(rows: Iterable[Row]) -> Summary:
    """Counts of the rows, small ones withheld; of a few rows no line at all, for a name alone would tell.

    A case of two strands counts in both.
    """
    found = list(rows)
    if len(found) < LEAST_SHOWN:
        return Summary(cases=None, by_strand={}, by_outcome={}, by_severity={})
    strands = Counter(name for row in found for name in str(row["strands"]).split())
    return Summary(
        cases=len(found),
        by_strand=withhold_small(
            {name: strands[name] for name in (*STRAND_ORDER, NO_STRAND) if strands[name]}
        ),
        by_outcome=withhold_small(dict(sorted(Counter(str(row["outcome"]) for row in found).items()))),
        by_severity=withhold_small(dict(sorted(Counter(f"S{row['severity']}" for row in found).items()))),
    )


def as_csv(extract: Extract) -> bytes:
    """The rows, rare cells blank, as CSV in UTF-8; no cell is one that a spreadsheet would run."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for row in blank_rare(extract.rows, RARE_FIRST):
        writer.writerow([_harmless(row[column]) for column in COLUMNS])
    return out.getvalue().encode()


def as_jsonl(extract: Extract) -> bytes:
    """The rows, rare cells blank (null), as one JSON object a line, in UTF-8."""
    return "".join(
        json.dumps(row, ensure_ascii=False) + "\n" for row in blank_rare(extract.rows, RARE_FIRST)
    ).encode()


def _check_rate(session: Session, actor: str, at: datetime) -> None:
    made = session.scalar(
        select(func.count())
        .select_from(AuditEvent)
        .where(
            AuditEvent.event == Event.EXTRACT_MADE.value,
            AuditEvent.actor == actor,
            AuditEvent.happened_at > at - timedelta(days=1),
        )
    )
    if (made or 0) >= EXTRACTS_A_DAY:
        raise TooMany(f"At most {EXTRACTS_A_DAY} extracts in a day: try again tomorrow.")


def _check_overlap(session: Session, asked: Asked, actor: str, at: datetime) -> None:
    first, last = asked.first_week.isoformat(), asked.last_week.isoformat()
    made = session.scalars(
        select(AuditEvent.details).where(
            AuditEvent.event == Event.EXTRACT_MADE.value,
            AuditEvent.actor == actor,
            AuditEvent.happened_at > at - timedelta(days=OVERLAP_DAYS),
        )
    )
    for one in made:
        had = (one["first_week"], one["last_week"])
        # One of so few rows told nothing, and its page says to choose a longer period.
        if one["rows"] >= LEAST_SHOWN and had[0] <= last and first <= had[1] and had != (first, last):
            raise BadInput(
                f"first: these weeks overlap with {had[0]} to {had[1]}, which you had in the last"
                f" {OVERLAP_DAYS} days. Ask for exactly those weeks, or for none of them",
                field="first",
            )


def _decided(session: Session, asked: Asked) -> list[tuple[Decision, datetime]]:
    query = (
        select(Decision, Case.created_at)
        .join(Case, Case.case_id == Decision.case_id)
        .where(*_in_period(asked))
        .limit(MAX_ROWS + 1)
    )
    found = [(decision, opened_at) for decision, opened_at in session.execute(query)]
    if len(found) > MAX_ROWS:
        raise BadInput(f"last: more than {MAX_ROWS:,} cases: choose a shorter period", field="last")
    return [one for one in found if asked.strand is None or asked.strand in one[0].strands]


def _in_period(asked: Asked) -> tuple[ColumnElement[bool], ...]:
    begins = datetime.combine(asked.first_week, time(), UTC)
    ends = datetime.combine(asked.last_week + timedelta(days=7), time(), UTC)
    later = aliased(Decision)
    # What was decided again after an appeal counts once, as what stands.
    stands = ~exists().where(later.supersedes == Decision.decision_id)
    return (Decision.decided_at >= begins, Decision.decided_at < ends, stands)


def _scores(session: Session, asked: Asked) -> dict[str, dict[str, PostScores]]:
    """By case and post, the latest scores that stood when the case was decided."""
    query = (
        select(CasePost.case_id, PostScores)
        .join(PostScores, PostScores.post_id == CasePost.post_id)
        .join(Decision, Decision.case_id == CasePost.case_id)
        .where(*_in_period(asked), PostScores.scored_at <= Decision.decided_at)
        .order_by(PostScores.scores_id)
    )
    found: dict[str, dict[str, PostScores]] = {}
    for case_id, scores in session.execute(query):
        found.setdefault(case_id, {})[scores.post_id] = scores
    return found


def _row(
    extract_id: str, key: bytes, decision: Decision, opened_at: datetime, scores: Mapping[str, PostScores]
) -> Row:
    pseudonym = hmac.new(key, decision.case_id.encode(), hashlib.sha256).hexdigest()
    row: Row = {
        "extract": extract_id,
        "case": f"c{pseudonym[:PSEUDONYM_CHARACTERS]}",  # digits alone, or 12e34, a spreadsheet would round
        "opened_week": monday(opened_at.astimezone(UTC).date()).isoformat(),
        "decided_week": monday(decision.decided_at.astimezone(UTC).date()).isoformat(),
        "strands": " ".join(decision.strands) or NO_STRAND,
        "outcome": decision.outcome,
        "severity": decision.severity,
    }
    for head in HEAD_ORDER:
        values = [value for one in scores.values() if (value := getattr(one, head)) is not None]
        row[head] = _rounded(max(values)) if values else None
    row["bundle"] = " ".join(sorted({one.bundle for one in scores.values()})) or None
    row["policy_sha256"] = decision.policy_sha256
    row["codebook_sha256"] = decision.codebook_sha256
    row["outcomes_sha256"] = decision.outcomes_sha256
    return row


def _rounded(score: float) -> float:
    return round(round(score / SCORE_STEP) * SCORE_STEP, 2)


def _harmless(cell: str | int | float | None) -> str | int | float | None:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA_STARTS) else cell
