"""Figures for Prometheus: requests as this process saw them, the queue as the database has it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import func, select

from serve.storage.engine import Database
from serve.storage.tables import CLAIMABLE, HELD, Case, Decision, Post

if TYPE_CHECKING:
    from serve.worker import Worker  # which logs, and the log measures requests with this module

WORKED_AT = (*CLAIMABLE, *HELD)
"""States that have a series always, 0 too: what alerts look at. The others have one once a case is there."""
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

KEPT_SECONDS: Final = 5.0
"""The tables are counted at most this often: whoever asks all the time must not keep the database busy."""


@dataclass(frozen=True, slots=True)
class HubCounts:
    """What the database held when it was counted."""

    stored: int
    waiting: int
    cases: dict[str, int]
    decisions: dict[str, int]


class Metrics:
    """One application's figures, in a registry of their own."""

    def __init__(
        self, database: Database, workers: Sequence[Worker] = (), not_scored: Mapping[str, int] | None = None
    ) -> None:
        """`not_scored` is the scorer's own count of posts without scores, by why; read when asked."""
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "watchhouse_requests", "Requests answered", ["method", "route", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "watchhouse_request_seconds",
            "Time to answer, in seconds",
            ["method", "route"],
            buckets=SECONDS,
            registry=self._registry,
        )
        self._registry.register(_HubFigures(database))
        self._registry.register(_WorkerFigures(workers))
        self._registry.register(_NotScoredFigures(not_scored or {}))

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Counts one answered request."""
        known = method if method in METHODS else "other"  # a stranger's words make no new series
        self._requests.labels(known, route, str(status)).inc()
        self._seconds.labels(known, route).observe(seconds)

    def exposition(self) -> bytes:
        """Every figure in Prometheus' text format."""
        return generate_latest(self._registry)


class _HubFigures(Collector):
    """Reads posts, cases and decisions when asked: right after a restart and the same on every replica."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._counted: HubCounts | None = None
        self._counted_at = 0.0

    def describe(self) -> list[Metric]:
        """Nothing: without this, registering would already read the database."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The figures of the last few seconds."""
        counts = self._recent_counts()
        yield CounterMetricFamily("watchhouse_posts_stored", "Posts stored", value=counts.stored)
        scored = counts.stored - counts.waiting
        yield CounterMetricFamily(
            "watchhouse_posts_scored", "Posts through the scorer, those without scores too", value=scored
        )
        yield GaugeMetricFamily(
            "watchhouse_posts_waiting", "Posts that wait for the scorer", value=counts.waiting
        )
        cases = GaugeMetricFamily("watchhouse_cases", "Cases by state", labels=["state"])
        for state in sorted({*WORKED_AT, *counts.cases}):
            cases.add_metric([state], counts.cases.get(state, 0))
        yield cases
        decisions = CounterMetricFamily("watchhouse_decisions", "Decisions by outcome", labels=["outcome"])
        for outcome, count in sorted(counts.decisions.items()):
            decisions.add_metric([outcome], count)
        yield decisions

    def _recent_counts(self) -> HubCounts:
        kept = self._counted
        # Of many who ask at once one counts; the others take what there is, or wait for it.
        if not self._lock.acquire(blocking=kept is None) and kept is not None:
            return kept
        try:
            now = time.monotonic()
            if self._counted is None or now - self._counted_at >= KEPT_SECONDS:
                self._counted = _counts(self._database)
                self._counted_at = now
            return self._counted
        finally:
            self._lock.release()


def _counts(database: Database) -> HubCounts:
    with database.read() as session:
        stored = session.scalar(select(func.count()).select_from(Post))
        waiting = session.scalar(select(func.count()).select_from(Post).where(Post.scored_at.is_(None)))
        cases = session.execute(select(Case.state, func.count()).group_by(Case.state)).all()
        decisions = session.execute(select(Decision.outcome, func.count()).group_by(Decision.outcome)).all()
    return HubCounts(
        stored=stored or 0,
        waiting=waiting or 0,
        cases={row[0]: row[1] for row in cases},
        decisions={row[0]: row[1] for row in decisions},
    )


class _WorkerFigures(Collector):
    """How the background threads of this process are."""

    def __init__(self, workers: Sequence[Worker]) -> None:
        self._workers = tuple(workers)

    def collect(self) -> Iterator[Metric]:
        """One figure for each thread."""
        failures = GaugeMetricFamily(
            "watchhouse_worker_failures", "Failures in a row of a background thread", labels=["worker"]
        )
        for worker in self._workers:
            failures.add_metric([worker.name], worker.failures)
        yield failures


class _NotScoredFigures(Collector):
    """Posts that this process put in the queue without scores, by why."""

    def __init__(self, not_scored: Mapping[str, int]) -> None:
        self._not_scored = not_scored

    def collect(self) -> Iterator[Metric]:
        """One figure for each why, those that are zero too."""
        posts = CounterMetricFamily(
            "watchhouse_posts_not_scored",
            "Posts queued without scores: their language is not read, or the classifier failed on them",
            labels=["why"],
        )
        for why, count in self._not_scored.items():
            posts.add_metric([why], count)
        yield posts
