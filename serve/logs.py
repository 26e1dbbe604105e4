"""JSON lines on standard error: ids, never texts; addresses as templates, never with their query."""

from __future__ import annotations

import logging
import secrets
import sys
import time
import traceback
from typing import Any, Final

import structlog
from sqlalchemy.exc import OperationalError, TimeoutError
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from model.errors import Fault, InternalError, Unavailable
from serve import problems
from serve.metrics import Metrics

REQUEST_ID_HEADER: Final = b"x-request-id"


class _StandardError:
    """Writes whole lines to whatever `sys.stderr` is at that moment."""

    def __init__(self, *_names: Any) -> None:
        pass

    def msg(self, line: str) -> None:
        sys.stderr.write(line + "\n")

    debug = info = warning = error = critical = msg


class _ForeignLines(logging.Handler):
    """Brings the warnings of libraries into our format; of an exception, only its class and its frames."""

    def emit(self, record: logging.LogRecord) -> None:
        details: dict[str, Any] = {"logger": record.name}
        if record.exc_info and record.exc_info[1] is not None:
            details |= described(record.exc_info[1])
        structlog.get_logger().log(record.levelno, "library", message=record.getMessage(), **details)


def configure_logging() -> None:
    """Sends every log line of this process to standard error as one JSON object."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(sort_keys=True),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=_StandardError,
    )


def adopt_library_logs() -> None:
    """Brings warnings of uvicorn, SQLAlchemy and others into the same lines."""
    logging.basicConfig(handlers=[_ForeignLines()], level=logging.WARNING, force=True)


def described(error: BaseException) -> dict[str, Any]:
    """What the log may hold of an exception: its class and where it was raised, not its message.

    Messages quote what they choke on, and that may be a post.
    """
    frames = traceback.extract_tb(error.__traceback__)
    details: dict[str, Any] = {
        "error": _class_name(error),
        "frames": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
    }
    if error.__cause__ is not None:
        details["cause"] = _class_name(error.__cause__)
    return details


def _class_name(error: BaseException) -> str:
    return f"{type(error).__module__}.{type(error).__qualname__}"


class RequestLog:
    """ASGI middleware around all work: an id, a line and a measurement for every request.

    It is also the edge where unknown exceptions end: they are logged, and the caller gets a constant 500,
    or 503 if it was the database that cannot be had at present.
    """

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics
        self._log = structlog.get_logger()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = secrets.token_hex(8)
        status = 0
        started = time.perf_counter()

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (REQUEST_ID_HEADER, request_id.encode())]
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception as error:
            self._log.error("request failed", request_id=request_id, **described(error))
            if status:
                raise  # half an answer is out: all that is left is to hang up
            await problems.answer(Request(scope), _told(error, request_id))(scope, receive, sending)
        finally:
            seconds = time.perf_counter() - started
            route = route_template(scope)
            self._metrics.observe(scope["method"], route, status, seconds)
            self._log.info(
                "request",
                method=scope["method"],
                route=route,
                status=status,
                ms=round(seconds * 1000, 1),
                request_id=request_id,
            )


def _told(error: Exception, request_id: str) -> Fault:
    """What a caller may know. A database that is locked, away or busy is no bug: trying again helps."""
    if isinstance(error, OperationalError | TimeoutError):
        return Unavailable(f"The database cannot be had at present. The log has it under {request_id}.")
    return InternalError(f"Something went wrong here. The log has it under {request_id}.")


def route_template(scope: Scope) -> str:
    """The address as the application declares it (`/v1/posts/{post_id}`); `none` where nothing matched."""
    path: str | None = getattr(scope.get("route"), "path", None)
    return path or "none"
