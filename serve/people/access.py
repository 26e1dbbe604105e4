"""Who may come in: FastAPI dependencies for keys (`/v1`) and for signed-in people (the console).

Every address declares one of three: `allowed(Action.X)`, `require_scope("x")`, or `PUBLIC`; a hub with an
address that declares none does not start (`serve/people/declared.py`). Every refusal is constant: it never
tells a wrong key from a revoked one, nor what is missing from what is somebody else's.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from fastapi import Depends, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.datastructures import FormData, UploadFile

from model.errors import NotAllowed, NotFound, NotSignedIn
from serve.people.keys import SCOPES, find_key, key_actor
from serve.people.officers import officer_actor
from serve.people.roles import Action, may
from serve.people.sessions import LiveSession, find_session
from serve.settings import Settings
from serve.storage.engine import Database
from serve.storage.identifiers import utc_now

CSRF_HEADER: Final = "x-csrf-token"
CSRF_FIELD: Final = "csrf_token"
FORM_TYPES: Final = ("application/x-www-form-urlencoded", "multipart/form-data")

KEY_WANTED: Final = "A valid API key is needed: Authorization: Bearer KEY."
_BEARER = HTTPBearer(auto_error=False, description="A key of `watchhouse admin create-key`.")


@dataclass(frozen=True, slots=True)
class Caller:
    """The holder of an API key."""

    actor: str
    key_id: str


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The person behind a signed-in browser."""

    officer_id: str
    name: str
    role: str
    csrf_token: str
    actor: str

    def check_may(self, action: Action, *, own: bool, what: str) -> None:
        """Passes if this person may do this to a thing that is (or is not) their own.

        To be asked once the thing was found, inside an address that is `allowed` for the action.

        Raises: NotFound, in the very words for a `what` that does not exist.
        """
        if not may(self.role, action, own=own):
            raise no_such(what)


def no_such(what: str) -> NotFound:
    """The refusal for what is missing, and for what is not for this person: the two must not differ."""
    return NotFound(f"there is no such {what}")


@dataclass(frozen=True, slots=True)
class Public:
    """Declares that a stranger may come in."""

    def __call__(self) -> None:
        """Refuses nobody."""


PUBLIC: Final[Any] = Depends(Public())
"""For `dependencies=[PUBLIC]`. tests/security/test_access.py lists every address that has it."""


@dataclass(frozen=True, slots=True)
class Scoped:
    """Declares that an address is for keys of this scope, and gives the `Caller`."""

    scope: str

    def __call__(
        self, request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]
    ) -> Caller:
        """Raises: NotSignedIn, NotAllowed."""
        found = None
        if credentials is not None:
            with _database(request).read() as session:
                found = find_key(session, credentials.credentials)
        if found is None:
            raise NotSignedIn(KEY_WANTED)
        if self.scope not in found.scopes:
            raise NotAllowed(f"This key does not have the scope {self.scope}.")
        return Caller(actor=key_actor(found.key_id), key_id=found.key_id)


def require_scope(scope: Literal["score", "posts", "review"]) -> Scoped:
    """A dependency that gives the `Caller` whose key has this scope.

    Raises (in the request): NotSignedIn, NotAllowed.
    """
    if scope not in SCOPES:
        raise ValueError(f"no such scope: {scope}")
    return Scoped(scope)


def current_session(request: Request) -> LiveSession | None:
    """The live session of this browser, if any; a dependency that is worked out once a request."""
    settings = _settings(request)
    token = request.cookies.get(session_cookie_name(settings))
    if not token:
        return None
    return find_session(_database(request), settings, token, utc_now())


CurrentSession = Annotated[LiveSession | None, Depends(current_session)]


@dataclass(frozen=True, slots=True)
class Allowed:
    """Declares that an address is for people whose role may do this, and gives the `SignedIn` person."""

    action: Action

    def __call__(self, live: CurrentSession) -> SignedIn:
        """Raises: NotSignedIn, NotAllowed."""
        if live is None:
            raise NotSignedIn("Sign in first.")
        if not may(live.role, self.action):
            raise NotAllowed("Your role may not do this.")
        return SignedIn(
            officer_id=live.officer_id,
            name=live.name,
            role=live.role,
            csrf_token=live.csrf_token,
            actor=officer_actor(live.officer_id),
        )


def allowed(action: Action) -> Allowed:
    """A dependency that gives the `SignedIn` person, if their role may do this to anything at all.

    `Reader = Annotated[SignedIn, Depends(allowed(Action.VIEW_CASE))]`. Where the table says `own` or
    `not_own`, the endpoint asks `person.check_may(...)` once it has found the thing.

    Raises (in the request): NotSignedIn, which sends a page request to /sign-in; NotAllowed.
    """
    return Allowed(action)


async def check_csrf(request: Request, live: CurrentSession) -> None:
    """A dependency for every POST of the console: the page's token must come back with it.

    Read from the header `x-csrf-token`, else the form field `csrf_token`.

    Raises: NotSignedIn, NotAllowed.
    """
    if live is None:
        raise NotSignedIn("Sign in first.")
    sent = request.headers.get(CSRF_HEADER)
    if sent is None and request.headers.get("content-type", "").split(";")[0].strip().lower() in FORM_TYPES:
        sent = _field(await request.form(), CSRF_FIELD)
    if sent is None or not hmac.compare_digest(sent.encode("utf-8", "replace"), live.csrf_token.encode()):
        raise NotAllowed("The page is out of date: load it again.")


def check_same_origin(request: Request) -> None:
    """A dependency for the sign-in form, which has no session yet: refuses a form of another site.

    Raises: NotAllowed.
    """
    site = request.headers.get("sec-fetch-site", "none")
    origin = request.headers.get("origin")
    # Our own pages say "null": under Referrer-Policy no-referrer a browser hides the origin of a form.
    foreign_origin = origin not in (None, "null") and origin.split("://", 1)[-1] != request.headers.get(
        "host"
    )
    if site not in ("same-origin", "none") or foreign_origin:
        raise NotAllowed("This form came from another site.")


def session_cookie_name(settings: Settings) -> str:
    """The cookie's name; `__Host-` ties it to this host over TLS."""
    return "__Host-watchhouse" if settings.secure_cookies else "watchhouse"


def set_session_cookie(response: Response, token: str, settings: Settings) -> None:
    """Puts the session's token on the answer: for this site alone and out of reach of scripts."""
    response.set_cookie(
        session_cookie_name(settings),
        token,
        path="/",
        httponly=True,
        samesite="strict",
        secure=settings.secure_cookies,
    )


def clear_session_cookie(response: Response, settings: Settings) -> None:
    """Takes the session's token back from the browser."""
    response.delete_cookie(
        session_cookie_name(settings),
        path="/",
        httponly=True,
        samesite="strict",
        secure=settings.secure_cookies,
    )


def _field(form: FormData, name: str) -> str | None:
    value = form.get(name)
    return None if isinstance(value, UploadFile) else value


# `serve.hub` names the rooms above this one, so the hub is reached without importing its type.
def _database(request: Request) -> Database:
    database: Database = request.app.state.hub.database
    return database


def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.hub.settings
    return settings
