"""A hub whose people may sign in through a provider on the loopback, and one person who is linked to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from oidc_provider import CLIENT_ID, CLIENT_SECRET, OidcProvider, running_provider
from pydantic import SecretStr

from serve.oidc_settings import OidcSettings
from serve.people import identities
from serve.people.roles import Role
from serve.settings import Settings
from serve.storage.engine import Database
from serve.storage.identifiers import utc_now
from serve.storage.tables import Officer

MakeOfficer = Callable[..., Officer]


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
