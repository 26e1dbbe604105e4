"""Where tasks come from: decided cases, or a JSONL or CSV file. A bad row is reported, never dropped."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from model.errors import BadInput
from model.normalise import check_text
from serve.storage.tables import Case, CasePost, Post

MAX_ID_CHARACTERS: Final = 200
"""Longest id of a row: the longest that `model/records.py` takes."""

MAX_CSV_FIELD_CHARACTERS: Final = 1_000_000
"""Longest field that the CSV reader passes on; a longer one ends the file with a bad row."""


@dataclass(frozen=True, slots=True)
class TaskRow:
    """A text to be labelled, exactly as it was published."""

    external_id: str | None
    text: str
    sample_reason: str = "all"
    """Why it was chosen; `all`: nobody chose, the whole source was taken."""
    inclusion_probability: float | None = None
    severity_expected: int = 1
    place: int = 0
    about: dict[str, Any] | None = None
    """What else its source said of it, where it came with labels."""


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot become a task: where it starts, a stable code, and why in words."""

    line: int
    code: str
    reason: str


def rows_from_cases(session: Session) -> Iterator[TaskRow]:
    """The posts of all cases on which a decision stands, oldest first; `external_id` is our post id."""
    query = (
        select(Post.post_id, Post.text)
        .join(CasePost, CasePost.post_id == Post.post_id)
        .join(Case, Case.case_id == CasePost.case_id)
        .where(Case.decided_at.is_not(None))
        .order_by(Post.post_id)
    )
    for post_id, text in session.execute(query):
        yield TaskRow(post_id, text)


def rows_from_file(path: Path) -> Iterator[TaskRow | BadRow]:
    """The rows of a .jsonl or .csv file with `text` and, if there is one, `id`; in order.

    Raises: BadInput when the file cannot be opened, is of another kind, or has no `text` column.
    """
    readers = {".jsonl": _jsonl, ".csv": _csv}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise BadInput(f"source: {path.name}: a .jsonl or .csv file, or the word cases", field="source")
    if not path.is_file():
        raise BadInput(f"source: {path.name}: there is no such file", field="source")
    for line, raw in reader(path):
        yield raw if isinstance(raw, BadRow) else _row(line, raw)


def _row(line: int, raw: dict[str, Any]) -> TaskRow | BadRow:
    try:
        text = check_text(raw.get("text"))
    except BadInput as fault:
        return BadRow(line, fault.code, fault.message)
    external_id = raw.get("id")
    if external_id is None or external_id == "":
        return TaskRow(None, text)
    try:
        external_id = check_text(str(external_id) if type(external_id) is int else external_id)
    except BadInput:
        return BadRow(line, "bad_record", "id: neither text nor a whole number")
    if len(external_id) > MAX_ID_CHARACTERS:
        return BadRow(line, "bad_record", f"id: longer than {MAX_ID_CHARACTERS} characters")
    return TaskRow(external_id, text)


def _jsonl(path: Path) -> Iterator[tuple[int, dict[str, Any] | BadRow]]:
    # Bytes that are not UTF-8 become lone surrogates, which check_text refuses: one bad row, not a dead run.
    # newline="\n": a carriage return inside a line must not shift the numbers.
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="\n") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                raw = json.loads(line)
            except (ValueError, RecursionError):
                yield number, BadRow(number, "bad_record", "not JSON")
                continue
            if isinstance(raw, dict):
                yield number, raw
            else:
                yield number, BadRow(number, "bad_record", "not a JSON object")


def _csv(path: Path) -> Iterator[tuple[int, dict[str, Any] | BadRow]]:
    # The limit belongs to the whole process: it is put back, since `watchhouse score` counts on its own.
    before = csv.field_size_limit(MAX_CSV_FIELD_CHARACTERS)  # a text over our own limit is then one bad row
    try:
        yield from _csv_rows(path)
    finally:
        csv.field_size_limit(before)


def _csv_rows(path: Path) -> Iterator[tuple[int, dict[str, Any] | BadRow]]:
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        reader = csv.reader(file, strict=True)
        names: list[str] | None = None
        while True:
            line = reader.line_num + 1
            try:
                fields = next(reader, None)
            except csv.Error:
                # The reader cannot tell where the next row starts: say so and stop, rather than guess.
                yield line, BadRow(line, "bad_record", "not CSV from here on; the rest was not read")
                return
            if fields is None:
                break
            if not fields:
                continue
            if names is None:
                names = _columns(fields, path)
            elif len(fields) > len(names):
                yield line, BadRow(line, "bad_record", "more fields than the first line names")
            else:
                yield line, dict(zip(names, fields, strict=False))
        if names is None:
            _columns([], path)


def _columns(names: list[str], path: Path) -> list[str]:
    if "text" not in names:
        raise BadInput(f"source: {path.name}: the first line has no column named text", field="source")
    return names
