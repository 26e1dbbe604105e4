"""Signing in through an OpenID Connect provider: where to send the browser, and whom it brings back.

Authorization code with PKCE, `state` and `nonce`; the ID token's signature is checked with the provider's
published keys. Source: OpenID Connect Core 1.0, section 3.1; Discovery 1.0, section 4; RFC 7636.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

import httpx2
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import OAuth2Client
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry
from pydantic import BaseModel, ConfigDict, ValidationError

from model.errors import IdentityRefused, ProviderUnavailable, TooMany
from serve.oidc_settings import OidcSettings, TlsAddress
from serve.people.identities import Errand, Identity
from serve.people.roles import Role

TIMEOUT_SECONDS: Final = 5.0
KEPT_SECONDS: Final = 3600.0
"""How long the provider's description and keys are kept; an unknown key asks again at once."""

CLOCK_SKEW_SECONDS: Final = 60
ALGORITHMS: Final = ("RS256", "PS256", "ES256")
"""Signatures with a published key only: `none`, or a secret that we know too, would prove nothing."""

SECOND_FACTOR: Final = "mfa"
"""In `amr`: the provider asked for more than one factor. Source: RFC 8176, section 2."""

MAX_IN_HAND: Final = 6
"""A provider that answers slowly must not hold the threads that answer everybody else."""

NO_ANSWER: Final = "The sign-in service does not answer as it should. Try again in a moment."
NOT_PROVEN: Final = "The sign-in service's answer does not prove who you are. Start again."

_IN_HAND = threading.BoundedSemaphore(MAX_IN_HAND)


class _Description(BaseModel):
    """What we read of the provider's discovery document."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    issuer: str
    authorization_endpoint: TlsAddress
    token_endpoint: TlsAddress
    jwks_uri: TlsAddress
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)


class Provider:
    """The provider of these settings. What it publishes is read when it is first needed, and kept an hour."""

    def __init__(self, settings: OidcSettings) -> None:
        self.settings = settings
        self._description: tuple[float, _Description] | None = None
        self._keys: tuple[float, KeySet] | None = None

    def send_out(self) -> tuple[str, Errand]:
        """The address to send a browser to, and what to remember of it.

        Raises: ProviderUnavailable, TooMany while six others are on their way.
        """
        errand = Errand(*(secrets.token_urlsafe(48) for _ in range(3)))
        with _in_hand(), self._client() as client:
            address, _ = client.create_authorization_url(
                self._describe(client).authorization_endpoint,
                state=errand.state,
                nonce=errand.nonce,
                code_verifier=errand.verifier,
            )
        return str(address), errand

    def identity(self, errand: Errand, *, code: str, at: datetime) -> Identity:
        """Whom the code stands for that a browser brought back.

        Raises: IdentityRefused, ProviderUnavailable, TooMany while six others come back.
        """
        try:
            with _in_hand(), self._client() as client:
                tokens = self._exchange(client, errand, code)
                return self._read(self._claims(client, errand, tokens, at))
        except (httpx2.HTTPError, httpx2.InvalidURL):
            raise ProviderUnavailable(NO_ANSWER) from None

    def _client(self) -> Any:
        return OAuth2Client(
            client_id=self.settings.client_id,
            client_secret=self.settings.client_secret.get_secret_value(),
            scope=" ".join(self.settings.scopes),
            redirect_uri=self.settings.redirect_address,
            code_challenge_method="S256",
            timeout=TIMEOUT_SECONDS,
            follow_redirects=False,
        )

    def _exchange(self, client: Any, errand: Errand, code: str) -> dict[str, Any]:
        description = self._describe(client)
        methods = description.token_endpoint_auth_methods_supported
        if "client_secret_basic" not in methods and "client_secret_post" in methods:
            client.token_endpoint_auth_method = "client_secret_post"  # noqa: S105 - the name of a method
        try:
            tokens = client.fetch_token(
                description.token_endpoint,
                grant_type="authorization_code",
                code=code,
                code_verifier=errand.verifier,
            )
        except OAuthError:
            raise IdentityRefused(NOT_PROVEN) from None
        except ValueError:  # no JSON
            raise ProviderUnavailable(NO_ANSWER) from None
        return dict(tokens)

    def _claims(self, client: Any, errand: Errand, tokens: dict[str, Any], at: datetime) -> dict[str, Any]:
        id_token = tokens.get("id_token")
        if not isinstance(id_token, str):
            raise IdentityRefused(NOT_PROVEN)
        try:
            try:
                token = self._decoded(id_token, self._key_set(client))
            except InvalidKeyIdError:  # the provider has changed its keys
                self._keys = None
                token = self._decoded(id_token, self._key_set(client))
            options = {
                "iss": {"essential": True, "value": self.settings.issuer},
                "aud": {"essential": True, "value": self.settings.client_id},
            }
            params = {
                "nonce": errand.nonce,
                "client_id": self.settings.client_id,
                "access_token": tokens.get("access_token"),
            }
            claims = CodeIDToken(token.claims, token.header, options, params)
            claims.validate(now=int(at.timestamp()), leeway=CLOCK_SKEW_SECONDS)
        except JoseError:
            raise IdentityRefused(NOT_PROVEN) from None
        return dict(claims)

    def _decoded(self, id_token: str, keys: KeySet) -> jwt.Token:
        registry = JWSRegistry(algorithms=list(ALGORITHMS), strict_check_header=False)
        return jwt.decode(id_token, keys, registry=registry)

    def _read(self, claims: dict[str, Any]) -> Identity:
        subject, methods = claims["sub"], claims.get("amr", [])
        if not subject:
            raise IdentityRefused(NOT_PROVEN)
        name = claims.get("name") or claims.get("preferred_username") or subject
        return Identity(
            issuer=self.settings.issuer,
            subject=subject,
            name=str(name),
            role=self._role(claims),
            has_second_factor=isinstance(methods, list) and SECOND_FACTOR in methods,
        )

    def _role(self, claims: dict[str, Any]) -> Role | None:
        """The first role of the settings' list whose value is in the claim, which is a string or a list."""
        if self.settings.role_claim is None:
            return None
        value = claims.get(self.settings.role_claim)
        values = value if isinstance(value, list) else [value]
        return next((role for wanted, role in self.settings.roles.items() if wanted in values), None)

    def _describe(self, client: Any) -> _Description:
        kept = self._description
        if kept is not None and time.monotonic() - kept[0] < KEPT_SECONDS:
            return kept[1]
        address = f"{self.settings.issuer.rstrip('/')}/.well-known/openid-configuration"
        try:
            found = _Description.model_validate(_published(client, address))
        except ValidationError:
            raise ProviderUnavailable(NO_ANSWER) from None
        if found.issuer != self.settings.issuer:
            raise ProviderUnavailable(NO_ANSWER)
        self._description = (time.monotonic(), found)
        return found

    def _key_set(self, client: Any) -> KeySet:
        kept = self._keys
        if kept is not None and time.monotonic() - kept[0] < KEPT_SECONDS:
            return kept[1]
        published = _published(client, self._describe(client).jwks_uri)
        try:
            keys = KeySet.import_key_set(published)
        except (JoseError, ValueError, KeyError, TypeError):
            raise ProviderUnavailable(NO_ANSWER) from None
        self._keys = (time.monotonic(), keys)
        return keys


@contextmanager
def _in_hand() -> Iterator[None]:
    if not _IN_HAND.acquire(blocking=False):
        raise TooMany("Many people are signing in at this moment; try again in a few seconds.")
    try:
        yield
    finally:
        _IN_HAND.release()


def _published(client: Any, address: str) -> Any:
    """The JSON at an address of the provider. Raises: ProviderUnavailable."""
    try:
        answer = client.request("GET", address, withhold_token=True)
        answer.raise_for_status()
        return answer.json()
    except (httpx2.HTTPError, httpx2.InvalidURL, ValueError):
        raise ProviderUnavailable(NO_ANSWER) from None
