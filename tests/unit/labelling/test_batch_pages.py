"""The pages that make batches: who may, what is refused, and that they show counts alone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from desk_in_a_browser import Desk, fields_of
from hub_traffic import add_traffic
from sqlalchemy import select
from starlette.testclient import TestClient

from labelling import batches, disputes
from model.errors import Conflict
from serve.people.roles import Role
from serve.storage.engine import Database
from serve.storage.tables import AuditEvent, BatchRow, Officer, Task

AT = datetime(2026, 11, 20, tzinfo=UTC)
FORM = '<form method="post" action="/labelling/batches/new"'


@pytest.fixture
def maker(client: TestClient, sign_in: Any, officer: Callable[..., Officer]) -> Desk:
    """A researcher with a plain browser."""
    person = officer("researcher")
    return Desk(client, sign_in(client, person), f"officer:{person.officer_id}")


def test_those_who_may_make_batches_and_nobody_else_see_the_pages(
    client: TestClient, sign_in: Any, officer: Callable[..., Officer]
) -> None:
    statuses = {}
    for role in Role:
        csrf = sign_in(client, officer(role.value))
        posted = client.post("/labelling/batches/new", data={"csrf_token": csrf})
        statuses[role.value] = (client.get("/labelling/batches").status_code, posted.status_code)

    assert {role for role, both in statuses.items() if both == (200, 422)} == {
        "supervisor",
        "hub_lead",
        "researcher",
    }
    assert {both for both in statuses.values() if both != (200, 422)} == {(403, 403)}


def test_researcher_makes_a_batch_of_traffic_and_sees_counts_alone(maker: Desk, database: Database) -> None:
    texts = [f"Post {number} about the harbour." for number in range(30)]
    add_traffic(database, texts, at=AT)
    page = maker.get("/batches/new").text
    fields = fields_of(page, FORM)
    assert (fields["source"], fields["audit_share"], fields["labels_a_text"]) == (
        ["background"],
        ["20"],
        ["2"],
    )

    after = maker.follow(maker.post("/batches/new", **(fields | {"batch": "week 48", "texts": "10"}))).text

    assert "week 48 was made: 10 texts (2 audit, " in after
    assert "harbour" not in after
    with database.read() as session:
        row = session.get_one(BatchRow, "week 48")
        assert (row.made_by, row.redundancy, row.assisted) == (maker.actor, 2, False)
        assert len(session.scalars(select(Task).where(Task.batch == "week 48")).all()) == 10


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"batch": ""}, "batch"),
        ({"batch": "<b>"}, "batch"),
        ({"source": "batch:none"}, "source"),
        ({"texts": "ten"}, "texts"),
        ({"texts": "²"}, "texts"),
        ({"labels_a_text": "9"}, "labels_a_text"),
        ({"audit_share": "101"}, "audit_share"),
        ({"assisted": "yes"}, "audit_share"),
    ],
)
def test_form_that_cannot_be_comes_back_with_what_is_wrong(
    maker: Desk, database: Database, wrong: dict[str, str], field: str
) -> None:
    add_traffic(database, ["One post."], at=AT)
    fields = fields_of(maker.get("/batches/new").text, FORM) | {"batch": "pilot"}

    answer = maker.post("/batches/new", **(fields | wrong))

    assert answer.status_code == 422
    assert f'<a href="#{field}">' in answer.text
    assert f' id="{field}"' in answer.text
    with database.read() as session:
        assert session.scalars(select(BatchRow)).all() == []


def test_name_that_is_taken_is_said_beside_the_field(maker: Desk, database: Database, add: Any) -> None:
    add("One.", batch="pilot")
    fields = fields_of(maker.get("/batches/new").text, FORM)

    answer = maker.post("/batches/new", **(fields | {"batch": "pilot"}))

    assert answer.status_code == 409
    assert '<a href="#batch">There is one of that name</a>' in answer.text


def test_what_was_put_aside_without_a_name_is_offered_again(
    maker: Desk, database: Database, add: Any, annotator: Any
) -> None:
    add("One.", batch="pilot")
    ada, bo = annotator("ada"), annotator("bo")
    ada.skip(ada.claim(), "too_much")
    assert bo.claim() is None
    assert "Offer 1 again" in maker.get("/batches").text

    after = maker.follow(maker.post("/batches/offer-again", batch="pilot")).text

    assert "is offered again" in after
    assert bo.claim() is not None
    assert maker.post("/batches/offer-again", batch="<b>").status_code == 422


def test_closed_batch_offers_no_more_and_keeps_what_it_has_until_it_is_opened_again(
    maker: Desk, database: Database, add: Any, annotator: Any
) -> None:
    add("One.", "Two.", "Three.", batch="pilot")
    ada, bo = annotator("ada"), annotator("bo")
    ada.label_next()
    held = ada.claim()

    after = maker.follow(maker.post("/batches/close", batch="pilot")).text

    assert "pilot is closed: no more of it is offered" in after
    assert "Open it again" in after
    assert (bo.claim(), bo.claim("pilot")) == (None, None)
    with pytest.raises(Conflict, match="closed"):
        add("Four.", batch="pilot")
    ada.save(held)  # whoever held a text when it closed may finish it
    with database.read() as session:
        (pilot,) = batches.progress(session)
        assert (pilot.waiting, pilot.labelled, pilot.not_offered, pilot.total) == (0, 2, 1, 3)
        assert session.get_one(BatchRow, "pilot").closed_at is not None
        events = session.execute(
            select(AuditEvent.event, AuditEvent.actor, AuditEvent.subject).where(
                AuditEvent.event.startswith("labelling:batch:")
            )
        ).all()
        assert ("labelling:batch:closed", maker.actor, "pilot") in [tuple(one) for one in events]
    assert maker.post("/batches/close", batch="pilot").status_code == 409

    again = maker.follow(maker.post("/batches/reopen", batch="pilot")).text

    assert "pilot is open again" in again
    assert bo.claim() is not None
    assert maker.post("/batches/reopen", batch="pilot").status_code == 409


def test_only_batches_that_there_are_and_whoever_makes_them_close(
    maker: Desk,
    client: TestClient,
    sign_in: Any,
    officer: Callable[..., Officer],
    add: Any,
    database: Database,
) -> None:
    add("One.", batch="pilot")
    assert maker.post("/batches/close", batch="none").status_code == 404
    assert maker.post("/batches/reopen", batch="<b>").status_code == 422
    csrf = sign_in(client, officer("annotator"))

    answer = client.post("/labelling/batches/close", data={"csrf_token": csrf, "batch": "pilot"})

    assert answer.status_code == 403
    with database.read() as session:
        assert session.get_one(BatchRow, "pilot").closed_at is None


def test_nothing_put_aside_is_offered_again_in_a_closed_batch(
    maker: Desk, add: Any, annotator: Any, database: Database
) -> None:
    add("One.", batch="pilot")
    ada = annotator("ada")
    ada.skip(ada.claim(), "too_much")
    maker.post("/batches/close", batch="pilot")

    assert "Offer 1 again" not in maker.get("/batches").text
    assert maker.post("/batches/offer-again", batch="pilot").status_code == 409


def test_disagreement_in_a_closed_batch_waits_for_no_third_person(
    maker: Desk, database: Database, add: Any, annotator: Any
) -> None:
    add("One.", batch="pilot", redundancy=3)
    annotator("ada").label_next(severity=1, speech_act="endorses", strands=["antisemitic"])
    annotator("bo").label_next()
    with database.read() as session:
        assert disputes.count_waiting(session) == 0

    maker.post("/batches/close", batch="pilot")

    with database.read() as session:
        assert disputes.count_waiting(session) == 1
