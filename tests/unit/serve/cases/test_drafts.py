"""What was typed too late is kept, whole, for whoever typed it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from case_work import ADA, BEN, NOTHING, events, settle, taken
from sqlalchemy import func, select

from serve.audit.events import Event
from serve.cases.drafts import LONGEST_KEPT, draft_of, keep_draft
from serve.hub import Hub
from serve.storage.tables import Draft

MakeCases = Callable[..., list[str]]


def keeps(hub: Hub, case_id: str, now: datetime, actor: str = ADA, **content: Any) -> None:
    with hub.database.write() as session:
        keep_draft(session, case_id=case_id, actor=actor, now=now, why="lease_lost", content=content)


def draft(hub: Hub, case_id: str, actor: str = ADA) -> Draft | None:
    with hub.database.read() as session:
        return draft_of(session, case_id=case_id, actor=actor)


def test_draft_is_its_writers_and_a_later_one_takes_its_place(
    hub: Hub, make_cases: MakeCases, now: datetime
) -> None:
    (case_id,) = make_cases([1.0])
    keeps(hub, case_id, now, reason="first")
    keeps(hub, case_id, now, reason="second", severity=3)
    kept = draft(hub, case_id)
    assert kept is not None
    assert (kept.content, kept.why) == ({"reason": "second", "severity": 3}, "lease_lost")
    assert draft(hub, case_id, BEN) is None
    assert events(hub, case_id) == [(Event.DRAFT_KEPT, ADA)] * 2


def test_draft_of_a_case_that_its_writer_has_judged_since_is_not_shown(
    hub: Hub, make_cases: MakeCases, now: datetime
) -> None:
    (case_id,) = make_cases([1.0])
    keeps(hub, case_id, now, reason="late")
    settle(hub, taken(hub, ADA, now), now, **NOTHING)
    assert draft(hub, case_id) is None


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("a\x00b", "ab"),
        ("a\ud800b", "ab"),
        ("x" * (LONGEST_KEPT + 1), "x" * LONGEST_KEPT),
        ("a \u202e b", "a \u202e b"),
    ],
)
def test_text_that_nothing_can_hold_is_kept_as_far_as_it_can_be(
    hub: Hub, make_cases: MakeCases, now: datetime, typed: str, kept: str
) -> None:
    (case_id,) = make_cases([1.0])
    keeps(hub, case_id, now, reason=typed, law=[{"id": typed, "met": [typed]}], severity=None)
    found = draft(hub, case_id)
    assert found is not None
    assert found.content == {"reason": kept, "law": [{"id": kept, "met": [kept]}], "severity": None}


def test_two_who_are_one_and_send_at_once_keep_one_draft(
    hub: Hub, make_cases: MakeCases, now: datetime
) -> None:
    (case_id,) = make_cases([1.0])
    threads = [
        threading.Thread(target=keeps, args=(hub, case_id, now), kwargs={"reason": str(number)})
        for number in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with hub.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Draft)) == 1
    assert len(events(hub, case_id)) == 8
