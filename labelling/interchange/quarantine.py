"""What could not be imported, and why: a stable code and a place, never the text."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from labelling.interchange.whole_files import whole_file
from model.errors import BadInput, BadRecord


class Reason(StrEnum):
    """Why an entry was quarantined. Codes are never reused; docs/interchange.md explains each.

    A text that cannot be used has the code of its fault: not_text, text_empty, text_too_long.
    """

    NOT_JSON = "not_json"
    NOT_CSV = "not_csv"
    TOO_DEEP = "too_deep"
    ROW_TOO_LARGE = "row_too_large"
    WRONG_SHAPE = "wrong_shape"
    BAD_VALUE = "bad_value"
    BAD_OFFSET = "bad_offset"
    AMBIGUOUS_OFFSET = "ambiguous_offset"
    UNKNOWN_LABEL = "unknown_label"
    UNKNOWN_CONTROL = "unknown_control"
    LABELS_CONTRADICT = "labels_contradict"
    ANSWER_UNCLEAR = "answer_unclear"
    DRAFT = "draft"
    TEXT_DIFFERS = "text_differs"
    METADATA_DIFFERS = "metadata_differs"
    DUPLICATE_LABEL = "duplicate_label"
    NO_ITEM = "no_item"


@dataclass(frozen=True, slots=True)
class Quarantined:
    """One entry that was not imported.

    `row` counts from 1: a line, or an element of the file's list. `member` is the number of the file within
    an archive or folder. `part` says which of several answers in the row it is.
    """

    row: int
    reason: str
    message: str
    member: int | None = None
    part: str | None = None

    def as_json(self) -> str:
        """The entry as one JSON line, without the newline."""
        values = {name: getattr(self, name) for name in ("member", "row", "part", "reason", "message")}
        return json.dumps({name: value for name, value in values.items() if value is not None})


def refused(reason: Reason, message: str) -> BadRecord:
    """The fault to raise for an entry that is quarantined for this reason."""
    return BadRecord(message, field=None, members={"reason": reason.value})


def quarantined(
    fault: BadInput, row: int, *, member: int | None = None, part: str | None = None
) -> Quarantined:
    """The entry that a fault stands for, with its reason: the one it was raised with, else its own code."""
    code = Reason.BAD_VALUE.value if type(fault) is BadRecord else fault.code
    return Quarantined(row, str(fault.members.get("reason", code)), fault.message, member, part)


def quarantine_path(out: Path) -> Path:
    """Where what was not imported stands: beside the output."""
    return out.with_name(f"{out.name}.quarantine.jsonl")


def write_quarantine(entries: Iterable[Quarantined], path: Path) -> int:
    """Writes the entries, one a line, and returns how many there were. Raises: BadFile."""
    count = 0
    with whole_file(path) as file:
        for entry in entries:
            file.write(entry.as_json().encode() + b"\n")
            count += 1
    return count
