"""Puts cases back in the queue within about a second of the end of their lease."""

from __future__ import annotations

from serve.cases.leases import any_expired, requeue_expired
from serve.cases.setting_aside import any_overdue, any_to_wake, free_overdue, wake_parked
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
        """Ends leases, parkings and reservations that have run out; True if there may be more."""
        now = utc_now()
        with self._hub.database.read() as session:
            if not any(found(session, now) for found in (any_expired, any_to_wake, any_overdue)):
                return False
        with self._hub.database.write() as session:
            return sum(end(session, now) for end in (requeue_expired, wake_parked, free_overdue)) > 0
