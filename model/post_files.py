"""Posts out of files: one row for every row in, in order, whatever is wrong with it.

By suffix: `.jsonl`, `.ndjson` and `.json` are one JSON object a line with `text` and perhaps `id`; `.csv`
and `.parquet` have a column `text` and perhaps `id`. Standard input (`-`) and every other name are lines:
JSON if the first line that is not blank starts like a JSON object (`{` and `"`), else plain text, one post a
line. (Not "if it parses": one broken row would turn all the others into posts.) A blank line is a row in
plain text (an empty one), and no row in JSON lines and CSV.
"""

from __future__ import annotations

import csv
import json
import os
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

from model.errors import BadFile, BadInput, BadRecord, NotText, TextTooLong
from model.normalise import check_text

_OBJECT_START = re.compile(rb'\s*\{\s*"')

MAX_LINE_BYTES = 1024 * 1024
"""Longest line read; the rest of a longer one is dropped. 10,000 characters need 120 kB in JSON at most."""

MAX_ID_CHARACTERS = 200

_JSON_SUFFIXES = (".jsonl", ".ndjson", ".json")
_ROWS_PER_READ = 1024
_BOM = b"\xef\xbb\xbf"
_NOT_LINES = (
    b"PAR1",
    b"PK\x03\x04",
    b"\x1f\x8b",
    b"BZh",
    b"\xfd7zXZ",
    b"\x28\xb5\x2f\xfd",
    b"\xff\xfe",
    b"\xfe\xff",
)
"""How Parquet, zip, gzip, bzip2, xz, zstd and UTF-16 files begin: none of them is lines of UTF-8."""


@dataclass(frozen=True, slots=True)
class PostRow:
    """One row of an input file: a text that can be scored, or the fault that stands in its place."""

    id: str | int
    text: str
    fault: BadInput | None = None


def read_posts(files: Sequence[str]) -> Iterator[PostRow]:
    """The rows of all files, in order. A row without an id is called `<file>:<line number>`.

    Raises: BadFile if a file is missing or is not of the format that its name says. All files are
        looked for before the first row is read.
    """
    for name in files:
        if name != "-" and (not Path(name).exists() or Path(name).is_dir()):
            raise BadFile(f"{_printable(name)}: no such file", field="files")
    seen: Counter[str] = Counter()
    for name in files:
        # "stdin", because an id that starts with - is a formula to a spreadsheet.
        label = "stdin" if name == "-" else _printable(name)
        seen[label] += 1
        label += f"#{seen[label]}" if seen[label] > 1 else ""
        if name == "-":
            yield from _sniffed_rows(_numbered(sys.stdin.buffer, label), label)
        elif Path(name).suffix.lower() == ".parquet":
            yield from _read_parquet(name, label)
        else:
            yield from _read_lines(Path(name), label)


def _read_lines(path: Path, label: str) -> Iterator[PostRow]:
    try:
        file = path.open("rb")
    except OSError as error:
        raise BadFile(f"{label}: cannot be opened ({error.strerror})", field="files") from None
    with file:
        lines = _numbered(file, label)
        suffix = path.suffix.lower()
        if suffix == ".csv":
            yield from _csv_rows(lines, label)
        elif suffix in _JSON_SUFFIXES:
            yield from _json_rows(lines, label)
        else:
            yield from _sniffed_rows(lines, label)


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    data: bytes
    cut: bool


def _numbered(file: BinaryIO, label: str) -> Iterator[_Line]:
    """The lines of a file without their ends; only a line feed ends one. Memory stays flat."""
    number = 0
    while data := file.readline(MAX_LINE_BYTES):
        number += 1
        if number == 1:
            if data.startswith(_NOT_LINES):
                raise BadFile(f"{label}: is not lines of UTF-8 text", field="files")
            data = data.removeprefix(_BOM)
        ended = data.endswith(b"\n")
        cut = False
        rest = data
        while not ended and (rest := file.readline(MAX_LINE_BYTES)):
            cut, ended = True, rest.endswith(b"\n")
        yield _Line(number, data.removesuffix(b"\n").removesuffix(b"\r"), cut)


def _sniffed_rows(lines: Iterator[_Line], label: str) -> Iterator[PostRow]:
    """JSON lines or plain text, by the first line that is not blank."""
    blank = 0
    for line in lines:
        if line.data.strip():
            everything = chain(_blank_lines(blank), [line], lines)
            yield from (_json_rows if _OBJECT_START.match(line.data) else _text_rows)(everything, label)
            return
        blank += 1
    yield from _text_rows(_blank_lines(blank), label)


def _blank_lines(count: int) -> Iterator[_Line]:
    return (_Line(number, b"", cut=False) for number in range(1, count + 1))


def _text_rows(lines: Iterator[_Line], label: str) -> Iterator[PostRow]:
    for line in lines:
        row_id = f"{label}:{line.number}"
        try:
            yield PostRow(row_id, check_text(_decoded(line)))
        except BadInput as fault:
            yield PostRow(row_id, "", fault)


def _json_rows(lines: Iterator[_Line], label: str) -> Iterator[PostRow]:
    for line in lines:
        if not line.data.strip() and not line.cut:
            continue
        row_id = f"{label}:{line.number}"
        try:
            row = _json_object(line)
        except BadInput as fault:
            yield PostRow(row_id, "", fault)
            continue
        yield _row(row.get("id"), row.get("text", _MISSING), row_id)


def _json_object(line: _Line) -> dict[str, Any]:
    text = _decoded(line)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        # ValueError: not JSON, or a number of more digits than Python reads. RecursionError: too deep.
        raise BadRecord(f"line {line.number}: not JSON", field="line") from None
    if not isinstance(value, dict):
        raise BadRecord(f"line {line.number}: not a JSON object", field="line")
    return value


def _decoded(line: _Line) -> str:
    if line.cut:
        raise TextTooLong(f"line {line.number}: at most {MAX_LINE_BYTES} bytes", field="line")
    try:
        return line.data.decode("utf-8")
    except UnicodeDecodeError:
        raise NotText(f"line {line.number}: not UTF-8", field="line") from None


def _csv_rows(lines: Iterator[_Line], label: str) -> Iterator[PostRow]:
    # Bytes that are no UTF-8 become lone surrogates, which check_text refuses row by row. A cut line is
    # longer than two columns at the csv module's limit of 131,072 characters, so it never passes for whole.
    reader = csv.reader(line.data.decode("utf-8", "surrogateescape") + "\n" for line in lines)
    try:
        header = next(reader, None)
    except csv.Error:
        raise BadFile(f"{label}: the header is not CSV", field="files") from None
    if header is None:
        return
    names = [name.strip() for name in header]
    if "text" not in names:
        raise BadFile(f"{label}: the header has no column text", field="files")
    text_at, id_at = names.index("text"), names.index("id") if "id" in names else None
    while True:
        row_id = f"{label}:{reader.line_num + 1}"
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield PostRow(row_id, "", BadRecord(f"line {reader.line_num}: not CSV", field="line"))
            continue
        if not cells:
            continue
        if len(cells) != len(names):
            fault = BadRecord(f"line {reader.line_num}: {len(names)} columns wanted", field="line")
            yield PostRow(row_id, "", fault)
            continue
        yield _row(None if id_at is None else cells[id_at] or None, cells[text_at], row_id)


def _read_parquet(name: str, label: str) -> Iterator[PostRow]:
    import pyarrow
    from pyarrow import parquet

    number = 0
    try:
        # Streamed: without buffer_size a whole row group of texts stands in memory.
        with parquet.ParquetFile(name, buffer_size=1024 * 1024, pre_buffer=False) as file:
            names = file.schema_arrow.names
            if "text" not in names:
                raise BadFile(f"{label}: has no column text", field="files")
            columns = [column for column in ("id", "text") if column in names]
            for batch in file.iter_batches(_ROWS_PER_READ, columns=columns, use_threads=False):
                texts = _plain_values(batch.column("text"))
                ids = _plain_values(batch.column("id")) if "id" in names else [None] * len(texts)
                for raw_id, text in zip(ids, texts, strict=True):
                    number += 1
                    yield _row(raw_id, text, f"{label}:{number}")
    except (pyarrow.ArrowException, OSError):
        raise BadFile(f"{label}: cannot be read as Parquet", field="files") from None


def _plain_values(column: Any) -> list[Any]:
    """The values of an Arrow column; strings by way of bytes, so that one bad one does not spoil the rest."""
    import pyarrow

    if pyarrow.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pyarrow.types.is_large_string(column.type):
        column = column.cast(pyarrow.large_binary())
    elif pyarrow.types.is_string(column.type):
        column = column.cast(pyarrow.binary())
    values = column.to_pylist()
    return [
        value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value for value in values
    ]


_MISSING = object()


def _row(raw_id: object, text: object, row_id: str) -> PostRow:
    """The row, under its own id if that is usable and under `row_id` if it has none."""
    try:
        post_id = row_id if raw_id is None else _checked_id(raw_id)
    except BadInput as fault:
        return PostRow(row_id, "", fault)
    if text is _MISSING:
        return PostRow(post_id, "", BadRecord("text: missing", field="text"))
    try:
        return PostRow(post_id, check_text(text))
    except BadInput as fault:
        return PostRow(post_id, "", fault)


def _checked_id(raw_id: object) -> str | int:
    """An id that every output format can hold; a whole number stays one, so that it can be joined on."""
    if isinstance(raw_id, int) and not isinstance(raw_id, bool) and abs(raw_id) < 10**MAX_ID_CHARACTERS:
        return raw_id
    if not isinstance(raw_id, str) or not 0 < len(raw_id) <= MAX_ID_CHARACTERS:
        raise BadRecord(f"id: must be a string of 1 to {MAX_ID_CHARACTERS} characters", field="id")
    if "\0" in raw_id or any("\ud800" <= character <= "\udfff" for character in raw_id):
        raise BadRecord("id: has a NUL or a lone surrogate", field="id")
    return raw_id


def _printable(name: str) -> str:
    """A file name that can be written as UTF-8, whatever bytes it has."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")
