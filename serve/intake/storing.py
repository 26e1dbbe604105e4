"""Posts are stored before they are answered for, whatever the model does; scoring comes after."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from model.errors import BadInput, NotFound
from serve.audit.events import Event
from serve.audit.log import Detail, record, together
from serve.hub import Hub
from serve.intake.idempotency import Repeatable, answer_again, keep_answer, prune
from serve.intake.reading import IncomingPost, Refusal, read_posts
from serve.intake.reports import store_report
from serve.storage.identifiers import new_id, utc_now
from serve.storage.tables import Case, CasePost, Post, PostScores

TAKEN = 202
"""What the kept answer of a request says: its posts are stored and will be scored."""


@dataclass(frozen=True, slots=True)
class IntakeAnswer:
    """What the sender is told: which posts are stored, which are not, and whether this was told before."""

    body: dict[str, Any]
    replayed: bool


def take_posts(
    hub: Hub, raw_posts: Sequence[object], *, actor: str, repeatable: Repeatable | None
) -> IntakeAnswer:
    """The answer for a request, given only once its posts are on disk; then the scorer is woken.

    Raises: BadInput with `accepted` and `rejected` if no post can be taken; KeyReused; KeyInUse.
    """
    now = utc_now()
    posts, refusals = read_posts(raw_posts, now=now)
    rejected = [_refusal_row(refusal) for refusal in refusals]
    if not posts:
        members = {"accepted": [], "rejected": rejected}
        raise BadInput("posts: none of them can be taken", field="posts", members=members)
    with hub.database.write() as session:
        if repeatable is not None:
            prune(session, now=now, days=hub.settings.idempotency_days)
            kept = answer_again(session, repeatable)
            if kept is not None:
                return IntakeAnswer(kept, replayed=True)
        post_ids = ids_in_order(len(posts))
        accepted = [
            {"id": post.answer_id, "post_id": post_id} for post, post_id in zip(posts, post_ids, strict=True)
        ]
        body = {"accepted": accepted, "rejected": rejected}
        if repeatable is not None:
            kept = keep_answer(session, repeatable, status=TAKEN, answer=body, now=now)
            if kept is not None:
                return IntakeAnswer(kept, replayed=True)
        store_posts(session, posts, post_ids, actor=actor, now=now)
    hub.posts_waiting.set()
    return IntakeAnswer(body, replayed=False)


def store_posts(
    session: Session, posts: Sequence[IncomingPost], post_ids: Sequence[str], *, actor: str, now: datetime
) -> None:
    """Adds the posts, what was reported of them, and one audit event each to the caller's transaction."""
    with together(session):
        for post, post_id in zip(posts, post_ids, strict=True):
            text_sha256 = hashlib.sha256(post.text.encode("utf-8")).hexdigest()
            session.add(
                Post(
                    post_id=post_id,
                    external_id=post.external_id,
                    text=post.text,
                    text_sha256=text_sha256,
                    platform=post.platform,
                    url=post.url,
                    author=post.author,
                    posted_at=post.posted_at,
                    received_at=now,
                    received_from=actor,
                    scored_at=None,
                )
            )
            details: dict[str, Detail] = {"text_sha256": text_sha256, "characters": len(post.text)}
            record(session, actor=actor, event=Event.POST_STORED, subject=post_id, details=details, at=now)
            if post.report is not None:
                session.flush()  # the post before the row that points at it
                store_report(session, post.report, post_id, actor=actor, now=now)


def ids_in_order(count: int) -> list[str]:
    """Fresh ids that sort in the order they are given out, also within one millisecond."""
    return sorted(new_id() for _ in range(count))


@dataclass(frozen=True, slots=True)
class StoredPost:
    """A post with its newest scores and the case it is in; both are None until the scorer has come by."""

    post: Post
    scores: PostScores | None
    case_id: str | None
    state: str


def stored_post(session: Session, post_id: str) -> StoredPost:
    """The post, what the machine said of it, and where its case stands (`waiting` before there is one).

    Raises: NotFound.
    """
    post = session.get(Post, post_id)
    if post is None:
        raise NotFound("there is no such post")
    scores = session.scalars(
        select(PostScores).where(PostScores.post_id == post_id).order_by(PostScores.scores_id.desc()).limit(1)
    ).first()
    case = session.execute(
        select(Case.case_id, Case.state)
        .join(CasePost, CasePost.case_id == Case.case_id)
        .where(CasePost.post_id == post_id)
    ).first()
    if case is None:
        return StoredPost(post, scores, None, "waiting")
    return StoredPost(post, scores, case.case_id, case.state)


def _refusal_row(refusal: Refusal) -> dict[str, str]:
    return {"id": refusal.answer_id, "code": refusal.code, "message": refusal.message}
