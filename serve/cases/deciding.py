"""A decision: a person's act on a case they hold, with everything it stood on, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from model.errors import BadInput
from model.normalise import check_text
from model.taxonomy import SEVERITIES, STRAND_ORDER
from serve.audit.events import Event
from serve.audit.log import Detail, record
from serve.cases.queue import live_lease, why_lost
from serve.hub import Hub
from serve.storage.identifiers import new_id
from serve.storage.tables import Case, CasePost, Decision, PostScores

MAX_REASON_CHARACTERS = 5_000


def decide(
    session: Session,
    hub: Hub,
    *,
    case_id: str,
    lease_number: int,
    actor: str,
    now: datetime,
    outcome: str,
    outcome_detail: str | None,
    strands: Sequence[str],
    severity: object,
    reason: str,
) -> Decision:
    """The decision, stored together with the case's change of state and the audit event.

    The UPDATE is the fence: it finds a row only for the holder of the live lease, so of two who try
    one gets it, whatever they last read.

    Raises: BadInput naming the field; LeaseLost; CaseDecided; NotFound.
    """
    code, detail = hub.outcomes.choose(outcome, outcome_detail, on=now.astimezone(UTC).date())
    chosen_strands = check_strands(strands)
    chosen_severity = check_severity(severity)
    checked_reason = check_reason(reason)
    won = session.execute(
        update(Case)
        .where(*live_lease(case_id, lease_number, actor, now))
        .values(state="decided", decided_at=now, leased_by=None, lease_expires_at=None)
        .returning(Case.case_id)
        .execution_options(synchronize_session=False)
    ).first()
    if won is None:
        raise why_lost(session, case_id, lease_number, actor)
    bundles, policy_sha256 = _shown(session, case_id)
    decision = Decision(
        decision_id=new_id(),
        case_id=case_id,
        lease_number=lease_number,
        decided_by=actor,
        decided_at=now,
        outcome=code,
        outcome_detail=detail,
        strands=chosen_strands,
        severity=chosen_severity,
        reason=checked_reason,
        bundles=bundles,
        policy_sha256=policy_sha256 or hub.policy.sha256,
        outcomes_sha256=hub.outcomes.sha256,
        codebook_sha256=hub.codebook_sha256,
    )
    session.add(decision)
    details: dict[str, Detail] = {
        "decision_id": decision.decision_id,
        "lease_number": lease_number,
        "outcome": code,
        "outcome_detail": detail,
        "strands": chosen_strands,
        "severity": chosen_severity,
    }
    record(session, actor=actor, event=Event.CASE_DECIDED, subject=case_id, details=details, at=now)
    session.flush()
    return decision


def check_strands(strands: Sequence[str]) -> list[str]:
    """The strands once each, in STRAND_ORDER; an empty list says that none applies.

    Raises: BadInput.
    """
    if any(strand not in STRAND_ORDER for strand in strands):
        raise BadInput(f"strands: each one of {', '.join(STRAND_ORDER)}", field="strands")
    return [strand for strand in STRAND_ORDER if strand in strands]


def check_severity(severity: object) -> int:
    """The severity as a number; `S3`, `s3` and 3 say the same.

    Raises: BadInput.

    >>> check_severity("s3"), check_severity("S0"), check_severity(4)
    (3, 0, 4)
    """
    spelled = {f"S{number}": number for number in SEVERITIES}
    if isinstance(severity, str) and severity.upper() in spelled:
        return spelled[severity.upper()]
    if type(severity) is int and severity in SEVERITIES:  # a bool is an int to isinstance
        return severity
    raise BadInput("severity: 0 to 4, or S0 to S4", field="severity")


def check_reason(reason: str) -> str:
    """The written reason, unless it is blank, too long or not clean text.

    Raises: BadInput (also as NotText, TextEmpty) with the field `reason`.
    """
    try:
        checked = check_text(reason)
    except BadInput as fault:
        raise type(fault)(f"reason: {fault.message.removeprefix('text: ')}", field="reason") from None
    if len(checked) > MAX_REASON_CHARACTERS:
        raise BadInput(f"reason: at most {MAX_REASON_CHARACTERS:,} characters", field="reason")
    return checked


def _shown(session: Session, case_id: str) -> tuple[list[str], str | None]:
    """The bundles of the scores that were shown, in order of scoring, and the policy that routed last."""
    rows = session.execute(
        select(PostScores.bundle, PostScores.policy_sha256)
        .join(CasePost, CasePost.post_id == PostScores.post_id)
        .where(CasePost.case_id == case_id)
        .order_by(PostScores.scores_id)
    ).all()
    bundles = list(dict.fromkeys(row.bundle for row in rows))
    return bundles, rows[-1].policy_sha256 if rows else None
