"""A decision: what stands of a case once its readers are done, and the step that follows by itself."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from serve.audit.events import Event
from serve.audit.log import Detail, record
from serve.cases.progress import circumstances_of, progress_of, store_step
from serve.cases.workflow.advance import advance
from serve.cases.workflow.states import CaseAction, CaseRole, State, Track
from serve.cases.workflow.steps import Step
from serve.hub import Hub
from serve.storage.identifiers import new_id
from serve.storage.tables import Case, CasePost, Decision, DecisionPost, Judgement

FOLLOWS_BY_ITSELF: Final = frozenset(
    {CaseAction.CLOSE_NO_ACTION, CaseAction.RECORD_NON_CRIME, CaseAction.REQUEST_CRIME_RECORD}
)
"""Steps after a decision that need nothing which the decision does not hold, and tell nobody outside."""


def decide(
    session: Session, hub: Hub, case: Case, judgement: Judgement, *, role: CaseRole, now: datetime
) -> tuple[Decision, str]:
    """The decision that the last judgement of a cycle makes, and the state that the case is in then.

    One decision, a row for each post that it is about; it supersedes that of the cycle before.
    """
    judgements = session.scalars(
        select(Judgement)
        .where(Judgement.case_id == case.case_id, Judgement.cycle == case.cycle)
        .order_by(Judgement.round)
    ).all()
    decision = Decision(
        decision_id=new_id(),
        case_id=case.case_id,
        cycle=case.cycle,
        supersedes=_standing(session, case) if case.cycle else None,
        judgement_ids=[one.judgement_id for one in judgements],
        lease_number=judgement.lease_number,
        decided_by=judgement.actor,
        decided_at=now,
        outcome=judgement.outcome,
        outcome_detail=judgement.outcome_detail,
        strands=judgement.strands,
        codes=judgement.codes,
        severity=judgement.severity,
        standard=judgement.standard,
        law=judgement.law,
        proportionality=judgement.proportionality,
        reason=judgement.reason,
        dissent=[_differs(one) for one in judgements if _answer(one) != _answer(judgement)],
        bundles=judgement.bundles,
        policy_sha256=judgement.policy_sha256,
        outcomes_sha256=judgement.outcomes_sha256,
        codebook_sha256=judgement.codebook_sha256,
        law_sha256=judgement.law_sha256,
    )
    session.add(decision)
    session.flush()
    _store_posts(session, case, decision)
    details: dict[str, Detail] = {
        "decision_id": decision.decision_id,
        "lease_number": judgement.lease_number,
        "outcome": decision.outcome,
        "outcome_detail": decision.outcome_detail,
        "strands": decision.strands,
        "severity": decision.severity,
        "readers": len(judgements),
    }
    record(
        session,
        actor=judgement.actor,
        event=Event.CASE_DECIDED,
        subject=case.case_id,
        details=details,
        at=now,
    )
    return decision, _follow(session, hub, case, decision, role=role, now=now)


def standing_decision(session: Session, case_id: str) -> Decision | None:
    """The decision that stands: that of the newest cycle which has one."""
    return session.scalars(
        select(Decision).where(Decision.case_id == case_id).order_by(Decision.cycle.desc()).limit(1)
    ).first()


def _standing(session: Session, case: Case) -> str | None:
    found = standing_decision(session, case.case_id)
    return None if found is None else found.decision_id


def _store_posts(session: Session, case: Case, decision: Decision) -> None:
    posts = select(CasePost.post_id).where(CasePost.case_id == case.case_id)
    rows = [{"decision_id": decision.decision_id, "post_id": post_id} for post_id in session.scalars(posts)]
    if rows:
        session.execute(insert(DecisionPost), rows)


def _follow(
    session: Session, hub: Hub, case: Case, decision: Decision, *, role: CaseRole, now: datetime
) -> str:
    """Takes the step that follows from the outcome where it needs nobody's further word; the state then."""
    profile = hub.workflow.in_force(now.astimezone(UTC).date())
    action = profile.after_decision.get(decision.outcome)
    if action not in FOLLOWS_BY_ITSELF:
        return State.DECIDED.value
    session.refresh(case)
    step = Step(action=action, actor=decision.decided_by, role=role, at=now, reason=decision.reason)
    progress = progress_of(session, case)
    moved = advance(progress, step, circumstances_of(session, case), profile)
    after = moved.position[Track.CASE]
    store_step(
        session, case, step, before=State.DECIDED, after=after, details={"decision_id": decision.decision_id}
    )
    session.execute(
        update(Case)
        .where(Case.case_id == case.case_id, Case.state == State.DECIDED.value)
        .values(state=after.value, victim_update_due=moved.victim_update_due)
        .execution_options(synchronize_session=False)
    )
    return after.value


def _answer(judgement: Judgement) -> tuple[str, int]:
    return judgement.outcome, judgement.severity


def _differs(judgement: Judgement) -> dict[str, Any]:
    return {
        "judgement_id": judgement.judgement_id,
        "outcome": judgement.outcome,
        "severity": judgement.severity,
    }
