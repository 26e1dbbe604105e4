"""What every answer says besides its content: do not guess its kind, keep no copy, run nothing in it."""

from __future__ import annotations

from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

NOTHING_RUNS: Final = "default-src 'none'; frame-ancestors 'none'; sandbox"


class AnswerHeaders:
    """ASGI middleware. The console brings its own policy for pages, and its own caching for static files."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["X-Content-Type-Options"] = "nosniff"
                headers.setdefault("Cache-Control", "no-store")
                headers.setdefault("Referrer-Policy", "no-referrer")
                if headers.get("content-type", "").startswith("text/html"):
                    headers.setdefault("Content-Security-Policy", NOTHING_RUNS)
                else:
                    headers["Content-Security-Policy"] = NOTHING_RUNS
            await send(message)

        await self._app(scope, receive, sending)
