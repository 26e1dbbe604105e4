"""One request to an endpoint, asked again with growing pauses while it is busy or out of reach."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

import httpx

from model.errors import BadRecord, Unavailable
from training.targets.target_settings import Asking

MOST_BYTES: Final = 16 * 1024 * 1024
"""Largest answer that is read: a thousand posts with all their scores take less than a tenth of it."""


@dataclass(frozen=True)
class Address:
    """Where requests go, and what lets them in. `shown` holds no credentials; the rest is never printed."""

    shown: str
    params: Mapping[str, str] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


class Transport:
    """Posts JSON to one address; safe to use from several threads."""

    def __init__(self, address: Address, asking: Asking, sleep: Callable[[float], None] = time.sleep) -> None:
        self.address = address
        self._asking = asking
        self._sleep = sleep
        # httpx logs every URL, and Perspective's key is part of it.
        logging.getLogger("httpx").setLevel(logging.WARNING)

    def opened(self) -> httpx.Client:
        """A client to be used in a `with` block; it follows no redirect: the key stays with the address."""
        return httpx.Client(timeout=self._asking.timeout_seconds, follow_redirects=False)

    def post(self, client: httpx.Client, body: Mapping[str, Any]) -> httpx.Response:
        """The first answer that is neither "too many requests" nor a failure of the server.

        Raises: Unavailable after the last attempt, or when the server asks for too long a wait; BadRecord
            for an answer of more than MOST_BYTES.
        """
        where = self.address
        why = ""
        pause = 0.0
        for attempt in range(self._asking.attempts):
            if attempt:
                self._sleep(pause)
            pause = self._asking.first_wait_seconds * 2**attempt
            try:
                response = self._sent(client, body)
            except httpx.RequestError as error:
                why = type(error).__name__
                continue
            if response.status_code != httpx.codes.TOO_MANY_REQUESTS and not response.is_server_error:
                return response
            why = f"status {response.status_code}"
            pause = max(pause, _asked_wait(response))
            if pause > self._asking.longest_wait_seconds:
                why += f", and it asks for a wait of {pause:.0f} s"
                break
        # Raised here, not in the handler: httpx's errors carry the request, and the request the key.
        raise Unavailable(f"{where.shown}: no answer ({why}) in {attempt + 1} attempts", field="target")

    def _sent(self, client: httpx.Client, body: Mapping[str, Any]) -> httpx.Response:
        """The answer with its status, body and wait, read no further than MOST_BYTES."""
        where, held = self.address, bytearray()
        with client.stream(
            "POST", where.shown, params=where.params, headers=where.headers, json=body
        ) as response:
            for part in response.iter_bytes():
                held += part
                if len(held) > MOST_BYTES:
                    raise BadRecord(f"answer: body: larger than {MOST_BYTES:,} bytes", field="body")
        kept = {name: value for name, value in response.headers.items() if name == "retry-after"}
        return httpx.Response(response.status_code, headers=kept, content=bytes(held))


def _asked_wait(response: httpx.Response) -> float:
    """Seconds that the server asks to wait; 0 if it does not say. Source: RFC 9110 section 10.2.3."""
    said = response.headers.get("retry-after", "").strip()
    if said.isascii() and said.isdigit():
        return float(said)
    try:
        at = parsedate_to_datetime(said)
    except (ValueError, OverflowError):
        return 0.0
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (at - datetime.now(UTC)).total_seconds())
