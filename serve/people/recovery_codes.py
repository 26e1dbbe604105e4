"""Ten codes to write down: each stands in for the authenticator app once, when it is lost.

Source: OWASP ASVS 5.0, V6.5.1 and V6.5.2 (used once; at 112 bits or more a plain hash is enough).
"""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Final

from sqlalchemy import delete, func, select, update
from sqlalchemy.engine import CursorResult
from sqlalchemy.orm import Session

from model.configuration import sha256_of
from serve.storage.tables import RecoveryCode

CODES: Final = 10
ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Without I, L, O and U, which are misread. Source: Crockford's base32, https://www.crockford.com/base32.html"""

GROUPS, LETTERS = 5, 5
"""25 letters of 5 bits: 125 random bits."""

_MISREAD: Final = str.maketrans({"I": "1", "L": "1", "O": "0", "-": None, " ": None})


def make_codes(session: Session, *, officer_id: str, at: datetime) -> list[str]:
    """Ten new codes as they are shown, this once; those from before are gone."""
    session.execute(delete(RecoveryCode).where(RecoveryCode.officer_id == officer_id))
    codes = [_new_code() for _ in range(CODES)]
    session.add_all(
        RecoveryCode(code_sha256=_hash(code), officer_id=officer_id, created_at=at) for code in codes
    )
    return codes


def forget_codes(session: Session, *, officer_id: str) -> None:
    """Takes all codes of a person away."""
    session.execute(delete(RecoveryCode).where(RecoveryCode.officer_id == officer_id))


def use_code(session: Session, *, officer_id: str, code: str, at: datetime) -> bool:
    """Whether this is a code of this person that was never used; from now on it was.

    Small letters, spaces, hyphens, and O, I and L for 0 and 1 do not matter.
    """
    used = session.execute(
        update(RecoveryCode)
        .where(
            RecoveryCode.code_sha256 == _hash(code),
            RecoveryCode.officer_id == officer_id,
            RecoveryCode.used_at.is_(None),
        )
        .values(used_at=at)
    )
    return isinstance(used, CursorResult) and used.rowcount == 1


def codes_left(session: Session, officer_id: str) -> int:
    """How many codes this person has not used."""
    unused = select(func.count()).where(RecoveryCode.officer_id == officer_id, RecoveryCode.used_at.is_(None))
    return session.scalar(unused) or 0


def _new_code() -> str:
    letters = [secrets.choice(ALPHABET) for _ in range(GROUPS * LETTERS)]
    return "-".join("".join(letters[start : start + LETTERS]) for start in range(0, len(letters), LETTERS))


def _hash(code: str) -> str:
    plain = code[:100].upper().translate(_MISREAD)
    return sha256_of("".join(plain.split()).encode("utf-8", "replace"))
