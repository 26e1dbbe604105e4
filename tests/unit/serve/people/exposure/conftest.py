"""People of several roles, a policy with known numbers, and one way to let somebody read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from exposure_rules import made_policy

from model.configuration import sha256_of
from serve.people.exposure.policy import ExposurePolicy
from serve.people.exposure.readings import Subject, record_reading
from serve.people.exposure.shift import Standing
from serve.people.exposure.standings import standing
from serve.people.officers import officer_actor
from serve.storage.engine import Database
from serve.storage.identifiers import new_id
from serve.storage.tables import Officer

NINE = datetime(2026, 11, 23, 9, tzinfo=UTC)


@pytest.fixture
def policy() -> ExposurePolicy:
    """The policy of `exposure_rules`."""
    return made_policy()


@pytest.fixture
def person(database: Database) -> Callable[..., str]:
    """Makes a person who cannot sign in, and gives their actor: `person("annotator")`."""

    def make(role: str = "officer") -> str:
        officer_id = new_id()
        with database.write() as session:
            session.add(
                Officer(
                    officer_id=officer_id, name=f"made {officer_id}", role=role, password_hash="-",
                    created_at=NINE,
                )
            )  # fmt: skip
        return officer_actor(officer_id)

    return make


@pytest.fixture
def read(database: Database, policy: ExposurePolicy) -> Callable[..., bool]:
    """Lets somebody read a text: `read(actor, "a text", severity=2, minutes=5)`, minutes after nine."""

    def reads(actor: str, text: str, *, severity: int = 1, minutes: float = 0) -> bool:
        with database.write() as session:
            return record_reading(
                session,
                policy,
                actor=actor,
                at=NINE + timedelta(minutes=minutes),
                subject=Subject("post", new_id()),
                text_sha256=sha256_of(text.encode()),
                severity_expected=severity,
            )

    return reads


@pytest.fixture
def stands(database: Database, policy: ExposurePolicy) -> Callable[..., Standing]:
    """The standing of somebody so many minutes after nine."""

    def look(actor: str, minutes: float = 0) -> Standing:
        with database.read() as session:
            return standing(session, policy, actor, NINE + timedelta(minutes=minutes))

    return look
