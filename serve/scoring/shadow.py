"""Shadow scoring: a second bundle reads every post that the current one has scored, and nobody acts on it.

What it says stands beside the scores that counted, with the route that the policy would have given, so that
people can look at the posts on which the two differ before they agree to a promotion.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import and_, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from model.classifier import Classifier
from model.errors import Fault
from model.language import Language
from model.policy import Policy, route, route_unread_language
from serve.hub import Hub
from serve.scoring.each import score_each
from serve.storage.identifiers import utc_now
from serve.storage.tables import AliasChange, Post, PostScores, ShadowScores
from serve.worker import Worker

BATCH: Final = 32


@dataclass(frozen=True, slots=True)
class Waiting:
    """A post that the shadow has not read, with what counted."""

    post_id: str
    text: str
    scores: PostScores


@dataclass(frozen=True, slots=True)
class Disagreement:
    """How a shadow and the current bundle compare on the posts that both have read."""

    bundle: str
    posts: int
    differ: int
    up: int
    """Posts that the shadow would have routed more urgently."""
    down: int
    since: datetime | None


def waiting_for_shadow(session: Session, bundle_id: str, limit: int = BATCH) -> list[Waiting]:
    """The newest scored posts that this shadow has not read, since it began; the oldest of them first."""
    since = session.scalar(
        select(func.max(AliasChange.changed_at)).where(
            AliasChange.alias == "shadow", AliasChange.after == bundle_id
        )
    )
    newest = (
        select(func.max(PostScores.scores_id).label("scores_id"))
        .where(PostScores.bundle != bundle_id)
        .group_by(PostScores.post_id)
        .subquery()
    )
    query = (
        select(Post.post_id, Post.text, PostScores)
        .join(PostScores, PostScores.post_id == Post.post_id)
        .join(newest, newest.c.scores_id == PostScores.scores_id)
        .outerjoin(ShadowScores, and_(ShadowScores.post_id == Post.post_id, ShadowScores.bundle == bundle_id))
        .where(ShadowScores.post_id.is_(None))
        .order_by(Post.post_id)
        .limit(limit)
    )
    if since is not None:
        query = query.where(PostScores.scored_at >= since)
    return [Waiting(row[0], row[1], row[2]) for row in session.execute(query)]


def read_in_shadow(
    shadow: Classifier, policy: Policy, waiting: Sequence[Waiting], now: datetime
) -> list[ShadowScores]:
    """What the shadow says of each post, with the route it would have had."""
    results = score_each(shadow, [one.text for one in waiting], contain=True)
    rows = []
    for one, result in zip(waiting, results, strict=True):
        by_head: dict[str, float] = {}
        if isinstance(result, Fault):
            routed = route(None, policy, shadow.thresholds)
        elif isinstance(result, Language):
            routed = route_unread_language(result, policy)
        else:
            by_head = result.by_head
            routed = route(by_head, policy, shadow.thresholds, result.notes)
        rows.append(
            ShadowScores(
                post_id=one.post_id,
                bundle=shadow.bundle_id,
                hate=by_head.get("hate"),
                antisemitic=by_head.get("antisemitic"),
                islamophobic=by_head.get("islamophobic"),
                far_right=by_head.get("far_right"),
                route=routed.route,
                against_bundle=one.scores.bundle,
                against_route=one.scores.route,
                differs=routed.route != one.scores.route,
                scored_at=now,
            )
        )
    return rows


def disagreement(session: Session, bundle_id: str, policy: Policy) -> Disagreement:
    """How the shadow compares with what counted, over all posts that it has read."""
    rows = session.execute(
        select(ShadowScores.route, ShadowScores.against_route, func.count(), func.min(ShadowScores.scored_at))
        .where(ShadowScores.bundle == bundle_id)
        .group_by(ShadowScores.route, ShadowScores.against_route)
    ).all()
    urgency = {named.value: base for named, base in policy.base_priority.items()}
    up = sum(row[2] for row in rows if urgency[row[0]] > urgency[row[1]])
    down = sum(row[2] for row in rows if urgency[row[0]] < urgency[row[1]])
    return Disagreement(
        bundle=bundle_id,
        posts=sum(row[2] for row in rows),
        differ=up + down,
        up=up,
        down=down,
        since=min((row[3] for row in rows), default=None),
    )


def differing(session: Session, bundle_id: str, limit: int, after: str | None = None) -> list[ShadowScores]:
    """The newest posts that the shadow would have routed otherwise; `after`: the last of the page before."""
    query = select(ShadowScores).where(ShadowScores.bundle == bundle_id, ShadowScores.differs.is_(True))
    if after is not None:
        query = query.where(ShadowScores.post_id < after)
    return list(session.scalars(query.order_by(ShadowScores.post_id.desc()).limit(limit)))


class ShadowScorer:
    """The background thread that lets the shadow read what the current bundle has scored."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self.worker = Worker("shadow", self.read_batch)

    def read_batch(self) -> bool:
        """Reads one batch; True if there may be more. Without a shadow there is nothing to do."""
        hub, shadow = self._hub, self._hub.models.shadow
        if shadow is None:
            return False
        with hub.database.read() as session:
            waiting = waiting_for_shadow(session, shadow.bundle_id)
        if not waiting:
            return False
        rows = read_in_shadow(shadow, hub.policy, waiting, utc_now())
        with hub.database.write() as session:
            store_unless_there(session, rows)
        return len(waiting) == BATCH


def store_unless_there(session: Session, rows: Sequence[ShadowScores]) -> None:
    """Adds the rows; another replica's shadow may have read the same posts, and then its rows stand."""
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    names = [column.name for column in ShadowScores.__table__.columns]
    values = [{name: getattr(row, name) for name in names} for row in rows]
    session.execute(insert(ShadowScores).values(values).on_conflict_do_nothing())
