"""A case as the officer who holds it sees it: covers first, the posts themselves only once asked for."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from model.taxonomy import HEAD_ORDER
from serve.audit.events import Event
from serve.cases.campaigns.reading import Sample, samples
from serve.cases.viewing import newest_scores
from serve.console.plain_words import counted, day, strands_words
from serve.console.visible_text import visible, visible_pieces, word_count
from serve.storage.tables import AuditEvent, Case, Post, PostScores

LONGEST_PLATFORM = 40
"""Characters of the platform's name on a cover; all of it is shown with the post."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One score as a bar; None: this post could not be scored."""

    head: str
    value: float | None


@dataclass(frozen=True, slots=True)
class PostOnPage:
    """A post of a case, with the newest scores it has; it stands for all that have its text (`copies`).

    `is_read`: its reader has asked to see it before, though it is covered again.
    """

    post_id: str
    cover: str
    is_revealed: bool
    is_read: bool
    text: str
    platform: str | None
    author: str | None
    url: str | None
    posted_at: datetime | None
    received_at: datetime
    copies: int
    last_received_at: datetime
    machine: Machine | None
    """None: hidden until this person has judged."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What the machine said of a post, and the policy made of it."""

    reason: str
    bars: tuple[Bar, ...]
    bundle: str | None
    policy: str | None


def posts_on_page(
    session: Session,
    case: Case,
    *,
    revealed: Collection[str] = (),
    unread: Collection[str] | None = None,
    shows_scores: bool = True,
) -> list[PostOnPage]:
    """One post of each text of the case, oldest first; those in `revealed` with their text uncovered.

    `unread`: those that the reader has never asked to see; None: nobody asks.
    """
    found = samples(session, case.case_id)
    scores = newest_scores(session, [one.post.post_id for one in found]) if shows_scores else {}
    return [
        _on_page(
            one,
            case,
            one.post.post_id in revealed,
            unread is not None and one.post.post_id not in unread,
            _machine(scores.get(one.post.post_id)) if shows_scores else None,
        )
        for one in found
    ]


def _on_page(
    sample: Sample, case: Case, is_revealed: bool, is_read: bool, machine: Machine | None
) -> PostOnPage:
    post = sample.post
    return PostOnPage(
        post_id=post.post_id,
        cover=cover(post, case),
        is_revealed=is_revealed,
        is_read=is_read,
        text=post.text if is_revealed else "",
        platform=post.platform,
        author=post.author,
        url=post.url,
        posted_at=post.posted_at,
        received_at=sample.first_seen_at,
        copies=sample.posts,
        last_received_at=sample.last_seen_at,
        machine=machine,
    )


def _machine(scores: PostScores | None) -> Machine:
    return Machine(
        reason=scores.reason if scores else "The machine has not scored this post.",
        bars=tuple(Bar(head, getattr(scores, head) if scores else None) for head in HEAD_ORDER),
        bundle=scores.bundle if scores else None,
        policy=scores.policy if scores else None,
    )


def cover(post: Post, case: Case) -> str:
    """What is said of a post before it is shown: strands, length, origin, date."""
    source = "platform not given"
    if post.platform:
        name = visible(post.platform[:LONGEST_PLATFORM])
        source = f"from {name}{'…' if len(post.platform) > LONGEST_PLATFORM else ''}"
    if post.posted_at:
        source += f", posted {day(post.posted_at)}"
    return f"{strands_words(case.strands)} · {counted(word_count(post.text), 'word')} · {source}"


def uncovered(post: Post) -> Mapping[str, list[tuple[str, bool]]]:
    """The post for the page's script: each part as (text, is it one of our tokens) pieces."""
    parts = {
        "text": post.text,
        "platform": post.platform or "not given",
        "author": post.author or "not given",
        "url": post.url or "not given",
    }
    return {
        name: [(piece.text, piece.is_token) for piece in visible_pieces(part)] for name, part in parts.items()
    }


def seen_by(session: Session, actor: str, post_ids: Collection[str]) -> frozenset[str]:
    """Those of the posts that this person has asked to see before, by the audit log."""
    found = session.scalars(
        select(AuditEvent.subject).where(
            AuditEvent.event == Event.POST_REVEALED.value,
            AuditEvent.actor == actor,
            AuditEvent.subject.in_(post_ids),
        )
    )
    return frozenset(found)
