"""Figures for Prometheus: requests as this process saw them, the queue as the database has it."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import func, select

from serve.storage.engine import Database
from serve.storage.tables import Case, Decision, Post

CASE_STATES = ("queued", "in_review", "decided")
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Metrics:
    """One application's figures, in a registry of their own."""

    def __init__(self, database: Database) -> None:
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

    def describe(self) -> list[Metric]:
        """Nothing: without this, registering would already read the database."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The figures of this moment."""
        with self._database.read() as session:
            stored = session.scalar(select(func.count()).select_from(Post)) or 0
            waiting = (
                session.scalar(select(func.count()).select_from(Post).where(Post.scored_at.is_(None))) or 0
            )
            states = dict(session.execute(select(Case.state, func.count()).group_by(Case.state)).all())
            outcomes = dict(
                session.execute(select(Decision.outcome, func.count()).group_by(Decision.outcome)).all()
            )
        yield CounterMetricFamily("watchhouse_posts_stored", "Posts stored", value=stored)
        yield CounterMetricFamily("watchhouse_posts_scored", "Posts scored", value=stored - waiting)
        yield GaugeMetricFamily("watchhouse_posts_waiting", "Posts that wait for the scorer", value=waiting)
        cases = GaugeMetricFamily("watchhouse_cases", "Cases by state", labels=["state"])
        for state in CASE_STATES:
            cases.add_metric([state], states.get(state, 0))
        yield cases
        decisions = CounterMetricFamily("watchhouse_decisions", "Decisions by outcome", labels=["outcome"])
        for outcome, count in sorted(outcomes.items()):
            decisions.add_metric([outcome], count)
        yield decisions
