"""Tables of people and callers: accounts, sessions, second factors, keys and the answers kept for them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Boolean, CheckConstraint, ForeignKey, Index, String
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from serve.storage.tables.row import Row, RowNumber

LIST_OR_NULL = JSON(none_as_null=True)


class Officer(Row):
    """A person who signs in. Everything else knows people by `officer_id` only."""

    __tablename__ = "officers"

    officer_id: Mapped[str] = mapped_column(String(26), primary_key=True, comment="ULID")
    name: Mapped[str] = mapped_column(unique=True)
    role: Mapped[str] = mapped_column(comment="serve/people/roles.py lists them")
    password_hash: Mapped[str] = mapped_column(comment="argon2id")
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]
    password_changed_at: Mapped[datetime | None] = mapped_column(comment="null: never since it was made")
    last_signed_in_at: Mapped[datetime | None]
    totp_secret: Mapped[bytes | None] = mapped_column(comment="sealed with the hub's secret key")
    totp_offered: Mapped[bytes | None] = mapped_column(comment="sealed; shown, and not confirmed yet")
    totp_enrolled_at: Mapped[datetime | None] = mapped_column(comment="null: no codes are asked for")
    totp_last_counter: Mapped[int | None] = mapped_column(comment="of the newest code used, 30 s each")
    skills: Mapped[list[Any] | None] = mapped_column(LIST_OR_NULL, comment="strands; null: all")
    need_to_know: Mapped[list[Any] | None] = mapped_column(
        LIST_OR_NULL, comment="names of closed queues that are open to this person; null: none"
    )
    oidc_issuer: Mapped[str | None]
    oidc_subject: Mapped[str | None]

    # An index and no constraint: SQLite adds none to a table that stands.
    __table_args__ = (Index("uq_officers_oidc", "oidc_issuer", "oidc_subject", unique=True),)


class RecoveryCode(Row):
    """A code that stands in for a lost authenticator, once. Only its hash is stored (125 random bits)."""

    __tablename__ = "recovery_codes"

    code_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    officer_id: Mapped[str] = mapped_column(ForeignKey("officers.officer_id"), index=True)
    created_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class RoleGrant(Row):
    """One administrator asks for a role of somebody, another one gives or refuses it."""

    __tablename__ = "role_grants"

    grant_id: Mapped[str] = mapped_column(String(26), primary_key=True, comment="ULID")
    officer_id: Mapped[str] = mapped_column(ForeignKey("officers.officer_id"))
    role: Mapped[str]
    requested_by: Mapped[str] = mapped_column(comment="actor")
    requested_at: Mapped[datetime]
    outcome: Mapped[str | None] = mapped_column(comment="given, refused; null: waits")
    decided_by: Mapped[str | None] = mapped_column(comment="actor")
    decided_at: Mapped[datetime | None]
    by_only_admin: Mapped[bool] = mapped_column(
        Boolean, comment="the hub had one administrator, who gave it alone"
    )

    __table_args__ = (
        CheckConstraint("outcome IN ('given', 'refused')", name="outcome"),
        CheckConstraint(
            "(outcome IS NULL) = (decided_by IS NULL) AND (outcome IS NULL) = (decided_at IS NULL)",
            name="decided",
        ),
        # Two people: the database keeps it too.
        CheckConstraint(
            "outcome IS NULL OR outcome <> 'given' OR decided_by <> requested_by OR by_only_admin",
            name="two_people",
        ),
        Index(
            "uq_role_grants_waiting",
            "officer_id",
            unique=True,
            sqlite_where=sql("outcome IS NULL"),
            postgresql_where=sql("outcome IS NULL"),
        ),
    )


class Session(Row):
    """A signed-in browser. Only the hash of the cookie is stored."""

    __tablename__ = "sessions"

    token_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    officer_id: Mapped[str] = mapped_column(ForeignKey("officers.officer_id"), index=True)
    csrf_token: Mapped[str]
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class SignInStep(Row):
    """A browser that passed the first step of signing in and owes the second. It opens nothing."""

    __tablename__ = "sign_in_steps"

    token_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    officer_id: Mapped[str] = mapped_column(ForeignKey("officers.officer_id"), index=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class UsedState(Row):
    """A `state` of a sign-in elsewhere that has come back: it counts once."""

    __tablename__ = "used_states"

    state_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    used_at: Mapped[datetime] = mapped_column(index=True)


class SignInAttempt(Row):
    """A failed sign-in or second step; enough of them in a window lock the name, or person, for a while."""

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
