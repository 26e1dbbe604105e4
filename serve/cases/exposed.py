"""What reading a case counts for the person who reads it: their exposure budget, for their eyes alone."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from serve.cases.placing import severity_for_reader
from serve.hub import Hub
from serve.people.exposure.readings import Subject, correct_reading, record_reading, texts_to_correct
from serve.storage.tables import Case, CasePost, Post


def post_was_shown(session: Session, hub: Hub, case: Case, post: Post, *, actor: str, now: datetime) -> None:
    """Counts the text of a post for whoever has just been shown it, once a shift; for a key, nothing.

    At the severity that is expected of the case, and where somebody has read it before, without what
    they said: a second reader's own figures must not tell them.
    """
    record_reading(
        session,
        hub.exposure,
        actor=actor,
        at=now,
        subject=Subject("post", post.post_id),
        text_sha256=post.text_sha256,
        severity_expected=severity_for_reader(session, hub.queue_rules, case),
    )


def case_was_judged(
    session: Session, hub: Hub, case_id: str, *, actor: str, now: datetime, severity: int
) -> None:
    """Counts the texts of the case that this reader has read on their shift, at the severity (0 to 4) that
    they judged. What they were not shown, such as other wordings, counts nothing; for a key, nothing.
    """
    read = texts_to_correct(session, hub.exposure, actor=actor, at=now)
    if not read:
        return
    posts = session.execute(
        select(Post.text_sha256, func.min(Post.post_id))
        .join(CasePost, CasePost.post_id == Post.post_id)
        .where(CasePost.case_id == case_id, Post.text_sha256.in_(read))
        .group_by(Post.text_sha256)
    )
    for text_sha256, post_id in posts.all():
        correct_reading(
            session,
            hub.exposure,
            actor=actor,
            at=now,
            subject=Subject("post", post_id),
            text_sha256=text_sha256,
            severity_judged=severity,
        )
