"""Refusals as pages, for a person in front of a browser."""

from __future__ import annotations

from typing import Final

from fastapi import Request
from fastapi.responses import Response

from model import errors
from model.errors import Fault
from serve.console.frame import frame_of

WORDS: Final[dict[type[Fault], tuple[str, str]]] = {
    errors.NotFound: ("Page not found", "There is nothing at this address, or it is not for you to see."),
    errors.NotAllowed: ("You may not do this", ""),
    errors.IdentityRefused: ("You are not signed in", ""),
    errors.NotSignedIn: ("You are signed out", "Your session has ended. Nothing of this request was done."),
    errors.TooMany: ("Too many attempts", ""),
    errors.LastAdministrator: ("This cannot be done", ""),
    errors.Conflict: ("This has changed meanwhile", ""),
    errors.ProviderUnavailable: ("You are not signed in", ""),
    errors.Unavailable: ("Not ready yet", ""),
    errors.InternalError: ("Something went wrong", "It is our fault, not yours. Try again in a moment."),
}
"""Heading and, where the fault's own message is not for people, the sentence under it."""


def problem_page(request: Request, status: int, fault: Fault) -> Response:
    """The page for a refusal. The fault's message is safe to show to anybody.

    A reason that the request carried is shown for copying (`decision_form.keep_reason`).
    """
    heading, words = next(
        (WORDS[kind] for kind in type(fault).__mro__ if kind in WORDS), ("This cannot be used", "")
    )
    signed_out = isinstance(fault, errors.NotSignedIn)
    link = ("Sign in", "/sign-in") if signed_out else ("Go to the start page", "/")
    return frame_of(request).render(
        request,
        "message.html",
        status=status,
        heading=heading,
        paragraphs=[words or fault.message],
        typed_reason=getattr(request.state, "typed_reason", ""),
        may_claim=False,
        links=[link],
        notice=None,
    )
