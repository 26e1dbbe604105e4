"""What people read and decline is theirs: no address, role, key, export or log gives it to anybody else."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from sqlalchemy import insert, select
from starlette.testclient import TestClient

from labelling import labels, tasks
from labelling.batches import make_batch
from labelling.export import export
from labelling.pages import register
from labelling.task_sources import TaskRow
from serve.app import create_app
from serve.people.exposure.preferences import set_preferences
from serve.people.exposure.shift import Preferences
from serve.people.keys import SCOPES
from serve.people.officers import officer_actor
from serve.people.roles import Role
from serve.settings import Settings
from serve.storage.engine import Database
from serve.storage.identifiers import utc_now
from serve.storage.tables import AuditEvent, Break, ExposurePreferences, Officer, Reading, WentOn

READERS: Final = {
    Role.OFFICER, Role.SUPERVISOR, Role.HUB_LEAD, Role.RECORDS_OFFICER, Role.ANNOTATOR
}  # fmt: skip
ROLES_OF: Final = {
    ("GET", "/exposure"): READERS,
    ("POST", "/exposure/preferences"): READERS,
    ("POST", "/exposure/breaks"): READERS,
    ("POST", "/exposure/breaks/end"): READERS,
    ("GET", "/exposure/pause"): READERS,
    ("POST", "/exposure/go-on"): READERS,
    ("GET", "/exposure/team"): {Role.SUPERVISOR, Role.HUB_LEAD},
}
"""Who reaches which address. An address that is not here fails the first test."""

CANARY: Final = "canary7f3a"
"""Stands wherever the tables of reading take words, and nowhere else in the hub."""

PAGE: Final = {"accept": "text/html"}
CLOSES_ACCOUNT: Final = "/people/{officer_id}/disable"


@pytest.fixture
def whole_hub(settings: Settings) -> Iterator[FastAPI]:
    """The hub with its labelling desk."""
    app = create_app(settings, rooms=[register], run_scorer=False)
    yield app
    app.state.hub.database.close()


@pytest.fixture
def callers(whole_hub: FastAPI) -> Iterator[Callable[[], TestClient]]:
    """Makes callers of that hub, each with cookies of its own."""
    opened: list[TestClient] = []

    def make() -> TestClient:
        caller = TestClient(whole_hub, base_url="http://127.0.0.1", follow_redirects=False)
        opened.append(caller)
        return caller

    yield make
    for caller in opened:
        caller.close()


def addresses_of(app: FastAPI, owner: Officer) -> list[tuple[str, str]]:
    """Every method and address; wherever one takes an id, it gets the owner's.

    Not the one that closes their account: what is kept of their reading would go with it.
    """
    found = []
    for route in iter_route_contexts(app.routes):
        if not isinstance(route.original_route, APIRoute) or route.path in (None, CLOSES_ACCOUNT):
            continue
        url = re.sub(r"\{[^}]*\}", owner.officer_id, route.path or "")
        found += [(method, url) for method in route.methods or ()]
    assert len(found) > 40
    return sorted(found)


def keep(database: Database, owner: Officer) -> None:
    """A row about the owner in every table of reading, the canary in each of them."""
    actor, now = officer_actor(owner.officer_id), utc_now()
    with database.write() as session:
        session.execute(
            insert(ExposurePreferences).values(
                actor=actor, strands_excluded=[CANARY], two_worst_in_a_row=True, covers=False, masks=False
            )
        )
        session.execute(
            insert(Reading).values(
                reading_id=CANARY, version=0, actor=actor, shift_began_at=now, recorded_at=now,
                subject_kind="post", subject_id=CANARY, text_sha256=CANARY, severity_expected=1, units=21,
                policy_sha256=CANARY,
            )
        )  # fmt: skip
        session.execute(
            insert(WentOn).values(
                went_on_id=CANARY, actor=actor, went_on_at=now, because="budget", reason=CANARY,
                dose_units=1,
            )
        )  # fmt: skip
        session.execute(
            insert(Break).values(
                break_id=CANARY, actor=actor, kind="forced", began_at=now, ended_at=now, least_minutes=30
            )
        )


def test_every_address_of_ones_reading_is_in_the_table_and_takes_no_id(addresses: list[Any]) -> None:
    of_reading = {(one.method, one.path) for one in addresses if one.path.startswith("/exposure")}

    assert of_reading == set(ROLES_OF)
    assert not [path for _, path in of_reading if "{" in path]


@pytest.mark.parametrize("role", Role)
def test_role_reaches_its_addresses_alone(
    client: TestClient, officer: Callable[..., Officer], sign_in: Callable[..., str], role: Role
) -> None:
    csrf = sign_in(client, officer(role.value))
    for (method, path), roles in ROLES_OF.items():
        answer = client.request(method, path, headers={"x-csrf-token": csrf})

        assert (answer.status_code != 403) is (role in roles), f"{method} {path}: {answer.status_code}"
        assert answer.status_code < 500


@pytest.mark.parametrize("role", Role)
def test_asking_for_somebodys_reading_has_one_answer_whether_there_is_any_or_not(
    client: TestClient,
    database: Database,
    officer: Callable[..., Officer],
    sign_in: Callable[..., str],
    role: Role,
) -> None:
    owner, idle = officer("officer"), officer("officer")
    keep(database, owner)
    csrf = sign_in(client, officer(role.value))

    def answers(whose: Officer) -> list[tuple[int, bytes]]:
        found = []
        for path in ("/exposure/{}", "/exposure/{}/pause", "/people/{}/exposure", "/exposure/team/{}"):
            for accept in ({}, PAGE):
                url = path.format(whose.officer_id)
                answer = client.get(url, headers={"x-csrf-token": csrf, **accept})
                body = answer.content.replace(whose.officer_id.encode(), b"WHOSE")
                found.append((answer.status_code, body))
        return found

    assert answers(owner) == answers(idle)
    assert {status for status, _ in answers(owner)} == {404}
    if role not in READERS:  # nor do they learn it from an address that others have
        refused = [client.get(path, headers=PAGE) for path in ("/exposure", "/exposure/pause", "/board")]
        assert {answer.status_code for answer in refused} == {403}
        assert len({answer.content for answer in refused}) == 1


def test_owner_alone_finds_their_reading_anywhere(
    whole_hub: FastAPI,
    callers: Callable[[], TestClient],
    database: Database,
    officer: Callable[..., Officer],
    sign_in: Callable[..., str],
    api_key: Callable[..., dict[str, str]],
) -> None:
    owner = officer("officer")
    keep(database, owner)
    stranger = callers()
    everybody = [(stranger, {}), (stranger, api_key(*sorted(SCOPES)))]
    for role in Role:
        caller = callers()
        everybody.append((caller, {"x-csrf-token": sign_in(caller, officer(role.value))}))

    answers = 0
    for caller, headers in everybody:
        for method, url in addresses_of(whole_hub, owner):
            for more in ({}, PAGE):
                query = {"because": "nothing_fits", "officer_id": owner.officer_id, "actor": owner.officer_id}
                answer = caller.request(method, url, headers={**headers, **more}, params=query)

                assert CANARY not in answer.text, f"{method} {url}"
                assert "21 of 100 units" not in answer.text, f"{method} {url}"
                answers += answer.status_code < 400
    assert answers > 50

    own = callers()
    sign_in(own, owner)
    assert CANARY in own.get("/exposure/pause", params={"because": "nothing_fits"}, headers=PAGE).text
    assert "21 of 100 units" in own.get("/exposure", headers=PAGE).text


def test_nobody_elses_pages_change_with_what_a_person_declines(
    whole_hub: FastAPI,
    callers: Callable[[], TestClient],
    database: Database,
    officer: Callable[..., Officer],
    sign_in: Callable[..., str],
) -> None:
    owner = officer("officer")
    readers = []
    for role in Role:
        caller = callers()
        sign_in(caller, officer(role.value))
        readers.append(caller)
    own = callers()
    sign_in(own, owner)

    def choose(chosen: Preferences) -> None:
        with database.write() as session:
            set_preferences(session, actor=officer_actor(owner.officer_id), now=utc_now(), chosen=chosen)

    def seen_by(caller: TestClient) -> list[str]:
        pages = []
        for method, url in addresses_of(whole_hub, owner):
            if method == "GET" and url != "/metrics":  # it counts these very requests
                text = caller.get(url, headers=PAGE).text
                pages.append(re.sub(r"\d\d?:\d\d(:[\d.]+)?", "HH:MM", text))
        return pages

    choose(Preferences(("antisemitic",)))
    before, own_before = [seen_by(caller) for caller in readers], seen_by(own)
    choose(Preferences(("islamophobic", "far_right"), two_worst_in_a_row=True, covers=False))

    assert [seen_by(caller) for caller in readers] == before
    assert seen_by(own) != own_before


def test_exports_and_log_hold_nothing_of_it(
    database: Database, officer: Callable[..., Officer], whole_hub: FastAPI
) -> None:
    owner = officer("annotator")
    actor, now = officer_actor(owner.officer_id), utc_now()
    keep(database, owner)
    codebook = whole_hub.state.codebook
    with database.write() as session:
        make_batch(session, codebook, batch="pilot", actor=actor, now=now)
        tasks.add_tasks(
            session, batch="pilot", rows=[TaskRow("1", "A quiet day.")], source="t", actor=actor, now=now
        )
        task = tasks.claim(session, actor=actor, now=now, lease_seconds=60)
        assert task is not None
        labels.save(
            session, codebook, task_id=task.task_id, lease_number=task.lease_number, actor=actor, now=now,
            answers=labels.Answers(),
        )  # fmt: skip
    with database.read() as session:
        [exported] = list(export(session))
        log = session.scalars(select(AuditEvent)).all()

    assert CANARY not in repr(exported)
    assert CANARY not in repr([(event.event, event.subject, event.actor, event.details) for event in log])
