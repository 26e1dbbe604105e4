"""The cases that wait, as the queue page lists them: everything but what the posts say."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from serve.cases import viewing
from serve.console.visible_text import word_count
from serve.storage.tables import CasePost, Post


@dataclass(frozen=True, slots=True)
class WaitingCase:
    """One line of the queue. `words` counts all posts of the case."""

    case_id: str
    route: str
    strands: list[Any]
    received_at: datetime
    words: int


def waiting_cases(session: Session, *, limit: int) -> list[WaitingCase]:
    """The next `limit` cases in the order in which they will be claimed."""
    cases = viewing.list_cases(session, viewing.WAITING, limit, None).cases
    posts = session.execute(
        select(CasePost.case_id, Post.text, Post.received_at)
        .join(Post, Post.post_id == CasePost.post_id)
        .where(CasePost.case_id.in_([case.case_id for case in cases]))
    ).all()
    return [
        WaitingCase(
            case_id=case.case_id,
            route=case.route,
            strands=case.strands,
            received_at=min(
                (post.received_at for post in posts if post.case_id == case.case_id), default=case.created_at
            ),
            words=sum(word_count(post.text) for post in posts if post.case_id == case.case_id),
        )
        for case in cases
    ]
