"""What else the hub knows around a post: of the same account, and at the same address."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from serve.cases.deciding import standing_decision
from serve.cases.ordering import QUEUES
from serve.storage.tables import Case, CasePost, Decision, Post

SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class PostAround:
    """A post, the case that it is in, and the decision that stands there; None while none does."""

    post: Post
    case: Case
    decision: Decision | None


def posts_of_account(
    session: Session,
    post: Post,
    *,
    queues: Sequence[str] = QUEUES,
    limit: int = SHOWN,
    before: str | None = None,
) -> list[PostAround]:
    """Other posts of the same author on the same platform, of these queues, the newest first.

    None for a post without an author; where no platform is given, of those without one. `before`: the post
    after which the list goes on.
    """
    if post.author is None:
        return []
    return _posts(session, post, (Post.author == post.author, _same(post.platform)), queues, limit, before)


def posts_at_address(
    session: Session,
    post: Post,
    *,
    queues: Sequence[str] = QUEUES,
    limit: int = SHOWN,
    before: str | None = None,
) -> list[PostAround]:
    """Other posts that came with the same address: the thread they stand in, as far as the hub knows it."""
    if post.url is None:
        return []
    return _posts(session, post, (Post.url == post.url,), queues, limit, before)


def _same(platform: str | None) -> ColumnElement[bool]:
    return Post.platform.is_(None) if platform is None else Post.platform == platform


def _posts(
    session: Session,
    post: Post,
    alike: Sequence[ColumnElement[bool]],
    queues: Sequence[str],
    limit: int,
    before: str | None,
) -> list[PostAround]:
    statement: Any = (
        select(Post, Case)
        .join(CasePost, CasePost.post_id == Post.post_id)
        .join(Case, Case.case_id == CasePost.case_id)
        .where(*alike, Post.post_id != post.post_id, Case.queue.in_(queues))
        .order_by(Post.post_id.desc())
        .limit(limit)
    )
    if before is not None:
        statement = statement.where(Post.post_id < before)
    found = [(row[0], row[1]) for row in session.execute(statement)]
    decisions = {
        case.case_id: standing_decision(session, case.case_id)
        for _, case in found
        if case.decided_at is not None
    }
    return [PostAround(one, case, decisions.get(case.case_id)) for one, case in found]
