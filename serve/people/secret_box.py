"""What the hub must be able to read again and nobody else: sealed with a key that is not in the database.

The key is the setting `secret_key`, else the file `secret.key` in the hub's folder, made at the first start.
Source: the Fernet specification, https://github.com/fernet/spec
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Final

from cryptography.fernet import Fernet, InvalidToken

from model.errors import BadConfig, SecretUnreadable
from serve.settings import Settings

KEY_FILE: Final = "secret.key"
OTHERS_BITS: Final = 0o077


class SecretBox:
    """Seals short texts for one owner each: what is sealed for one person does not open for another."""

    def __init__(self, key: str) -> None:
        """Raises: BadConfig for anything but 32 bytes in URL-safe base64."""
        try:
            self._fernet = Fernet(key)
        except ValueError:
            raise BadConfig("secret_key: 32 random bytes in URL-safe base64", field="secret_key") from None

    def seal(self, words: str, *, owner: str) -> bytes:
        """The sealed text, to be stored."""
        return self._fernet.encrypt(f"{owner} {words}".encode())

    def unseal(self, sealed: bytes, *, owner: str, seconds: int | None = None) -> str:
        """The text again.

        Raises: SecretUnreadable: another key, another owner, altered, or older than `seconds`.
        """
        try:
            found, _, words = self._fernet.decrypt(sealed, ttl=seconds).decode().partition(" ")
        except InvalidToken:
            found, words = "", ""
        if not secrets.compare_digest(found.encode(), owner.encode()):
            raise SecretUnreadable("A secret does not open with the hub's present secret key.")
        return words


def open_secret_box(settings: Settings) -> SecretBox:
    """The box of this hub; its key file is made, for our own account alone, where there is no key yet.

    Raises: BadConfig for an unusable key, or a key file that others can read.
    """
    if settings.secret_key is not None:
        return SecretBox(settings.secret_key.get_secret_value())
    file = settings.home / KEY_FILE
    try:
        if not file.exists():
            _make(file)
        if file.stat().st_mode & OTHERS_BITS:
            raise BadConfig(f"{file}: must be for the hub's own account alone (chmod 600)")
        return SecretBox(file.read_text("ascii").strip())
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not a key"
        raise BadConfig(f"{file}: cannot be used ({why})") from None


def _make(file: Path) -> None:
    """Writes a new key under another name first: a second process must never read half of it."""
    draft = file.with_name(f".{KEY_FILE}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(Fernet.generate_key())
        out.flush()
        os.fsync(out.fileno())
    try:
        os.link(draft, file)
    except FileExistsError:
        pass  # another process was first, and its key is as good
    finally:
        draft.unlink()
