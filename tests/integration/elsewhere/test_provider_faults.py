"""A provider that answers wrongly, or not at all, lets nobody in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import oidc_provider
import pytest
from oidc_provider import CLIENT_ID, PAGE, OidcProvider, is_in, out_and_back, sign_in
from sqlalchemy import select
from starlette.testclient import TestClient

from serve.app import create_app
from serve.audit.events import Event
from serve.settings import Settings
from serve.storage.engine import Database
from serve.storage.tables import AuditEvent, Officer

MakeOfficer = Callable[..., Officer]

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
"""What the databases would do differently (uniqueness, turns) stands in tests/migrations and tests/unit."""


def events(database: Database) -> list[str]:
    with database.read() as session:
        return list(session.scalars(select(AuditEvent.event)))


# --- what the provider's answer may have wrong ----------------------------------------------------------


def _set(**changes: object) -> Callable[[dict[str, Any]], None]:
    return lambda claims: claims.update(changes)


def _older(seconds: int) -> Callable[[dict[str, Any]], None]:
    def change(claims: dict[str, Any]) -> None:
        for name in ("iat", "exp"):
            claims[name] -= seconds

    return change


WRONG = {
    "another nonce": _set(nonce="another"),
    "no nonce": _set(nonce=None),
    "another audience": _set(aud="another-client"),
    "another audience, and us as the authorised party": _set(aud=["another-client"], azp=CLIENT_ID),
    "no audience": _set(aud=None),
    "several audiences and no authorised party": _set(aud=[CLIENT_ID, "another-client"]),
    "several audiences, another authorised party": _set(aud=[CLIENT_ID, "another"], azp="another"),
    "another issuer": _set(iss="https://id.example"),
    "no issuer": _set(iss=None),
    "expired": _older(300 + 61),
    "no expiry": _set(exp=None),
    "expiry that is no number": _set(exp="tomorrow"),
    "issued in the future": _older(-61),
    "not valid yet": _set(nbf=4_000_000_000),
    "no subject": _set(sub=None),
    "empty subject": _set(sub=""),
    "subject that is no text": _set(sub=7),
    "another access token": _set(at_hash="AAAAAAAAAAAAAAAAAAAAAA"),
}


@pytest.mark.parametrize("what", WRONG)
def test_token_with_a_wrong_claim_lets_nobody_in(
    client: TestClient, database: Database, provider: OidcProvider, ada: Officer, what: str
) -> None:
    provider.alter = WRONG[what]

    answer = sign_in(client)

    assert answer.status_code == 403, what
    assert "does not prove who you are" in answer.text
    assert not is_in(client)
    assert Event.SIGN_IN_ELSEWHERE_REFUSED in events(database)


@pytest.mark.parametrize("seconds", [300 + 55, -55])
def test_clocks_may_differ_by_a_minute(
    client: TestClient, provider: OidcProvider, ada: Officer, seconds: int
) -> None:
    provider.alter = _older(seconds)

    assert sign_in(client).status_code == 200
    assert is_in(client)


def test_audience_may_be_a_list_with_us_as_the_authorised_party(
    client: TestClient, provider: OidcProvider, ada: Officer
) -> None:
    provider.alter = _set(aud=[CLIENT_ID, "another"], azp=CLIENT_ID)

    assert sign_in(client).status_code == 200


@pytest.mark.parametrize(
    "sign",
    [oidc_provider.signed_by_somebody_else, oidc_provider.signed_with_the_clients_secret,
     oidc_provider.not_signed, lambda _: "no token", lambda _: "a.b.c", lambda _: "", lambda _: "é.é.é",
     lambda _: ".." , lambda _: "eyJhbGciOiJSUzI1NiJ9..", lambda _: None, lambda _: 7],
)  # fmt: skip
def test_token_that_the_providers_key_did_not_sign_lets_nobody_in(
    client: TestClient, provider: OidcProvider, ada: Officer, sign: Callable[[dict[str, Any]], str]
) -> None:
    provider.sign = sign

    assert sign_in(client).status_code == 403
    assert not is_in(client)


def test_new_key_of_the_provider_is_fetched_when_it_is_first_met(
    client: TestClient, provider: OidcProvider, ada: Officer
) -> None:
    assert sign_in(client).status_code == 200
    provider.change_key()
    client.cookies.clear()

    assert sign_in(client).status_code == 200
    assert provider.asked.count("keys") == 2


# --- a provider that does not work ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "says",
    [{"issuer": "https://id.example"}, {"authorization_endpoint": "http://id.example/"},
     {"authorization_endpoint": "javascript:alert(1)"}, {"token_endpoint": None}, {"jwks_uri": 7}],
)  # fmt: skip
def test_description_that_is_not_this_providers_sends_nobody_out(
    client: TestClient, provider: OidcProvider, says: dict[str, Any]
) -> None:
    provider.says = says

    answer = client.get("/sign-in/elsewhere", headers=PAGE)

    assert answer.status_code == 503
    assert "does not answer as it should" in answer.text


def test_provider_that_is_down_is_said_to_be_and_tried_again(
    client: TestClient, provider: OidcProvider, ada: Officer
) -> None:
    provider.is_down = True
    assert client.get("/sign-in/elsewhere", headers=PAGE).status_code == 503
    provider.is_down = False
    address = out_and_back(client)
    provider.is_down = True

    answer = client.get(address, headers=PAGE)

    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
    provider.is_down = False
    client.cookies.clear()
    assert sign_in(client).status_code == 200


def test_provider_that_wants_the_secret_in_the_body_gets_it_there(
    client: TestClient, provider: OidcProvider, ada: Officer
) -> None:
    provider.says = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}

    assert sign_in(client).status_code == 200


def test_hub_without_a_provider_has_no_such_addresses(settings: Settings) -> None:
    app = create_app(settings.model_copy(update={"oidc": None}), run_scorer=False)
    with TestClient(app, base_url="http://127.0.0.1", follow_redirects=False) as client:
        assert "elsewhere" not in client.get("/sign-in").text
        for address in ("/sign-in/elsewhere", "/sign-in/callback"):
            assert client.get(address).status_code == 404
