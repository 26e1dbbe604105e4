"""What a search asks for: words and facts, as typed into a form or kept in a saved filter. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from datetime import date
from typing import Any, Final

from model.errors import BadInput
from model.taxonomy import SEVERITIES
from serve.cases.finding.words import Words, read_words
from serve.cases.ordering import QUEUES, DueClass
from serve.cases.viewing import FILTERS
from serve.field_text import field_text

DUE_CLASSES: Final[tuple[str, ...]] = DueClass.__args__  # type: ignore[attr-defined]  # typing does not say so of Literal
LONGEST: Final = {"platform": 100, "author": 200, "url": 2000, "outcome": 64}
EARLIEST: Final = date(1970, 1, 1)
LATEST: Final = date(2999, 12, 31)
_REFERENCE = re.compile(r"[0-9A-HJKMNP-TV-Z]{4,26}")
"""Letters of an id; four are enough to tell cases apart by eye."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Criteria:
    """What cases are looked for by; None: by anything. All that are given must hold.

    `outcome` and `severity` are those of the decision that stands. `author`, `platform` and `url`, the
    address that a post came with, are exact.
    `received_from` and `received_to` are days of the United Kingdom, both within. `reference` is the end of a
    case's id, or all of it.
    """

    q: str | None = None
    state: str | None = None
    queue: str | None = None
    outcome: str | None = None
    severity: int | None = None
    platform: str | None = None
    author: str | None = None
    url: str | None = None
    received_from: date | None = None
    received_to: date | None = None
    due_class: str | None = None
    reference: str | None = None

    @property
    def words(self) -> Words | None:
        """The words to look for, if any."""
        return None if self.q is None else read_words(self.q)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is asked for."""
        return all(getattr(self, one.name) is None for one in fields(self))

    def as_typed(self) -> dict[str, str]:
        """What is given, as the form has it: the other way round of `read_criteria`."""
        given = ((one.name, getattr(self, one.name)) for one in fields(self))
        return {name: str(value) for name, value in given if value is not None}


def read_criteria(typed: Mapping[str, str], *, outcomes: Collection[str] | None = None) -> Criteria:
    """The criteria of a form. Blank fields ask for nothing; names that are none of ours are passed over.

    `outcomes`: those that may be asked for; None: any code.

    Raises: BadInput naming the first field that cannot be read.
    """
    given = {name: value.strip() for name, value in typed.items() if value.strip()}
    read: dict[str, Any] = {}
    for name, reader in _READERS.items():
        if name in given:
            read[name] = reader(name, given[name])
    if outcomes is not None and read.get("outcome") not in (None, *outcomes):
        raise BadInput("outcome: one of the list", field="outcome")
    since, until = read.get("received_from"), read.get("received_to")
    if since is not None and until is not None and until < since:
        raise BadInput("received_to: not before the first day", field="received_to")
    return Criteria(**read)


def _words(name: str, value: str) -> str:
    read_words(value, field=name)
    return value


def _one_of(known: Collection[str]) -> Any:
    def read(name: str, value: str) -> str:
        if value not in known:
            raise BadInput(f"{name}: one of the list", field=name)
        return value

    return read


def _text(name: str, value: str) -> str:
    return field_text(value, field=name, longest=LONGEST[name])


def _severity(name: str, value: str) -> int:
    if value not in {str(one) for one in SEVERITIES}:
        raise BadInput(f"{name}: {SEVERITIES[0]} to {SEVERITIES[-1]}", field=name)
    return int(value)


def _day(name: str, value: str) -> date:
    try:
        day = date.fromisoformat(value)
    except ValueError:
        raise BadInput(f"{name}: a day, such as 2026-11-21", field=name) from None
    if not EARLIEST <= day <= LATEST:
        raise BadInput(f"{name}: between {EARLIEST.year} and {LATEST.year}", field=name)
    return day


def _reference(name: str, value: str) -> str:
    letters = "".join(value.split()).upper()
    if not _REFERENCE.fullmatch(letters):
        raise BadInput(f"{name}: at least four letters and digits of a case's reference", field=name)
    return letters


_READERS: Final[Mapping[str, Any]] = {
    "q": _words,
    "state": _one_of(FILTERS),
    "queue": _one_of(QUEUES),
    "outcome": _text,
    "severity": _severity,
    "platform": _text,
    "author": _text,
    "url": _text,
    "received_from": _day,
    "received_to": _day,
    "due_class": _one_of(DUE_CLASSES),
    "reference": _reference,
}
