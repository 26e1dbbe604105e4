"""Signing in through an OpenID Connect provider: who gets in, as whom, and from which browser."""

from __future__ import annotations

from collections.abc import Callable

import pyotp
import pytest
from fastapi import FastAPI
from oidc_provider import PAGE, SUBJECT_1, OidcProvider, is_in, out_and_back, query_of, sign_in
from sqlalchemy import select
from starlette.testclient import TestClient

from serve.audit.events import Event
from serve.people import managing, second_factor
from serve.people.secret_box import open_secret_box
from serve.settings import Settings
from serve.storage.engine import Database
from serve.storage.identifiers import utc_now
from serve.storage.tables import AuditEvent, Officer, UsedState

MakeOfficer = Callable[..., Officer]

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
"""What the databases would do differently (uniqueness, turns) stands in tests/migrations and tests/unit."""


def people(database: Database) -> list[Officer]:
    with database.read() as session:
        return list(session.scalars(select(Officer)))


def events(database: Database) -> list[str]:
    with database.read() as session:
        of_the_start = AuditEvent.event.like("registry:%")  # which bundle the hub opened with
        return list(session.scalars(select(AuditEvent.event).where(~of_the_start)))


# --- the way in -----------------------------------------------------------------------------------------


def test_linked_person_gets_in_with_the_role_that_they_have_here(
    client: TestClient, database: Database, provider: OidcProvider, ada: Officer
) -> None:
    provider.claims = {**SUBJECT_1, "groups": ["hub-officers"]}
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
    provider.claims = {**SUBJECT_1, "groups": ["other", "hub-auditors", "hub-officers"]}

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
    provider.claims = {**SUBJECT_1, "groups": claim}

    assert sign_in(client).status_code == 200
    assert people(database)[0].role == "officer"


@pytest.mark.parametrize(
    "groups", [None, [], ["strangers"], "admin", {"hub-officers": True}, 7, [["hub-officers"]]]
)
def test_unknown_person_without_a_mapped_group_stays_out(
    client: TestClient, database: Database, provider: OidcProvider, groups: object
) -> None:
    provider.claims = {**SUBJECT_1, "groups": groups}

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
        **SUBJECT_1,
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
    provider.claims = {**SUBJECT_1, "groups": ["hub-officers"]}
    with database.write() as session:
        managing.disable_person(session, officer_id=ada.officer_id, actor="system:tests", at=utc_now())

    assert sign_in(client).status_code == 403
    assert not is_in(client)
    assert len(people(database)) == 1


def test_authenticator_is_asked_for_unless_the_provider_asked_for_a_second_factor(
    client: TestClient, database: Database, settings: Settings, provider: OidcProvider, ada: Officer
) -> None:
    box, now = open_secret_box(settings), utc_now()
    with database.write() as session:
        secret = second_factor.offered_secret(session, box, ada.officer_id)
    second_factor.confirm(database, box, officer_id=ada.officer_id, code=pyotp.TOTP(secret).at(now), at=now)

    answer = sign_in(client)

    assert 'url=/sign-in/code">' in answer.text
    assert not is_in(client)
    assert client.get("/sign-in/code").status_code == 200

    for methods, enters in ((["pwd"], False), (["pwd", "mfa"], True), ("mfa", False)):
        client.cookies.clear()
        provider.claims = {**SUBJECT_1, "amr": methods}
        sign_in(client)
        assert is_in(client) is enters, methods


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
