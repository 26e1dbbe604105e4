"""A background thread that works when woken and every second, and outlives whatever goes wrong in its work.

The one edge behind the hub's background work where unknown exceptions are caught: a bug there must not
end the thread, since then posts would wait for ever in a hub that looks healthy.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

from serve.logs import described

POLL_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0
UNWELL_AFTER = 3
"""Failures in a row after which a hub is not ready: by then the work has been tried for seven seconds."""


class Worker:
    """Calls `work` until it says False (nothing left), then waits to be woken or for the next poll.

    After an exception it pauses: a second, two, four, up to half a minute; the first success resets it.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[], bool],
        *,
        wake: threading.Event | None = None,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self.name = name
        self.failures = 0
        """How often in a row the work has failed."""
        self._work = work
        self._wake = wake or threading.Event()
        self._poll_seconds = poll_seconds
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def is_alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def is_well(self) -> bool:
        """Whether the thread runs and its work succeeds, or failed only lately."""
        return self.is_alive and self.failures < UNWELL_AFTER

    def start(self) -> None:
        """Starts the thread; a second call changes nothing."""
        if self.is_alive:
            return
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
        self._thread.start()

    def stop(self, timeout: float = 10.0) -> None:
        """Asks the thread to end after the work in hand and waits at most `timeout` seconds for it."""
        self._stopping.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout)

    def _run(self) -> None:
        while not self._stopping.is_set():
            # Cleared before the work looks, so that what arrives during the look wakes it again.
            self._wake.clear()
            if self._turn():
                self._wake.wait(self._poll_seconds)
            else:
                self._stopping.wait(min(2.0 ** (self.failures - 1), LONGEST_PAUSE_SECONDS))

    def _turn(self) -> bool:
        """Works until nothing is left; False if an exception ended it."""
        try:
            while not self._stopping.is_set() and self._work():
                self.failures = 0
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # the worker edge: see the top of the file
            self.failures += 1
            structlog.get_logger().error("background work failed", worker=self.name, **described(error))
            return False
        self.failures = 0
        return True
