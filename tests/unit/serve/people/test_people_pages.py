"""People and keys, as administrators see them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI
from people_desk import Desk, copied, errors_of
from pydantic import SecretStr
from sqlalchemy import select
from starlette.testclient import TestClient

from serve.app import create_app
from serve.audit.events import Event
from serve.oidc_settings import OidcSettings
from serve.people import keys
from serve.people.roles import TWO_ADMINS, Role
from serve.people.sessions import find_session, open_session
from serve.settings import Settings
from serve.storage.engine import Database
from serve.storage.identifiers import utc_now
from serve.storage.tables import ApiKey, AuditEvent, Officer

MakeOfficer = Callable[..., Officer]
SignIn = Callable[..., str]
OIDC = OidcSettings(
    issuer="https://id.example",
    client_id="the-hub",
    client_secret=SecretStr("made up"),
    redirect_address="https://hub.example/sign-in/callback",
    label="the force",
)


@pytest.fixture
def admin(officer: MakeOfficer) -> Officer:
    return officer("admin", name="grace")


@pytest.fixture
def desk(client: TestClient, admin: Officer, sign_in: SignIn) -> Desk:
    """The browser of the only administrator."""
    return Desk(client, sign_in(client, admin))


@pytest.fixture
def second(hub_app: FastAPI, officer: MakeOfficer, sign_in: SignIn) -> Desk:
    """The browser of another administrator."""
    client = TestClient(hub_app, base_url="http://127.0.0.1", follow_redirects=False)
    return Desk(client, sign_in(client, officer("admin", name="katherine")))


def _events(database: Database) -> list[tuple[str, str]]:
    with database.read() as session:
        rows = session.execute(select(AuditEvent.event, AuditEvent.actor).order_by(AuditEvent.event_id))
        return [(event, actor) for event, actor in rows]


def _reread(database: Database, person: Officer) -> Officer:
    with database.read() as session:
        return session.get_one(Officer, person.officer_id)


# --- the list ---------------------------------------------------------------------------------------------


def test_list_shows_everybody_and_the_search_some(
    desk: Desk, officer: MakeOfficer, enrol: Callable[..., Any]
) -> None:
    enrol(officer("officer", name="Ada <b>"))
    officer("auditor", name="Dorothy")

    page = desk.get("/people").text
    assert [name for name in ("Ada &lt;b&gt;", "Dorothy", "grace") if f">{name}</a></th>" in page] == [
        "Ada &lt;b&gt;", "Dorothy", "grace"
    ]  # fmt: skip
    assert page.count('data-head="Authenticator">on<') == 1
    found = desk.get("/people?name=DOR&role=auditor").text
    assert "Dorothy" in found
    assert "Ada" not in found
    assert "Nobody is found." in desk.get("/people?name=nobody").text
    assert "Dorothy" in desk.get("/people?role=king").text


def test_only_administrator_is_told_so_loudly_until_there_is_another(
    desk: Desk, officer: MakeOfficer
) -> None:
    for path in ("/people", "/people/new"):
        assert "This hub has one administrator" in desk.get(path).text

    officer("admin")

    for path in ("/people", "/people/new"):
        assert "This hub has one administrator" not in desk.get(path).text


# --- a new account ----------------------------------------------------------------------------------------


def test_new_person_gets_a_first_password_that_is_shown_once_and_works(
    desk: Desk, hub_app: FastAPI, database: Database, admin: Officer
) -> None:
    assert errors_of(desk.post("/people/new")) == ["Enter a name", "Choose a role"]

    answer = desk.post("/people/new", name="Ada", role="annotator")

    password = copied(answer, "first-password")
    assert re.fullmatch(r"([a-z]{4}-){5}[a-z]{4}", password)
    fresh = Desk(TestClient(hub_app, base_url="http://127.0.0.1", follow_redirects=False))
    assert fresh.fill_in("/sign-in", name="Ada", password=password).headers["location"] == "/"
    assert (Event.OFFICER_CREATED, f"officer:{admin.officer_id}") in _events(database)
    assert errors_of(desk.post("/people/new", name="Ada", role="annotator")) == [
        "There is an officer of that name"
    ]
    assert errors_of(desk.post("/people/new", name="Eve", role="king"))[0].startswith("One of officer")


def test_guarded_role_is_offered_for_a_new_person_to_the_only_administrator_alone(
    desk: Desk, officer: MakeOfficer
) -> None:
    page = desk.get("/people/new").text
    assert all(f'value="{role}"' in page for role in Role)
    assert desk.post("/people/new", name="Ada", role="admin").status_code == 200

    page = desk.get("/people/new").text
    assert not any(f'value="{role}"' in page for role in TWO_ADMINS)
    answer = desk.post("/people/new", name="Eve", role="hub_lead")
    assert errors_of(answer) == ["Make the account with another role, then ask for this one"]


# --- one person -------------------------------------------------------------------------------------------


def test_role_of_power_is_asked_for_by_one_and_given_by_another(
    desk: Desk, second: Desk, database: Database, officer: MakeOfficer
) -> None:
    ada = officer("officer", name="ada")
    here = f"/people/{ada.officer_id}"
    assert errors_of(desk.post(f"{here}/role")) == ["Choose a role"]

    assert desk.post(f"{here}/role", role="hub_lead").headers["location"] == f"{here}?done=asked"

    assert "Another administrator has to give the role" in desk.get(f"{here}?done=asked").text
    page = desk.get("/people").text
    [take_back] = re.findall(r'action="(/people/requests/\w+/refuse)"', page)
    assert "/give" not in page
    give = take_back.replace("refuse", "give")
    assert desk.post(give).status_code == 404  # not one's own, in the words for none
    assert _reread(database, ada).role == "officer"

    assert f'action="{give}"' in second.get("/people").text
    assert second.post(give).headers["location"] == "/people?done=given"

    assert _reread(database, ada).role == "hub_lead"
    assert second.post(give).status_code == 404


def test_request_is_taken_back_by_who_asked(
    desk: Desk, second: Desk, database: Database, officer: MakeOfficer
) -> None:
    ada = officer("officer", name="ada")
    desk.post(f"/people/{ada.officer_id}/role", role="admin")
    [take_back] = re.findall(r'action="(/people/requests/\w+/refuse)"', desk.get("/people").text)

    assert desk.post(take_back).headers["location"] == "/people?done=refused"

    assert _reread(database, ada).role == "officer"
    assert "Waiting for a second administrator" not in second.get("/people").text


def test_ordinary_role_is_changed_at_once(desk: Desk, database: Database, officer: MakeOfficer) -> None:
    ada = officer("officer")

    answer = desk.post(f"/people/{ada.officer_id}/role", role="supervisor")

    assert answer.headers["location"] == f"/people/{ada.officer_id}?done=role"
    assert _reread(database, ada).role == "supervisor"


def test_strands_and_queues_are_set(desk: Desk, database: Database, officer: MakeOfficer) -> None:
    here = f"/people/{officer('officer').officer_id}"
    page = desk.get(f"{here}/skills").text
    assert page.count(" checked>") == 3
    assert errors_of(desk.post(f"{here}/skills")) == ["Choose at least one strand"]
    wrong = desk.post(f"{here}/skills", strands=["far_right"], queues="Not A Name")
    assert errors_of(wrong)[0].startswith("At most 50 names")

    answer = desk.post(f"{here}/skills", strands=["far_right"], queues="vip\r\nleaks")

    assert answer.headers["location"] == f"{here}?done=skills"
    page = desk.get(here).text
    assert "<dd>far-right</dd>" in page
    assert "leaks, vip" in page


def test_authenticator_is_reset_after_asking_once_more(
    desk: Desk, database: Database, officer: MakeOfficer, enrol: Callable[..., Any]
) -> None:
    ada = officer("officer", name="ada")
    enrol(ada)
    here = f"/people/{ada.officer_id}/reset-authenticator"
    assert "call them back" in desk.get(here).text
    assert _reread(database, ada).totp_enrolled_at is not None

    assert desk.post(here).headers["location"] == f"/people/{ada.officer_id}?done=reset"

    assert _reread(database, ada).totp_enrolled_at is None
    assert desk.post(here).status_code == 409


def test_ended_account_is_out_at_once_and_opens_again(
    desk: Desk, database: Database, settings: Settings, officer: MakeOfficer
) -> None:
    ada = officer("officer", name="ada")
    with database.write() as session:
        opened = open_session(session, settings, officer_id=ada.officer_id, at=utc_now())
    here = f"/people/{ada.officer_id}"
    assert "End the account of ada?" in desk.get(f"{here}/disable").text

    assert desk.post(f"{here}/disable").headers["location"] == f"{here}?done=disabled"

    assert find_session(database, settings, opened.token, utc_now()) is None
    assert "ended" in desk.get("/people").text
    assert desk.post(f"{here}/enable").headers["location"] == f"{here}?done=enabled"
    assert _reread(database, ada).disabled_at is None


def test_last_administrator_can_neither_leave_nor_be_demoted(desk: Desk, admin: Officer) -> None:
    for path, fields in (("disable", {}), ("role", {"role": "auditor"})):
        answer = desk.post(f"/people/{admin.officer_id}/{path}", **fields)
        assert "only administrator" in answer.text
        assert answer.status_code in (409, 422)
    assert desk.is_in()


def test_subject_elsewhere_is_set_moved_by_nobody_and_taken_away(
    settings: Settings, database: Database, admin: Officer, officer: MakeOfficer, sign_in: SignIn
) -> None:
    ada, eve = officer("officer"), officer("officer")
    app = create_app(settings.model_copy(update={"oidc": OIDC}), run_scorer=False)
    with TestClient(app, base_url="http://127.0.0.1", follow_redirects=False) as client:
        desk = Desk(client, sign_in(client, admin))

        answer = desk.post(f"/people/{ada.officer_id}/identity", subject=" sub-1 ")
        assert answer.headers["location"].endswith("?done=linked")
        linked = _reread(database, ada)
        assert (linked.oidc_issuer, linked.oidc_subject) == ("https://id.example", "sub-1")
        assert "a password, or the force" in desk.get(f"/people/{ada.officer_id}").text
        assert desk.post(f"/people/{ada.officer_id}/identity", subject="sub-1").status_code == 303
        other = desk.post(f"/people/{eve.officer_id}/identity", subject="sub-1")
        assert errors_of(other) == ["It is another person&#39;s"]
        assert _reread(database, eve).oidc_subject is None
        for wrong in ("x" * 256, "a\nb"):
            assert desk.post(f"/people/{eve.officer_id}/identity", subject=wrong).status_code == 422

        answer = desk.post(f"/people/{ada.officer_id}/identity", subject="")
        assert answer.headers["location"].endswith("?done=unlinked")
        assert _reread(database, ada).oidc_subject is None
        assert errors_of(desk.post(f"/people/{ada.officer_id}/identity", subject="")) == ["There is none"]

        made = desk.post("/people/new", name="Elsewhere", role="officer", subject="sub-9")
        assert "They sign in elsewhere and have no password here." in made.text
        taken = desk.post("/people/new", name="Another", role="officer", subject="sub-9")
        assert taken.status_code == 422
    with database.read() as session:
        names = session.scalars(select(Officer.name)).all()
    assert "Elsewhere" in names
    assert "Another" not in names  # nothing of it was kept


# --- keys -------------------------------------------------------------------------------------------------


def test_key_is_made_shown_once_and_revoked(desk: Desk, database: Database, admin: Officer) -> None:
    assert "There is no key yet." in desk.get("/keys").text
    assert errors_of(desk.post("/keys/new")) == ["Say what the key is for", "Choose what the key may do"]
    wrong = desk.post("/keys/new", label="Trial <b>", scopes=["king"])
    assert errors_of(wrong)[0].startswith("One or more of")
    assert 'value="Trial &lt;b&gt;"' in wrong.text

    answer = desk.post("/keys/new", label="Trial <b>", scopes=["score", "posts"])

    key = copied(answer, "key")
    with database.read() as session:
        found = keys.find_key(session, key)
    assert found is not None
    assert found.scopes == ["posts", "score"]
    page = desk.get("/keys").text
    assert key not in page
    assert "Trial &lt;b&gt;" in page

    here = f"/keys/{found.key_id}/revoke"
    assert "There is no way back" in desk.get(here).text
    assert desk.post(here).headers["location"] == "/keys?revoked=yes"
    assert desk.post(here).status_code == 404
    with database.read() as session:
        assert keys.find_key(session, key) is None
        assert session.scalars(select(ApiKey.revoked_at)).one() is not None
    by_admin = [event for event, actor in _events(database) if actor == f"officer:{admin.officer_id}"]
    assert by_admin[-2:] == [Event.KEY_CREATED, Event.KEY_REVOKED]


def test_every_scope_and_every_role_is_explained() -> None:
    from serve.console.people_words import ROLE_MEANINGS, SCOPE_MEANINGS

    assert set(SCOPE_MEANINGS) == set(keys.SCOPES)
    assert set(ROLE_MEANINGS) == set(Role)
