from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from model.configuration import sha256_of
from model.errors import BadInput, NotFound, NotSignedIn
from serve.audit.events import Event
from serve.people import own_account, passwords
from serve.people.officers import create_officer
from serve.people.sessions import OpenedSession, check_password, find_session, open_session
from serve.settings import Settings
from serve.storage.engine import Database
from serve.storage.identifiers import utc_now
from serve.storage.tables import AuditEvent, Officer

PASSWORD = "a made-up password"
MakeOfficer = Callable[..., Officer]


@pytest.fixture
def browse(database: Database, settings: Settings) -> Callable[..., OpenedSession]:
    """Opens a session: `browse(ada)`."""

    def enter(person: Officer) -> OpenedSession:
        with database.write() as session:
            return open_session(session, settings, officer_id=person.officer_id, at=utc_now())

    return enter


def _hash(opened: OpenedSession) -> str:
    return sha256_of(opened.token.encode())


def test_new_password_works_the_old_one_does_not_and_other_browsers_are_out(
    database: Database, settings: Settings, officer: MakeOfficer, browse: Callable[..., OpenedSession]
) -> None:
    ada = officer(name="ada")
    this, other = browse(ada), browse(ada)
    now = utc_now()
    with database.write() as session:
        own_account.change_password(
            session, officer_id=ada.officer_id, password="another made-up one", keep=_hash(this), at=now
        )

    assert check_password(database, name="ada", password="another made-up one", at=now).officer_id
    with pytest.raises(NotSignedIn):
        check_password(database, name="ada", password=PASSWORD, at=now)
    assert find_session(database, settings, this.token, now) is not None
    assert find_session(database, settings, other.token, now) is None
    with database.read() as session:
        assert session.get_one(Officer, ada.officer_id).password_changed_at == now
        assert Event.PASSWORD_CHANGED in session.scalars(select(AuditEvent.event)).all()


@pytest.mark.parametrize("password", ["short", "Grace Brewster Hopper", " grace brewster hopper "])
def test_unusable_new_password_is_refused_and_nothing_changes(
    database: Database, officer: MakeOfficer, password: str
) -> None:
    grace = officer(name="Grace Brewster Hopper")
    with pytest.raises(BadInput) as refusal, database.write() as session:
        own_account.change_password(
            session, officer_id=grace.officer_id, password=password, keep="", at=utc_now()
        )

    assert refusal.value.field == "password"
    assert check_password(database, name=grace.name, password=PASSWORD, at=utc_now())


def test_account_without_a_password_is_entered_with_none(database: Database, officer: MakeOfficer) -> None:
    with database.write() as session:
        made = create_officer(
            session, name="elsewhere", role="officer", password=None, actor="system:tests", at=utc_now()
        )

    assert not own_account.has_password(made)
    assert own_account.has_password(officer())
    for password in ("", "none", passwords.NO_PASSWORD):
        with pytest.raises(NotSignedIn):
            check_password(database, name="elsewhere", password=password, at=utc_now())


def test_own_sessions_are_listed_by_a_reference_that_opens_nothing(
    database: Database, settings: Settings, officer: MakeOfficer, browse: Callable[..., OpenedSession]
) -> None:
    ada, grace = officer(), officer()
    browse(grace)
    this, other = browse(ada), browse(ada)
    now = utc_now()

    with database.read() as session:
        listed = own_account.own_sessions(
            session, settings, officer_id=ada.officer_id, this=_hash(this), at=now
        )
        idle = own_account.own_sessions(
            session,
            settings,
            officer_id=ada.officer_id,
            this=_hash(this),
            at=now + timedelta(minutes=settings.session_idle_minutes + 1),
        )

    assert sorted(one.is_this_one for one in listed) == [False, True]
    assert idle == []
    for one in listed:
        assert find_session(database, settings, one.reference, now) is None
        assert one.reference not in (_hash(this)[:16], _hash(other)[:16])


def test_one_session_is_ended_and_no_other(
    database: Database, settings: Settings, officer: MakeOfficer, browse: Callable[..., OpenedSession]
) -> None:
    ada, grace = officer(), officer()
    this, other, hers = browse(ada), browse(ada), browse(grace)
    now = utc_now()

    def references(person: Officer, opened: OpenedSession) -> str:
        with database.read() as session:
            listed = own_account.own_sessions(
                session, settings, officer_id=person.officer_id, this=_hash(opened), at=now
            )
        return next(one.reference for one in listed if one.is_this_one)

    def end(reference: str) -> None:
        with database.write() as session:
            own_account.end_own_session(
                session, settings, officer_id=ada.officer_id, reference=reference, at=now
            )

    end(references(ada, other))

    alive = [find_session(database, settings, one.token, now) is not None for one in (this, other, hers)]
    assert alive == [True, False, True]
    said = set()
    for reference in (references(grace, hers), "0" * 16):
        with pytest.raises(NotFound) as refusal:
            end(reference)
        said.add(refusal.value.message)
    assert len(said) == 1
    assert find_session(database, settings, hers.token, now) is not None
    with database.read() as session:
        assert session.scalars(select(AuditEvent.event)).all().count(Event.SESSION_ENDED) == 1
