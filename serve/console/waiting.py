"""The queue as its page shows it: counts by stage and queue, and cases line by line, never what posts say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from serve.cases.claiming import IS_CASE_WAITING, IS_EMERGENCY
from serve.cases.ordering import QUEUES
from serve.cases.placing import why_this_place
from serve.console.action_words import DUE_WORDS, STAGE_WORDS
from serve.console.visible_text import word_count
from serve.hub import Hub
from serve.storage.tables import Case, CasePost, Draft, Post

SOONEST: Final = 3
"""Cases that the page names as due first."""


@dataclass(frozen=True, slots=True)
class WaitingCase:
    """One line of the queue. `words` counts what there is to read: each text of the case once."""

    case_id: str
    stage: str
    due_class: str
    due_at: datetime | None
    is_overdue: bool
    strands: list[Any]
    received_at: datetime
    posts: int
    words: int
    why: str
    parked_until: datetime | None
    parked_because: str | None


@dataclass(frozen=True, slots=True)
class StageCounts:
    """How many cases wait at a stage, by whose skill they need, and how many of them are overdue."""

    stage: str
    title: str
    by_queue: tuple[int, ...]
    overdue: int

    @property
    def waiting(self) -> int:
        """All of them."""
        return sum(self.by_queue)


def waiting_cases(
    session: Session, hub: Hub, stages: Sequence[str], now: datetime, *, limit: int
) -> list[WaitingCase]:
    """The next `limit` cases of the stages, in the order in which they will be claimed."""
    statement = (
        select(Case)
        .where(IS_CASE_WAITING, Case.state.in_(stages))
        .order_by(Case.rank.desc(), Case.case_id)
        .limit(limit)
    )
    return lines_of(session, hub, session.scalars(statement).all(), now)


def due_soonest(session: Session, hub: Hub, stages: Sequence[str], now: datetime) -> list[WaitingCase]:
    """The few cases of the stages that are due first, overdue ones before all; not the order of claims."""
    statement = (
        select(Case)
        .where(IS_CASE_WAITING, Case.state.in_(stages), Case.due_at.is_not(None))
        .order_by(Case.due_at, Case.case_id)
        .limit(SOONEST)
    )
    return lines_of(session, hub, session.scalars(statement).all(), now)


def reserved_cases(session: Session, hub: Hub, actor: str, now: datetime) -> list[WaitingCase]:
    """What waits for this person alone: handed over to them, or parked by them; the soonest first."""
    statement = (
        select(Case)
        .where(text("cases.reserved_for IS NOT NULL"), Case.reserved_for == actor)
        .order_by(Case.parked_until.is_not(None), Case.parked_until, Case.rank.desc())
    )
    return lines_of(session, hub, session.scalars(statement).all(), now)


def emergencies(session: Session, hub: Hub, now: datetime) -> list[WaitingCase]:
    """The cases with an emergency that nobody has passed on yet, the oldest first."""
    statement = select(Case).where(IS_EMERGENCY).order_by(Case.due_at, Case.case_id)
    return lines_of(session, hub, session.scalars(statement).all(), now)


def drafts_of(session: Session, actor: str) -> Sequence[Draft]:
    """What this person had written and has not sent, the newest first."""
    return session.scalars(select(Draft).where(Draft.actor == actor).order_by(Draft.kept_at.desc())).all()


def stage_counts(session: Session, stages: Sequence[str], now: datetime) -> list[StageCounts]:
    """What waits at each of the stages: one column for each of `ordering.QUEUES`."""
    rows = session.execute(
        select(Case.state, Case.queue, func.count(), func.count().filter(Case.due_at < now))
        .where(IS_CASE_WAITING, Case.state.in_(stages))
        .group_by(Case.state, Case.queue)
    ).all()
    found = {(row[0], row[1]): (row[2], row[3]) for row in rows}
    return [
        StageCounts(
            stage,
            STAGE_WORDS[stage],
            tuple(found.get((stage, queue), (0, 0))[0] for queue in QUEUES),
            sum(found.get((stage, queue), (0, 0))[1] for queue in QUEUES),
        )
        for stage in stages
    ]


def lines_of(session: Session, hub: Hub, cases: Sequence[Case], now: datetime) -> list[WaitingCase]:
    """The cases as lines, in the order in which they come."""
    posts = session.execute(
        select(CasePost.case_id, Post.text, Post.received_at)
        .join(Post, Post.post_id == CasePost.post_id)
        .where(CasePost.case_id.in_([case.case_id for case in cases]))
    ).all()
    of_case: dict[str, list[Any]] = {case.case_id: [] for case in cases}
    for post in posts:
        of_case[post.case_id].append(post)
    return [
        WaitingCase(
            case_id=case.case_id,
            stage=STAGE_WORDS.get(case.state, case.state.replace("_", " ")),
            due_class=DUE_WORDS[case.due_class],
            due_at=case.due_at,
            is_overdue=case.due_at is not None and case.due_at < now,
            strands=case.strands,
            received_at=min((post.received_at for post in of_case[case.case_id]), default=case.created_at),
            posts=len(of_case[case.case_id]),
            words=sum(word_count(text) for text in {post.text for post in of_case[case.case_id]}),
            why=why_this_place(case, hub.queue_rules, now),
            parked_until=case.parked_until,
            parked_because=_parked_because(hub, case),
        )
        for case in cases
    ]


def _parked_because(hub: Hub, case: Case) -> str | None:
    titles = {reason.code: reason.title for reason in hub.queue_rules.park_reasons}
    return None if case.parked_because is None else titles.get(case.parked_because, case.parked_because)
