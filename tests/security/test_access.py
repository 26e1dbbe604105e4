from __future__ import annotations

from collections.abc import Callable
from typing import Final

from hub_addresses import Address
from starlette.testclient import TestClient

from serve.people import keys
from serve.people.keys import SCOPES
from serve.settings import Settings
from serve.storage.engine import Database
from serve.storage.identifiers import utc_now
from serve.storage.tables import ApiKey, Officer

MakeKey = Callable[..., dict[str, str]]

OPEN: Final = {
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
    ("GET", "/static/{name}/{digest}/{file}"),
    ("GET", "/sign-in"),
    ("POST", "/sign-in"),
    ("GET", "/sign-in/code"),
    ("POST", "/sign-in/code"),
    ("GET", "/sign-in/recovery-code"),
    ("POST", "/sign-in/recovery-code"),
    ("GET", "/sign-in/authenticator"),
    ("POST", "/sign-in/authenticator"),
    ("GET", "/sign-in/elsewhere"),
    ("GET", "/sign-in/callback"),
}
"""Everything that a stranger may reach. What is declared PUBLIC and is not here fails the first test."""


def _api(addresses: list[Address]) -> list[Address]:
    return [one for one in addresses if one.is_api]


def test_what_is_declared_public_is_listed_here_and_nothing_else_is(addresses: list[Address]) -> None:
    assert {(one.method, one.path) for one in addresses if one.is_public} == OPEN


def test_keys_open_the_api_and_nothing_else(addresses: list[Address]) -> None:
    assert {one for one in addresses if one.scope is not None} == set(_api(addresses))
    assert {one.scope for one in _api(addresses)} == set(SCOPES)


def test_every_api_address_answers_a_stranger_401(client: TestClient, addresses: list[Address]) -> None:
    for one in _api(addresses):
        for headers in ({}, {"authorization": "Bearer wh_made-up"}, {"authorization": "Basic eDp5"}):
            answer = client.request(one.method, one.url, headers=headers)

            assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in"), one
            assert answer.headers["www-authenticate"] == "Bearer", one


def test_stranger_is_refused_before_the_body_is_judged(client: TestClient, addresses: list[Address]) -> None:
    for one in _api(addresses):
        if one.method == "POST":
            assert client.post(one.url, json={"nonsense": True}).status_code == 401, one


def test_key_opens_the_addresses_of_its_scope_alone(
    client: TestClient, addresses: list[Address], api_key: MakeKey
) -> None:
    for scope in SCOPES:
        headers = api_key(scope)
        for one in _api(addresses):
            answer = client.request(one.method, one.url, headers=headers)

            allowed = scope == one.scope
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
    addresses: list[Address],
    officer: Callable[..., Officer],
    sign_in: Callable[..., str],
) -> None:
    csrf = sign_in(client, officer("supervisor"))
    for one in _api(addresses):
        assert client.request(one.method, one.url, headers={"x-csrf-token": csrf}).status_code == 401, one


def test_every_page_is_closed_to_strangers_but_the_listed_ones(
    client: TestClient, addresses: list[Address]
) -> None:
    for one in addresses:
        if one.is_api or one.is_public:
            continue
        plain = client.request(one.method, one.url)
        assert plain.status_code == 401, f"{one}: {plain.status_code}"
        page = client.request(one.method, one.url, headers={"accept": "text/html"})
        assert page.status_code == (303 if one.method == "GET" else 401), f"{one}: {page.status_code}"


def test_every_post_of_the_console_wants_the_pages_own_token(
    client: TestClient,
    addresses: list[Address],
    officer: Callable[..., Officer],
    sign_in: Callable[..., str],
) -> None:
    sign_in(client, officer("supervisor"))
    for one in addresses:
        if one.is_api or one.is_public or one.method == "GET":
            continue
        for sent in ({}, {"x-csrf-token": "made up"}, {"x-csrf-token": ""}):
            answer = client.request(one.method, one.url, headers=sent)
            assert answer.status_code == 403, f"{one}: {answer.status_code}"
        answer = client.request(one.method, one.url, data={"csrf_token": "made up"})
        assert answer.status_code == 403, f"{one}: {answer.status_code}"


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
