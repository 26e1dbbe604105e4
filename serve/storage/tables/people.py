"""Tables of people and callers: accounts, sessions, keys and the answers kept for them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from serve.storage.tables.row import Row, RowNumber


class Officer(Row):
    """A person who signs in. Everything else knows people by `officer_id` only."""

    __tablename__ = "officers"

    officer_id: Mapped[str] = mapped_column(String(26), primary_key=True, comment="ULID")
    name: Mapped[str] = mapped_column(unique=True)
    role: Mapped[str] = mapped_column(comment="serve/people/roles.py lists them")
    password_hash: Mapped[str] = mapped_column(comment="argon2id")
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]


class Session(Row):
    """A signed-in browser. Only the hash of the cookie is stored."""

    __tablename__ = "sessions"

    token_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    officer_id: Mapped[str] = mapped_column(ForeignKey("officers.officer_id"), index=True)
    csrf_token: Mapped[str]
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class SignInAttempt(Row):
    """A failed sign-in; enough of them in a window lock the name for a while."""

    __tablename__ = "sign_in_attempts"

    attempt_id: Mapped[int] = mapped_column(RowNumber, primary_key=True, autoincrement=True)
    name_sha256: Mapped[str] = mapped_column(String(64))
    attempted_at: Mapped[datetime]

    __table_args__ = (Index("ix_sign_in_attempts_name_at", "name_sha256", "attempted_at"),)


class ApiKey(Row):
    """A caller without a browser. Only the hash of the key is stored."""

    __tablename__ = "api_keys"

    key_id: Mapped[str] = mapped_column(String(26), primary_key=True, comment="ULID")
    key_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    label: Mapped[str]
    scopes: Mapped[list[Any]] = mapped_column(comment="score, posts, review")
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class IdempotencyKey(Row):
    """The answer that a repeated request with the same key gets again."""

    __tablename__ = "idempotency_keys"

    key_id: Mapped[str] = mapped_column(ForeignKey("api_keys.key_id"), primary_key=True)
    idempotency_key: Mapped[str] = mapped_column(String(255), primary_key=True)
    body_sha256: Mapped[str] = mapped_column(String(64))
    status: Mapped[int]
    answer: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(index=True)
