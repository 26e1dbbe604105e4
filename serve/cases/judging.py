"""A judgement: what one reader says of a case they hold, blind to other readers; and what comes of it.

The first reader's judgement decides the case, or sends it to a second reader who does not see it. Where
the two agree the case is decided; where they differ, a senior who is neither of them adjudicates.
Judgement, step, decision and audit events are one transaction, behind the fence of the lease.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session

from serve.audit.events import Event
from serve.audit.log import Detail, record
from serve.cases.deciding import PostsJudged, decide, follow, posts_judged
from serve.cases.exposed import case_was_judged
from serve.cases.fence import HELD_CASE, PASS_FENCE, lease_parameters
from serve.cases.leases import why_lost
from serve.cases.ordering import rank_of
from serve.cases.placing import weighed
from serve.cases.progress import campaign_of, not_before, progress_of, step_row, store_steps
from serve.cases.said import CheckedJudgement, Said, check_said
from serve.cases.workflow.advance import advance
from serve.cases.workflow.guards import GRAVE
from serve.cases.workflow.states import CaseAction, CaseRole, State, Track
from serve.cases.workflow.steps import Circumstances, Progress, SecondReviewCause, Step
from serve.hub import Hub
from serve.storage.identifiers import new_id
from serve.storage.rows import store
from serve.storage.tables import CLAIMABLE, Case, Decision, Judgement

ROUNDS = {State.IN_REVIEW: 1, State.IN_SECOND_REVIEW: 2, State.IN_ADJUDICATION: 3}


@dataclass(frozen=True, slots=True)
class Judged:
    """What came of a judgement: the state of the case, and the decision where one was made."""

    judgement: Judgement
    state: str
    decision: Decision | None


def judge(
    session: Session,
    hub: Hub,
    *,
    case_id: str,
    lease_number: int,
    actor: str,
    role: CaseRole,
    now: datetime,
    said: Said,
) -> Judged:
    """The judgement, stored, and the decision where it makes one.

    The UPDATE is the fence: it finds a row only for the holder of the live lease, so of two who try one
    gets it, whatever they last read.

    Raises: BadInput naming the field; LeaseLost; CaseDecided; NotFound; NotAllowed (they judged it before).
    """
    case = held_case(session, case_id, lease_number, actor, now)
    checked = check_said(session, hub, case, said, now)
    causes = second_review_causes(hub, case, checked)
    # Consents are not asked: no edge of a judgement, nor the step that follows it, tells anybody outside.
    known = Circumstances(
        evidence_sealed=True, second_review_causes=causes, campaign=campaign_of(session, case)
    )
    progress = progress_of(session, case)
    before = progress.position[Track.CASE]
    step = Step(
        action=_action(before, progress, known, checked),
        actor=actor,
        role=role,
        at=not_before(progress, now),
        reason=checked.reason,
        outcome=checked.outcome,
        severity=checked.severity,
    )
    profile = hub.workflow.in_force(now.astimezone(UTC).date())
    judged = advance(progress, step, known, profile)
    is_decided = judged.position[Track.CASE] is State.DECIDED
    moved = follow(judged, step, profile) if is_decided else judged
    # Until it is decided, what a reader said can only make a case graver for whoever reads next.
    severity = checked.severity if is_decided else max(case.severity_expected, checked.severity)
    rank = rank_of(replace(weighed(case), severity=severity), hub.queue_rules)
    values = {"severity_expected": severity, "rank": rank, "decided_at": now if is_decided else None}
    _pass_fence(session, case, actor, now, moved, values)
    posts = posts_judged(session, case_id)
    judgement = _judgement(hub, case, checked, actor, now, ROUNDS[before], causes, posts)
    store(session, judgement)
    details = {"judgement_id": judgement.judgement_id}
    store_steps(session, [step_row(case, entry, details) for entry in moved.history[len(progress.history) :]])
    _record(session, judgement, judged.position[Track.CASE], now)
    decision = decide(session, case, judgement, posts, now=now) if is_decided else None
    case_was_judged(session, hub, case_id, actor=actor, now=now, severity=checked.severity)
    return Judged(judgement, moved.position[Track.CASE].value, decision)


def held_case(session: Session, case_id: str, lease_number: int, actor: str, now: datetime) -> Case:
    """The case, locked to the end of the transaction, if this lease on it is live.

    Raises: LeaseLost, CaseDecided, NotFound.
    """
    case = session.scalars(HELD_CASE, lease_parameters(case_id, lease_number, actor, now)).first()
    if case is None:
        raise why_lost(session, case_id, lease_number, actor)
    return case


def second_review_causes(hub: Hub, case: Case, said: CheckedJudgement) -> frozenset[SecondReviewCause]:
    """Why a second person must read the case, besides its severity; empty for no reason."""
    causes = {
        SecondReviewCause.CONTESTED_CODE: bool(hub.codes.contested(said.codes)),
        SecondReviewCause.CONTEXT_FLAG: bool(
            set(said.context_flags) & set(hub.queue_rules.second_review_flags)
        ),
        SecondReviewCause.LOW_CONFIDENCE: said.confidence == "low",
        SecondReviewCause.RANDOM_SAMPLE: case.sampled,
    }
    return frozenset(cause for cause, holds in causes.items() if holds)


def _action(before: State, progress: Progress, known: Circumstances, said: CheckedJudgement) -> CaseAction:
    """What a judgement of this content is in this state."""
    if before is State.IN_ADJUDICATION:
        return CaseAction.ADJUDICATE
    if before is State.IN_SECOND_REVIEW:
        first = progress.judgements_of_this_round()[-1:]
        same = any((one.outcome, one.severity) == (said.outcome, said.severity) for one in first)
        return CaseAction.AGREE if same else CaseAction.DISAGREE
    ever = (*progress.judgements(), *known.campaign)
    grave = any(severity >= GRAVE for severity in (said.severity, *(one.severity for one in ever)))
    if grave or known.second_review_causes:
        return CaseAction.SEND_TO_SECOND_REVIEW
    return CaseAction.DECIDE


def _pass_fence(
    session: Session, case: Case, actor: str, now: datetime, moved: Progress, changed: Mapping[str, Any]
) -> None:
    """Ends the lease and moves the case on. Raises: LeaseLost and its kin if the lease is not live."""
    after = moved.position[Track.CASE].value
    values = {"state": after, "waiting": after in CLAIMABLE, "victim_update_due": moved.victim_update_due}
    lease = lease_parameters(case.case_id, case.lease_number, actor, now)
    parameters = {f"new_{column}": value for column, value in {**values, **changed}.items()}
    if session.connection().execute(PASS_FENCE, {**lease, **parameters}).first() is None:
        raise why_lost(session, case.case_id, case.lease_number, actor)


def _judgement(
    hub: Hub,
    case: Case,
    said: CheckedJudgement,
    actor: str,
    now: datetime,
    number: int,
    causes: frozenset[SecondReviewCause],
    posts: PostsJudged,
) -> Judgement:
    return Judgement(
        judgement_id=new_id(),
        case_id=case.case_id,
        actor=actor,
        cycle=case.cycle,
        round=number,
        lease_number=case.lease_number,
        judged_at=now,
        outcome=said.outcome,
        outcome_detail=said.outcome_detail,
        strands=said.strands,
        codes=said.codes,
        severity=said.severity,
        speech_act=said.speech_act,
        context_flags=said.context_flags,
        confidence=said.confidence,
        standard=said.standard,
        law=said.law,
        proportionality=said.proportionality,
        reason=said.reason,
        saw_scores=said.saw_scores,
        second_review_causes=sorted(cause.value for cause in causes),
        bundles=list(posts.bundles),
        policy_sha256=posts.policy_sha256 or hub.policy.sha256,
        outcomes_sha256=hub.outcomes.sha256,
        codebook_sha256=hub.codebook_sha256,
        law_sha256=hub.law.sha256,
    )


def _record(session: Session, judgement: Judgement, after: State, now: datetime) -> None:
    details: dict[str, Detail] = {
        "judgement_id": judgement.judgement_id,
        "round": judgement.round,
        "lease_number": judgement.lease_number,
        "state": after.value,
    }
    record(
        session,
        actor=judgement.actor,
        event=Event.CASE_JUDGED,
        subject=judgement.case_id,
        details=details,
        at=now,
    )
