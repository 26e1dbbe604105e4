"""Passwords that cost little, a box, and people with an authenticator."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pyotp
import pytest
from argon2 import PasswordHasher

from serve.people import passwords, second_factor
from serve.people.secret_box import SecretBox, open_secret_box
from serve.settings import Settings
from serve.storage.engine import Database
from serve.storage.identifiers import utc_now
from serve.storage.tables import Officer


@pytest.fixture(autouse=True)
def insecure_but_fast_hasher(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same algorithm with the least work it takes."""
    monkeypatch.setattr(passwords, "_HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture
def box(settings: Settings) -> SecretBox:
    """The box of the hub."""
    return open_secret_box(settings)


class App:
    """Somebody's authenticator app, and the recovery codes that they wrote down."""

    def __init__(self, secret: str, codes: list[str]) -> None:
        self._totp = pyotp.TOTP(secret)
        self.codes = codes

    def code(self, at: datetime) -> str:
        return self._totp.at(at)


@pytest.fixture
def enrol(database: Database, box: SecretBox) -> Callable[..., App]:
    """Gives somebody an authenticator, a minute before `at`."""

    def make(person: Officer, at: datetime | None = None) -> App:
        before = (at or utc_now()) - timedelta(minutes=1)
        with database.write() as session:
            secret = second_factor.offered_secret(session, box, person.officer_id)
        codes = second_factor.confirm(
            database, box, officer_id=person.officer_id, code=pyotp.TOTP(secret).at(before), at=before
        )
        return App(secret, codes)

    return make
