"""Puts cases back in the queue within about a second of the end of their lease."""

from __future__ import annotations

from serve.cases.queue import any_expired, requeue_expired
from serve.hub import Hub
from serve.storage.identifiers import utc_now
from serve.worker import Worker


class Reaper:
    """The background thread that ends leases. Several replicas may each run one."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self.worker = Worker("reaper", self.reap)

    def start(self) -> None:
        """Starts looking, once a second."""
        self.worker.start()

    def stop(self, timeout: float = 10.0) -> None:
        """Ends the thread after the statement in hand."""
        self.worker.stop(timeout)

    def reap(self) -> bool:
        """Ends leases that have run out; True if there may be more."""
        with self._hub.database.read() as session:
            if not any_expired(session, utc_now()):
                return False
        with self._hub.database.write() as session:
            return requeue_expired(session, utc_now()) > 0
