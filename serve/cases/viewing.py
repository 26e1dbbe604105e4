"""Cases as people and programs read them: one with its posts and scores, a page of many, their number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from model.errors import BadInput, NotFound
from serve.cases.claiming import IS_CASE_WAITING
from serve.cases.deciding import standing_decision
from serve.cases.leases import IS_DECIDED
from serve.cases.workflow.states import State, Track
from serve.storage.tables import Case, CasePost, Decision, Post, PostScores

STATES = tuple(state.value for state in State if state.track is Track.CASE)
UNDECIDED = (
    *("triage", "in_triage", "needs_info", "captured", "in_review", "second_review", "in_second_review"),
    *("adjudication", "in_adjudication", "duplicate_linked"),
)
OPEN, WAITING, SETTLED = "open", "waiting", "settled"
"""Filters, not states: what is not decided; what anybody who may can claim; on what a decision stands."""
FILTERS = (*STATES, OPEN, WAITING, SETTLED)


@dataclass(frozen=True, slots=True)
class PostView:
    """A post of a case with its newest scores; None if no bundle has scored it."""

    post: Post
    scores: PostScores | None


@dataclass(frozen=True, slots=True)
class CaseView:
    """A case with everything that a decision stands on, and the decision once there is one."""

    case: Case
    posts: tuple[PostView, ...]
    decision: Decision | None

    @property
    def reason(self) -> str | None:
        """Why the policy put the case where it is, in the policy's words."""
        scored = [view.scores for view in self.posts if view.scores is not None]
        return scored[0].reason if scored else None


@dataclass(frozen=True, slots=True)
class CasePage:
    """Some cases, and the value of `after` that gives the next page; None at the end."""

    cases: tuple[Case, ...]
    next: str | None


def case_view(session: Session, case_id: str) -> CaseView:
    """The case with its posts, oldest first.

    Raises: NotFound.
    """
    case = session.get(Case, case_id)
    if case is None:
        raise NotFound("there is no such case")
    posts = session.scalars(
        select(Post)
        .join(CasePost, CasePost.post_id == Post.post_id)
        .where(CasePost.case_id == case_id)
        .order_by(Post.post_id)
    ).all()
    newest = _newest_scores(session, [post.post_id for post in posts])
    decision = None if case.decided_at is None else standing_decision(session, case_id)
    return CaseView(case, tuple(PostView(post, newest.get(post.post_id)) for post in posts), decision)


def list_cases(session: Session, state: str | None, limit: int, after: str | None) -> CasePage:
    """At most `limit` cases of a state, of a filter, or (None) of every state, following the case `after`.

    `waiting` comes in the order in which cases are claimed; everything else oldest first.

    Raises: BadInput if the state is none of those, or `after` is no case.
    """
    if state is not None and state not in FILTERS:
        raise BadInput(f"state: one of {', '.join(FILTERS)}", field="state")
    if state == WAITING:
        found = _waiting(session, limit + 1, after)
    elif state == OPEN:
        found = _of_states(session, UNDECIDED, limit + 1, after)
    elif state == SETTLED:
        found = _of_states(session, sorted(IS_DECIDED), limit + 1, after)
    else:
        found = _of_states(session, STATES if state is None else (state,), limit + 1, after)
    page = tuple(found[:limit])
    return CasePage(page, page[-1].case_id if len(found) > limit else None)


def counts(session: Session) -> dict[str, int]:
    """How many cases stand in each state, every state named."""
    rows = session.execute(select(Case.state, func.count()).group_by(Case.state)).all()
    found = {row[0]: row[1] for row in rows}
    return {state: found.get(state, 0) for state in STATES}


def _waiting(session: Session, limit: int, after: str | None) -> Sequence[Case]:
    """Waiting cases in claim order. Time does not change a rank, so the case is its own bookmark."""
    statement = select(Case).where(IS_CASE_WAITING).order_by(Case.rank.desc(), Case.case_id).limit(limit)
    if after is not None:
        rank = session.execute(select(Case.rank).where(Case.case_id == after)).scalar()
        if rank is None:
            raise BadInput("after: no such case", field="after")
        same = and_(Case.rank == rank, Case.case_id > after)
        statement = statement.where(Case.rank <= rank, or_(Case.rank < rank, same))
    return session.scalars(statement).all()


def _of_states(session: Session, states: Sequence[str], limit: int, after: str | None) -> list[Case]:
    """Cases of several states, oldest first: one walk of the index for each, then merged."""
    found: list[Case] = []
    for state in states:
        statement = select(Case).where(Case.state == state)
        if after is not None:
            statement = statement.where(Case.case_id > after)
        found.extend(session.scalars(statement.order_by(Case.case_id).limit(limit)))
    return sorted(found, key=lambda case: case.case_id)[:limit]


def _newest_scores(session: Session, post_ids: Sequence[str]) -> dict[str, PostScores]:
    newest = (
        select(func.max(PostScores.scores_id))
        .where(PostScores.post_id.in_(post_ids))
        .group_by(PostScores.post_id)
    )
    rows = session.scalars(select(PostScores).where(PostScores.scores_id.in_(newest)))
    return {row.post_id: row for row in rows}
