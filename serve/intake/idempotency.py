"""A repeated request with the same Idempotency-Key gets the first answer again, and stores nothing twice.

The key is a row with the answer in it, written first in the transaction that stores the posts: either
both are there or neither is. The primary key (API key, idempotency key) decides between two at one time.
Source: PROMISES.md section 0, finding 6.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from model.errors import BadInput, KeyInUse, KeyReused
from serve.storage.tables import IdempotencyKey

HEADER = "Idempotency-Key"
MAX_KEY_CHARACTERS = 255


@dataclass(frozen=True, slots=True)
class Repeatable:
    """What makes two requests the same: who asks, under which key, with which bytes."""

    key_id: str
    idempotency_key: str
    body_sha256: str


def check_key(value: str) -> str:
    """The header's value, if it is 1 to 255 printable ASCII characters.

    Raises: BadInput.
    """
    if not 1 <= len(value) <= MAX_KEY_CHARACTERS or not all(" " <= letter <= "~" for letter in value):
        raise BadInput(f"{HEADER}: 1 to {MAX_KEY_CHARACTERS} printable ASCII characters", field=HEADER)
    return value


def answer_again(session: Session, request: Repeatable) -> dict[str, Any] | None:
    """The answer that this request got before; None if it is new.

    Raises: KeyReused if the key came with other bytes.
    """
    row = session.execute(
        select(IdempotencyKey.body_sha256, IdempotencyKey.answer).where(
            IdempotencyKey.key_id == request.key_id,
            IdempotencyKey.idempotency_key == request.idempotency_key,
        )
    ).first()
    if row is None:
        return None
    if row.body_sha256 != request.body_sha256:
        raise KeyReused(f"{HEADER}: was used before with another body", field=HEADER)
    answer: dict[str, Any] = row.answer
    return answer


def keep_answer(
    session: Session, request: Repeatable, *, status: int, answer: dict[str, Any], now: datetime
) -> dict[str, Any] | None:
    """None once the answer is kept for this request; the other's answer if another one came first.

    PostgreSQL makes the second of two wait here until the first has committed or rolled back; SQLite
    has let only one of them begin to write.

    Raises: KeyReused; KeyInUse if the other one has vanished again, so that only a retry can tell.
    """
    row = IdempotencyKey(
        key_id=request.key_id,
        idempotency_key=request.idempotency_key,
        body_sha256=request.body_sha256,
        status=status,
        answer=answer,
        created_at=now,
    )
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:
        kept = answer_again(session, request)
        if kept is None:
            raise KeyInUse(f"{HEADER}: another request with it is running; try again", field=HEADER) from None
        return kept
    return None


def prune(session: Session, *, now: datetime, days: float) -> None:
    """Forgets answers older than `days`: one range of the index on `created_at`."""
    session.execute(delete(IdempotencyKey).where(IdempotencyKey.created_at < now - timedelta(days=days)))
