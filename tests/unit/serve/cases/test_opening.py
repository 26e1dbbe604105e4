"""Every post becomes a case: where it begins, what it weighs, and the first lines of its history."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from case_work import row_of, steps_of
from sqlalchemy import select

from model.policy import Routed
from serve.cases import opening
from serve.cases.opening import NewCase, open_cases
from serve.cases.ordering import Weighed, rank_of
from serve.hub import Hub
from serve.intake.storing import ids_in_order
from serve.storage.tables import CasePost, Post, Report

ROUTED = Routed("review", "a test", ("antisemitic",), 1.5)


@pytest.fixture
def opens(hub: Hub, now: datetime) -> Callable[..., str]:
    """Stores a post, perhaps a report of it, and opens its case."""

    def opened(
        routed: Routed = ROUTED,
        *,
        probability: float | None = 0.5,
        reports: int = 0,
        danger: bool = False,
        received_at: datetime | None = None,
    ) -> str:
        post_id, case_id = ids_in_order(1)[0], ids_in_order(1)[0]
        with hub.database.write() as session:
            session.add(
                Post(
                    post_id=post_id, text="A fair.", text_sha256="0" * 64, received_at=now, received_from="k"
                )
            )
            session.flush()
            session.add_all(
                Report(
                    report_id=ids_in_order(1)[0], post_id=post_id, received_at=now, received_from="key:p",
                    channel="partner", reporter_role="victim", consents=["police"], immediate_danger=danger,
                    under_18=False, why="", perceived_strands=[], reference=None,
                )
                for _ in range(reports)
            )  # fmt: skip
            new = NewCase(case_id, post_id, routed, probability, received_at)
            open_cases(session, hub, [new], actor="system:scorer", now=now)
        return case_id

    return opened


def test_post_of_which_nobody_told_us_waits_for_review(
    hub: Hub, opens: Callable[..., str], now: datetime
) -> None:
    case_id = opens()
    row = row_of(hub, case_id)
    assert (row.state, row.waiting, row.queue, row.cycle, row.lease_number) == (
        "captured", True, "antisemitic", 0, 0,
    )  # fmt: skip
    assert (row.emergency, row.platform, row.support, row.retention) == (
        "no_emergency", "not_notified", "not_offered", "held",
    )  # fmt: skip
    assert (row.severity_expected, row.probability, row.report_count, row.due_class) == (2, 0.5, 0, "review")
    assert row.rank == rank_of(Weighed(2, 0.5, 0, now), hub.queue_rules)
    assert row.victim_update_due is not None
    assert row.victim_update_due > now
    assert [(step.action, step.role, step.after) for step in steps_of(hub, case_id)] == [
        ("score", "classifier", "scored"), ("admit_to_review", "system", "captured"),
    ]  # fmt: skip
    with hub.database.read() as session:
        assert session.scalars(select(CasePost.case_id)).all() == [case_id]


def test_reported_post_is_triaged_first_and_weighs_more(hub: Hub, opens: Callable[..., str]) -> None:
    alone, reported = row_of(hub, opens()), row_of(hub, opens(reports=2))
    assert (reported.state, reported.waiting, reported.report_count) == ("triage", True, 2)
    assert (reported.due_class, reported.rank > alone.rank) == ("reported", True)
    assert [step.action for step in steps_of(hub, reported.case_id)] == ["score", "enqueue"]


def test_danger_that_a_reporter_ticked_counts_as_the_gravest(hub: Hub, opens: Callable[..., str]) -> None:
    assert row_of(hub, opens(reports=1, danger=True)).severity_expected == 4


@pytest.mark.parametrize(("route", "severity"), [("urgent_review", 3), ("unscored", 2), ("low_priority", 1)])
def test_route_gives_the_severity_that_is_expected(
    hub: Hub, opens: Callable[..., str], route: str, severity: int
) -> None:
    assert row_of(hub, opens(replace(ROUTED, route=route))).severity_expected == severity


def test_post_that_waited_for_the_scorer_has_waited_in_the_queue_too(
    hub: Hub, opens: Callable[..., str], now: datetime
) -> None:
    prompt, delayed = row_of(hub, opens()), row_of(hub, opens(received_at=now - timedelta(hours=5)))
    assert delayed.rank - prompt.rank == pytest.approx(5 * 3600)
    assert (delayed.created_at, delayed.waits_since) == (now, now - timedelta(hours=5))
    assert prompt.due_at is not None
    assert delayed.due_at is not None
    assert delayed.due_at <= prompt.due_at
    future = row_of(hub, opens(received_at=now + timedelta(days=1)))
    assert future.waits_since == now, "a clock that is ahead is no reason to wait"


def test_post_older_than_the_rules_is_opened_by_the_first_of_them(
    hub: Hub, opens: Callable[..., str], now: datetime
) -> None:
    assert row_of(hub, opens(received_at=now - timedelta(days=30))).due_at is not None


def test_one_case_in_ten_is_drawn_for_a_second_reading(
    hub: Hub, opens: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Dice:
        def __init__(self, *throws: float) -> None:
            self.random = iter(throws).__next__

    monkeypatch.setattr(opening, "_SAMPLING", Dice(0.0999, 0.1))
    assert [row_of(hub, opens()).sampled for _ in range(2)] == [True, False]
