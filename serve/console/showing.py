"""Showing a post: never without a line in the log, and never without counting it for its reader."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from serve.audit.events import Event
from serve.audit.log import Detail, record
from serve.cases.exposed import post_was_shown
from serve.hub import Hub
from serve.people.access import SignedIn
from serve.storage.tables import Case, Post


def show_post(session: Session, hub: Hub, case: Case, post: Post, person: SignedIn, now: datetime) -> None:
    """Before the text of a post is put on a page: a line in the log, and what it counts for this reader.

    Source: Data Protection Act 2018 s.62 (consultation is logged); DOMAIN.md section 6.
    """
    details: dict[str, Detail] = {"case_id": case.case_id, "lease_number": case.lease_number}
    record(
        session, actor=person.actor, event=Event.POST_REVEALED, subject=post.post_id, details=details, at=now
    )
    post_was_shown(session, hub, case, post, actor=person.actor, now=now)
    session.flush()
