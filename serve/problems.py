"""Every refusal as the caller sees it: `application/problem+json`, and the only HTTP numbers in the house.

Source: RFC 9457, Problem Details for HTTP APIs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from model import errors
from model.errors import Fault

STATUS: Final[dict[type[Fault], HTTPStatus]] = {
    errors.BadInput: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.BadBody: HTTPStatus.BAD_REQUEST,
    errors.BodyTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.WrongContentType: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    errors.NotSignedIn: HTTPStatus.UNAUTHORIZED,
    errors.NotAllowed: HTTPStatus.FORBIDDEN,
    errors.NotFound: HTTPStatus.NOT_FOUND,
    errors.MethodNotAllowed: HTTPStatus.METHOD_NOT_ALLOWED,
    errors.Conflict: HTTPStatus.CONFLICT,
    errors.KeyReused: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.TooMany: HTTPStatus.TOO_MANY_REQUESTS,
    errors.Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    # Raised below HTTP, at start-up or in training; in a request they would be our bug.
    errors.InternalError: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.BundleRefused: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.BadConfig: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.LeakFound: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.ExportRefused: HTTPStatus.INTERNAL_SERVER_ERROR,
}
"""A subclass has its nearest parent's status. A test walks every Fault and requires one."""

PROBLEM_TYPE: Final = "application/problem+json"
MAX_FIELD_FAULTS: Final = 20
"""How many faults of one body are told; the rest would only make the answer long."""

RETRY_AFTER_SECONDS: Final = "1"
"""When to try again what was not ready (RFC 9110 section 10.2.3)."""

PageRenderer = Callable[[Request, int, Fault], Response | None]
"""Makes a page of a refusal for a browser; None: leave it to problem+json."""

PROBLEM_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string", "examples": ["urn:watchhouse:problem:lease_lost"]},
        "title": {"type": "string", "examples": ["Conflict"]},
        "status": {"type": "integer", "examples": [409]},
        "code": {"type": "string", "description": "stable", "examples": ["lease_lost"]},
        "detail": {"type": "string", "description": "safe to show; never contains what was sent"},
        "field": {"type": "string", "description": "the field at fault", "examples": ["posts.0.text"]},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}
"""For OpenAPI: every refusal of every `/v1` address has this shape."""


def status_of(fault: type[Fault]) -> HTTPStatus:
    """The HTTP status of a kind of Fault. Raises: LookupError for one that nobody mapped."""
    for ancestor in fault.__mro__:
        if ancestor in STATUS:
            return STATUS[ancestor]
    raise LookupError(f"{fault.__name__} has no HTTP status: add it to serve/problems.py")


def install(app: FastAPI, page_renderer: PageRenderer | None = None) -> None:
    """Makes every refusal of `app` a problem+json, or the renderer's page where a browser asked for one.

    The console calls it a second time, with its renderer.
    """
    app.state.page_renderer = page_renderer
    app.add_exception_handler(Fault, _on_fault)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(HTTPException, _on_http_exception)


def answer(request: Request, fault: Fault, *, headers: dict[str, str] | None = None, **more: Any) -> Response:
    """The refusal as this caller wants it: a redirect or a page for a browser, else problem+json."""
    status = status_of(type(fault))
    if _is_page(request):
        if isinstance(fault, errors.NotSignedIn) and request.method in ("GET", "HEAD"):
            return RedirectResponse("/sign-in", status_code=HTTPStatus.SEE_OTHER)
        renderer: PageRenderer | None = getattr(request.app.state, "page_renderer", None)
        page = renderer(request, status.value, fault) if renderer else None
        if page is not None:
            page.headers.update(_coming_back(fault))
            return page
    body: dict[str, Any] = {
        "type": f"urn:watchhouse:problem:{fault.code}",
        "title": status.phrase,
        "status": status.value,
        "code": fault.code,
        "detail": fault.message,
    }
    if fault.field is not None:
        body["field"] = fault.field
    sent_headers = {**(headers or {}), **_coming_back(fault)}
    if isinstance(fault, errors.NotSignedIn):
        sent_headers["WWW-Authenticate"] = "Bearer"  # RFC 9110 section 11.6.1: a 401 says how to come back
    # ASCII only: whatever a message holds, the answer can be encoded.
    content = json.dumps({**fault.members, **body, **more}).encode("ascii")
    return Response(content, status_code=status.value, media_type=PROBLEM_TYPE, headers=sent_headers)


def _coming_back(fault: Fault) -> dict[str, str]:
    return {"Retry-After": RETRY_AFTER_SECONDS} if isinstance(fault, errors.Unavailable) else {}


def _is_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "") and not request.url.path.startswith("/v1/")


async def _on_fault(request: Request, error: Exception) -> Response:
    if not isinstance(error, Fault):
        raise TypeError("this handler is for Faults")
    return answer(request, error)


async def _on_validation_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise TypeError("this handler is for validation errors")
    found = [_field_fault(one) for one in error.errors()[:MAX_FIELD_FAULTS]]
    first = found[0]
    fault = errors.BadInput(f"{first['field']}: {first['message']}", field=first["field"])
    return answer(request, fault, errors=found)


def _field_fault(error: dict[str, Any]) -> dict[str, str]:
    """Where and what, from our own schema; never the input, of which a field's unknown name is a part."""
    location: Sequence[str | int] = error["loc"]
    if error["type"] == "extra_forbidden":
        return {"field": _dotted(location[:-1]), "message": "a field that is not known here"}
    return {"field": _dotted(location), "message": error["msg"]}


def _dotted(location: Sequence[str | int]) -> str:
    inside = location[1:] if location and location[0] in ("body", "query", "path", "header") else location
    return ".".join(map(str, inside)) or "body"


async def _on_http_exception(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise TypeError("this handler is for HTTP exceptions")
    return answer(request, _fault_of(error.status_code), headers=dict(error.headers or {}))


def _fault_of(status: int) -> Fault:
    """Our fault for a framework's refusal; its own wording is left out, it may quote the request."""
    if status == HTTPStatus.NOT_FOUND:
        return errors.NotFound("There is nothing at this address.")
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        return errors.MethodNotAllowed("This address does not take this method.")
    if status == HTTPStatus.BAD_REQUEST:
        return errors.BadBody("The body cannot be read.")
    if status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return errors.BadInput("The request cannot be used as it stands.")
    return errors.InternalError("Something went wrong here.")
