"""Signing in through an OpenID Connect provider: a real one on the loopback, and all that it may do wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import oidc_provider
import pytest
from fastapi import FastAPI
from oidc_provider import CLIENT_ID, CLIENT_SECRET, OidcProvider, query_of, running_provider
from pydantic import SecretStr
from sqlalchemy import select
from starlette.testclient import TestClient

from serve.app import create_app
from serve.audit.events import Event
from serve.oidc_settings import OidcSettings
from serve.people import identities, managing, second_factor
from serve.people.roles import Role
from serve.people.secret_box import open_secret_box
from serve.people.totp import counter_of
from serve.settings import Settings
from serve.storage.engine import Database
from serve.storage.identifiers import utc_now
from serve.storage.tables import AuditEvent, Officer, UsedState

MakeOfficer = Callable[..., Officer]
PAGE = {"accept": "text/html"}
ELSEWHERE = {"sub": "subject-1", "name": "Ada at the force"}

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
"""What the databases would do differently (uniqueness, turns) stands in tests/migrations and tests/unit."""


@pytest.fixture
def provider() -> Iterator[OidcProvider]:
    with running_provider() as running:
        yield running


@pytest.fixture
def settings(settings: Settings, provider: OidcProvider) -> Settings:
    """Settings of a hub whose people may sign in through the provider."""
    oidc = OidcSettings(
        issuer=provider.issuer,
        client_id=CLIENT_ID,
        client_secret=SecretStr(CLIENT_SECRET),
        redirect_address="http://127.0.0.1/sign-in/callback",
        label="the force",
        role_claim="groups",
        roles={"hub-officers": Role.OFFICER, "hub-auditors": Role.AUDITOR},
    )
    return settings.model_copy(update={"oidc": oidc})


def out_and_back(client: TestClient) -> str:
    """The path and query that the provider sends the browser back to."""
    out = client.get("/sign-in/elsewhere")
    assert out.status_code == 303
    back = httpx2.get(out.headers["location"])
    assert back.status_code == 302
    return back.headers["location"].removeprefix("http://127.0.0.1")


def sign_in(client: TestClient) -> Any:
    return client.get(out_and_back(client), headers=PAGE)


def is_in(client: TestClient) -> bool:
    return client.get("/account").status_code == 200


def people(database: Database) -> list[Officer]:
    with database.read() as session:
        return list(session.scalars(select(Officer)))


def events(database: Database) -> list[str]:
    with database.read() as session:
        return list(session.scalars(select(AuditEvent.event)))


@pytest.fixture
def ada(database: Database, officer: MakeOfficer, provider: OidcProvider) -> Officer:
    """An auditor here, whom an administrator has linked to the provider's subject-1."""
    made = officer("auditor", name="ada")
    with database.write() as session:
        identities.link(
            session,
            officer_id=made.officer_id,
            issuer=provider.issuer,
            subject="subject-1",
            actor="system:tests",
            at=utc_now(),
        )
    return made


# --- the way in -----------------------------------------------------------------------------------------


def test_linked_person_gets_in_with_the_role_that_they_have_here(
    client: TestClient, database: Database, provider: OidcProvider, ada: Officer
) -> None:
    provider.claims = {**ELSEWHERE, "groups": ["hub-officers"]}
    assert 'href="/sign-in/elsewhere">Sign in with the force</a>' in client.get("/sign-in").text

    answer = sign_in(client)

    assert answer.status_code == 200
    assert '<meta http-equiv="refresh" content="0; url=/">' in answer.text
    assert is_in(client)
    [person] = people(database)
    assert (person.name, person.role) == ("ada", "auditor")
    assert person.last_signed_in_at is not None
    assert Event.SIGNED_IN in events(database)


def test_what_is_sent_out_is_fresh_sealed_and_out_of_reach_of_scripts(
    client: TestClient, provider: OidcProvider
) -> None:
    sent = [client.get("/sign-in/elsewhere") for _ in range(2)]

    asked = [query_of(answer.headers["location"]) for answer in sent]
    for name in ("state", "nonce", "code_challenge"):
        assert asked[0][name] != asked[1][name]
    assert asked[0]["scope"] == "openid profile"
    assert asked[0]["redirect_uri"] == "http://127.0.0.1/sign-in/callback"
    cookie = sent[0].headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert asked[0]["state"] not in cookie
    assert asked[0]["nonce"] not in cookie
    assert provider.asked == ["description"]  # kept for the second one


def test_unknown_person_with_a_mapped_group_gets_an_account_once(
    client: TestClient, database: Database, provider: OidcProvider
) -> None:
    provider.claims = {**ELSEWHERE, "groups": ["other", "hub-auditors", "hub-officers"]}

    assert sign_in(client).status_code == 200
    client.cookies.clear()
    assert sign_in(client).status_code == 200

    [person] = people(database)
    assert (person.name, person.role) == ("Ada at the force", "officer")  # the first of the settings' list
    assert (person.oidc_issuer, person.oidc_subject) == (provider.issuer, "subject-1")
    assert events(database).count(Event.OFFICER_CREATED) == 1
    assert events(database).count(Event.IDENTITY_LINKED) == 1


@pytest.mark.parametrize("claim", ["hub-officers", ["hub-officers"]])
def test_claim_is_a_word_or_a_list(
    client: TestClient, database: Database, provider: OidcProvider, claim: object
) -> None:
    provider.claims = {**ELSEWHERE, "groups": claim}

    assert sign_in(client).status_code == 200
    assert people(database)[0].role == "officer"


@pytest.mark.parametrize(
    "groups", [None, [], ["strangers"], "admin", {"hub-officers": True}, 7, [["hub-officers"]]]
)
def test_unknown_person_without_a_mapped_group_stays_out(
    client: TestClient, database: Database, provider: OidcProvider, groups: object
) -> None:
    provider.claims = {**ELSEWHERE, "groups": groups}

    answer = sign_in(client)

    assert answer.status_code == 403
    assert "There is no open account here for you" in answer.text
    assert not is_in(client)
    assert people(database) == []
    assert events(database) == [Event.SIGN_IN_ELSEWHERE_REFUSED]


def test_neither_name_nor_e_mail_address_makes_somebody_another_person(
    client: TestClient, database: Database, provider: OidcProvider, officer: MakeOfficer
) -> None:
    officer("admin", name="Ada at the force")
    provider.claims = {
        **ELSEWHERE,
        "email": "Ada at the force",
        "email_verified": True,
        "groups": ["hub-officers"],
    }

    answer = sign_in(client)

    assert answer.status_code == 403
    assert "Somebody here has your name" in answer.text
    assert not is_in(client)
    assert len(people(database)) == 1


def test_ended_account_stays_out_and_no_other_is_made(
    client: TestClient, database: Database, provider: OidcProvider, ada: Officer
) -> None:
    provider.claims = {**ELSEWHERE, "groups": ["hub-officers"]}
    with database.write() as session:
        managing.disable_person(session, officer_id=ada.officer_id, actor="system:tests", at=utc_now())

    assert sign_in(client).status_code == 403
    assert not is_in(client)
    assert len(people(database)) == 1


def test_authenticator_is_asked_for_unless_the_provider_asked_for_a_second_factor(
    client: TestClient, database: Database, settings: Settings, provider: OidcProvider, ada: Officer
) -> None:
    import pyotp

    box, now = open_secret_box(settings), utc_now()
    with database.write() as session:
        secret = second_factor.offered_secret(session, box, ada.officer_id)
    second_factor.confirm(database, box, officer_id=ada.officer_id, code=pyotp.TOTP(secret).at(now), at=now)
    assert counter_of(secret, pyotp.TOTP(secret).at(now), now) is not None

    answer = sign_in(client)

    assert 'url=/sign-in/code">' in answer.text
    assert not is_in(client)
    assert client.get("/sign-in/code").status_code == 200

    for methods, enters in ((["pwd"], False), (["pwd", "mfa"], True), ("mfa", False)):
        client.cookies.clear()
        provider.claims = {**ELSEWHERE, "amr": methods}
        sign_in(client)
        assert is_in(client) is enters, methods


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


# --- what the browser may bring back --------------------------------------------------------------------


def test_state_that_came_back_once_is_not_taken_again(
    client: TestClient, database: Database, provider: OidcProvider, ada: Officer
) -> None:
    provider.accepts_codes_again = True  # so that nothing but our own memory refuses it
    address = out_and_back(client)
    errand = client.cookies["watchhouse-errand"]
    assert client.get(address).status_code == 200
    client.cookies.clear()
    client.cookies.set("watchhouse-errand", errand)

    answer = client.get(address, headers=PAGE)

    assert answer.status_code == 403
    assert "Start again" in answer.text
    assert not is_in(client)
    with database.read() as session:
        assert len(session.scalars(select(UsedState)).all()) == 1


def test_answer_for_another_browser_is_refused(
    client: TestClient, hub_app: FastAPI, provider: OidcProvider, ada: Officer
) -> None:
    address = out_and_back(client)
    other = TestClient(hub_app, base_url="http://127.0.0.1", follow_redirects=False)
    assert other.get(address).status_code == 403  # no errand at all
    out_and_back(other)
    assert other.get(address).status_code == 403  # an errand of its own
    assert not is_in(other)
    assert "token" not in provider.asked


@pytest.mark.parametrize("errand", ["", "x", "\xff", "gAAAAA", "é" * 500])
def test_errand_that_was_made_up_is_refused(client: TestClient, provider: OidcProvider, errand: str) -> None:
    address = out_and_back(client)
    client.cookies.clear()

    answer = client.get(
        address, headers={b"cookie": b"watchhouse-errand=" + errand.encode("latin-1", "replace")}
    )

    assert answer.status_code == 403
    assert answer.json()["code"] == "identity_refused"


@pytest.mark.parametrize("more", ["&error=access_denied", "&error=%3Cscript%3E"])
def test_refusal_by_the_provider_is_a_plain_page_that_repeats_nothing(
    client: TestClient, provider: OidcProvider, more: str
) -> None:
    state = query_of(client.get("/sign-in/elsewhere").headers["location"])["state"]

    answer = client.get(f"/sign-in/callback?state={state}{more}", headers=PAGE)

    assert answer.status_code == 403
    assert "The sign-in service did not let you in." in answer.text
    assert "denied" not in answer.text
    assert "<script>" not in answer.text


def test_code_of_another_errand_is_refused_by_the_provider(
    client: TestClient, provider: OidcProvider, ada: Officer
) -> None:
    stolen = query_of(out_and_back(client))["code"]
    state = query_of(client.get("/sign-in/elsewhere").headers["location"])["state"]

    answer = client.get(f"/sign-in/callback?state={state}&code={stolen}", headers=PAGE)

    assert answer.status_code == 403  # its verifier is not the one that the code was asked with
    assert not is_in(client)


def test_many_refusals_leave_one_event(
    client: TestClient, database: Database, provider: OidcProvider
) -> None:
    for _ in range(5):
        assert client.get("/sign-in/callback?state=made-up&code=made-up").status_code == 403

    assert events(database) == [Event.SIGN_IN_ELSEWHERE_REFUSED]


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
