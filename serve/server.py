"""`watchhouse run`: one hub on one folder, in one process, until it is told to stop."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import uvicorn

from model.errors import BadConfig
from serve.app import Room, create_app
from serve.logs import adopt_library_logs
from serve.people.administration import PRIVATE_UMASK, open_home

KEEP_ALIVE_SECONDS: Final = 65
"""Longer than the 60 s after which proxies let go, so that it is never us who hang up on a request."""

SHUTDOWN_SECONDS: Final = 5


def run_server(home: Path, *, host: str, port: int, rooms: Sequence[Room]) -> None:
    """Serves the hub in `home`, which is made and migrated if need be; returns when it was told to stop.

    Raises: BadConfig (settings, or the port is taken), BundleRefused naming the file at fault.
    """
    os.umask(PRIVATE_UMASK)
    address = _bound(host, port)
    settings, database = open_home(home)
    database.close()  # the application opens its own
    app = create_app(settings, rooms=rooms)
    adopt_library_logs()
    # uvicorn stops on these, then raises the signal again; unheard, that would be an exit status of failure.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    config = uvicorn.Config(
        app,
        access_log=False,  # serve/logs.py writes our own line, without addresses and queries
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )
    _AnnouncedServer(config).run(sockets=[address])


class _AnnouncedServer(uvicorn.Server):
    """Says where it listens, once it does."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and sockets:
            address = sockets[0].getsockname()
            sys.stdout.write(f"Watchhouse is listening on http://{_shown(address[0])}:{address[1]}\n")
            sys.stdout.flush()


def _bound(host: str, port: int) -> socket.socket:
    """A socket of this address, not listening yet: callers are refused until the hub is ready for them."""
    made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((host, port))
    except OSError as error:
        made.close()
        raise BadConfig(f"port: {host}:{port} cannot be had ({error.strerror})", field="port") from None
    return made


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host
