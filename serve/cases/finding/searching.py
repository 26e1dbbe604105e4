"""A search over cases, and the line of the log that says so, in one transaction.

Who searches finds only cases of queues that they may read, and is shown no post: the list says how long a
post is and where it was published, and its text is asked for one by one. Source: Data Protection Act 2018,
s.62 (log of consultation): who looked, when, for what, and which cases they were shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import CTE, ColumnElement, Select, exists, func, select
from sqlalchemy.orm import Session, aliased

from model.errors import BadInput
from serve.audit.events import Event
from serve.audit.log import Detail, record
from serve.cases.finding.criteria import Criteria
from serve.cases.finding.dialects import text_has
from serve.cases.leases import IS_DECIDED
from serve.cases.ordering import QUEUES
from serve.cases.viewing import OPEN, SETTLED, UNDECIDED, WAITING
from serve.field_text import is_identifier
from serve.storage.identifiers import new_id
from serve.storage.tables import Case, CasePost, Decision, Post, SearchEntry

PAGE: Final = 25
COUNTED: Final = 1_000
"""Cases up to which a search counts what it found; beyond it says "more than"."""


@dataclass(frozen=True, slots=True)
class FoundCase:
    """A case of the list: how large it is, its first post, and the decision that stands, if one does."""

    case: Case
    posts: int
    first_post: Post | None
    decision: Decision | None


@dataclass(frozen=True, slots=True)
class Found:
    """A page of cases, the newest first; how many there are, up to `COUNTED`; where the next page begins."""

    search_id: str
    cases: tuple[FoundCase, ...]
    count: int
    next: str | None

    @property
    def is_more_than_counted(self) -> bool:
        """Whether there are more than `COUNTED`."""
        return self.count > COUNTED


def search(
    session: Session,
    criteria: Criteria,
    *,
    actor: str,
    queues: Sequence[str] = QUEUES,
    now: datetime,
    after: str | None = None,
    limit: int = PAGE,
) -> Found:
    """The cases that fit, of these queues; the search and the cases it showed are in the log with them.

    `after`: the `next` of the page before. The session must write: `Database.write`.

    Raises: BadInput (nothing is asked for; `after` is no case).
    """
    if criteria.is_empty:
        raise BadInput("q: something to look for", field="q")
    if after is not None and not is_identifier(after):
        raise BadInput("after: no such case", field="after")
    fitting = fitting_cases(session, criteria, queues)
    case_ids = session.scalars(page_statement(fitting, after, limit)).all()
    counted = select(fitting.c.case_id).limit(COUNTED + 1).subquery()
    count = session.scalar(select(func.count()).select_from(counted)) or 0
    newest_first = select(Case).where(Case.case_id.in_(case_ids[:limit])).order_by(Case.case_id.desc())
    shown = session.scalars(newest_first).all()
    search_id = _log(session, criteria, actor, now, after, count, [case.case_id for case in shown])
    return Found(
        search_id=search_id,
        cases=tuple(_found(session, shown)),
        count=count,
        next=shown[-1].case_id if len(case_ids) > limit else None,
    )


def fitting_cases(session: Session, criteria: Criteria, queues: Sequence[str]) -> CTE:
    """The ids of all cases that fit, as a table for further statements.

    Few posts have a word or an author. PostgreSQL guesses that more have, and would walk all cases from the
    newest on in the hope of filling the first page; worked out by themselves, they come from an index.
    """
    statement = select(Case.case_id).where(Case.queue.in_(queues), *_of_case(criteria))
    posts = _of_posts(session, criteria)
    is_narrow = (criteria.q or criteria.author or criteria.url) is not None
    if posts:
        in_case = select(CasePost.case_id).join(Post, Post.post_id == CasePost.post_id).where(*posts)
        found = _worked_out(in_case.cte("found")) if is_narrow else in_case.cte("found")
        statement = statement.where(Case.case_id.in_(select(found.c.case_id)))
    decided = _of_decision(criteria)
    if decided:
        later = aliased(Decision)
        is_later = exists().where(later.case_id == Decision.case_id, later.cycle > Decision.cycle)
        standing = select(Decision.case_id).where(~is_later, *decided)
        statement = statement.where(Case.decided_at.is_not(None), Case.case_id.in_(standing))
    fitting = statement.cte("fitting")
    return _worked_out(fitting) if is_narrow else fitting


def page_statement(fitting: CTE, after: str | None, limit: int) -> Select[Any]:
    """The ids of a page of them, the newest first, and of one more if there is one."""
    page = select(fitting.c.case_id).order_by(fitting.c.case_id.desc()).limit(limit + 1)
    return page if after is None else page.where(fitting.c.case_id < after)


def _worked_out(table: CTE) -> CTE:
    return table.prefix_with("MATERIALIZED", dialect="postgresql")


def _of_case(criteria: Criteria) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if criteria.state == WAITING:
        conditions.append(Case.waiting.is_(True))
    elif criteria.state is not None:
        groups: dict[str, Sequence[str]] = {OPEN: UNDECIDED, SETTLED: sorted(IS_DECIDED)}
        conditions.append(Case.state.in_(groups.get(criteria.state, (criteria.state,))))
    if criteria.queue is not None:
        conditions.append(Case.queue == criteria.queue)
    if criteria.due_class is not None:
        conditions.append(Case.due_class == criteria.due_class)
    if criteria.reference is not None:
        # Its letters are those of ids, so there is nothing in it that LIKE would take for a sign.
        conditions.append(Case.case_id.like(f"%{criteria.reference}"))
    return conditions


def _of_posts(session: Session, criteria: Criteria) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if criteria.words is not None:
        conditions += text_has(session, criteria.words)
    if criteria.platform is not None:
        conditions.append(Post.platform == criteria.platform)
    if criteria.author is not None:
        conditions.append(Post.author == criteria.author)
    if criteria.url is not None:
        conditions.append(Post.url == criteria.url)
    if criteria.received_from is not None:
        conditions.append(Post.received_at >= _midnight(criteria.received_from))
    if criteria.received_to is not None:
        conditions.append(Post.received_at < _midnight(criteria.received_to + timedelta(days=1)))
    return conditions


def _midnight(day: date) -> datetime:
    """The instant at which a day begins in the United Kingdom."""
    return datetime.combine(day, time.min, tzinfo=ZoneInfo("Europe/London"))


def _of_decision(criteria: Criteria) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if criteria.outcome is not None:
        conditions.append(Decision.outcome == criteria.outcome)
    if criteria.severity is not None:
        conditions.append(Decision.severity == criteria.severity)
    return conditions


def _found(session: Session, cases: Sequence[Case]) -> list[FoundCase]:
    """The cases with what the list says of each, in four statements however many they are."""
    case_ids = [case.case_id for case in cases]
    rows = session.execute(
        select(CasePost.case_id, func.count(), func.min(CasePost.post_id))
        .where(CasePost.case_id.in_(case_ids))
        .group_by(CasePost.case_id)
    ).all()
    posts = {row[0]: (row[1], row[2]) for row in rows}
    firsts = {
        post.post_id: post
        for post in session.scalars(select(Post).where(Post.post_id.in_([row[2] for row in rows])))
    }
    decisions: dict[str, Decision] = {}
    for decision in session.scalars(
        select(Decision).where(Decision.case_id.in_(case_ids)).order_by(Decision.cycle)
    ):
        decisions[decision.case_id] = decision
    return [
        FoundCase(
            case=case,
            posts=posts.get(case.case_id, (0, ""))[0],
            first_post=firsts.get(posts.get(case.case_id, (0, ""))[1]),
            decision=decisions.get(case.case_id) if case.decided_at is not None else None,
        )
        for case in cases
    ]


def _log(
    session: Session,
    criteria: Criteria,
    actor: str,
    now: datetime,
    after: str | None,
    count: int,
    shown: list[str],
) -> str:
    """The search in its own log, and in the audit log without what was typed, which may name a person."""
    search_id = new_id()
    query = criteria.as_typed() | ({} if after is None else {"after": after})
    session.add(SearchEntry(search_id=search_id, actor=actor, searched_at=now, query=query, found=count))
    details: dict[str, Detail] = {"found": count, "shown": shown, "asked": sorted(query)}
    record(session, actor=actor, event=Event.SEARCHED, subject=search_id, details=details, at=now)
    session.flush()
    return search_id
