"""One's own account: password, authenticator, recovery codes, browsers."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pyotp
import pytest
from people_desk import Desk, copied, errors_of
from starlette.testclient import TestClient

from serve.app import create_app
from serve.people.officers import create_officer
from serve.people.roles import Role
from serve.people.sessions import MAX_ATTEMPTS
from serve.settings import Settings
from serve.storage.engine import Database
from serve.storage.identifiers import utc_now
from serve.storage.tables import Officer

PASSWORD = "a made-up password"
MakeOfficer = Callable[..., Officer]
Enrol = Callable[..., Any]


@pytest.fixture
def ada(officer: MakeOfficer) -> Officer:
    return officer("annotator", name="ada")


@pytest.fixture
def desk(client: TestClient, ada: Officer, sign_in: Callable[..., str]) -> Desk:
    """Ada's browser, signed in."""
    return Desk(client, sign_in(client, ada))


@pytest.mark.parametrize("role", Role)
def test_everybody_has_an_account_page_and_a_way_to_it(
    client: TestClient, officer: MakeOfficer, sign_in: Callable[..., str], role: Role
) -> None:
    sign_in(client, officer(role.value))
    desk = Desk(client)

    assert 'href="/account"' in desk.get("/").text
    assert desk.get("/account").status_code == 200


def test_password_is_changed_with_the_present_one_alone(desk: Desk) -> None:
    answer = desk.post("/account/password")
    assert errors_of(answer) == ["Enter your present password", "Enter a new password"]
    answer = desk.post("/account/password", old="wrong", password="another made-up one")
    assert (answer.status_code, errors_of(answer)) == (401, ["Your present password is another one"])
    answer = desk.post("/account/password", old=PASSWORD, password=PASSWORD)
    assert errors_of(answer) == ["The new one is the old one"]
    answer = desk.post("/account/password", old=PASSWORD, password="short")
    assert (answer.status_code, errors_of(answer)) == (422, ["12 to 128 characters"])

    answer = desk.post("/account/password", old=PASSWORD, password="another made-up one")

    assert answer.headers["location"] == "/account?done=password"
    assert "Your password is changed" in desk.get("/account?done=password").text
    assert "Changed " in desk.get("/account").text
    desk.client.cookies.clear()
    assert desk.fill_in("/sign-in", name="ada", password=PASSWORD).status_code == 401
    assert desk.fill_in("/sign-in", name="ada", password="another made-up one").status_code == 303


def test_present_password_cannot_be_guessed_at_leisure(desk: Desk) -> None:
    for _ in range(MAX_ATTEMPTS):
        desk.post("/account/password", old="wrong", password="another made-up one")

    answer = desk.post("/account/password", old=PASSWORD, password="another made-up one")

    assert answer.status_code == 429


def test_passwords_never_come_back_in_a_page(desk: Desk) -> None:
    answer = desk.post("/account/password", old="marker-one", password="marker-two")

    assert "marker" not in answer.text


def test_browsers_are_listed_and_one_is_ended(
    desk: Desk, hub_app: Any, ada: Officer, sign_in: Callable[..., str]
) -> None:
    with TestClient(hub_app, base_url="http://127.0.0.1", follow_redirects=False) as client:
        other = Desk(client, sign_in(client, ada))
        assert other.is_in()
        page = desk.get("/account").text
        assert page.count("<strong>This browser</strong>") == 1
        [path] = re.findall(r'action="(/account/sessions/[0-9a-f]{16}/end)"', page)

        assert desk.post(path).headers["location"] == "/account?done=ended"

        assert not other.is_in()
        assert desk.is_in()
        assert desk.post(path).status_code == 404


def test_authenticator_is_set_up_with_the_password_and_used_at_the_next_sign_in(desk: Desk) -> None:
    assert desk.get("/account/authenticator/set-up").headers["location"] == "/account/authenticator"
    assert errors_of(desk.post("/account/authenticator")) == ["Enter your password"]
    assert errors_of(desk.post("/account/authenticator", proof="wrong")) == ["The password is wrong"]
    assert desk.get("/account/authenticator/set-up").headers["location"] == "/account/authenticator"

    answer = desk.post("/account/authenticator", proof=PASSWORD)
    assert answer.headers["location"] == "/account/authenticator/set-up"
    secret = copied(desk.get("/account/authenticator/set-up"), "secret").replace(" ", "")
    assert errors_of(desk.post("/account/authenticator/set-up")) == ["Enter the code"]
    assert desk.post("/account/authenticator/set-up", code="12345").status_code == 401
    answer = desk.post("/account/authenticator/set-up", code=pyotp.TOTP(secret).at(utc_now()))

    assert len(re.findall(r"<li><code>[0-9A-Z-]{29}</code></li>", answer.text)) == 10
    assert "10 codes left" in desk.get("/account").text
    desk.client.cookies.clear()
    assert desk.fill_in("/sign-in", name="ada", password=PASSWORD).headers["location"] == "/sign-in/code"


def test_authenticator_in_use_is_changed_with_its_own_code_alone(
    desk: Desk, ada: Officer, enrol: Enrol
) -> None:
    app = enrol(ada)
    for path in ("/account/authenticator", "/account/authenticator/off", "/account/recovery-codes"):
        assert errors_of(desk.post(path)) == ["Enter a code from your app"]
        answer = desk.post(path, proof=PASSWORD)
        assert errors_of(answer) == ["The code is wrong, or was used before."]

    answer = desk.post("/account/recovery-codes", proof=app.code(utc_now()))
    assert "Write these recovery codes down" in answer.text
    answer = desk.post("/account/authenticator/off", proof=app.code(utc_now() + timedelta(seconds=30)))

    assert answer.headers["location"] == "/account?done=off"
    assert "Recovery codes" not in desk.get("/account").text
    desk.client.cookies.clear()
    assert desk.fill_in("/sign-in", name="ada", password=PASSWORD).headers["location"] == "/"


def test_each_set_up_that_is_begun_anew_has_a_secret_of_its_own(desk: Desk) -> None:
    secrets = set()
    for _ in range(2):
        desk.post("/account/authenticator", proof=PASSWORD)
        secrets.add(copied(desk.get("/account/authenticator/set-up"), "secret"))

    assert len(secrets) == 2


def test_recovery_codes_come_with_an_authenticator_alone(desk: Desk) -> None:
    assert "you have none yet" in desk.get("/account/recovery-codes").text
    assert desk.post("/account/recovery-codes", proof=PASSWORD).status_code == 409


def test_who_must_have_an_authenticator_cannot_turn_it_off(
    settings: Settings, ada: Officer, enrol: Enrol, sign_in: Callable[..., str]
) -> None:
    app = enrol(ada)
    changed = settings.model_copy(update={"require_totp": True})
    hub = create_app(changed, run_scorer=False)
    with TestClient(hub, base_url="http://127.0.0.1", follow_redirects=False) as client:
        desk = Desk(client, sign_in(client, ada))
        assert "Turn it off" not in desk.get("/account/authenticator").text

        assert desk.post("/account/authenticator/off", proof=app.code(utc_now())).status_code == 409

        desk.client.cookies.clear()
        assert desk.fill_in("/sign-in", name="ada", password=PASSWORD).headers["location"] == "/sign-in/code"


def test_who_signs_in_elsewhere_has_no_password_to_change(
    client: TestClient, database: Database, sign_in: Callable[..., str]
) -> None:
    with database.write() as session:
        made = create_officer(
            session, name="grace", role="officer", password=None, actor="system:tests", at=utc_now()
        )
    desk = Desk(client, sign_in(client, made))

    assert "/account/password" not in desk.get("/account").text
    assert desk.get("/account/password").status_code == 404
    assert desk.post("/account/password", old="x", password="another made-up one").status_code == 404
    assert desk.post("/account/authenticator").headers["location"] == "/account/authenticator/set-up"
