"""The block `oidc` of a hub's settings: an OpenID Connect provider that people may sign in through."""

from __future__ import annotations

from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator

from model.configuration import FrozenConfig
from serve.people.roles import TWO_ADMINS, Role


def _over_tls(address: str) -> str:
    parts = urlsplit(address)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost")):
        return address
    raise ValueError("must begin with https://")


TlsAddress = Annotated[str, AfterValidator(_over_tls)]


class OidcSettings(FrozenConfig):
    """One provider. There is no default role: who has no account and whose claim maps to none stays out."""

    issuer: TlsAddress = Field(description="exactly as the provider's discovery document spells it")
    client_id: str = Field(min_length=1)
    client_secret: SecretStr
    redirect_address: TlsAddress = Field(description="this hub's address, ending in /sign-in/callback")
    label: str = Field(default="your organisation's account", min_length=1, max_length=60)
    scopes: tuple[str, ...] = ("openid", "profile")
    role_claim: str | None = None
    roles: dict[str, Role] = Field(default_factory=dict, description="value of the claim: role")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if not self.redirect_address.endswith("/sign-in/callback"):
            raise ValueError("redirect_address: must end in /sign-in/callback")
        if "openid" not in self.scopes:
            raise ValueError("scopes: must have openid")
        if (self.role_claim is None) != (not self.roles):
            raise ValueError("role_claim and roles: both or neither")
        guarded = TWO_ADMINS & set(self.roles.values())
        if guarded:
            # Else whoever manages the provider's groups could make themselves an administrator here.
            raise ValueError(
                f"roles: {', '.join(sorted(guarded))} is given by two administrators, not a claim"
            )
        return self
