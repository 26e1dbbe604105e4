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

from serve.people.roles import Role
from serve.storage.engine import Database
from serve.storage.tables import BatchRow, Officer, Task

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
