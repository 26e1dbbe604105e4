"""`/v1/cases`: claim the next case, keep the lease alive, decide or give back, and read cases."""

from __future__ import annotations

from datetime import UTC
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy.orm import Session

from model.errors import BadInput, CaseDecided, Fault, LeaseLost
from serve.cases import drafts, leases
from serve.cases.capacities import OF_A_KEY, stages_open_to
from serve.cases.claiming import Claimant, claim
from serve.cases.judging import judge
from serve.cases.ordering import QueueRules
from serve.cases.placing import scores_hidden
from serve.cases.said import Said
from serve.cases.schemas import (
    CaseOut,
    CasePageOut,
    CasePostOut,
    CaseScores,
    CaseSummary,
    ClaimIn,
    ClaimOut,
    DecisionIn,
    DecisionOut,
    HeartbeatOut,
    JudgedOut,
    LeaseIn,
    LeaseOut,
    ReleasedOut,
)
from serve.cases.viewing import FILTERS, PostView, case_view, list_cases
from serve.cases.workflow.states import CaseRole
from serve.field_text import is_identifier, known_shape
from serve.hub import Hub, hub_of
from serve.people.access import Caller, require_scope
from serve.storage.identifiers import utc_now
from serve.storage.tables import Case, Decision

router = APIRouter(prefix="/v1/cases", tags=["cases"])
Reviewer = Annotated[Caller, Depends(require_scope("review"))]
NOTHING_WAITS: dict[int | str, dict[str, Any]] = {204: {"description": "No case waits."}}
MAX_PAGE = 200
REVIEW_STAGES = tuple(stage for stage in stages_open_to(OF_A_KEY) if stage != "triage")
"""What a key claims: a tool judges what was captured; triage is for people at the console."""


@router.post("/claim", response_model=ClaimOut, responses=NOTHING_WAITS, summary="Claim the next case")
def post_claim(request: Request, reviewer: Reviewer, body: ClaimIn | None = None) -> ClaimOut | Response:
    """The waiting case with the highest priority, leased to this key; every claim gives another case.

    Send a heartbeat before `lease.expires_at`, or the case goes to somebody else.
    """
    hub = hub_of(request)
    claimant = Claimant(reviewer.actor, stages=REVIEW_STAGES)
    with hub.database.write() as session:
        claimed = claim(session, claimant, now=utc_now(), lease_seconds=hub.settings.lease_seconds)
        if claimed is None:
            return Response(status_code=204)
        return _claim_out(session, hub, claimed)


@router.post("/{case_id}/heartbeat", response_model=HeartbeatOut, summary="Keep a lease alive")
def post_heartbeat(request: Request, case_id: str, body: LeaseIn, reviewer: Reviewer) -> HeartbeatOut:
    """The same lease with a new end; `lease_lost` once it has run out, even if nobody else took the case."""
    hub = hub_of(request)
    with hub.database.write() as session:
        claimed = leases.heartbeat(
            session,
            case_id=known_shape(case_id, "case"),
            lease_number=body.lease,
            actor=reviewer.actor,
            now=utc_now(),
            lease_seconds=hub.settings.lease_seconds,
        )
    return HeartbeatOut(lease=_lease_out(claimed))


@router.post("/{case_id}/release", response_model=ReleasedOut, summary="Give a case back")
def post_release(request: Request, case_id: str, body: LeaseIn, reviewer: Reviewer) -> ReleasedOut:
    """Puts the case back in the queue at its old place."""
    with hub_of(request).database.write() as session:
        state = leases.release(
            session,
            case_id=known_shape(case_id, "case"),
            lease_number=body.lease,
            actor=reviewer.actor,
            now=utc_now(),
        )
    return ReleasedOut(case_id=case_id, state=state)


@router.post("/{case_id}/decisions", status_code=201, response_model=JudgedOut, summary="Judge a case")
def post_decision(request: Request, case_id: str, body: DecisionIn, reviewer: Reviewer) -> JudgedOut:
    """Stores the judgement if the lease is live; `decision` is null where somebody else must read it too.

    A refusal carries `judgement_id` when this very lease has judged the case already, so that a caller who
    lost the first answer can tell. A judgement that comes too late is kept as the caller's draft.
    """
    hub, known_id = hub_of(request), known_shape(case_id, "case")
    said = Said(**body.model_dump(exclude={"lease"}))
    try:
        with hub.database.write() as session:
            judged = judge(
                session,
                hub,
                case_id=known_id,
                lease_number=body.lease,
                actor=reviewer.actor,
                role=CaseRole.REVIEW_OFFICER,
                now=utc_now(),
                said=said,
            )
    except (LeaseLost, CaseDecided) as fault:
        _keep_late(hub, known_id, reviewer.actor, body, fault)
        raise
    return JudgedOut(
        case_id=known_id,
        state=judged.state,
        judgement_id=judged.judgement.judgement_id,
        decision=None if judged.decision is None else _decision_out(judged.decision),
    )


@router.get("", response_model=CasePageOut, summary="List cases")
def get_cases(
    request: Request,
    reviewer: Reviewer,
    state: Annotated[str | None, Query(description=f"{', '.join(FILTERS)}; default: all")] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
    after: Annotated[str | None, Query(description="`next` of the page before.")] = None,
) -> CasePageOut:
    """A page of cases: `waiting` in the order in which they are claimed, everything else oldest first."""
    state, after = state or None, after or None  # an empty parameter says what an absent one says
    if after is not None and not is_identifier(after):
        raise BadInput("after: no such case", field="after")
    with hub_of(request).database.read() as session:
        page = list_cases(session, state, limit, after)
        rules = hub_of(request).queue_rules
        return CasePageOut(cases=[_summary(case, rules) for case in page.cases], next=page.next)


@router.get("/{case_id}", response_model=CaseOut, summary="Read a case")
def get_case(request: Request, case_id: str, reviewer: Reviewer) -> CaseOut:
    """The case with its posts, the caller's own live lease on it, and the decision once there is one."""
    hub = hub_of(request)
    with hub.database.read() as session:
        view = case_view(session, known_shape(case_id, "case"))
        case, hidden = view.case, scores_hidden(view.case, hub.queue_rules)
        return CaseOut(
            case_id=case.case_id,
            state=case.state,
            route=case.route,
            reason=None if hidden else view.reason,
            strands=case.strands,
            priority=None if hidden else case.priority,
            created_at=case.created_at,
            decided_at=case.decided_at,
            posts=[_post_out(post, hidden=hidden) for post in view.posts],
            lease=_own_lease(case, reviewer.actor),
            decision=None if view.decision is None else _decision_out(view.decision),
        )


def _keep_late(hub: Hub, case_id: str, actor: str, body: DecisionIn, fault: Fault) -> None:
    """Keeps what came too late as a draft, unless this very lease has judged already: nothing is lost."""
    if "judgement_id" in fault.members:
        return
    content = body.model_dump(exclude={"lease"}, mode="json")
    with hub.database.write() as session:
        drafts.keep_draft(
            session, case_id=case_id, actor=actor, now=utc_now(), why=fault.code, content=content
        )


def _claim_out(session: Session, hub: Hub, claimed: leases.ClaimedCase) -> ClaimOut:
    view = case_view(session, claimed.case_id)
    hidden = scores_hidden(view.case, hub.queue_rules)
    today = utc_now().astimezone(UTC).date()
    return ClaimOut(
        case_id=claimed.case_id,
        state=view.case.state,
        route=view.case.route,
        reason=None if hidden else view.reason,
        strands=view.case.strands,
        priority=None if hidden else view.case.priority,
        created_at=view.case.created_at,
        posts=[_post_out(post, hidden=hidden) for post in view.posts],
        lease=_lease_out(claimed),
        outcomes=[outcome.code for outcome in hub.outcomes.in_force(today)],
    )


def _lease_out(claimed: leases.ClaimedCase) -> LeaseOut:
    return LeaseOut(number=claimed.lease_number, expires_at=claimed.lease_expires_at)


def _own_lease(case: Case, actor: str) -> LeaseOut | None:
    if case.leased_by != actor or case.lease_expires_at is None or case.lease_expires_at <= utc_now():
        return None
    return LeaseOut(number=case.lease_number, expires_at=case.lease_expires_at)


def _summary(case: Case, rules: QueueRules) -> CaseSummary:
    shown = CaseSummary.model_validate(case, from_attributes=True)
    return shown.model_copy(update={"priority": None}) if scores_hidden(case, rules) else shown


def _post_out(view: PostView, *, hidden: bool) -> CasePostOut:
    post, scores = view.post, view.scores
    return CasePostOut(
        post_id=post.post_id,
        id=post.external_id,
        text=post.text,
        platform=post.platform,
        url=post.url,
        author=post.author,
        posted_at=post.posted_at,
        received_at=post.received_at,
        scores=None if scores is None or hidden else CaseScores.model_validate(scores, from_attributes=True),
        route=None if scores is None else scores.route,
        reason=None if scores is None or hidden else scores.reason,
        bundle=None if scores is None else scores.bundle,
    )


def _decision_out(decision: Decision) -> DecisionOut:
    return DecisionOut.model_validate(decision, from_attributes=True)
