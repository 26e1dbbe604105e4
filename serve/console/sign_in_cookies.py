"""Cookies of somebody who is not signed in yet: the form's token, the second step, a sign-in elsewhere."""

from __future__ import annotations

import hmac
import secrets
from enum import StrEnum

from fastapi import Request, Response

from model.errors import NotAllowed
from serve.hub import hub_of


class Cookie(StrEnum):
    """What each is for; over TLS the name gets `__Host-` before it."""

    FORM = "watchhouse-form"
    """The token of a form: there is no session yet that could hold it."""
    STEP = "watchhouse-step"
    """The second step that is due (serve/people/sign_in_steps.py)."""
    ERRAND = "watchhouse-errand"
    """What a browser was sent to a provider with, sealed (serve/people/oidc.py)."""


def put(request: Request, answer: Response, cookie: Cookie, value: str) -> None:
    """Puts a cookie on the answer, out of reach of scripts and, but for one, of other sites."""
    settings = hub_of(request).settings
    answer.set_cookie(
        _name(request, cookie),
        value,
        path="/",
        httponly=True,
        # The provider's site sends the browser back to us, and a strict cookie would stay behind.
        samesite="lax" if cookie is Cookie.ERRAND else "strict",
        secure=settings.secure_cookies,
    )


def drop(request: Request, answer: Response, *cookies: Cookie) -> None:
    """Takes cookies back from the browser."""
    secure = hub_of(request).settings.secure_cookies
    for cookie in cookies:
        answer.delete_cookie(
            _name(request, cookie), path="/", httponly=True, samesite="strict", secure=secure
        )


def read(request: Request, cookie: Cookie) -> str:
    """The cookie's value; empty: there is none."""
    return request.cookies.get(_name(request, cookie), "")


def form_token(request: Request) -> str:
    """The token for a form of this browser: the one it has, else a new one, to be `put` with the page."""
    return read(request, Cookie.FORM) or secrets.token_urlsafe(32)


def check_form_token(request: Request, sent: str) -> None:
    """Passes if the form came from a page of ours in this browser. Raises: NotAllowed."""
    ours = read(request, Cookie.FORM)
    if not ours or not hmac.compare_digest(sent.encode("utf-8", "replace"), ours.encode("utf-8", "replace")):
        raise NotAllowed("The page is out of date: load it again.")


def _name(request: Request, cookie: Cookie) -> str:
    return f"__Host-{cookie}" if hub_of(request).settings.secure_cookies else cookie.value
