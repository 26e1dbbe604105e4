"""A post leaves a case for one of its own: it is not the same, or the decision does not hold for it.

Both end in a case with a history of its own, which waits as long as its posts have waited. A post is in one
case before and after, and what was decided of it stays on record.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import delete, func, insert, select
from sqlalchemy import update as sql_update
from sqlalchemy.orm import Session

from model.errors import Conflict, NotFound
from model.policy import Routed
from model.taxonomy import HEAD_ORDER
from serve.audit.events import Event
from serve.audit.log import Detail, record
from serve.cases.campaigns.case_texts import add_to_case, count_again, learn_case, texts_of
from serve.cases.campaigns.known_texts import TextOfPost, separate, take_turn
from serve.cases.campaigns.matching import LINKED, NOT_DECIDED
from serve.cases.campaigns.wording import wording_of
from serve.cases.deciding import standing_decision
from serve.cases.leases import IS_DECIDED
from serve.cases.opening import NewCase, open_cases
from serve.cases.placing import weigh_again
from serve.cases.said import check_written
from serve.cases.workflow.states import CaseAction, CaseRole, State
from serve.cases.workflow.table import find_edge
from serve.hub import Hub
from serve.storage.identifiers import new_id
from serve.storage.tables import (
    Case,
    CasePost,
    CaseText,
    Decision,
    DecisionPost,
    Post,
    PostReversal,
    PostScores,
    PostText,
    Report,
)

CAMPAIGNS: Final = "system:campaigns"
"""Who takes the first steps of a case that was made for a post which left another."""


def not_the_same(
    session: Session, hub: Hub, *, case_id: str, post_id: str, actor: str, reason: str, now: datetime
) -> str:
    """Takes a post, with every post of the same text, out of a case that is not decided; their new case.

    Its text and the others of the case never meet again, in no case and by no link.

    Raises: NotFound, BadInput (reason), Conflict (decided; somebody else holds it; it has no other text).
    """
    reason = check_written("reason", reason)
    take_turn(session)
    case = locked_case(session, case_id)
    if case.state not in NOT_DECIDED:
        raise Conflict("the case is decided: reverse the decision for the post instead")
    if case.leased_by not in (None, actor) and case.lease_expires_at is not None:
        raise Conflict("somebody else holds the case", field="lease")
    learn_case(session, case_id)
    key = _text_in(session, case_id, post_id)
    others = texts_of(session, case_id) - {key}
    if not others:
        raise Conflict("every post of the case has this text: there is nothing to part it from")
    posts = session.scalars(
        select(CasePost.post_id)
        .join(PostText, PostText.post_id == CasePost.post_id)
        .where(CasePost.case_id == case_id, PostText.text_key == key)
        .order_by(CasePost.post_id)
    ).all()
    if case.state == LINKED and case.linked_to is not None:
        others |= texts_of(session, case.linked_to) - {key}
    pairs = separate(session, {key}, others, actor=actor, now=now, reason=reason)
    new_case_id = _move(session, hub, case, posts, actor, now)
    session.execute(
        sql_update(CaseText)
        .where(CaseText.case_id == case_id, CaseText.text_key == key)
        .values(case_id=new_case_id)
        .execution_options(synchronize_session=False)
    )
    details: dict[str, Detail] = {
        "new_case_id": new_case_id,
        "text_key": key,
        "posts": len(posts),
        "texts_kept_apart": pairs,
    }
    record(session, actor=actor, event=Event.POST_SEPARATED, subject=case_id, details=details, at=now)
    session.flush()
    return new_case_id


def reverse_post(
    session: Session,
    hub: Hub,
    *,
    decision_id: str,
    post_id: str,
    actor: str,
    role: CaseRole,
    reason: str,
    now: datetime,
) -> PostReversal:
    """Takes one post out of a decided case: the decision does not hold for it, and it is read anew.

    Whoever may reopen the case may do this. The decision itself, and what it says of the other posts, stays.

    Raises: NotFound, NotAllowed, BadInput (reason), Conflict (the decision does not stand; reversed before;
    it is about this post alone, so that the case must be reopened).
    """
    reason = check_written("reason", reason)
    take_turn(session)
    decision = session.get(Decision, decision_id)
    if decision is None:
        raise NotFound("there is no such decision")
    case = locked_case(session, decision.case_id)
    check_reversible(session, case, decision, post_id)
    find_edge(State(case.state), CaseAction.REOPEN, role)
    learn_case(session, case.case_id)
    key = _text_in(session, case.case_id, post_id)
    new_case_id = _move(session, hub, case, [post_id], actor, now)
    count_again(session, case.case_id, key)
    add_to_case(session, new_case_id, [_text_of(session, post_id)])
    reversal = PostReversal(
        decision_id=decision_id,
        post_id=post_id,
        reversed_by=actor,
        reversed_at=now,
        reason=reason,
        new_case_id=new_case_id,
    )
    session.add(reversal)
    details: dict[str, Detail] = {
        "decision_id": decision_id,
        "post_id": post_id,
        "new_case_id": new_case_id,
    }
    record(session, actor=actor, event=Event.POST_REVERSED, subject=case.case_id, details=details, at=now)
    session.flush()
    return reversal


def locked_case(session: Session, case_id: str) -> Case:
    """The case as it stands, locked to the end of the transaction. Raises: NotFound."""
    case = session.scalars(
        select(Case)
        .where(Case.case_id == case_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).first()
    if case is None:
        raise NotFound("there is no such case")
    return case


def reversals_of(session: Session, decision_id: str) -> Sequence[PostReversal]:
    """The posts that the decision does not hold for any more, the first reversed first."""
    return session.scalars(
        select(PostReversal)
        .where(PostReversal.decision_id == decision_id)
        .order_by(PostReversal.reversed_at, PostReversal.post_id)
    ).all()


def check_reversible(session: Session, case: Case, decision: Decision, post_id: str) -> None:
    """Passes if the decision can be reversed for this post.

    Raises: NotFound (it is not about the post), Conflict as `reverse_post`.
    """
    if session.get(DecisionPost, (decision.decision_id, post_id)) is None:
        raise NotFound("there is no such post in this decision")
    standing = standing_decision(session, case.case_id)
    if case.state not in IS_DECIDED or standing is None or standing.decision_id != decision.decision_id:
        raise Conflict("this decision does not stand any more")
    if session.get(PostReversal, (decision.decision_id, post_id)) is not None:
        raise Conflict("the decision was reversed for this post before")
    posts = session.scalar(select(func.count()).select_from(CasePost).where(CasePost.case_id == case.case_id))
    if posts == 1:
        raise Conflict("the decision is about this post alone: reopen the case instead")


def _move(session: Session, hub: Hub, case: Case, post_ids: Sequence[str], actor: str, now: datetime) -> str:
    """Puts the posts, of one text, into a case of their own and gives its id; counts no wording."""
    new = _new_case(session, case, post_ids)
    session.execute(delete(CasePost).where(CasePost.post_id.in_(post_ids)))
    opened = open_cases(session, hub, [new], actor=CAMPAIGNS, now=now)[0]
    session.flush()
    rest = [{"post_id": one, "case_id": new.case_id} for one in post_ids if one != new.post_id]
    if rest:
        session.execute(insert(CasePost), rest)
    for one in (case, opened):
        weigh_again(session, hub, one)
    details: dict[str, Detail] = {
        "post_id": new.post_id,
        "route": new.routed.route,
        "priority": new.routed.priority,
        "from_case": case.case_id,
    }
    record(session, actor=actor, event=Event.CASE_OPENED, subject=new.case_id, details=details, at=now)
    session.flush()
    return new.case_id


def _new_case(session: Session, case: Case, post_ids: Sequence[str]) -> NewCase:
    """What the machine made of the posts, strands as their case had them; a reported one stands for them."""
    scores = session.scalars(
        select(PostScores).where(PostScores.post_id.in_(post_ids)).order_by(PostScores.scores_id)
    ).all()
    reported = session.scalar(select(func.min(Report.post_id)).where(Report.post_id.in_(post_ids)))
    received_at = session.scalar(select(func.min(Post.received_at)).where(Post.post_id.in_(post_ids)))
    newest = {one.post_id: one for one in scores}
    heads = [getattr(one, head) for one in newest.values() for head in HEAD_ORDER]
    known = [value for value in heads if value is not None]
    last = scores[-1] if scores else None
    routed = Routed(
        route=case.route if last is None else last.route,
        reason="" if last is None else last.reason,
        strands=tuple(case.strands),
        priority=case.priority,
    )
    return NewCase(
        case_id=new_id(),
        post_id=reported or post_ids[0],
        routed=routed,
        probability=max(known) if known else None,
        received_at=received_at,
    )


def _text_in(session: Session, case_id: str, post_id: str) -> str:
    """The key of the post's text, if the post is in the case. Raises: NotFound."""
    key = session.scalar(
        select(PostText.text_key)
        .join(CasePost, CasePost.post_id == PostText.post_id)
        .where(CasePost.case_id == case_id, PostText.post_id == post_id)
    )
    if key is None:
        raise NotFound("there is no such post in this case")
    return key


def _text_of(session: Session, post_id: str) -> TextOfPost:
    post = session.get_one(Post, post_id)
    return TextOfPost(post_id, wording_of(post.text), post.received_at)
