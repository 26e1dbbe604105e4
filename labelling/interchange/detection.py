"""Which format a file is of, by what stands in it; its name says little."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Final

from labelling.interchange import long_csv
from labelling.interchange.json_rows import Row, elements, json_lines
from labelling.interchange.published.folder import kind_of
from labelling.interchange.published.parquet import column_names
from model.errors import BadFile

_PEEK_BYTES: Final = 64 * 1024
_LOOKED_AT: Final = 20
"""Rows that are looked at: the first ones may be broken, or have no label yet."""

_ZIP, _PARQUET = b"PK\x03\x04", b"PAR1"
_BOM = b"\xef\xbb\xbf"
_DOCCANO_KEYS: Final = ("entities", "cats", "label", "labels", "relations")
_TASK_KEYS: Final = ("annotations", "predictions", "drafts", "completions", "file_upload", "is_labeled")


def detect_format(path: Path) -> str:
    """The name of the format of a file or folder, as `import_labels` takes it.

    Raises: BadFile when it is of none, or cannot be opened.
    """
    if path.is_dir():
        return "huggingface"
    try:
        with path.open("rb") as file:
            found = _of_file(path, file)
    except OSError as error:
        raise BadFile(f"{path.name}: cannot be opened ({error.strerror})", field="file") from None
    if found is None:
        raise BadFile(f"{path.name}: is of no format that is read; say which with --format", field="file")
    return found


def _of_file(path: Path, file: BinaryIO) -> str | None:
    head = file.read(_PEEK_BYTES).removeprefix(_BOM)
    file.seek(0)
    if head.startswith(_ZIP):
        return "doccano-zip"
    if head.startswith(_PARQUET):
        return _of_columns(path, column_names(file))
    first = head.lstrip()[:1]
    if first == b"[":
        return _of_rows(islice(elements(file), _LOOKED_AT), of_list=True)
    if first == b"{":
        return _of_rows(islice(json_lines(file), _LOOKED_AT), of_list=False) or _of_object(file)
    if head.lstrip().startswith(b"__label__"):
        return "fasttext"
    return _of_table(head)


def _of_columns(path: Path, names: list[str]) -> str:
    if kind_of(path):
        return "huggingface"
    return "argilla-flat" if any(name.endswith((".responses", ".suggestion")) for name in names) else "table"


def _of_rows(rows: Iterable[Row], *, of_list: bool) -> str | None:
    for row in rows:
        if row.fault is None and isinstance(row.value, dict):
            found = _of_element(row.value) if of_list else _of_line(row.value)
            if found is not None:
                return found
    return None


def _of_element(value: dict[str, Any]) -> str | None:
    if isinstance(value.get("data"), dict):
        return "label-studio"
    if isinstance(value.get("fields"), dict):
        return "argilla"
    if any(name.endswith((".responses", ".suggestion")) for name in value) or _is_our_flat(value):
        return "argilla-flat"
    return "label-studio-min" if "annotation_id" in value else None


def _is_our_flat(value: dict[str, Any]) -> bool:
    """A record of ours without a response: the block is text in Argilla's flat rows alone."""
    return isinstance(value.get("watchhouse"), str) and "text" in value


def _of_line(value: dict[str, Any]) -> str | None:
    if value.get("kind") in ("item", "label", "prediction") and "schema_version" in value:
        return "watchhouse"
    if isinstance(value.get("items"), list):
        return "argilla-server"
    if isinstance(value.get("fields"), dict):
        return "argilla"
    if "_input_hash" in value or "answer" in value:
        return "prodigy"
    if any(name.endswith((".responses", ".suggestion")) for name in value):
        return "argilla-flat"
    if isinstance(value.get("data"), dict) and any(name in value for name in _TASK_KEYS):
        return "label-studio"
    return "doccano" if "text" in value and any(name in value for name in _DOCCANO_KEYS) else None


def _of_object(file: BinaryIO) -> str | None:
    """The format of a file that is one object over several lines."""
    file.seek(0)
    for row in islice(elements(file), _LOOKED_AT):
        if row.key == "items":
            return "argilla-server"
        if row.fault is None and isinstance(row.value, dict) and "annotations" in row.value:
            return "lewidi"
    return None


def _of_table(head: bytes) -> str | None:
    try:
        first = head.decode("utf-8", "replace").splitlines()[0]
        names = [name.strip() for name in next(csv.reader([first], delimiter="\t" if "\t" in first else ","))]
    except (IndexError, StopIteration, csv.Error):
        return None
    if tuple(names) == long_csv.COLUMNS:
        return "csv"
    return "table" if len(names) > 1 else None
