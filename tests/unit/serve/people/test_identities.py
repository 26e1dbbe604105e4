from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select

from model.errors import IdentityRefused
from serve.audit.events import Event
from serve.people.identities import ERRAND_LASTS, Identity, account_of, use_state
from serve.people.roles import Role
from serve.storage.engine import Database
from serve.storage.identifiers import utc_now
from serve.storage.tables import AuditEvent, Officer, UsedState

ADA = Identity("https://id.example", "subject-1", "Ada at the force", Role.OFFICER, has_second_factor=False)


def test_two_first_sign_ins_at_once_are_one_account(database: Database) -> None:
    def enter(_number: int) -> str:
        with database.write() as session:
            return account_of(session, ADA, utc_now()).officer_id

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(enter, range(8)))) == 1
    with database.read() as session:
        assert len(session.scalars(select(Officer)).all()) == 1
        events = session.scalars(select(AuditEvent.event)).all()
    assert events == [Event.OFFICER_CREATED, Event.IDENTITY_LINKED]


def test_one_state_in_many_browsers_at_once_counts_once(database: Database) -> None:
    def come_back(_number: int) -> bool:
        try:
            with database.write() as session:
                use_state(session, "a state", utc_now())
        except IdentityRefused:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(come_back, range(8))) == 1


def test_used_states_are_kept_as_hashes_for_as_long_as_an_errand_lasts(database: Database) -> None:
    now = utc_now()
    for state, at in (("first", now), ("second", now + ERRAND_LASTS - timedelta(seconds=1))):
        with database.write() as session:
            use_state(session, state, at)
    with database.read() as session:
        assert len(session.scalars(select(UsedState)).all()) == 2
        assert "first" not in str([vars(row) for row in session.scalars(select(UsedState))])

    with database.write() as session:
        use_state(session, "third", now + ERRAND_LASTS)

    with database.read() as session:
        assert len(session.scalars(select(UsedState)).all()) == 2


@pytest.mark.parametrize("name", ["", "x" * 101, "a\nb", "a\0b", "\ud800"])
def test_name_that_no_account_can_have_makes_none(database: Database, name: str) -> None:
    with pytest.raises(IdentityRefused), database.write() as session:
        account_of(session, Identity("https://id.example", "s", name, Role.OFFICER, False), utc_now())

    with database.read() as session:
        assert session.scalars(select(Officer)).all() == []
