from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select

from model.errors import BadInput, DuplicateName, Fault, NotFound, NotSignedIn, TooMany
from serve.audit.events import Event
from serve.people import keys, passwords, sessions
from serve.people.attempts import ATTEMPT_WINDOW
from serve.people.officers import create_officer, disable_officer
from serve.people.roles import PERMITTED, Action, Role, may, roles_that_may
from serve.people.sessions import (
    MAX_ATTEMPTS,
    TOUCH_EVERY,
    find_session,
    open_session,
    sign_in,
    sign_out,
)
from serve.settings import Settings
from serve.storage.engine import Database
from serve.storage.identifiers import utc_now
from serve.storage.tables import ApiKey, AuditEvent, Officer, SignInAttempt
from serve.storage.tables import Session as SessionRow

PASSWORD = "a made-up password"
MakeOfficer = Callable[..., Officer]


@pytest.fixture(autouse=True)
def insecure_but_fast_hasher(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same algorithm with the least work it takes."""
    fast = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(passwords, "_HASHER", fast)
    monkeypatch.setattr(passwords, "_NOBODYS_HASH", fast.hash("nobody at all"))


def _events(database: Database) -> list[str]:
    with database.read() as session:
        return list(session.scalars(select(AuditEvent.event).order_by(AuditEvent.event_id)))


def test_table_of_roles_names_every_role_and_denies_the_rest() -> None:
    assert set(PERMITTED) == set(Role)
    assert may("officer", Action.DECIDE_CASES)
    assert not may("annotator", Action.DECIDE_CASES)
    assert not may("nobody", Action.VIEW_QUEUE)
    assert roles_that_may(Action.MANAGE_PEOPLE) == (Role.ADMIN,)


@pytest.mark.parametrize(
    "password", ["short", "x" * 11, "x" * 129, "long enough \0 NUL", "long enough \ud800"]
)
def test_unusable_password_is_refused(password: str) -> None:
    with pytest.raises(BadInput):
        passwords.hash_password(password)


def test_password_matches_its_own_hash_alone() -> None:
    stored = passwords.hash_password(PASSWORD)

    assert stored.startswith("$argon2id$")
    assert passwords.password_matches(PASSWORD, stored)
    assert not passwords.password_matches(PASSWORD + "!", stored)
    assert not passwords.password_matches("\ud800", stored)
    assert not passwords.password_matches("nobody at all", None)


def test_unknown_name_is_verified_against_a_real_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()  # the real parameters: the stand-in must parse and cost the same

    assert passwords._NOBODYS_HASH.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert not passwords.password_matches(PASSWORD, None)


def test_second_officer_of_one_name_is_refused(officer: MakeOfficer) -> None:
    officer(name="ada")
    with pytest.raises(DuplicateName):
        officer(name=" ada ")


@pytest.mark.parametrize(
    ("name", "role"),
    [("", "officer"), (" ", "officer"), ("a\nb", "officer"), ("a\ud800", "officer"), ("x" * 101, "officer"),
     ("ada", "king")],
)  # fmt: skip
def test_unusable_name_or_role_is_refused(database: Database, name: str, role: str) -> None:
    with pytest.raises(BadInput), database.write() as session:
        create_officer(session, name=name, role=role, password=PASSWORD, actor="system:tests", at=utc_now())


def test_right_password_opens_a_session_that_is_found_by_its_token(
    database: Database, settings: Settings, officer: MakeOfficer
) -> None:
    ada = officer("supervisor", name="ada")
    now = utc_now()

    opened = sign_in(database, settings, name="ada", password=PASSWORD, at=now)

    live = find_session(database, settings, opened.token, now)
    assert live is not None
    assert (live.officer_id, live.role, live.csrf_token) == (ada.officer_id, "supervisor", opened.csrf_token)
    assert find_session(database, settings, opened.token + "x", now) is None
    with database.read() as session:
        assert opened.token not in str(vars(session.scalars(select(SessionRow)).one()))
    assert Event.SIGNED_IN in _events(database)


def test_every_sign_in_has_a_token_of_its_own(
    database: Database, settings: Settings, officer: MakeOfficer
) -> None:
    officer(name="ada")
    opened = [sign_in(database, settings, name="ada", password=PASSWORD, at=utc_now()) for _ in range(2)]

    assert opened[0].token != opened[1].token
    assert opened[0].csrf_token != opened[1].csrf_token


def test_wrong_name_and_wrong_password_are_answered_alike(
    database: Database, settings: Settings, officer: MakeOfficer
) -> None:
    officer(name="ada")
    answers = set()
    for name, password in [
        ("ada", "not the password"),
        ("nobody", PASSWORD),
        ("a\0b", PASSWORD),
        ("\ud800", ""),
    ]:
        with pytest.raises(NotSignedIn) as refusal:
            sign_in(database, settings, name=name, password=password, at=utc_now())
        answers.add((refusal.value.code, refusal.value.message, refusal.value.field))

    assert len(answers) == 1
    assert _events(database).count(Event.SIGN_IN_REFUSED) == 2  # ada's, and one for all unknown names


def test_refusals_of_one_window_leave_one_event(
    database: Database, settings: Settings, officer: MakeOfficer
) -> None:
    ada = officer(name="ada")
    now = utc_now()

    def refused(name: str, at: datetime) -> None:
        with pytest.raises(NotSignedIn):
            sign_in(database, settings, name=name, password="not the password", at=at)

    def subjects() -> list[str]:
        with database.read() as session:
            refusals = select(AuditEvent.subject).where(AuditEvent.event == Event.SIGN_IN_REFUSED.value)
            return list(session.scalars(refusals.order_by(AuditEvent.event_id)))

    for number in range(4):
        refused("ada", now)
        refused(f"nobody {number}", now)
    assert subjects() == [ada.officer_id, "name:unknown"]
    with database.read() as session:
        assert len(session.scalars(select(SignInAttempt)).all()) == 8

    refused("ada", now + ATTEMPT_WINDOW)
    assert subjects() == [ada.officer_id, "name:unknown", ada.officer_id]


def test_seventh_sign_in_at_once_is_refused_before_the_database_is_touched(
    database: Database, settings: Settings, officer: MakeOfficer, monkeypatch: pytest.MonkeyPatch
) -> None:
    officer(name="ada")
    all_in, go_on = threading.Barrier(sessions.MAX_SIGN_INS_IN_HAND + 1), threading.Event()

    def slow(_password: str, _stored: str | None) -> bool:
        all_in.wait(30)
        go_on.wait(30)
        return True

    monkeypatch.setattr(sessions, "password_matches", slow)
    with ThreadPoolExecutor(sessions.MAX_SIGN_INS_IN_HAND) as pool:
        waiting = [
            pool.submit(sign_in, database, settings, name="ada", password=PASSWORD, at=utc_now())
            for _ in range(sessions.MAX_SIGN_INS_IN_HAND)
        ]
        all_in.wait(30)
        with database.read() as session:
            before = len(session.scalars(select(SignInAttempt)).all())
        with pytest.raises(TooMany, match="a few seconds"):
            sign_in(database, settings, name="grace", password=PASSWORD, at=utc_now())
        with database.read() as session:
            assert len(session.scalars(select(SignInAttempt)).all()) == before
        go_on.set()
        assert all(one.result(30).token for one in waiting)

    monkeypatch.undo()
    with pytest.raises(NotSignedIn):  # its place is free again
        sign_in(database, settings, name="grace", password=PASSWORD, at=utc_now())


def test_eleventh_attempt_in_five_minutes_is_refused_even_when_it_is_right(
    database: Database, settings: Settings, officer: MakeOfficer
) -> None:
    ada = officer(name="ada")
    grace = officer(name="grace")
    now = utc_now()
    for _ in range(MAX_ATTEMPTS):
        with pytest.raises(NotSignedIn):
            sign_in(database, settings, name="ada", password="not the password", at=now)

    with pytest.raises(TooMany):
        sign_in(database, settings, name="ada", password=PASSWORD, at=now)

    later = sign_in(database, settings, name="ada", password=PASSWORD, at=now + ATTEMPT_WINDOW)
    other = sign_in(database, settings, name="grace", password=PASSWORD, at=now)
    assert later.officer_id == ada.officer_id
    assert other.officer_id == grace.officer_id


def test_many_attempts_at_once_are_no_more_than_ten(
    database: Database, settings: Settings, officer: MakeOfficer
) -> None:
    officer(name="ada")

    def attempt(_number: int) -> str:
        try:
            sign_in(database, settings, name="ada", password="not the password", at=utc_now())
        except Fault as fault:
            return fault.code
        return "in"

    with ThreadPoolExecutor(sessions.MAX_SIGN_INS_IN_HAND) as pool:
        answers = list(pool.map(attempt, range(24)))

    assert answers.count("not_signed_in") == MAX_ATTEMPTS
    assert answers.count("too_many") == 24 - MAX_ATTEMPTS


def test_session_ends_when_idle(database: Database, settings: Settings, officer: MakeOfficer) -> None:
    officer(name="ada")
    start = utc_now()
    opened = sign_in(database, settings, name="ada", password=PASSWORD, at=start)
    idle = timedelta(minutes=settings.session_idle_minutes)

    assert find_session(database, settings, opened.token, start + idle) is None
    assert find_session(database, settings, opened.token, start + idle - TOUCH_EVERY) is not None
    assert find_session(database, settings, opened.token, start + idle) is not None


def test_session_in_use_ends_all_the_same_after_its_hours(
    database: Database, settings: Settings, officer: MakeOfficer
) -> None:
    officer(name="ada")
    at = start = utc_now()
    opened = sign_in(database, settings, name="ada", password=PASSWORD, at=start)
    end = start + timedelta(hours=settings.session_hours)
    step = timedelta(minutes=settings.session_idle_minutes / 2)
    while at + step < end:
        at += step
        assert find_session(database, settings, opened.token, at) is not None

    assert find_session(database, settings, opened.token, end) is None


def test_signing_out_ends_the_session(database: Database, settings: Settings, officer: MakeOfficer) -> None:
    officer(name="ada")
    opened = sign_in(database, settings, name="ada", password=PASSWORD, at=utc_now())

    with database.write() as session:
        sign_out(session, token=opened.token, at=utc_now())
        sign_out(session, token="never given", at=utc_now())

    assert find_session(database, settings, opened.token, utc_now()) is None
    assert _events(database).count(Event.SIGNED_OUT) == 1


def test_disabled_officer_is_out_at_once_and_cannot_come_back(
    database: Database, settings: Settings, officer: MakeOfficer
) -> None:
    ada = officer(name="ada")
    opened = sign_in(database, settings, name="ada", password=PASSWORD, at=utc_now())

    with database.write() as session:
        disable_officer(session, officer_id=ada.officer_id, actor="system:tests", at=utc_now())

    assert find_session(database, settings, opened.token, utc_now()) is None
    with pytest.raises(NotSignedIn):
        sign_in(database, settings, name="ada", password=PASSWORD, at=utc_now())
    with pytest.raises(NotFound), database.write() as session:
        disable_officer(session, officer_id="nobody", actor="system:tests", at=utc_now())
    with pytest.raises(NotFound), database.write() as session:
        disable_officer(session, officer_id=ada.officer_id, actor="system:tests", at=utc_now())
    assert _events(database).count(Event.OFFICER_DISABLED) == 1


def test_sessions_that_are_over_are_dropped_at_the_next_sign_in(
    database: Database, settings: Settings, officer: MakeOfficer
) -> None:
    ada = officer(name="ada")
    start = utc_now()
    for at in (start, start + timedelta(hours=settings.session_hours)):
        with database.write() as session:
            open_session(session, settings, officer_id=ada.officer_id, at=at)

    with database.read() as session:
        assert len(session.scalars(select(SessionRow)).all()) == 1


def test_key_is_shown_once_and_found_until_it_is_revoked(database: Database) -> None:
    with database.write() as session:
        made = keys.create_key(
            session, scopes=["review", "score", "score"], label="a test", actor="system:tests", at=utc_now()
        )

    assert made.key.startswith("wh_")
    assert len(made.key) == len("wh_") + 43
    with database.read() as session:
        found = keys.find_key(session, made.key)
        assert found is not None
        assert (found.key_id, found.scopes) == (made.key_id, ["review", "score"])
        assert keys.find_key(session, made.key[:-1]) is None
        assert keys.find_key(session, "\ud800") is None
        assert made.key not in str(vars(session.scalars(select(ApiKey)).one()))

    with database.write() as session:
        keys.revoke_key(session, key_id=made.key_id, actor="system:tests", at=utc_now())
    with database.read() as session:
        assert keys.find_key(session, made.key) is None
    with pytest.raises(NotFound), database.write() as session:
        keys.revoke_key(session, key_id=made.key_id, actor="system:tests", at=utc_now())
    assert _events(database) == [Event.KEY_CREATED, Event.KEY_REVOKED]


@pytest.mark.parametrize(
    ("scopes", "label"), [([], "a"), ([""], "a"), (["admin"], "a"), (["score"], "x" * 201), (["score"], "\0")]
)
def test_unusable_key_is_refused(database: Database, scopes: list[str], label: str) -> None:
    with pytest.raises(BadInput), database.write() as session:
        keys.create_key(session, scopes=scopes, label=label, actor="system:tests", at=utc_now())
