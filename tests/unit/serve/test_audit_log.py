from __future__ import annotations

import re

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from serve.audit.events import Event
from serve.audit.log import MAX_DETAIL_CHARACTERS, Detail, record, together
from serve.storage.engine import Database
from serve.storage.identifiers import utc_now
from serve.storage.tables import AuditEvent


def _record(database: Database, **details: Detail) -> None:
    with database.write() as session:
        record(
            session,
            actor="system:tests",
            event=Event.POST_STORED,
            subject="01",
            details=details,
            at=utc_now(),
        )


def test_recorded_event_is_kept_as_it_was_told(database: Database) -> None:
    _record(database, count=2, ids=["a", "b"], scored=True, score=0.5, platform=None, route="review")

    with database.read() as session:
        event = session.scalars(select(AuditEvent)).one()
    assert (event.actor, event.event, event.subject) == ("system:tests", "intake:post:stored", "01")
    assert event.happened_at.utcoffset() is not None
    assert event.details == {
        "count": 2, "ids": ["a", "b"], "scored": True, "score": 0.5, "platform": None, "route": "review",
    }  # fmt: skip


def test_event_of_a_transaction_that_failed_is_gone_with_it(database: Database) -> None:
    def fail_after_recording() -> None:
        with database.write() as session:
            record(session, actor="a", event=Event.CASE_DECIDED, subject="01", details={}, at=utc_now())
            session.flush()
            raise RuntimeError("after the event")

    with pytest.raises(RuntimeError, match="after the event"):
        fail_after_recording()

    with database.read() as session:
        assert session.scalars(select(AuditEvent)).all() == []


def _told(database: Database) -> list[str]:
    with database.read() as session:
        return list(session.scalars(select(AuditEvent.subject).order_by(AuditEvent.event_id)))


def _say(session: Session, subject: str) -> None:
    record(session, actor="a", event=Event.CASE_DECIDED, subject=subject, details={}, at=utc_now())


def test_events_of_a_block_are_written_at_its_end_in_their_order(database: Database) -> None:
    with database.write() as session:
        _say(session, "1")
        with together(session):
            _say(session, "2")
            with together(session):
                _say(session, "3")
            inside = session.scalars(select(AuditEvent.subject)).all()
            _say(session, "4")
        _say(session, "5")

    assert inside == ["1"]
    assert _told(database) == ["1", "2", "3", "4", "5"]


def test_block_that_raises_writes_nothing_and_leaves_nothing_behind(database: Database) -> None:
    def half_way(session: Session) -> None:
        with together(session):
            _say(session, "1")
            raise RuntimeError("half way")

    with database.write() as session:
        with pytest.raises(RuntimeError, match="half way"):
            half_way(session)
        _say(session, "2")

    assert _told(database) == ["2"]


@pytest.mark.parametrize("statement", ["UPDATE audit_events SET actor = 'x'", "DELETE FROM audit_events"])
def test_changing_the_log_is_refused(database: Database, statement: str) -> None:
    _record(database)

    with pytest.raises(DBAPIError, match="audit_events never change"), database.write() as session:
        session.execute(text(statement))

    with database.read() as session:
        assert session.scalars(select(AuditEvent)).one().actor == "system:tests"


def test_a_text_in_the_details_is_refused(database: Database) -> None:
    with pytest.raises(ValueError, match="audit detail text: longer than"):
        _record(database, text="x" * (MAX_DETAIL_CHARACTERS + 1))
    with pytest.raises(ValueError, match="audit detail texts: longer than"):
        _record(database, texts=["short", "x" * (MAX_DETAIL_CHARACTERS + 1)])


@pytest.mark.parametrize("value", [{"nested": 1}, [["nested"]], b"bytes", utc_now()])
def test_anything_but_short_scalars_in_the_details_is_refused(database: Database, value: object) -> None:
    with pytest.raises(TypeError, match="is not a short scalar"):
        _record(database, value=value)  # type: ignore[arg-type]  # the wrong type is the point


def test_every_event_reads_source_subject_action_and_is_said_once() -> None:
    values = [event.value for event in Event]
    assert len(set(values)) == len(values)
    assert all(re.fullmatch(r"[a-z]+:[a-z]+:[a-z]+(_[a-z]+)*", value) for value in values)
