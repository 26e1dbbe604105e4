from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pytest
from starlette.testclient import TestClient

from serve.people import keys
from serve.people.keys import SCOPES
from serve.people.roles import Action, Role, may
from serve.settings import Settings
from serve.storage.engine import Database
from serve.storage.identifiers import utc_now
from serve.storage.tables import ApiKey, Officer

MakeKey = Callable[..., dict[str, str]]

SCOPES_OF: Final = {
    ("POST", "/v1/score"): {"score"},
    ("POST", "/v1/posts"): {"posts"},
    ("GET", "/v1/posts/{post_id}"): {"posts"},
    ("POST", "/v1/cases/claim"): {"review"},
    ("POST", "/v1/cases/{case_id}/heartbeat"): {"review"},
    ("POST", "/v1/cases/{case_id}/release"): {"review"},
    ("POST", "/v1/cases/{case_id}/decisions"): {"review"},
    ("GET", "/v1/cases"): {"review"},
    ("GET", "/v1/cases/{case_id}"): {"review"},
}
"""Which scopes open which address. An address that is not here fails the first test."""

OPEN: Final = {
    ("GET", "/healthz"), ("GET", "/readyz"), ("GET", "/metrics"), ("GET", "/sign-in"), ("POST", "/sign-in"),
}  # fmt: skip
"""Everything that a stranger may reach, besides static files."""


def _api(addresses: list[Any]) -> list[Any]:
    return [one for one in addresses if one.path.startswith("/v1/")]


def test_every_api_address_is_in_the_table(addresses: list[Any]) -> None:
    assert {(one.method, one.path) for one in _api(addresses)} == set(SCOPES_OF)


def test_every_api_address_answers_a_stranger_401(client: TestClient, addresses: list[Any]) -> None:
    for one in _api(addresses):
        for headers in ({}, {"authorization": "Bearer wh_made-up"}, {"authorization": "Basic eDp5"}):
            answer = client.request(one.method, one.url, headers=headers)

            assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in"), one
            assert answer.headers["www-authenticate"] == "Bearer", one


def test_stranger_is_refused_before_the_body_is_judged(client: TestClient, addresses: list[Any]) -> None:
    for one in _api(addresses):
        if one.method == "POST":
            assert client.post(one.url, json={"nonsense": True}).status_code == 401, one


def test_key_opens_the_addresses_of_its_scope_alone(
    client: TestClient, addresses: list[Any], api_key: MakeKey
) -> None:
    for scope in SCOPES:
        headers = api_key(scope)
        for one in _api(addresses):
            answer = client.request(one.method, one.url, headers=headers)

            allowed = scope in SCOPES_OF[one.method, one.path]
            assert (answer.status_code != 403) is allowed, f"{scope}: {one}: {answer.status_code}"
            assert answer.status_code != 401, one


def test_refusals_differ_in_nothing(client: TestClient, api_key: MakeKey, database: Database) -> None:
    revoked = api_key("review")
    with database.write() as session:
        for found in session.query(ApiKey).all():
            keys.revoke_key(session, key_id=found.key_id, actor="system:tests", at=utc_now())

    answers = [client.get("/v1/cases", headers=headers) for headers in ({}, revoked, {"authorization": "x"})]

    assert len({answer.content for answer in answers}) == 1


def test_signed_in_officer_has_no_way_into_the_api(
    client: TestClient,
    addresses: list[Any],
    officer: Callable[..., Officer],
    sign_in: Callable[..., str],
) -> None:
    csrf = sign_in(client, officer("supervisor"))
    for one in _api(addresses):
        assert client.request(one.method, one.url, headers={"x-csrf-token": csrf}).status_code == 401, one


def test_every_page_is_closed_to_strangers_but_the_listed_ones(
    client: TestClient, addresses: list[Any]
) -> None:
    for one in addresses:
        if one in _api(addresses) or (one.method, one.path) in OPEN or one.path.startswith("/static/"):
            continue
        plain = client.request(one.method, one.url)
        assert plain.status_code == 401, f"{one}: {plain.status_code}"
        page = client.request(one.method, one.url, headers={"accept": "text/html"})
        assert page.status_code == (303 if one.method == "GET" else 401), f"{one}: {page.status_code}"


def test_every_post_of_the_console_wants_the_pages_own_token(
    client: TestClient,
    addresses: list[Any],
    officer: Callable[..., Officer],
    sign_in: Callable[..., str],
) -> None:
    sign_in(client, officer("supervisor"))
    for one in addresses:
        if one in _api(addresses) or one.method == "GET" or (one.method, one.path) in OPEN:
            continue
        for sent in ({}, {"x-csrf-token": "made up"}, {"x-csrf-token": ""}):
            answer = client.request(one.method, one.url, headers=sent)
            assert answer.status_code == 403, f"{one}: {answer.status_code}"
        answer = client.request(one.method, one.url, data={"csrf_token": "made up"})
        assert answer.status_code == 403, f"{one}: {answer.status_code}"


@pytest.mark.parametrize("role", Role)
def test_only_roles_that_decide_cases_reach_them(
    client: TestClient,
    addresses: list[Any],
    officer: Callable[..., Officer],
    sign_in: Callable[..., str],
    role: Role,
) -> None:
    csrf = sign_in(client, officer(role.value))
    of_cases = [one for one in addresses if one.path.startswith("/cases")]
    assert of_cases
    for one in of_cases:
        answer = client.request(one.method, one.url, headers={"x-csrf-token": csrf})

        assert (answer.status_code != 403) is may(role, Action.DECIDE_CASES), f"{one}: {answer.status_code}"


def test_cookie_is_out_of_reach_of_scripts_and_other_sites(settings: Settings) -> None:
    from starlette.responses import Response

    from serve.people.access import clear_session_cookie, set_session_cookie

    plain, secure = Response(), Response()
    set_session_cookie(plain, "token", settings)
    set_session_cookie(secure, "token", settings.model_copy(update={"secure_cookies": True}))
    clear_session_cookie(plain, settings)

    cookie = plain.headers.getlist("set-cookie")[0]
    assert cookie == "watchhouse=token; HttpOnly; Path=/; SameSite=strict"
    assert (
        secure.headers["set-cookie"] == "__Host-watchhouse=token; HttpOnly; Path=/; SameSite=strict; Secure"
    )
    assert "Max-Age=0" in plain.headers.getlist("set-cookie")[1]
