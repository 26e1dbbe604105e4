"""Signing in through the organisation's own sign-in service: out with the browser, and back again."""

from __future__ import annotations

import hmac
import json
from dataclasses import asdict
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from model.errors import IdentityRefused, NotFound, SecretUnreadable
from serve.audit.events import Event
from serve.console import sign_in_cookies
from serve.console.frame import frame_of
from serve.console.sign_in_cookies import Cookie
from serve.console.signing_in import STEPS, remember
from serve.hub import hub_of
from serve.people.access import PUBLIC
from serve.people.attempts import record_refusal
from serve.people.identities import (
    ERRAND_LASTS,
    STARTED_ELSEWHERE,
    Errand,
    Identity,
    account_of,
    use_state,
)
from serve.people.secret_box import open_secret_box
from serve.people.sessions import let_in
from serve.people.sign_in_steps import StepDue
from serve.storage.identifiers import utc_now

if TYPE_CHECKING:
    from serve.people.oidc import Provider

router = APIRouter(prefix="/sign-in", include_in_schema=False, dependencies=[PUBLIC])

OWNER: Final = "sign-in-elsewhere"
SUBJECT: Final = "provider:oidc"


# A link and no form: the policy of our pages lets forms go to this hub alone, redirects of theirs included.
@router.get("/elsewhere")
def go_elsewhere(request: Request) -> Response:
    """Sends the browser to the provider, with what will tell its answer from any other. Raises: NotFound."""
    address, errand = _provider(request).send_out()
    answer = RedirectResponse(address, status_code=HTTPStatus.SEE_OTHER)
    sealed = open_secret_box(hub_of(request).settings).seal(json.dumps(asdict(errand)), owner=OWNER)
    sign_in_cookies.put(request, answer, Cookie.ERRAND, sealed.decode("ascii"))
    return answer


@router.get("/callback")
def come_back(request: Request, state: str = "", code: str = "", error: str = "") -> Response:
    """A page that leads on, for whoever the provider vouches for and the hub knows.

    A page, because the provider's site began this navigation: our strict cookie goes along only with the
    next one, which our own page begins.

    Raises: IdentityRefused, ProviderUnavailable, TooMany, NotFound.
    """
    hub, now = hub_of(request), utc_now()
    provider = _provider(request)
    try:
        identity = _identity(request, provider, state=state, code=code, error=error)
        with hub.database.write() as session:
            person = account_of(session, identity, now)
            entered = let_in(
                session,
                hub.settings,
                officer_id=person.officer_id,
                at=now,
                has_second_factor=identity.has_second_factor,
            )
    except IdentityRefused:
        with hub.database.write() as session:
            record_refusal(session, Event.SIGN_IN_ELSEWHERE_REFUSED, SUBJECT, now)
        raise
    address = STEPS[entered.owes] if isinstance(entered, StepDue) else "/"
    page = frame_of(request).render(request, "signed_in.html", next_address=address)
    return remember(request, page, entered)


def _identity(request: Request, provider: Provider, *, state: str, code: str, error: str) -> Identity:
    hub, now = hub_of(request), utc_now()
    errand = _errand(request)
    if not hmac.compare_digest(state.encode("utf-8", "replace"), errand.state.encode()):
        raise IdentityRefused(STARTED_ELSEWHERE)
    with hub.database.write() as session:
        use_state(session, state, now)
    if error or not code:
        raise IdentityRefused("The sign-in service did not let you in.")
    return provider.identity(errand, code=code, at=now)


def _errand(request: Request) -> Errand:
    sealed = sign_in_cookies.read(request, Cookie.ERRAND)
    box = open_secret_box(hub_of(request).settings)
    try:
        words = box.unseal(
            sealed.encode("utf-8", "replace"), owner=OWNER, seconds=int(ERRAND_LASTS.total_seconds())
        )
    except SecretUnreadable:
        raise IdentityRefused(STARTED_ELSEWHERE) from None
    return Errand(**json.loads(words))


def _provider(request: Request) -> Provider:
    provider: Provider | None = request.app.state.provider
    if provider is None:
        raise NotFound("There is nothing at this address.")
    return provider
