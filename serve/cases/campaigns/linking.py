"""Cases whose text was decided in another case: an officer follows that decision, or parts the two again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import select, update
from sqlalchemy.orm import Session, aliased

from model.errors import Conflict
from serve.cases.campaigns.case_texts import learn_case, texts_of
from serve.cases.campaigns.known_texts import separate, take_turn
from serve.cases.campaigns.matching import LINKED
from serve.cases.campaigns.moving import locked_case
from serve.cases.campaigns.reading import unread_texts
from serve.cases.deciding import PostsJudged, decide, follow, posts_judged, standing_decision
from serve.cases.progress import circumstances_of, not_before, progress_of, step_row, store_steps
from serve.cases.said import check_written
from serve.cases.stepping import take_step
from serve.cases.workflow.advance import advance
from serve.cases.workflow.states import CaseAction, CaseRole, State, Track
from serve.cases.workflow.steps import Progress, Step
from serve.hub import Hub
from serve.storage.identifiers import new_id
from serve.storage.tables import Case, Decision, Judgement

FOLLOWED: Final = "The text is that of case {case_id}, and its decision holds here too."
"""The reason that stands on a decision which follows a campaign's, if its officer writes none."""


@dataclass(frozen=True, slots=True)
class Campaign:
    """What a linked case is linked to, and the decision that stands there; None while there is none."""

    case: Case
    decision: Decision | None


def campaign_of_linked(session: Session, case: Case) -> Campaign | None:
    """The campaign's case and its decision; None for a case that is not linked."""
    if case.linked_to is None:
        return None
    campaign = session.get_one(Case, case.linked_to)
    decision = standing_decision(session, campaign.case_id) if campaign.decided_at is not None else None
    return Campaign(campaign, decision)


def follow_campaign(
    session: Session,
    hub: Hub,
    *,
    case_id: str,
    actor: str,
    role: CaseRole,
    now: datetime,
    reason: str = "",
) -> Decision:
    """Decides a linked case as its campaign was decided; the decision, with a row for each of its posts.

    Raises: NotFound, NotAllowed, BadInput (reason), Conflict (not linked; the campaign is not decided, or by
    one person where it takes two; its outcome is not in force; this person has not read one of the texts).
    """
    case = locked_case(session, case_id)
    campaign = campaign_of_linked(session, case)
    if case.state != LINKED or campaign is None:
        raise Conflict("the case is not linked to a campaign")
    if campaign.decision is None:
        raise Conflict("the campaign's case must be decided first", field="campaign")
    decided = campaign.decision
    if decided.outcome not in {one.code for one in hub.outcomes.in_force(now.astimezone(UTC).date())}:
        raise Conflict("the campaign's outcome is no longer in force: part the cases and judge this one")
    if unread_texts(session, case_id, actor):
        raise Conflict("a text of this case differs from the campaign's and is still covered", field="posts")
    reason = (
        check_written("reason", reason) if reason.strip() else FOLLOWED.format(case_id=campaign.case.case_id)
    )
    progress = progress_of(session, case)
    step = Step(
        action=CaseAction.FOLLOW_CAMPAIGN,
        actor=actor,
        role=role,
        at=not_before(progress, now),
        reason=reason,
        outcome=decided.outcome,
        severity=decided.severity,
    )
    profile = hub.workflow.in_force(now.astimezone(UTC).date())
    moved = follow(advance(progress, step, circumstances_of(session, case), profile), step, profile)
    posts = posts_judged(session, case_id)
    judgement = _judgement(hub, case, step, decided, posts)
    _store(session, case, judgement, moved, len(progress.history))
    return decide(session, case, judgement, posts, now=step.at)


def unlink(
    session: Session,
    hub: Hub,
    *,
    case_id: str,
    actor: str,
    role: CaseRole,
    reason: str,
    now: datetime,
    never_again: bool = False,
) -> State:
    """Parts a linked case from its campaign: it is triaged and judged by itself.

    `never_again`: its texts are not those of the campaign, and are kept apart from them for ever.

    Raises: NotFound, NotAllowed, BadInput (reason), Conflict (not linked; `never_again` of the same text).
    """
    take_turn(session)
    case = locked_case(session, case_id)
    campaign = case.linked_to
    if campaign is None:
        raise Conflict("the case is not linked to a campaign")
    if never_again:
        for one in (case_id, campaign):
            learn_case(session, one)
        mine, theirs = texts_of(session, case_id), texts_of(session, campaign)
        if mine & theirs:
            raise Conflict("a text of this case is the campaign's, word for word", field="never_again")
        separate(session, mine, theirs, actor=actor, now=now, reason=check_written("reason", reason))
    step = Step(action=CaseAction.UNLINK, actor=actor, role=role, at=now, reason=reason)
    return take_step(session, hub, case_id, step)


def linked_cases(
    session: Session, queues: tuple[str, ...], *, limit: int, after: str | None = None
) -> list[Case]:
    """Linked cases whose campaign is decided, of these queues, those that wait longest first."""
    campaign = aliased(Case)
    statement = (
        select(Case)
        .join(campaign, campaign.case_id == Case.linked_to)
        .where(Case.state == LINKED, Case.queue.in_(queues), campaign.decided_at.is_not(None))
        .order_by(Case.case_id)
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(Case.case_id > after)
    return list(session.scalars(statement))


def _judgement(hub: Hub, case: Case, step: Step, decided: Decision, posts: PostsJudged) -> Judgement:
    """What the officer says by following: what the campaign's readers said, of these posts."""
    return Judgement(
        judgement_id=new_id(),
        case_id=case.case_id,
        actor=step.actor,
        cycle=case.cycle,
        round=1,
        lease_number=case.lease_number,
        judged_at=step.at,
        outcome=decided.outcome,
        outcome_detail=decided.outcome_detail,
        strands=decided.strands,
        codes=decided.codes,
        severity=decided.severity,
        speech_act=None,
        context_flags=[],
        confidence="not_said",
        standard=decided.standard,
        law=decided.law,
        proportionality=decided.proportionality,
        reason=step.reason,
        saw_scores=False,
        second_review_causes=[],
        bundles=list(posts.bundles),
        policy_sha256=posts.policy_sha256 or hub.policy.sha256,
        outcomes_sha256=hub.outcomes.sha256,
        codebook_sha256=hub.codebook_sha256,
        law_sha256=hub.law.sha256,
    )


def _store(session: Session, case: Case, judgement: Judgement, moved: Progress, begins: int) -> None:
    session.add(judgement)
    details = {"judgement_id": judgement.judgement_id, "campaign": case.linked_to}
    store_steps(session, [step_row(case, entry, details) for entry in moved.history[begins:]])
    session.execute(
        update(Case)
        .where(Case.case_id == case.case_id)
        .values(
            state=moved.position[Track.CASE].value,
            severity_expected=judgement.severity,
            victim_update_due=moved.victim_update_due,
            decided_at=judgement.judged_at,
            waiting=False,
        )
        .execution_options(synchronize_session=False)
    )
    session.flush()
    session.refresh(case)
