"""Every cell of role by address by whose the thing is, generated from what the addresses declare.

Source: PROMISES.md section 2, S1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fastapi import APIRouter, Depends, FastAPI
from hub_addresses import Address, url_of
from owned_things import NOBODYS, OWNED
from starlette.testclient import TestClient

from labelling.pages import register
from serve.app import create_app
from serve.people.access import PUBLIC, allowed, require_scope
from serve.people.declared import declarations
from serve.people.keys import SCOPES
from serve.people.roles import CONTENT, PERMITTED, Action, Ownership, Role, may, roles_that_may
from serve.settings import Settings
from serve.storage.engine import Database
from serve.storage.tables import Officer

MakeOfficer = Callable[..., Officer]
SignIn = Callable[..., str]
PAGE = {"accept": "text/html"}

only_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
"""Who may do what is decided before any statement that the two databases would read differently."""


# --- the table itself ---------------------------------------------------------------------------------


def test_table_names_every_role_and_every_action_is_somebodys() -> None:
    assert set(PERMITTED) == set(Role)
    assert [action for action in Action if not roles_that_may(action)] == []


@pytest.mark.parametrize("role", [Role.ADMIN, Role.AUDITOR])
def test_administrators_and_auditors_reach_nothing_that_people_wrote(role: Role) -> None:
    assert {action for action in Action if may(role, action)} & CONTENT == set()


def test_who_manages_people_and_keys_does_nothing_else() -> None:
    everybodys = set.intersection(*(set(PERMITTED[role]) for role in Role))

    assert set(PERMITTED[Role.ADMIN]) - everybodys == {
        Action.MANAGE_PEOPLE, Action.APPROVE_ROLES, Action.MANAGE_KEYS
    }  # fmt: skip
    for action in (Action.MANAGE_PEOPLE, Action.APPROVE_ROLES, Action.MANAGE_KEYS):
        assert roles_that_may(action) == (Role.ADMIN,)


@pytest.mark.parametrize(
    "action",
    [Action.SECOND_REVIEW, Action.ADJUDICATE, Action.CLAIM_APPEALS, Action.ADJUDICATE_LABELS,
     Action.PROMOTE_MODELS, Action.APPROVE_ROLES],
)  # fmt: skip
def test_second_looks_are_never_at_ones_own(action: Action) -> None:
    for role in roles_that_may(action):
        assert PERMITTED[role][action] is Ownership.NOT_OWN
        assert [may(role, action, own=own) for own in (None, True, False)] == [True, False, True]


@pytest.mark.parametrize("action", [Action.MANAGE_OWN_ACCOUNT, Action.VIEW_EXPOSURE_OWN])
def test_what_is_ones_own_is_nobody_elses(action: Action) -> None:
    for role in roles_that_may(action):
        assert [may(role, action, own=own) for own in (None, True, False)] == [True, True, False]


def test_unknown_role_may_do_nothing() -> None:
    assert not any(may("king", action, own=own) for action in Action for own in (None, True, False))


# --- what an address declares --------------------------------------------------------------------------


def test_every_address_of_the_whole_hub_declares_who_may_come_in(hub_app: FastAPI) -> None:
    found = declarations(hub_app)

    assert {"/", "/labelling", "/research", "/v1/score", "/healthz"} <= {one.path for one in found}
    assert [one for one in found if not one.says_one_thing] == []


def _silent(router: APIRouter) -> None:
    @router.get("/silent/{thing_id}")
    def silent(thing_id: str) -> str:
        return thing_id


def _says_two_things(router: APIRouter) -> None:
    @router.get("/silent/two", dependencies=[PUBLIC, Depends(allowed(Action.VIEW_CASE))])
    def two() -> str:
        return ""


def _mounts(router: APIRouter) -> None:
    router.mount("/silent", FastAPI())


@only_sqlite
@pytest.mark.parametrize("add", [_silent, _says_two_things, _mounts])
def test_hub_with_an_address_that_declares_nothing_does_not_start(
    settings: Settings, add: Callable[[APIRouter], None]
) -> None:
    def room(app: FastAPI, _hub: object) -> None:
        router = APIRouter()
        add(router)
        app.include_router(router)

    with pytest.raises(LookupError, match=r"/silent.*Depends\(allowed\(Action\.X\)\)"):
        create_app(settings, rooms=[register, room], run_scorer=False)


def test_declared_for_a_whole_router_counts_for_its_addresses() -> None:
    app = FastAPI(openapi_url=None)
    router = APIRouter(prefix="/a", dependencies=[Depends(allowed(Action.VIEW_AUDIT))])

    @router.get("/b")
    def one() -> str:
        return ""

    app.include_router(router)
    app.get("/c", dependencies=[Depends(require_scope("score"))])(one)

    assert {(one.path, *one.actions, *one.scopes) for one in declarations(app)} == {
        ("/a/b", Action.VIEW_AUDIT), ("/c", "score")
    }  # fmt: skip


# --- the matrix ----------------------------------------------------------------------------------------


class Cells:
    """One signed-in person against every address: what is theirs, somebody else's, and missing."""

    def __init__(self, client: TestClient, csrf: str) -> None:
        self.client = client
        self.csrf = csrf

    def ask(self, one: Address, url: str, **headers: str) -> Any:
        return self.client.request(one.method, url, headers={"x-csrf-token": self.csrf, **headers})


def _parameters(one: Address) -> list[str]:
    return [part.strip("{}").split(":")[0] for part in one.path.split("/") if part.startswith("{")]


def _first_owned(one: Address) -> str | None:
    """The parameter that says whose thing an address is about; the others come along with it."""
    named = _parameters(one)
    unknown = [name for name in named if name not in OWNED and name not in NOBODYS]
    assert not named or set(named) & {*OWNED, *NOBODYS}, (
        f"{one.path}: say in tests/owned_things.py how a person comes to own a thing of {unknown}"
    )
    return next((name for name in named if name in OWNED), None)


def test_every_parameter_of_every_address_is_known_to_the_matrix(addresses: list[Address]) -> None:
    for one in addresses:
        _first_owned(one)


@only_sqlite
@pytest.mark.parametrize("role", Role)
def test_every_cell_of_the_matrix_is_as_the_table_says(
    client: TestClient,
    addresses: list[Address],
    database: Database,
    settings: Settings,
    officer: MakeOfficer,
    sign_in: SignIn,
    role: Role,
) -> None:
    person, other = officer(role.value), officer("supervisor")
    refused: set[bytes] = set()
    tried = 0
    for one in addresses:
        if one.action is None:
            continue
        owned = _first_owned(one)
        for own in (True, False, None):
            cells = Cells(client, sign_in(client, person))
            ids = {} if owned is None or own is None else OWNED[owned](database, settings, person, other, own)
            url = url_of(one.path, **ids)
            answer = cells.ask(one, url)
            tried += 1
            what = f"{role}: {one.method} {url} (own: {own}): {answer.status_code} {answer.text[:200]}"
            assert answer.status_code < 500, what
            if not may(role, one.action):
                assert answer.status_code == 403, what
                refused.add(answer.content)
                continue
            assert answer.status_code != 403, what
            if owned is None or own is None:
                continue
            if may(role, one.action, own=own):
                assert answer.status_code != 404, what
                continue
            page = cells.ask(one, url, **PAGE)
            for denied, accepts in ((answer, {}), (page, PAGE)):
                missing = cells.ask(one, url_of(one.path), **accepts)
                assert denied.status_code == missing.status_code == 404, what
                assert denied.content == missing.content, what
    assert tried == 3 * sum(one.action is not None for one in addresses) > 60
    assert len(refused) <= 1, refused


@only_sqlite
def test_stranger_gets_one_answer_whatever_there_is(
    client: TestClient,
    addresses: list[Address],
    database: Database,
    settings: Settings,
    officer: MakeOfficer,
) -> None:
    person, other = officer("officer"), officer("supervisor")
    bodies = set()
    for one in addresses:
        if one.action is None:
            continue
        owned = _first_owned(one)
        ids = OWNED[owned](database, settings, person, other, True) if owned else {}
        for url in (url_of(one.path, **ids), url_of(one.path)):
            answer = client.request(one.method, url)
            assert answer.status_code == 401, f"{one.method} {url}"
            bodies.add(answer.content)
    assert len(bodies) == 1


@only_sqlite
@pytest.mark.parametrize("scope", SCOPES)
def test_key_of_another_scope_gets_one_answer_whatever_there_is(
    client: TestClient,
    addresses: list[Address],
    database: Database,
    settings: Settings,
    officer: MakeOfficer,
    api_key: Callable[..., dict[str, str]],
    scope: str,
) -> None:
    person, other = officer("officer"), officer("supervisor")
    headers = api_key(scope)
    for one in addresses:
        if one.scope is None or one.scope == scope:
            continue
        owned = _first_owned(one)
        ids = OWNED[owned](database, settings, person, other, True) if owned else {}
        answers = [
            client.request(one.method, url, headers=headers)
            for url in (url_of(one.path, **ids), url_of(one.path))
        ]
        assert {answer.status_code for answer in answers} == {403}, one
        assert len({answer.content for answer in answers}) == 1, one
