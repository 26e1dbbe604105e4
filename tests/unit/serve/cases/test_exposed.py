"""What a case counts for its readers: as expected when shown, as judged afterwards, never as others said."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest
from case_work import ADA, BEN, read_by, row_of, settle, taken
from sqlalchemy import select

from serve.cases.exposed import post_was_shown
from serve.hub import Hub
from serve.people.exposure.shift import Standing
from serve.people.exposure.standings import standing
from serve.storage.identifiers import new_id
from serve.storage.tables import Case, CasePost, Post, Reading, Report

MakeCases = Callable[..., list[str]]


def show(hub: Hub, case_id: str, actor: str, now: datetime) -> None:
    with hub.database.write() as session:
        post = session.scalars(
            select(Post).join(CasePost, CasePost.post_id == Post.post_id).where(CasePost.case_id == case_id)
        ).one()
        post_was_shown(session, hub, session.get_one(Case, case_id), post, actor=actor, now=now)


def stands(hub: Hub, actor: str, now: datetime) -> Standing:
    with hub.database.read() as session:
        return standing(session, hub.exposure, actor, now)


def severities(hub: Hub, actor: str, now: datetime) -> tuple[int, ...]:
    return stands(hub, actor, now).texts_by_severity


def test_text_counts_as_expected_when_shown_and_as_judged_afterwards(
    hub: Hub, make_cases: MakeCases, now: datetime
) -> None:
    (case_id,) = make_cases([1.0], severity_expected=2)
    lease = taken(hub, ADA, now)
    assert severities(hub, ADA, now) == (0, 0, 0, 0, 0), "a claim shows nothing yet"
    show(hub, case_id, ADA, now)
    show(hub, case_id, ADA, now)
    assert severities(hub, ADA, now) == (0, 0, 1, 0, 0), "once a shift"
    settle(hub, lease, now, severity=1)
    assert severities(hub, ADA, now) == (0, 1, 0, 0, 0)


def test_second_reader_learns_nothing_of_the_first_from_their_own_figures(
    hub: Hub, make_cases: MakeCases, now: datetime
) -> None:
    (case_id,) = make_cases([1.0], severity_expected=2)
    first = taken(hub, ADA, now)
    show(hub, case_id, ADA, now)
    settle(hub, first, now, severity=4)
    assert row_of(hub, case_id).severity_expected == 4
    lease = taken(hub, BEN, now)
    show(hub, case_id, BEN, now)
    assert severities(hub, BEN, now) == (0, 0, 1, 0, 0)
    settle(hub, lease, now, severity=3)
    assert severities(hub, BEN, now) == (0, 0, 0, 1, 0)
    assert severities(hub, ADA, now) == (0, 0, 0, 0, 1)


def test_second_reader_is_warned_of_a_danger_that_the_report_itself_tells_of(
    hub: Hub, make_cases: MakeCases, now: datetime
) -> None:
    (case_id,) = make_cases([1.0], severity_expected=2)
    with hub.database.write() as session:
        post_id = session.scalars(select(CasePost.post_id).where(CasePost.case_id == case_id)).one()
        session.add(
            Report(
                report_id=new_id(), post_id=post_id, received_at=now, received_from="system:tests",
                channel="form", reporter_role="victim", consents=[], immediate_danger=True, under_18=False,
                why="", perceived_strands=[],
            )
        )  # fmt: skip
    read_by(hub, ADA, now, severity=4)
    taken(hub, BEN, now)
    show(hub, case_id, BEN, now)
    assert severities(hub, BEN, now) == (0, 0, 0, 0, 1)


def test_decided_case_counts_as_it_was_decided(hub: Hub, make_cases: MakeCases, now: datetime) -> None:
    (case_id,) = make_cases([1.0], severity_expected=2)
    read_by(hub, ADA, now, severity=1)
    show(hub, case_id, BEN, now)
    assert severities(hub, BEN, now) == (0, 1, 0, 0, 0)


def test_judging_counts_nothing_that_was_not_shown(hub: Hub, make_cases: MakeCases, now: datetime) -> None:
    make_cases([1.0])
    read_by(hub, ADA, now, severity=4)
    assert stands(hub, ADA, now).texts == 0


@pytest.mark.parametrize("actor", ["key:reader", "system:tests"])
def test_tool_reads_nothing(hub: Hub, make_cases: MakeCases, now: datetime, actor: str) -> None:
    (case_id,) = make_cases([1.0])
    lease = taken(hub, actor, now)
    show(hub, case_id, actor, now)
    settle(hub, lease, now)
    with hub.database.read() as session:
        assert session.scalars(select(Reading)).all() == []
