"""The wordings of a case, counted: kept in step with its posts whenever one comes or goes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from serve.cases.campaigns.known_texts import TextOfPost, learn, take_turn, wording_to_learn
from serve.storage.tables import CasePost, CaseText, Post, PostText


def add_to_case(session: Session, case_id: str, posts: Sequence[TextOfPost]) -> None:
    """Counts posts that have come into the case; their texts have been learnt."""
    by_key: dict[str, list[TextOfPost]] = {}
    for post in posts:
        by_key.setdefault(post.wording.key, []).append(post)
    for key, same in by_key.items():
        first = min(same, key=lambda one: one.post_id)
        instants = [one.received_at for one in same]
        row = session.get(CaseText, (case_id, key))
        if row is None:
            session.add(
                CaseText(
                    case_id=case_id,
                    text_key=key,
                    posts=len(same),
                    first_post_id=first.post_id,
                    first_seen_at=min(instants),
                    last_seen_at=max(instants),
                )
            )
        else:
            row.posts += len(same)
            row.first_post_id = min(row.first_post_id, first.post_id)
            row.first_seen_at = min(row.first_seen_at, *instants)
            row.last_seen_at = max(row.last_seen_at, *instants)


def texts_of(session: Session, case_id: str) -> set[str]:
    """The keys of every text of the case."""
    return set(session.scalars(select(CaseText.text_key).where(CaseText.case_id == case_id)))


def count_again(session: Session, case_id: str, key: str) -> None:
    """Counts one wording of the case anew, after posts have left it."""
    row = session.get(CaseText, (case_id, key))
    posts, first, since, until = session.execute(
        select(
            func.count(),
            func.min(Post.post_id),
            func.min(Post.received_at),
            func.max(Post.received_at),
        )
        .join(CasePost, CasePost.post_id == Post.post_id)
        .join(PostText, PostText.post_id == Post.post_id)
        .where(CasePost.case_id == case_id, PostText.text_key == key)
    ).one()
    if row is not None:
        session.delete(row)
        session.flush()
    if posts:
        session.add(
            CaseText(
                case_id=case_id,
                text_key=key,
                posts=posts,
                first_post_id=first,
                first_seen_at=since,
                last_seen_at=until,
            )
        )
        session.flush()


def learn_older(session: Session, limit: int) -> int:
    """Learns the texts of posts that were placed before the hub knew wordings, oldest first; how many."""
    take_turn(session)
    return _learn(session, limit, None)


def learn_case(session: Session, case_id: str) -> int:
    """Learns the texts of one case's posts where they are not known yet; how many."""
    if _unknown(session, 1, case_id):
        take_turn(session)
        return _learn(session, None, case_id)
    return 0


def _learn(session: Session, limit: int | None, case_id: str | None) -> int:
    rows = _unknown(session, limit, case_id)
    by_case: dict[str, list[TextOfPost]] = {}
    for row in rows:
        post = TextOfPost(row.post_id, wording_to_learn(row.text), row.received_at)
        by_case.setdefault(row.case_id, []).append(post)
    learn(session, [post for posts in by_case.values() for post in posts])
    for case, posts in by_case.items():
        add_to_case(session, case, posts)
    session.flush()
    return len(rows)


def _unknown(session: Session, limit: int | None, case_id: str | None) -> Sequence[Any]:
    """Posts of cases, oldest first, whose text is not known."""
    statement = (
        select(Post.post_id, Post.text, Post.received_at, CasePost.case_id)
        .join(CasePost, CasePost.post_id == Post.post_id)
        .outerjoin(PostText, PostText.post_id == Post.post_id)
        .where(PostText.post_id.is_(None))
        .order_by(Post.post_id)
        .limit(limit)
    )
    if case_id is not None:
        statement = statement.where(CasePost.case_id == case_id)
    return session.execute(statement).all()
