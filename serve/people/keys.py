"""API keys: callers without a browser. A key is shown once; only its hash is stored."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from model.configuration import sha256_of
from model.errors import BadInput, NotFound
from model.normalise import check_text
from serve.audit.events import Event
from serve.audit.log import record
from serve.field_text import is_identifier
from serve.storage.identifiers import new_id
from serve.storage.tables import ApiKey

SCOPES: Final = ("score", "posts", "review")
"""score: score texts, nothing stored. posts: send posts in. review: work the queue."""

MAX_LABEL_CHARACTERS: Final = 200
KEY_PREFIX: Final = "wh_"
"""Lets secret scanners recognise a key that leaked."""


@dataclass(frozen=True, slots=True)
class CreatedKey:
    """A key as it is shown, this once, and the id by which it is known afterwards."""

    key: str
    key_id: str


def key_actor(key_id: str) -> str:
    """How the audit log and the tables name the holder of this key."""
    return f"key:{key_id}"


def create_key(
    session: Session, *, scopes: Iterable[str], label: str, actor: str, at: datetime
) -> CreatedKey:
    """A new key of 256 random bits.

    Raises: BadInput for no scope, an unknown scope or an overlong label.
    """
    chosen = sorted({scope.strip() for scope in scopes} - {""})
    if not chosen or not set(chosen) <= set(SCOPES):
        raise BadInput(f"scopes: one or more of {', '.join(SCOPES)}", field="scopes")
    if len(check_text(label)) > MAX_LABEL_CHARACTERS:
        raise BadInput(f"label: at most {MAX_LABEL_CHARACTERS} characters", field="label")
    made = CreatedKey(key=KEY_PREFIX + secrets.token_urlsafe(32), key_id=new_id())
    session.add(
        ApiKey(key_id=made.key_id, key_sha256=_hash(made.key), label=label, scopes=chosen, created_at=at)
    )
    session.flush()
    record(
        session, actor=actor, event=Event.KEY_CREATED, subject=made.key_id, details={"scopes": chosen}, at=at
    )
    return made


def find_key(session: Session, key: str) -> ApiKey | None:
    """The live key that was shown as `key`; None for an unknown or revoked one."""
    return session.scalar(select(ApiKey).where(ApiKey.key_sha256 == _hash(key), ApiKey.revoked_at.is_(None)))


def every_key(session: Session) -> list[ApiKey]:
    """All keys, revoked ones too, oldest first."""
    return list(session.scalars(select(ApiKey).order_by(ApiKey.key_id)))


def revoke_key(session: Session, *, key_id: str, actor: str, at: datetime) -> None:
    """Ends a key at once. Raises: NotFound."""
    found = session.get(ApiKey, key_id) if is_identifier(key_id) else None
    if found is None or found.revoked_at is not None:
        raise NotFound("key_id: there is no such live key", field="key_id")
    found.revoked_at = at
    record(session, actor=actor, event=Event.KEY_REVOKED, subject=key_id, details={}, at=at)


def _hash(key: str) -> str:
    # Plain SHA-256 is enough for 256 random bits: there is no short list of guesses to slow down.
    return sha256_of(key.encode("utf-8", "replace"))
