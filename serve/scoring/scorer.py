"""Scores what was stored and finds a case for every post. The machine orders; it never closes.

A post stays waiting (`scored_at` is null) until its scores, its case and the audit events are committed
together, so a crash at any moment costs a second scoring and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from model.errors import Fault
from model.language import Language
from model.policy import Routed, route, route_unread_language
from serve.audit.events import Event
from serve.audit.log import Detail, record, together
from serve.cases.campaigns.case_texts import learn_older
from serve.cases.campaigns.gathering import Arrival, gather
from serve.cases.campaigns.known_texts import wording_to_learn
from serve.cases.campaigns.matching import How, Place
from serve.cases.campaigns.wording import Wording
from serve.cases.opening import NewCase
from serve.hub import Hub
from serve.scoring.each import Result, score_each
from serve.storage.identifiers import new_id, utc_now
from serve.storage.tables import Post, PostScores
from serve.worker import Worker

SCORER = "system:scorer"

# Spelled out, not bound, so that both databases use the partial index.
IS_UNSCORED = text("posts.scored_at IS NULL")


class NotScored(StrEnum):
    """Why a post has no scores: its language is not read, or the classifier failed on it."""

    LANGUAGE = "language"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class ScoredPost:
    """A post's scores, or why it has none, what the policy makes of them, and its wording."""

    post_id: str
    scores: dict[str, float] | NotScored
    routed: Routed
    bundle: str
    wording: Wording


class Scorer:
    """The background thread that turns waiting posts into cases. Several replicas may each run one."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self.not_scored: dict[str, int] = {why.value: 0 for why in NotScored}
        """How many posts this scorer has put in the queue without scores, by why."""
        self._has_learnt_all = False
        self.worker = Worker("scorer", self.score_batch, wake=hub.posts_waiting)

    @property
    def is_alive(self) -> bool:
        """Whether the thread runs."""
        return self.worker.is_alive

    def start(self) -> None:
        """Starts scoring: at once for what waits already, then whenever a post is stored."""
        self.worker.start()

    def stop(self, timeout: float = 10.0) -> None:
        """Ends the thread after the batch in hand; what is left waits for the next start."""
        self.worker.stop(timeout)

    def score_batch(self) -> bool:
        """Scores the oldest waiting posts, at most one batch; True if there may be more."""
        hub = self._hub
        with hub.database.read() as session:
            waiting = waiting_posts(session, hub.settings.scoring_batch)
        if not waiting:
            return self._learn_older()
        scored = score_posts(hub, waiting)  # outside any transaction: nobody waits for the model
        with hub.database.write() as session:
            opened = open_cases(session, hub, scored, now=utc_now())
        for post in opened:
            if isinstance(post.scores, NotScored):
                self.not_scored[post.scores] += 1
        return len(waiting) == hub.settings.scoring_batch

    def _learn_older(self) -> bool:
        """Learns texts of posts from before the hub knew campaigns; True if there may be more of them.

        Posts that come in are learnt when they are placed, so once is enough for each start of the hub.
        """
        if self._has_learnt_all:
            return False
        batch = self._hub.settings.scoring_batch
        with self._hub.database.write() as session:
            self._has_learnt_all = learn_older(session, batch) < batch
        return not self._has_learnt_all


def waiting_posts(session: Session, limit: int) -> list[tuple[str, str]]:
    """The ids and texts of the posts that have waited longest."""
    rows = session.execute(
        select(Post.post_id, Post.text).where(IS_UNSCORED).order_by(Post.post_id).limit(limit)
    )
    return [(row.post_id, row.text) for row in rows]


def score_posts(hub: Hub, waiting: Sequence[tuple[str, str]]) -> list[ScoredPost]:
    """The waiting posts with their scores and routes, in order; a text that has no scores is routed too.

    Raises: whatever the classifier raises, if no text at all can be scored with it.
    """
    classifier = hub.classifier  # once: another may take its place while this batch is scored
    results = score_each(classifier, [post_text for _, post_text in waiting], contain=True)
    scored = []
    for (post_id, post_text), result in zip(waiting, results, strict=True):
        scores, routed = _routed(hub, result, classifier.thresholds)
        scored.append(ScoredPost(post_id, scores, routed, classifier.bundle_id, wording_to_learn(post_text)))
    return scored


def _routed(
    hub: Hub, result: Result, thresholds: Mapping[str, float]
) -> tuple[dict[str, float] | NotScored, Routed]:
    if isinstance(result, Fault):
        unscored = route(None, hub.policy, thresholds)
        reason = f"{unscored.reason} ({result.code})"
        return NotScored.FAULT, Routed(unscored.route, reason, unscored.strands, unscored.priority)
    if isinstance(result, Language):
        return NotScored.LANGUAGE, route_unread_language(result, hub.policy)
    return result.by_head, route(result.by_head, hub.policy, thresholds, result.notes)


def open_cases(
    session: Session, hub: Hub, scored: Sequence[ScoredPost], *, now: datetime
) -> list[ScoredPost]:
    """Stores scores and finds a case for each post that nobody has scored meanwhile; returns these.

    A post whose text is known joins its campaign's case; every other one gets a case of its own.
    """
    won = _mark_scored(session, [post.post_id for post in scored], now)
    mine = [post for post in scored if post.post_id in won]
    # Sorted, so that cases of one batch stand in the queue in the order of their posts.
    case_ids = sorted(new_id() for _ in mine)
    session.add_all(_scores_row(hub, post, now) for post in mine)
    arrivals = [
        Arrival(
            NewCase(case_id, post.post_id, post.routed, _probability(post), won[post.post_id]), post.wording
        )
        for post, case_id in zip(mine, case_ids, strict=True)
    ]
    with together(session):
        places = gather(session, hub, arrivals, actor=SCORER, now=now)
        for post, place in zip(mine, places, strict=True):
            _record_scored(session, hub, post, place, now)
    return mine


def _probability(post: ScoredPost) -> float | None:
    return None if isinstance(post.scores, NotScored) else max(post.scores.values())


def _mark_scored(session: Session, post_ids: Sequence[str], now: datetime) -> dict[str, datetime]:
    """The posts that were still waiting and are now this scorer's, and when each was received.

    Two replicas may have scored the same posts: rows that the other has locked are skipped, in a fixed
    order, so neither waits for the other; they are looked at again should the other roll back.
    """
    still_waiting = (
        select(Post.post_id)
        .where(Post.post_id.in_(post_ids), IS_UNSCORED)
        .order_by(Post.post_id)
        .with_for_update(skip_locked=True)
        .correlate(None)
    )
    marked = session.execute(
        update(Post)
        .where(Post.post_id.in_(still_waiting), Post.scored_at.is_(None))
        .values(scored_at=now)
        .returning(Post.post_id, Post.received_at)
        .execution_options(synchronize_session=False)
    )
    return {row.post_id: row.received_at for row in marked}


def _scores_row(hub: Hub, post: ScoredPost, now: datetime) -> PostScores:
    scores = {} if isinstance(post.scores, NotScored) else post.scores
    return PostScores(
        post_id=post.post_id,
        bundle=post.bundle,
        policy=f"{hub.policy.name} {hub.policy.version}",
        policy_sha256=hub.policy.sha256,
        hate=scores.get("hate"),
        antisemitic=scores.get("antisemitic"),
        islamophobic=scores.get("islamophobic"),
        far_right=scores.get("far_right"),
        route=post.routed.route,
        reason=post.routed.reason,
        scored_at=now,
    )


def _record_scored(session: Session, hub: Hub, post: ScoredPost, place: Place, now: datetime) -> None:
    stood_on = {"bundle": post.bundle, "policy_sha256": hub.policy.sha256}
    routed = post.routed
    record(session, actor=SCORER, event=Event.POST_SCORED, subject=post.post_id, details=stood_on, at=now)
    if place.how is How.JOINED:
        return
    details: dict[str, Detail] = {"post_id": post.post_id, "route": routed.route, "priority": routed.priority}
    record(session, actor=SCORER, event=Event.CASE_OPENED, subject=place.case_id, details=details, at=now)
