"""CSV of files that nobody trusts, row by row, and cells that no spreadsheet runs."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import BinaryIO, Final, Protocol

from labelling.interchange.json_rows import Row
from labelling.interchange.quarantine import Reason, refused
from model.errors import BadFile, BadInput

MAX_FIELD_CHARACTERS: Final = 1_000_000
MAX_COLUMNS: Final = 1_000

FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What makes a spreadsheet run a cell. Source: PROMISES.md section 5, item 3."""

_QUOTE = "'"


def safe_cell(value: str) -> str:
    """The cell with a leading ' where a spreadsheet would run it, or where it has one already.

    >>> safe_cell("=1+1"), plain_cell(safe_cell("=1+1")), plain_cell(safe_cell("'quoted'"))
    ("'=1+1", '=1+1', "'quoted'")
    """
    return _QUOTE + value if value.startswith((*FORMULA_STARTS, _QUOTE)) else value


def plain_cell(value: str) -> str:
    """What `safe_cell` was given."""
    return value.removeprefix(_QUOTE)


def csv_rows(file: BinaryIO, *, delimiter: str = ",") -> Iterator[Row]:
    """The rows as objects by the names of the first line; numbered by the line that each begins on.

    Where the file is no CSV any more, that is the last row: nobody can tell where the next would begin.

    Raises: BadFile when there is no header that names every column once.
    """
    # Bytes that are no UTF-8 become lone surrogates, which the text's check refuses row by row.
    text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")
    try:
        yield from _rows(csv.reader(text, strict=True, delimiter=delimiter))
    finally:
        # The caller closes the file.
        text.detach()


class _Reader(Protocol):
    line_num: int

    def __next__(self) -> list[str]: ...


def _rows(reader: _Reader) -> Iterator[Row]:
    header = _names(reader)
    while True:
        number = reader.line_num + 1
        try:
            cells = _next(reader)
        except BadInput as fault:
            yield Row(number, fault=fault)
            return
        if cells is None:
            return
        if not cells:
            continue
        if len(cells) != len(header):
            yield Row(number, fault=refused(Reason.WRONG_SHAPE, f"row: {len(header)} columns wanted"))
            continue
        yield Row(number, dict(zip(header, cells, strict=True)))


def _names(reader: _Reader) -> list[str]:
    try:
        names = _next(reader) or []
    except BadInput:
        names = []
    if not names or len(names) > MAX_COLUMNS or len(set(names)) != len(names):
        raise BadFile(
            "file: its first line does not name every column, each by a name of its own", field="file"
        )
    return names


def _next(reader: _Reader) -> list[str] | None:
    # The limit belongs to the whole process: it is ours only while one row is read.
    before = csv.field_size_limit(MAX_FIELD_CHARACTERS)
    try:
        return next(reader)
    except StopIteration:
        return None
    except (csv.Error, UnicodeError):
        raise refused(Reason.NOT_CSV, "not CSV from here on; the rest was not read") from None
    finally:
        csv.field_size_limit(before)
