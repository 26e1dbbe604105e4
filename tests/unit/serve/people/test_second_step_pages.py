"""The second step of signing in, as a browser goes through it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pyotp
import pytest
from people_desk import PAGE, Desk, copied, errors_of
from starlette.testclient import TestClient

from serve.app import create_app
from serve.people.second_factor import MAX_TRIES
from serve.settings import Settings
from serve.storage.engine import Database
from serve.storage.identifiers import utc_now
from serve.storage.tables import Officer

PASSWORD = "a made-up password"
MakeOfficer = Callable[..., Officer]
Enrol = Callable[..., Any]


@pytest.fixture
def ada(officer: MakeOfficer) -> Officer:
    return officer("officer", name="ada")


@pytest.fixture
def desk(client: TestClient) -> Desk:
    return Desk(client)


@pytest.fixture
def strict(settings: Settings, database: Database) -> Iterator[Desk]:
    """A browser at a hub where officers must have an authenticator."""
    changed = settings.model_copy(update={"require_totp": True, "totp_roles": ("officer",)})
    app = create_app(changed, run_scorer=False)
    with TestClient(app, base_url="http://127.0.0.1", follow_redirects=False) as client:
        yield Desk(client)


def enter(desk: Desk, name: str = "ada") -> Any:
    return desk.fill_in("/sign-in", name=name, password=PASSWORD)


def test_code_after_the_password_opens_the_hub(desk: Desk, ada: Officer, enrol: Enrol) -> None:
    app = enrol(ada)
    answer = enter(desk)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in/code")
    assert not desk.is_in()
    assert desk.get("/").headers["location"] == "/sign-in"

    answer = desk.fill_in("/sign-in/code", code=app.code(utc_now()))

    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert desk.is_in()
    assert desk.get("/sign-in/code").headers["location"] == "/sign-in"  # the step is over


def test_wrong_and_missing_codes_are_said_and_the_sixth_waits(desk: Desk, ada: Officer, enrol: Enrol) -> None:
    app = enrol(ada)
    enter(desk)

    answer = desk.fill_in("/sign-in/code", code=" ")
    assert (answer.status_code, errors_of(answer)) == (422, ["Enter the code"])
    for _ in range(MAX_TRIES):
        answer = desk.fill_in("/sign-in/code", code="12345")
        assert (answer.status_code, errors_of(answer)) == (401, ["The code is wrong, or was used before."])
        assert 'aria-invalid="true"' in answer.text
    answer = desk.fill_in("/sign-in/code", code=app.code(utc_now()))

    assert (answer.status_code, errors_of(answer)) == (429, ["Too many codes; try again in five minutes."])
    assert not desk.is_in()


def test_recovery_code_opens_the_hub_and_few_left_leads_to_the_account(
    desk: Desk, ada: Officer, enrol: Enrol
) -> None:
    codes = enrol(ada).codes
    for number, code in enumerate(codes[:7], start=1):
        desk.client.cookies.clear()
        enter(desk)
        answer = desk.fill_in("/sign-in/recovery-code", code=code.lower())
        assert answer.headers["location"] == ("/account" if number == 7 else "/")
    assert "3 codes left: <strong>make new ones soon</strong>" in desk.get("/account").text

    desk.client.cookies.clear()
    enter(desk)
    assert desk.fill_in("/sign-in/recovery-code", code=codes[0]).status_code == 401
    assert not desk.is_in()


def test_without_a_first_step_there_is_no_second(client: TestClient, desk: Desk) -> None:
    for path in ("/sign-in/code", "/sign-in/recovery-code", "/sign-in/authenticator"):
        assert desk.get(path).headers["location"] == "/sign-in"
        assert client.post(path, data={"code": "123456"}).status_code == 401
        client.cookies.set("watchhouse-step", "made up")
        assert client.post(path, data={"code": "123456"}, headers=PAGE).status_code == 401


def test_second_step_wants_a_form_of_this_browser_and_this_site(
    client: TestClient, desk: Desk, ada: Officer, enrol: Enrol
) -> None:
    app = enrol(ada)
    enter(desk)
    for path in ("/sign-in/code", "/sign-in/recovery-code", "/sign-in/authenticator"):
        assert client.post(path, data={"code": app.code(utc_now()), "csrf_token": "x"}).status_code == 403
        foreign = {"origin": "https://evil.example"}
        assert client.post(path, data={"code": "1"}, headers=foreign).status_code == 403
    assert not desk.is_in()


def test_step_of_one_person_does_not_take_the_code_of_another(
    desk: Desk, officer: MakeOfficer, ada: Officer, enrol: Enrol
) -> None:
    other = enrol(officer(name="grace"))
    enrol(ada)
    enter(desk)

    assert desk.fill_in("/sign-in/code", code=other.code(utc_now())).status_code == 401
    assert desk.fill_in("/sign-in/recovery-code", code=other.codes[0]).status_code == 401
    assert not desk.is_in()


def test_who_must_have_an_authenticator_sets_it_up_and_is_in(strict: Desk, ada: Officer) -> None:
    assert enter(strict).headers["location"] == "/sign-in/authenticator"
    assert not strict.is_in()
    page = strict.get("/sign-in/authenticator")
    secret = copied(page, "secret").replace(" ", "")
    assert re.search(r'<svg class="qr" viewBox="0 0 (\d+) \1"', page.text)
    assert strict.fill_in("/sign-in/authenticator", code="12345").status_code == 401
    assert copied(strict.get("/sign-in/authenticator"), "secret").replace(" ", "") == secret

    answer = strict.fill_in("/sign-in/authenticator", code=pyotp.TOTP(secret).at(utc_now()))

    codes = re.findall(r"<li><code>([0-9A-Z-]{29})</code></li>", answer.text)
    assert (answer.status_code, len(codes)) == (200, 10)
    assert strict.is_in()
    strict.client.cookies.clear()
    assert enter(strict).headers["location"] == "/sign-in/code"
    assert strict.get("/sign-in/authenticator").headers["location"] == "/sign-in/code"
    answer = strict.fill_in("/sign-in/code", code=pyotp.TOTP(secret).at(utc_now() + timedelta(seconds=30)))
    assert answer.headers["location"] == "/"


def test_second_enrolment_through_an_old_step_is_not_possible(
    strict: Desk, ada: Officer, enrol: Enrol
) -> None:
    enter(strict)
    strict.get("/sign-in/authenticator")
    token = strict.client.cookies["watchhouse-form"]
    enrol(ada)  # in another browser, meanwhile

    answer = strict.client.post(
        "/sign-in/authenticator", data={"csrf_token": token, "code": "123456"}, headers=PAGE
    )

    assert answer.headers["location"] == "/sign-in/code"
    assert not strict.is_in()
