"""A decision: what stands of a case once its readers are done, and the step that follows by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, cast

from sqlalchemy import Table, bindparam, insert, select
from sqlalchemy.orm import Session

from serve.audit.events import Event
from serve.audit.log import Detail, record
from serve.cases.workflow.advance import advance
from serve.cases.workflow.states import CaseAction
from serve.cases.workflow.steps import Circumstances, Progress, Step
from serve.cases.workflow.timers import TimerProfile
from serve.storage.identifiers import new_id
from serve.storage.rows import store
from serve.storage.tables import Case, CasePost, Decision, DecisionPost, Judgement, PostScores

FOLLOWS_BY_ITSELF: Final = frozenset(
    {CaseAction.CLOSE_NO_ACTION, CaseAction.RECORD_NON_CRIME, CaseAction.REQUEST_CRIME_RECORD}
)
"""Steps after a decision that need nothing which the decision does not hold, and tell nobody outside."""

# Kept: every decision runs them, and to put them together takes longer than to run them.
STORE_POSTS: Final = insert(cast("Table", DecisionPost.__table__))
POSTS_OF_CASE: Final = (
    select(CasePost.post_id, PostScores.bundle, PostScores.policy_sha256)
    .outerjoin(PostScores, PostScores.post_id == CasePost.post_id)
    .where(CasePost.case_id == bindparam("of_case"))
    .order_by(PostScores.scores_id)
)


@dataclass(frozen=True, slots=True)
class PostsJudged:
    """The posts of a case, oldest first, and what scored and routed them; no policy if nothing did."""

    post_ids: tuple[str, ...]
    bundles: tuple[str, ...]
    policy_sha256: str | None


def posts_judged(session: Session, case_id: str) -> PostsJudged:
    """The case's posts, the bundles of their scores in order of scoring, and the policy that routed last."""
    rows = session.connection().execute(POSTS_OF_CASE, {"of_case": case_id}).all()
    scored = [row for row in rows if row.bundle is not None]
    return PostsJudged(
        post_ids=tuple(sorted({row.post_id for row in rows})),
        bundles=tuple(dict.fromkeys(row.bundle for row in scored)),
        policy_sha256=scored[-1].policy_sha256 if scored else None,
    )


def follow(decided: Progress, step: Step, profile: TimerProfile) -> Progress:
    """The case after what follows from the outcome of `step`, where that needs nobody's further word.

    Otherwise as it was: somebody has to take the next step. Pure.
    """
    action = profile.after_decision.get(step.outcome or "")
    if action not in FOLLOWS_BY_ITSELF:
        return decided
    following = replace(step, action=action, outcome=None, severity=None)
    return advance(decided, following, Circumstances(evidence_sealed=True), profile)


def decide(
    session: Session, case: Case, judgement: Judgement, posts: PostsJudged, *, now: datetime
) -> Decision:
    """The decision, stored, that the last judgement of a cycle makes.

    One decision, a row for each post that it is about; it supersedes that of the cycle before.
    """
    judgements = _judgements(session, case, judgement)
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
    store(session, decision)
    if posts.post_ids:
        rows = [{"decision_id": decision.decision_id, "post_id": post_id} for post_id in posts.post_ids]
        session.connection().execute(STORE_POSTS, rows)
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
    return decision


def standing_decision(session: Session, case_id: str) -> Decision | None:
    """The decision that stands: that of the newest cycle which has one."""
    return session.scalars(
        select(Decision).where(Decision.case_id == case_id).order_by(Decision.cycle.desc()).limit(1)
    ).first()


def _judgements(session: Session, case: Case, newest: Judgement) -> Sequence[Judgement]:
    """Those of this cycle, oldest first."""
    if newest.round == 1:
        return [newest]
    return session.scalars(
        select(Judgement)
        .where(Judgement.case_id == case.case_id, Judgement.cycle == case.cycle)
        .order_by(Judgement.round)
    ).all()


def _standing(session: Session, case: Case) -> str | None:
    found = standing_decision(session, case.case_id)
    return None if found is None else found.decision_id


def _answer(judgement: Judgement) -> tuple[str, int]:
    return judgement.outcome, judgement.severity


def _differs(judgement: Judgement) -> dict[str, Any]:
    return {
        "judgement_id": judgement.judgement_id,
        "outcome": judgement.outcome,
        "severity": judgement.severity,
    }
