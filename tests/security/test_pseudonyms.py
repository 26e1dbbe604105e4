"""A person's name stands in one table, and no program hears it. Source: PROMISES.md section 5, item 5."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Final

import pytest
from fastapi import FastAPI
from hub_addresses import Address, url_of
from owned_things import OWNED
from people_desk import Desk
from sqlalchemy import select
from starlette.testclient import TestClient

from labelling import tasks
from labelling.batches import make_batch
from labelling.codebook import load_codebook
from labelling.task_sources import TaskRow
from serve.people.keys import SCOPES
from serve.people.roles import Role
from serve.settings import Settings
from serve.storage.engine import Database
from serve.storage.identifiers import utc_now
from serve.storage.tables import Officer, Row

NAME: Final = "Zebedee Quillfeather"
PASSWORD: Final = "a made-up password"

NAMES_OF_THINGS: Final = {
    "suites.name": "of a suite",
    "saved_filters.name": "of a search that somebody kept for themselves",
    "officers.name": "the one place for a person's name",
}
"""Columns that are called a name; a new one says here what it is the name of."""

PERSONAL: Final = re.compile(
    r"(^|_)(full|first|last|given|family|user|display|officer|person|real)?_?names?($|_)|e_?mail|phone|collar|warrant"
)


def test_no_other_table_has_a_column_for_a_persons_name() -> None:
    found = {
        f"{table.name}.{column.name}"
        for table in Row.metadata.tables.values()
        for column in table.columns
        if PERSONAL.search(column.name) and not column.name.endswith("_sha256")
    }

    assert found == set(NAMES_OF_THINGS), "a new column: say in NAMES_OF_THINGS what it is the name of"


@pytest.mark.parametrize(
    "column",
    ["name", "officer_name", "reviewer_full_name", "username", "email", "e_mail", "phone", "surname_names"],
)
def test_column_of_a_name_would_be_noticed(column: str) -> None:
    assert PERSONAL.search(column)


@pytest.fixture
def busy_hub(
    client: TestClient,
    database: Database,
    settings: Settings,
    officer: Callable[..., Officer],
    sign_in: Callable[..., str],
) -> Officer:
    """A hub in which one person did something of every kind, as often as their role was changed."""
    person, other = officer("admin", name=NAME), officer("supervisor")
    desk = Desk(client)
    desk.fill_in("/sign-in", name=NAME, password="wrong")
    assert desk.fill_in("/sign-in", name=NAME, password=PASSWORD).status_code == 303
    client.cookies.clear()
    desk.csrf = sign_in(client, person)
    made = desk.post("/people/new", name="Somebody else", role="admin")
    assert made.status_code == 200
    assert desk.post("/keys/new", label="a key", scopes=["score"]).status_code == 200
    with database.read() as session:
        [somebody] = session.scalars(select(Officer.officer_id).where(Officer.name == "Somebody else"))
    assert desk.post(f"/people/{somebody}/role", role="hub_lead").status_code == 303

    with database.write() as session:
        session.get_one(Officer, person.officer_id).role = Role.SUPERVISOR.value
        codebook = load_codebook(settings.codebook)
        make_batch(session, codebook, batch="b", actor="system:tests", now=utc_now())
        tasks.add_tasks(
            session, batch="b", rows=[TaskRow("1", "A fair.")], source="made", actor="system:tests",
            now=utc_now(),
        )  # fmt: skip
    case = OWNED["case_id"](database, settings, person, other, True)
    here = f"/cases/{case['case_id']}"
    assert desk.post(f"{here}/posts/{case['post_id']}/reveal", lease="1").status_code == 200
    fields = {"lease": "1", "outcome": "no_action", "detail-no_action": "not_hate", "severity": "0"}
    assert desk.post(f"{here}/decide", **fields, reason="A fair.").status_code == 303
    task = desk.post("/labelling/next", batch="b").headers["location"].split("?")[0]
    assert desk.post(f"{task}/label", lease="1").status_code == 303
    return person


def _dump(database: Database) -> dict[str, str]:
    with database.engine.connect() as connection:
        return {
            table.name: json.dumps([list(map(str, row)) for row in connection.execute(select(table))])
            for table in Row.metadata.tables.values()
        }


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_name_of_somebody_who_did_everything_is_in_one_table(database: Database, busy_hub: Officer) -> None:
    dump = _dump(database)

    assert [table for table, rows in dump.items() if "Quillfeather" in rows] == ["officers"]
    known = [table for table, rows in dump.items() if busy_hub.officer_id in rows]
    assert {"audit_events", "decisions", "labels", "role_grants", "sessions"} <= set(known)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_no_answer_of_the_api_names_anybody(
    client: TestClient,
    hub_app: FastAPI,
    addresses: list[Address],
    database: Database,
    busy_hub: Officer,
    api_key: Callable[..., dict[str, str]],
) -> None:
    headers = api_key(*SCOPES)
    with database.read() as session:
        ids = {
            name: session.execute(select(Row.metadata.tables[table].c[name])).scalars().first()
            for name, table in (("case_id", "decisions"), ("post_id", "case_posts"))
        }
    answered: list[Any] = []
    for one in addresses:
        if one.is_api and one.method == "GET":
            answer = client.get(url_of(one.path, **ids), headers=headers)
            assert answer.status_code == 200, one
            answered.append(answer.text)
    assert any(busy_hub.officer_id in text for text in answered)  # a decision says by which number
    assert not any("Quillfeather" in text for text in answered)
    schemas = json.dumps(client.get("/openapi.json").json()["components"]["schemas"])
    assert re.findall(r'"(\w*(?:name|email|phone))": \{', schemas) == []
