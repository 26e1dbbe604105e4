"""A real OpenID Connect provider on the loopback, as far as a hub needs one, that can be told to do wrong."""

from __future__ import annotations

import base64
import hashlib
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import uvicorn
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

CLIENT_ID, CLIENT_SECRET = "the-hub", "a made-up client secret"


@dataclass
class OidcProvider:
    """Who signs in next (`claims`), and what is wrong with the answer: each of these may be set by a test."""

    issuer: str
    claims: dict[str, Any] = field(default_factory=lambda: {"sub": "subject-1", "name": "Ada at the force"})
    alter: Callable[[dict[str, Any]], None] = lambda _claims: None
    sign: Callable[[dict[str, Any]], str] | None = None
    is_down: bool = False
    sends_back_to: str | None = None
    asks_the_person: bool = False
    accepts_codes_again: bool = False
    says: dict[str, Any] = field(default_factory=dict)
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "key-1", "use": "sig"}))
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def change_key(self) -> None:
        """A new signing key; the old one is no longer published."""
        self.key = RSAKey.generate_key(2048, {"kid": secrets.token_hex(4), "use": "sig"})

    def id_token(self, nonce: str) -> str:
        now = int(time.time())
        claims = {
            "iss": self.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 300, "nonce": nonce, **self.claims
        }  # fmt: skip
        self.alter(claims)
        claims = {name: value for name, value in claims.items() if value is not None}
        if self.sign is not None:
            return self.sign(claims)
        return jwt.encode({"alg": "RS256", "kid": self.key.kid}, claims, self.key)

    # --- its addresses -------------------------------------------------------------------------------

    async def describe(self, _request: Request) -> Response:
        self.asked.append("description")
        if self.is_down:
            return Response("no", status_code=503)
        return JSONResponse(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
                "id_token_signing_alg_values_supported": ["RS256"],
                **self.says,
            }
        )

    async def authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        assert asked["client_id"] == CLIENT_ID
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        back = urlencode({"code": code, "state": asked["state"]})
        address = f"{self.sends_back_to or asked['redirect_uri']}?{back}"
        if self.asks_the_person:  # then it is this site that begins the way back
            return HTMLResponse(f'<a href="{address}">I am Ada</a>')
        return RedirectResponse(address, status_code=302)

    async def token(self, request: Request) -> Response:
        self.asked.append("token")
        if self.is_down:
            return Response("no", status_code=503)
        sent = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        basic = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        in_body = (sent.get("client_id"), sent.get("client_secret")) == (CLIENT_ID, CLIENT_SECRET)
        if request.headers.get("authorization") != f"Basic {basic}" and not in_body:
            return JSONResponse({"error": "invalid_client"}, status_code=401)
        asked = self.codes.get(sent["code"])
        if not self.accepts_codes_again:
            self.codes.pop(sent["code"], None)
        digest = hashlib.sha256(sent.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        known = asked or {"code_challenge": "", "redirect_uri": ""}
        if (known["code_challenge"], known["redirect_uri"]) != (challenge, sent["redirect_uri"]):
            return JSONResponse({"error": "invalid_grant"}, status_code=400)
        return JSONResponse(
            {"access_token": "unused", "token_type": "Bearer", "id_token": self.id_token(known["nonce"])}
        )

    async def keys(self, _request: Request) -> Response:
        self.asked.append("keys")
        return JSONResponse({"keys": [self.key.as_dict(private=False)]})


def signed_with_the_clients_secret(claims: dict[str, Any]) -> str:
    return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(CLIENT_SECRET.ljust(32, "x")), ["HS256"])


def signed_by_somebody_else(claims: dict[str, Any]) -> str:
    return jwt.encode({"alg": "RS256", "kid": "key-1"}, claims, RSAKey.generate_key(2048))


def not_signed(claims: dict[str, Any]) -> str:
    signed = jwt.encode({"alg": "HS256"}, claims, OctKey.import_key("x" * 32), ["HS256"])
    header = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    return f"{header}.{signed.split('.')[1]}."


def query_of(address: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


@contextmanager
def running_provider(host: str = "127.0.0.1") -> Iterator[OidcProvider]:
    """The provider on a free port of the loopback, for as long as the block runs.

    To a browser `localhost` is another site than `127.0.0.1`.
    """
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)
        provider = OidcProvider(issuer=f"http://{host}:{listening.getsockname()[1]}")
        app = Starlette(
            routes=[
                Route("/.well-known/openid-configuration", provider.describe),
                Route("/authorize", provider.authorize),
                Route("/token", provider.token, methods=["POST"]),
                Route("/keys", provider.keys),
            ]
        )
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield provider
        finally:
            server.should_exit = True
            thread.join(30)


# --- a browser between the hub and its provider -----------------------------------------------------------

PAGE = {"accept": "text/html"}
SUBJECT_1 = {"sub": "subject-1", "name": "Ada at the force"}


def out_and_back(client: TestClient) -> str:
    """The path and query that the provider sends the browser back to."""
    out = client.get("/sign-in/elsewhere")
    assert out.status_code == 303
    back = httpx2.get(out.headers["location"])
    assert back.status_code == 302
    return back.headers["location"].removeprefix("http://127.0.0.1")


def sign_in(client: TestClient) -> Any:
    return client.get(out_and_back(client), headers=PAGE)


def is_in(client: TestClient) -> bool:
    return client.get("/account").status_code == 200
