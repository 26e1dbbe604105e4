"""The gate before any parser: how large, how deep and of what kind a request body may be.

Bodies are counted while they stream in, and JSON is looked over before FastAPI sees it, because its
own parser answers 500 to `1e999` and to 100,000 brackets. Source: PROMISES.md section 0, finding 8;
section 5, items 11 and 13.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final, NoReturn

from python_multipart.multipart import parse_options_header
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from model.errors import (
    BadBody,
    BadInput,
    BodyTooDeep,
    BodyTooLarge,
    Fault,
    NotSignedIn,
    WrongContentType,
)
from serve import problems
from serve.people.access import KEY_WANTED

METHODS_WITH_BODY: Final = ("POST", "PUT", "PATCH", "DELETE")
FORM_TYPES: Final = ("application/x-www-form-urlencoded", "multipart/form-data")
DRAIN_FACTOR: Final = 16
"""An overlong body is read and thrown away up to so many limits: a server that hangs up in the middle
of an upload resets the connection, and the sender never sees the answer."""

LARGE_BODY_BYTES: Final = 64 * 1024
"""From here on a body is looked over in a thread, and other requests are not held up."""

MAX_VALUES: Final = 200_000
"""Most brackets and commas of a body, strings apart: each costs the parser far more than it costs the sender.
A request of 1,000 posts with every field has fewer than 10,000."""

FORM_CHARSETS: Final = ("utf-8", "utf8")
"""Others would let the sender choose Python's decoder: `punycode` takes quadratic time, and
`unicode_escape` makes lone surrogates, which no page and no database can hold."""

MAX_INTEGER: Final = 2**63 - 1
"""The largest integer that both databases store."""

_STRING_OR_MARK = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[{,]|[\]}]', re.DOTALL)
"""Possessive: every character is looked at once, whatever the body."""


def check_json(body: bytes, max_depth: int) -> None:
    """Passes a body that both databases and every parser of ours can take; linear time, no recursion.

    Raises: BadBody (not UTF-8, not JSON, a number that is not finite or does not fit 64 bits, more than
        200,000 values), BodyTooDeep.

    >>> check_json(b'{"posts": [{"text": "[[[["}]}', 3)
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise BadBody("body: not UTF-8", field="body") from None
    depth = 0
    values = 0
    for found in _STRING_OR_MARK.finditer(text):
        first = found.group()[0]
        if first in "[{,":
            values += 1
            if values > MAX_VALUES:
                raise BadBody(f"body: more than {MAX_VALUES:,} values", field="body")
        if first in "[{":
            depth += 1
            if depth > max_depth:
                raise BodyTooDeep(f"body: nested deeper than {max_depth}", field="body")
        elif first in "]}":
            depth -= 1
    try:
        json.loads(text, parse_constant=_refuse_number, parse_float=_finite, parse_int=_storable)
    except ValueError:
        raise BadBody("body: not JSON", field="body") from None


def _refuse_number(_literal: str) -> NoReturn:
    raise BadBody("body: a number that is not finite, or too large", field="body")


def _finite(literal: str) -> float:
    value = float(literal)
    return value if abs(value) != float("inf") else _refuse_number(literal)


def _storable(literal: str) -> int:
    # Looked at by length first: int() itself refuses more than 4,300 digits.
    if len(literal) > len(str(MAX_INTEGER)) + 1 or abs(int(literal)) > MAX_INTEGER:
        _refuse_number(literal)
    return int(literal)


class Guard:
    """ASGI middleware: answers a bad body itself, and hands a good one on whole."""

    def __init__(self, app: ASGIApp, *, max_body_bytes: int, max_json_depth: int) -> None:
        self._app = app
        self._max_body_bytes = max_body_bytes
        self._max_json_depth = max_json_depth

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            _check_address(scope)
            if scope["method"] in METHODS_WITH_BODY:
                _check_key_came(scope)
                receive = await self._guarded(scope, receive)
        except Fault as fault:
            await problems.answer(Request(scope), fault)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    async def _guarded(self, scope: Scope, receive: Receive) -> Receive:
        headers = Headers(scope=scope)
        body = await self._read(headers, receive)
        if body:
            await self._check(scope["path"], headers.get("content-type", ""), body)
        return _replay(body, receive)

    async def _read(self, headers: Headers, receive: Receive) -> bytes:
        too_large = BodyTooLarge(f"body: more than {self._max_body_bytes} bytes", field="body")
        announced = headers.get("content-length", "0")
        if announced.isdecimal() and int(announced[:20]) > self._max_body_bytes and "expect" in headers:
            raise too_large  # the sender waits for our word: nothing need be read
        chunks: list[bytes] = []
        size = 0
        more = True
        while more and size <= self._max_body_bytes * DRAIN_FACTOR:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise BadBody("body: ended early", field="body")
            chunk: bytes = message.get("body", b"")
            size += len(chunk)
            more = message.get("more_body", False)
            if size > self._max_body_bytes:
                chunks.clear()
            else:
                chunks.append(chunk)
        if size > self._max_body_bytes:
            raise too_large
        return b"".join(chunks)

    async def _check(self, path: str, content_type: str, body: bytes) -> None:
        kind = content_type.split(";")[0].strip().lower()
        if kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json")):
            if len(body) >= LARGE_BODY_BYTES:
                await run_in_threadpool(check_json, body, self._max_json_depth)
            else:
                check_json(body, self._max_json_depth)
        elif path.startswith("/v1/") or kind not in FORM_TYPES:
            wanted = "application/json" if path.startswith("/v1/") else "a form or application/json"
            raise WrongContentType(f"Content-Type: {wanted} is taken here", field="content-type")
        else:
            _check_form(kind, content_type, body)


def _check_address(scope: Scope) -> None:
    # SQLite takes a NUL and PostgreSQL refuses it: it stops here, before either.
    if "\0" in scope["path"] or b"%00" in scope.get("query_string", b""):
        raise BadInput("address: a NUL is not text", field="address")


def _check_key_came(scope: Scope) -> None:
    """A stranger's body is not even read; whether the key is one of ours, the address finds out."""
    authorization = Headers(scope=scope).get("authorization", "")
    if scope["path"].startswith("/v1/") and not authorization.lower().startswith("bearer "):
        raise NotSignedIn(KEY_WANTED)


def _check_form(kind: str, content_type: str, body: bytes) -> None:
    # Read with the form parser's own function, so that both see the same parameters.
    charset = parse_options_header(content_type)[1].get(b"charset", b"utf-8")
    if charset.decode("latin-1").strip().lower() not in FORM_CHARSETS:
        raise WrongContentType("Content-Type: forms are taken in UTF-8 only", field="content-type")
    if b"\0" in body or (kind == FORM_TYPES[0] and b"%00" in body):
        raise BadInput("form: a NUL is not text", field="body")


def _replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body that was read, then whatever comes after it (a disconnect)."""
    given = False

    async def replayed() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        message: dict[str, Any] = {"type": "http.request", "body": body, "more_body": False}
        return message

    return replayed
