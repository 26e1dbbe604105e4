"""Somebody of a running hub who has read texts and taken breaks, for browser tests."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from model.configuration import sha256_of
from serve.people.exposure.breaks import begin_break
from serve.people.exposure.policy import load_exposure
from serve.people.exposure.readings import Subject, record_reading
from serve.people.officers import officer_actor, officer_named
from serve.storage.engine import Database
from serve.storage.identifiers import new_id, utc_now

POLICY = load_exposure()


class Reader:
    """Lets somebody of a running hub read, as the queue would have recorded it."""

    def __init__(self, home: Path, name: str = "test-officer") -> None:
        self.database = Database(f"sqlite:///{home / 'hub.sqlite'}")
        with self.database.read() as session:
            found = officer_named(session, name)
            assert found is not None
            self.actor = officer_actor(found.officer_id)

    def reads(self, *severities: int, minutes_ago: float = 1) -> None:
        """Texts of these severities, all at one time."""
        at = utc_now() - timedelta(minutes=minutes_ago)
        with self.database.write() as session:
            for severity in severities:
                post_id = new_id()
                record_reading(
                    session,
                    POLICY,
                    actor=self.actor,
                    at=at,
                    subject=Subject("post", post_id),
                    text_sha256=sha256_of(post_id.encode()),
                    severity_expected=severity,
                )

    def begins_break(self, *, minutes_ago: float) -> None:
        at = utc_now() - timedelta(minutes=minutes_ago)
        with self.database.write() as session:
            begin_break(session, POLICY, actor=self.actor, now=at)
