"""Passwords: argon2id, a least length, and the same work for a name that nobody has."""

from __future__ import annotations

import secrets
import threading
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from argon2.profiles import RFC_9106_LOW_MEMORY

from model.errors import BadInput
from model.normalise import check_text

MIN_PASSWORD_CHARACTERS: Final = 12
MAX_PASSWORD_CHARACTERS: Final = 128
"""A bound on the work that a stranger can ask for. Source: PROMISES.md section 1.1 (SecureDrop)."""

_HASHER = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)

_VERIFYING = threading.BoundedSemaphore(2)
"""One verification takes 64 MiB: many at once would take the machine's memory."""

_NOBODYS_HASH: Final = (
    "$argon2id$v=19$m=65536,t=3,p=4$KvaHjMjb/GG635K3XgTrEg$qqruNhN/ZURrCO4BZBKr4cXB+NYHBujKXIjy/Sv2r78"
)
"""A well-formed hash that no password is known to match: an unknown name costs what a known one costs."""

NO_PASSWORD: Final = _NOBODYS_HASH
"""What an account has that only signs in elsewhere: nothing matches it, and it takes as long to find out."""


SYLLABLES, WORDS = 2, 4
CONSONANTS, VOWELS = "bdfgklmnprstvz", "aeiou"


def readable_password(words: int = WORDS) -> str:
    """A password of made-up words, 12.3 random bits each: easy to read from a screen, and to type.

    >>> import re
    >>> bool(re.fullmatch(r"([a-z]{4}-){3}[a-z]{4}", readable_password()))
    True
    """
    syllables = (secrets.choice(CONSONANTS) + secrets.choice(VOWELS) for _ in range(SYLLABLES * words))
    return "-".join("".join(next(syllables) for _ in range(SYLLABLES)) for _ in range(words))


def hash_password(password: str) -> str:
    """The argon2id hash to store, with its own salt and parameters.

    Raises: BadInput for fewer than 12 or more than 128 characters, NotText.
    """
    if not MIN_PASSWORD_CHARACTERS <= len(password) <= MAX_PASSWORD_CHARACTERS:
        raise BadInput(
            f"password: {MIN_PASSWORD_CHARACTERS} to {MAX_PASSWORD_CHARACTERS} characters", field="password"
        )
    return _HASHER.hash(check_text(password))


def password_matches(password: str, stored_hash: str | None) -> bool:
    """Whether this is the password; `None` (an unknown name) takes as long and is never right."""
    # "replace": a password with a lone surrogate is a wrong password, not a server error.
    given = password[: MAX_PASSWORD_CHARACTERS + 1].encode("utf-8", "replace")
    with _VERIFYING:
        try:
            _HASHER.verify(stored_hash or _NOBODYS_HASH, given)
        except VerifyMismatchError:
            return False
    return stored_hash not in (None, NO_PASSWORD)
