"""What a case page says is due: of who reported only where somebody did."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import select, update

from serve.console.case_facts import owed_on
from serve.hub import Hub
from serve.storage.identifiers import new_id
from serve.storage.tables import Case, CasePost, Report

MakeCases = Callable[..., list[str]]


def words(hub: Hub, case_id: str, now: datetime) -> list[str]:
    with hub.database.read() as session:
        return [one.words for one in owed_on(session, hub, session.get_one(Case, case_id), now)]


def test_update_to_the_victim_is_owed_only_where_somebody_reported(
    hub: Hub, make_cases: MakeCases, now: datetime
) -> None:
    nobodys, reported = make_cases([2.0, 1.0])
    with hub.database.write() as session:
        due = now + timedelta(days=7)
        session.execute(
            update(Case).where(Case.case_id.in_([nobodys, reported])).values(victim_update_due=due)
        )
        session.add(
            Report(
                report_id=new_id(),
                post_id=session.scalars(select(CasePost.post_id).where(CasePost.case_id == reported)).one(),
                received_at=now, received_from="key:partner", channel="partner", reporter_role="victim",
                consents=[], immediate_danger=False, under_18=False, why="", perceived_strands=[],
            )
        )  # fmt: skip

    assert "An update to the victim" in words(hub, reported, now)
    assert "An update to the victim" not in words(hub, nobodys, now)
