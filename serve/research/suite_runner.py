"""Scores the suites that somebody asked for, a few cases at a time, with the bundle that the hub runs on."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import structlog
from sqlalchemy.exc import IntegrityError

from model.classifier import Classifier
from model.errors import BadInput
from model.suite import Suite, suite_from_csv
from model.taxonomy import HEAD_ORDER
from serve.audit.events import Event
from serve.audit.log import Detail, record
from serve.hub import Hub
from serve.logs import described
from serve.research.suites import next_run
from serve.scoring.each import Result, TextScores, score_each
from serve.storage.identifiers import utc_now
from serve.storage.tables import SuiteResult
from serve.worker import Worker

RUNNER = "system:suites"
POLL_SECONDS = 30.0
"""The page that asks wakes the runner of its own process; this is for a process that was restarted."""


@dataclass
class _Run:
    suite_id: str
    suite: Suite
    classifier: Classifier
    results: list[Result] = field(default_factory=list)


class SuiteRunner:
    """The background thread behind "Run": posts are scored by another one, and wait at most for one chunk."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._run: _Run | None = None
        self._unreadable: set[str] = set()
        self.worker = Worker("suites", self.score_chunk, wake=hub.suites_waiting, poll_seconds=POLL_SECONDS)

    def score_chunk(self) -> bool:
        """Scores the next few cases of the run in hand, or of the next one; False if nothing waits.

        A run that is broken off (the hub stops) begins again: nothing of it is stored before its end.
        """
        run = self._run = self._run or self._next()
        if run is None:
            return False
        done, hub = len(run.results), self._hub
        chunk = run.suite.cases[done : done + hub.settings.scoring_batch]
        run.results += score_each(run.classifier, [case.text for case in chunk], contain=True)
        if len(run.results) == len(run.suite.cases):
            self._store(run)
            self._run = None
        return True

    def _next(self) -> _Run | None:
        while True:
            with self._hub.database.read() as session:
                classifier = self._hub.classifier
                row = next_run(session, classifier.bundle_id, self._unreadable)
            if row is None:
                return None
            try:
                return _Run(row.suite_id, suite_from_csv(row.csv, row.name), classifier)
            except BadInput as fault:  # stored by an earlier version that took it; the page says so too
                self._unreadable.add(row.suite_id)
                structlog.get_logger().error(
                    "a stored suite cannot be read", suite=row.suite_id, **described(fault)
                )

    def _store(self, run: _Run) -> None:
        hub, now = self._hub, utc_now()
        scores: dict[str, list[float | None]] = {
            head: [_number(one.by_head[head]) if isinstance(one, TextScores) else None for one in run.results]
            for head in HEAD_ORDER
        }
        bundle = run.classifier.bundle_id
        try:
            with hub.database.write() as session:
                session.add(
                    SuiteResult(
                        suite_id=run.suite_id,
                        bundle=bundle,
                        thresholds={head: run.classifier.thresholds[head] for head in HEAD_ORDER},
                        scores=scores,
                        scored_at=now,
                    )
                )
                details: dict[str, Detail] = {"bundle": bundle, "cases": len(run.results)}
                record(
                    session, actor=RUNNER, event=Event.SUITE_RUN_FINISHED, subject=run.suite_id,
                    details=details, at=now,
                )  # fmt: skip
        except IntegrityError:
            structlog.get_logger().info("another replica has run this suite", suite=run.suite_id)


def _number(score: float) -> float | None:
    # PostgreSQL's JSON has no NaN: the run would fail again and again, and keep those behind it waiting.
    return score if math.isfinite(score) else None
