"""Six digits from an authenticator app: a shared secret, a code's counter, and the address that apps read.

Source: RFC 6238 (TOTP), with its defaults: SHA-1, 6 digits, 30 seconds.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

import pyotp
from pyotp.exceptions import OTPVerificationError

ISSUER: Final = "Watchhouse"
STEPS_OF_DRIFT: Final = 1
"""A code of the 30 seconds before or after counts: clocks differ, and typing takes time (RFC 6238, 5.2)."""

LONGEST_CODE: Final = 16


def new_secret() -> str:
    """160 random bits in base32, as apps take them."""
    return pyotp.random_base32()


def app_address(secret: str, name: str) -> str:
    """The `otpauth://` address for a QR code; `name` tells accounts apart in the app."""
    return pyotp.TOTP(secret, name=name, issuer=ISSUER).provisioning_uri()


def counter_of(secret: str, code: str, at: datetime) -> int | None:
    """The counter (30 s each since 1970) that the code belongs to, if it is one of now; else None.

    >>> from datetime import UTC
    >>> noon = datetime(2026, 11, 22, 12, tzinfo=UTC)
    >>> secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
    >>> counter_of(secret, pyotp.TOTP(secret).at(noon), noon) == noon.timestamp() // 30
    True
    """
    digits = "".join(code.split())
    if not (digits.isascii() and digits.isdigit() and len(digits) <= LONGEST_CODE):
        return None
    try:
        return pyotp.TOTP(secret).verify_and_get_timecode(digits, for_time=at, valid_window=STEPS_OF_DRIFT)
    except OTPVerificationError:
        return None


def spaced(secret: str) -> str:
    """The secret in groups of four, for somebody who types it.

    >>> spaced("JBSWY3DPEH")
    'JBSW Y3DP EH'
    """
    return " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))
