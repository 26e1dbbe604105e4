"""The desk and the exposure budget: what is read there counts, and a stop stands before the next text."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from labelling.dose import HubBudget
from model.configuration import sha256_of
from serve.people.access import SignedIn
from serve.people.exposure.policy import load_exposure
from serve.people.exposure.readings import Subject, record_reading
from serve.people.exposure.standings import standing
from serve.people.officers import officer_actor
from serve.storage.engine import Database
from serve.storage.identifiers import new_id, utc_now
from serve.storage.tables import Officer

TEXT = "A text of a task."
POLICY = load_exposure()


@pytest.fixture
def reader(officer: Callable[..., Officer]) -> SignedIn:
    row = officer("annotator")
    return SignedIn(row.officer_id, row.name, "annotator", "", officer_actor(row.officer_id))


def units(database: Database, actor: str) -> int:
    with database.read() as session:
        return standing(session, POLICY, actor, utc_now()).dose_units


@pytest.mark.parametrize("task_id", ["1" * 26, "course:far-right-rhetoric:a-very-long-name"])
def test_text_counts_once_at_what_is_expected_and_then_at_what_was_said(
    database: Database, reader: SignedIn, task_id: str
) -> None:
    dose, now = HubBudget(POLICY), utc_now()
    about: dict[str, Any] = {"person": reader, "now": now, "task_id": task_id, "text": TEXT}
    for _ in range(2):
        with database.write() as session:
            dose.was_read(session, **about, severity_expected=2)
    assert units(database, reader.actor) == 2

    with database.write() as session:
        dose.was_judged(session, **about, severity=4)

    assert units(database, reader.actor) == 8


def test_whoever_has_read_much_goes_to_the_pause_page_and_back_to_the_desk(
    database: Database, reader: SignedIn
) -> None:
    dose, now = HubBudget(POLICY), utc_now()
    with database.read() as session:
        assert dose.may_read(session, person=reader, now=now).go_to is None
    with database.write() as session:
        for _ in range(25):
            post_id = new_id()
            record_reading(
                session,
                POLICY,
                actor=reader.actor,
                at=now - timedelta(minutes=1),
                subject=Subject("post", post_id),
                text_sha256=sha256_of(post_id.encode()),
                severity_expected=3,
            )

    with database.read() as session:
        allowance = dose.may_read(session, person=reader, now=now)

    assert allowance.go_to == "/exposure/pause?back=%2Flabelling"


def test_text_that_was_too_much_still_weighs(database: Database, reader: SignedIn) -> None:
    dose, now = HubBudget(POLICY), utc_now()
    with database.write() as session:
        dose.was_read(session, person=reader, now=now, task_id="1" * 26, text=TEXT, severity_expected=2)
    with database.write() as session:
        dose.was_too_much(session, person=reader, text=TEXT)

    assert units(database, reader.actor) == 2
