"""A hub without its application, and cases ready in its queue."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from serve.hub import Hub
from serve.settings import Settings

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)


@pytest.fixture
def now() -> datetime:
    """The instant at which the tests of the queue begin."""
    return NOW


@pytest.fixture
def hub(settings: Settings) -> Iterator[Hub]:
    """The parts of a hub on both databases, with the tiny bundle; no thread runs."""
    from serve.app import open_hub

    opened = open_hub(settings)
    yield opened
    opened.database.close()


@pytest.fixture
def make_cases(hub: Hub) -> Callable[..., list[str]]:
    """Puts one case for each priority in the queue, each with a scored post, and gives their ids in order.

    The priority is the rank too. Other columns of `cases` may be named; by default they wait for review.
    """
    from serve.intake.storing import ids_in_order
    from serve.storage.tables import Case, CasePost, Post, PostScores

    def make(priorities: Sequence[float], **columns: Any) -> list[str]:
        case_ids, post_ids = ids_in_order(len(priorities)), ids_in_order(len(priorities))
        with hub.database.write() as session:
            for case_id, post_id, priority in zip(case_ids, post_ids, priorities, strict=True):
                session.add(
                    Post(
                        post_id=post_id,
                        text="A quiet afternoon at the market.",
                        text_sha256="0" * 64,
                        received_at=NOW,
                        received_from="system:tests",
                        scored_at=NOW,
                    )
                )
                session.add(
                    Case(
                        **{
                            "case_id": case_id, "state": "captured", "waiting": True, "route": "review",
                            "strands": [], "priority": priority, "rank": priority, "created_at": NOW,
                            "lease_number": 0, **columns,
                        }
                    )
                )  # fmt: skip
            session.flush()
            for case_id, post_id in zip(case_ids, post_ids, strict=True):
                session.add(CasePost(case_id=case_id, post_id=post_id))
                session.add(
                    PostScores(
                        post_id=post_id, bundle="tiny-1", policy="officer 1", policy_sha256="a" * 64,
                        hate=0.5, antisemitic=0.1, islamophobic=0.1, far_right=0.1, route="review",
                        reason="a test", scored_at=NOW,
                    )
                )  # fmt: skip
        return case_ids

    return make


@pytest.fixture
def wait_until() -> Callable[..., None]:
    """Waits for another thread's work to show; gives up after half a minute."""

    def wait(condition: Callable[[], bool]) -> None:
        for _ in range(3_000):
            if condition():
                return
            time.sleep(0.01)
        raise AssertionError("what the test waits for did not happen")

    return wait
