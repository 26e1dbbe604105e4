"""Scored rows into files: JSONL, CSV or Parquet, whole or not at all."""

from __future__ import annotations

import csv
import io
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from model.errors import BadFile
from model.taxonomy import HEAD_ORDER

COLUMNS = (
    "id",
    *HEAD_ORDER,
    "route",
    "reason",
    "bundle",
    "error",
    "not_scored",
    "language",
    "notes",
    "window_start",
    "window_end",
)
"""The columns of CSV and Parquet. A bad row has only id, bundle and error; a row that was not scored for
its language has no scores, but a route and a reason. Several notes stand with blanks between them; a
window has two columns, because spreadsheets take `12:34` for a time of day."""

_INTEGERS = ("window_start", "window_end")

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What makes a spreadsheet run a cell. Source: PROMISES.md section 5, item 3."""

_ROWS_PER_GROUP = 16_384

OutputRow = Mapping[str, Any]
"""`{"id","scores","route","reason","bundle"}` and, where there are any, `notes` (list of `model.text_notes`)
and `window` ([start, end) of a long text that decided `hate`); for a language that is not read
`{"id","scores": None,"not_scored": "language","language": code,"route","reason","bundle"}`; for a bad row
`{"id","error","message","bundle"}`."""


class RowWriter(Protocol):
    """Takes rows in order; `finish` after the last one, `close` whatever happened."""

    def write(self, rows: Iterable[OutputRow]) -> None:
        """Writes the rows."""

    def finish(self) -> None:
        """Writes what is still held back."""

    def close(self) -> None:
        """Lets go of the file, which the caller closes."""


@contextmanager
def open_output(out: Path | None, further_columns: Sequence[str] = ()) -> Iterator[RowWriter]:
    """A writer to `out` by its suffix, or of JSONL to standard output.

    `further_columns` stand behind `COLUMNS` in CSV and Parquet, each cell JSON text.
    The file appears under its name only when all rows are in it: a run that stops half-way leaves
    what stood there before.

    Raises: BadFile if the file cannot be written.
    """
    if out is None or str(out) == "-":
        yield _JsonlWriter(sys.stdout.buffer)
        return
    target = out.resolve()
    # A device or a pipe (/dev/null, /dev/stdout) must not be replaced by a file.
    in_place = target.exists() and not target.is_file()
    path = target if in_place else target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        file = path.open("wb")
    except OSError as error:
        raise BadFile(f"{out}: cannot be written ({error.strerror})", field="out") from None
    try:
        with file:
            with closing(_writer(file, target.suffix.lower(), tuple(further_columns))) as writer:
                yield writer
                writer.finish()
            file.flush()
            if not in_place:
                os.fsync(file.fileno())
        if not in_place:
            path.replace(target)
    finally:
        if not in_place:
            path.unlink(missing_ok=True)


def _writer(file: BinaryIO, suffix: str, further: tuple[str, ...]) -> RowWriter:
    if suffix == ".csv":
        return _CsvWriter(file, further)
    if suffix == ".parquet":
        return _ParquetWriter(file, further)
    return _JsonlWriter(file)


class _JsonlWriter:
    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, rows: Iterable[OutputRow]) -> None:
        # Escaped to ASCII: ids are submitted text, and no reader then sees control or line characters.
        self._file.write("".join(json.dumps(row) + "\n" for row in rows).encode("ascii"))
        self._file.flush()

    def finish(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """Nothing to let go of."""


class _CsvWriter:
    def __init__(self, file: BinaryIO, further: tuple[str, ...]) -> None:
        self._file = file
        self._further = further
        self._write_cells([COLUMNS + further])

    def write(self, rows: Iterable[OutputRow]) -> None:
        self._write_cells([_harmless(cell) for cell in _cells(row, self._further)] for row in rows)

    def finish(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """Nothing to let go of."""

    def _write_cells(self, rows: Iterable[Iterable[Any]]) -> None:
        text = io.StringIO(newline="")
        csv.writer(text).writerows(rows)
        self._file.write(text.getvalue().encode("utf-8"))


class _ParquetWriter:
    def __init__(self, file: BinaryIO, further: tuple[str, ...]) -> None:
        import pyarrow
        from pyarrow import parquet

        types = dict.fromkeys(HEAD_ORDER, pyarrow.float64()) | dict.fromkeys(_INTEGERS, pyarrow.int64())
        self._further = further
        self._schema = pyarrow.schema(
            [(name, types.get(name, pyarrow.string())) for name in COLUMNS + further]
        )
        self._writer = parquet.ParquetWriter(file, self._schema)
        self._held: list[tuple[Any, ...]] = []

    def write(self, rows: Iterable[OutputRow]) -> None:
        # A column has one type: ids that were numbers are text here.
        self._held.extend(_cells({**row, "id": str(row["id"])}, self._further) for row in rows)
        if len(self._held) >= _ROWS_PER_GROUP:
            self._write_group()

    def finish(self) -> None:
        if self._held:
            self._write_group()

    def close(self) -> None:
        # The footer is written here, also after a failure: the file is thrown away then.
        self._writer.close()

    def _write_group(self) -> None:
        import pyarrow

        columns = list(zip(*self._held, strict=True))
        arrays = [
            pyarrow.array(column, field.type) for column, field in zip(columns, self._schema, strict=True)
        ]
        self._writer.write_table(pyarrow.Table.from_arrays(arrays, schema=self._schema))
        self._held = []


def _cells(row: OutputRow, further: tuple[str, ...]) -> tuple[Any, ...]:
    flat = {**row, **(row.get("scores") or {})}
    flat["notes"] = " ".join(row.get("notes", ())) or None
    flat |= zip(_INTEGERS, row.get("window", (None, None)), strict=True)
    as_json = (None if row.get(name) is None else json.dumps(row[name]) for name in further)
    return (*(flat.get(name) for name in COLUMNS), *as_json)


def _harmless(cell: Any) -> Any:
    """The cell, with a leading ' if a spreadsheet would run it as a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA_STARTS) else cell
