"""A campaign as an officer reads it: each wording once, with how often it was posted and where it differs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session, aliased

from serve.audit.events import Event
from serve.cases.campaigns.differing import Run, differences
from serve.storage.tables import AuditEvent, Case, CasePost, CaseText, Post, PostText, Report

WORDINGS_SHOWN: Final = 50
"""Wordings of a case that are read at once."""


@dataclass(frozen=True, slots=True)
class WordingInCase:
    """A distinct text of a case. `number`: 1 for the one posted first. `sample`: its first post."""

    number: int
    text_key: str
    posts: int
    first_seen_at: datetime
    last_seen_at: datetime
    sample: Post
    first_text: str

    def runs(self) -> tuple[Run, ...]:
        """The text beside the first wording, word by word; itself, as one run, for the first."""
        return differences(self.first_text, self.sample.text)


@dataclass(frozen=True, slots=True)
class Sample:
    """A post that stands for every post of its text in a case; how many they are, and when they came."""

    post: Post
    posts: int
    first_seen_at: datetime
    last_seen_at: datetime


@dataclass(frozen=True, slots=True)
class CampaignLine:
    """A case's campaign in figures. `joined_since_claim`: posts that came in while its holder had it.

    `linked`: cases that are linked to it, decided or not. `accounts`: how many different ones are known.
    """

    posts: int
    wordings: int
    accounts: int
    first_seen_at: datetime | None
    last_seen_at: datetime | None
    joined_since_claim: int
    linked: int

    @property
    def is_campaign(self) -> bool:
        """Whether there is more to say than that the case has one post."""
        return self.posts > 1 or self.linked > 0


def wordings(
    session: Session, case_id: str, *, limit: int = WORDINGS_SHOWN, skip: int = 0
) -> list[WordingInCase]:
    """The distinct texts of the case in the order of their first posts, `skip` of them left out."""
    first_text = session.scalar(
        select(Post.text)
        .join(CaseText, CaseText.first_post_id == Post.post_id)
        .where(CaseText.case_id == case_id)
        .order_by(CaseText.first_post_id)
        .limit(1)
    )
    rows = session.execute(
        select(CaseText, Post)
        .join(Post, Post.post_id == CaseText.first_post_id)
        .where(CaseText.case_id == case_id)
        .order_by(CaseText.first_post_id)
        .limit(limit)
        .offset(skip)
    )
    return [
        WordingInCase(
            number=number,
            text_key=row.text_key,
            posts=row.posts,
            first_seen_at=row.first_seen_at,
            last_seen_at=row.last_seen_at,
            sample=post,
            first_text=first_text or post.text,
        )
        for number, (row, post) in enumerate(rows, skip + 1)
    ]


def samples(session: Session, case_id: str, *, limit: int = WORDINGS_SHOWN) -> list[Sample]:
    """One post of each distinct text of the case, in the order of their first posts.

    A post whose text is not learnt yet (it came before the hub knew wordings) stands for itself.
    """
    known = session.execute(
        select(CaseText, Post)
        .join(Post, Post.post_id == CaseText.first_post_id)
        .where(CaseText.case_id == case_id)
        .order_by(CaseText.first_post_id)
        .limit(limit)
    )
    found = [Sample(post, text.posts, text.first_seen_at, text.last_seen_at) for text, post in known]
    unknown = session.scalars(_not_learnt(case_id).order_by(Post.post_id).limit(limit))
    found += [Sample(post, 1, post.received_at, post.received_at) for post in unknown]
    return sorted(found, key=lambda one: one.post.post_id)[:limit]


def unread_samples(session: Session, case_id: str, actor: str) -> list[str]:
    """The samples of the case whose text this person has asked to see in none of its posts."""
    copy, seen = aliased(PostText), aliased(CasePost)
    read = (
        select(copy.text_key)
        .join(seen, seen.post_id == copy.post_id)
        .join(AuditEvent, AuditEvent.subject == copy.post_id)
        .where(seen.case_id == case_id, *_asked_for_by(actor))
    )
    unread = session.scalars(
        select(CaseText.first_post_id).where(CaseText.case_id == case_id, CaseText.text_key.not_in(read))
    )
    asked = select(AuditEvent.subject).where(AuditEvent.subject == Post.post_id, *_asked_for_by(actor))
    not_learnt = session.scalars(_not_learnt(case_id).where(~asked.exists()))
    return sorted([*unread, *(post.post_id for post in not_learnt)])


@dataclass(frozen=True, slots=True)
class PostInCase:
    """A post of a case. `number`: that of its wording; None while its text is not learnt."""

    post: Post
    text_key: str | None
    number: int | None
    is_reported: bool


def posts_in(session: Session, case_id: str, *, limit: int, skip: int = 0) -> list[PostInCase]:
    """The posts of the case, oldest first, `skip` of them left out."""
    keys = session.scalars(
        select(CaseText.text_key).where(CaseText.case_id == case_id).order_by(CaseText.first_post_id)
    )
    numbers = {key: number for number, key in enumerate(keys, 1)}
    is_reported = select(Report.report_id).where(Report.post_id == Post.post_id).exists()
    rows = session.execute(
        select(Post, PostText.text_key, is_reported)
        .join(CasePost, CasePost.post_id == Post.post_id)
        .outerjoin(PostText, PostText.post_id == Post.post_id)
        .where(CasePost.case_id == case_id)
        .order_by(Post.post_id)
        .limit(limit)
        .offset(skip)
    )
    return [PostInCase(post, key, numbers.get(key or ""), bool(told)) for post, key, told in rows]


def campaign_line(session: Session, case: Case) -> CampaignLine:
    """How large the case's campaign is, and what has happened to it since it was claimed."""
    texts = session.scalar(select(func.count()).select_from(CaseText).where(CaseText.case_id == case.case_id))
    posts, accounts, first, last, learnt = session.execute(
        select(
            func.count(),
            func.count(func.distinct(Post.author)),
            func.min(Post.received_at),
            func.max(Post.received_at),
            func.count(PostText.post_id),
        )
        .join(CasePost, CasePost.post_id == Post.post_id)
        .outerjoin(PostText, PostText.post_id == Post.post_id)
        .where(CasePost.case_id == case.case_id)
    ).one()
    linked = session.scalar(select(func.count()).select_from(Case).where(Case.linked_to == case.case_id))
    return CampaignLine(
        posts=posts,
        wordings=(texts or 0) + posts - learnt,
        accounts=accounts,
        first_seen_at=first,
        last_seen_at=last,
        joined_since_claim=_joined_since(session, case),
        linked=linked or 0,
    )


def unread_texts(session: Session, case_id: str, actor: str) -> set[str]:
    """The texts of the case that this person has never asked to see, in no post of any case.

    For a linked case, what its campaign says word for word is left out: it was read there.
    """
    keys = set(session.scalars(select(CaseText.text_key).where(CaseText.case_id == case_id)))
    of_campaign = session.scalars(
        select(CaseText.text_key)
        .join(Case, Case.linked_to == CaseText.case_id)
        .where(Case.case_id == case_id, Case.state == "duplicate_linked")
    )
    keys -= set(of_campaign)
    return keys - texts_seen(session, keys, actor)


def texts_seen(session: Session, keys: set[str], actor: str) -> set[str]:
    """Those of the texts that this person has asked to see, in a post of whatever case, by the audit log."""
    return set(
        session.scalars(
            select(PostText.text_key)
            .join(AuditEvent, AuditEvent.subject == PostText.post_id)
            .where(
                PostText.text_key.in_(keys),
                *_asked_for_by(actor),
            )
        )
    )


def _not_learnt(case_id: str) -> Select[Post]:
    return (
        select(Post)
        .join(CasePost, CasePost.post_id == Post.post_id)
        .outerjoin(PostText, PostText.post_id == Post.post_id)
        .where(CasePost.case_id == case_id, PostText.post_id.is_(None))
    )


def _asked_for_by(actor: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return AuditEvent.event == Event.POST_REVEALED.value, AuditEvent.actor == actor


def _joined_since(session: Session, case: Case) -> int:
    if case.leased_at is None:
        return 0
    found = session.scalar(
        select(func.count())
        .select_from(AuditEvent)
        .where(
            AuditEvent.subject == case.case_id,
            AuditEvent.event == Event.CAMPAIGN_JOINED.value,
            AuditEvent.happened_at > case.leased_at,
        )
    )
    return found or 0
