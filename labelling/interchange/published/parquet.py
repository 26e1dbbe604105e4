"""Parquet with the types that `datasets` reads, written in groups of rows and read in small batches.

The types stand in the file's own metadata, in the spelling that old and new versions of `datasets` both read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, Final

from labelling.interchange.json_rows import Row
from model.errors import BadFile, NotText

Feature = str | tuple[str, ...] | list["Feature | dict[str, Feature]"]
"""`string`, `bool`, `int32`, ...; a tuple of names for a class label; a list of one, or of named ones."""

_ROWS_AT_ONCE: Final = 1_000


class ParquetRows:
    """Writes rows as objects; keys that a row lacks are null. Close it when done."""

    def __init__(self, file: BinaryIO, features: Mapping[str, Feature]) -> None:
        import pyarrow
        from pyarrow import parquet

        fields = [(name, _arrow(feature)) for name, feature in features.items()]
        told = {"info": {"features": {name: _told(feature) for name, feature in features.items()}}}
        self._schema = pyarrow.schema(fields, metadata={"huggingface": json.dumps(told)})
        self._writer = parquet.ParquetWriter(file, self._schema)
        self._waiting: list[dict[str, Any]] = []

    def write(self, row: dict[str, Any]) -> None:
        """Takes a row."""
        self._waiting.append(row)
        if len(self._waiting) >= _ROWS_AT_ONCE:
            self._flush()

    def close(self) -> None:
        """Writes what is still held back, and the end of the file."""
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        import pyarrow

        self._writer.write_table(pyarrow.Table.from_pylist(self._waiting, schema=self._schema))
        self._waiting = []


def _arrow(feature: Any) -> Any:
    import pyarrow

    if isinstance(feature, list):
        return pyarrow.list_(_arrow(feature[0]))
    if isinstance(feature, dict):
        return pyarrow.struct([(name, _arrow(one)) for name, one in feature.items()])
    if isinstance(feature, tuple):
        return pyarrow.int64()
    return getattr(pyarrow, "bool_" if feature == "bool" else feature)()


def _told(feature: Any) -> Any:
    if isinstance(feature, list) and isinstance(feature[0], dict):
        return [_told(feature[0])]
    if isinstance(feature, list):
        return {"feature": _told(feature[0]), "_type": "Sequence"}
    if isinstance(feature, dict):
        return {name: _told(one) for name, one in feature.items()}
    if isinstance(feature, tuple):
        return {"names": list(feature), "_type": "ClassLabel"}
    return {"dtype": feature, "_type": "Value"}


def parquet_rows(file: BinaryIO) -> Iterator[Row]:
    """The rows of a Parquet file as objects, from 1. Raises: BadFile when it is none."""
    import pyarrow
    from pyarrow import parquet

    number = 0
    try:
        # Streamed: without buffer_size a whole group of rows stands in memory.
        with parquet.ParquetFile(file, buffer_size=1024 * 1024, pre_buffer=False) as opened:
            names = _class_names(opened.schema_arrow.metadata)
            for batch in opened.iter_batches(_ROWS_AT_ONCE, use_threads=False):
                for row in _rows_of(batch):
                    number += 1
                    yield (
                        Row(number, _named(row, names))
                        if row is not None
                        else Row(number, fault=NotText("not UTF-8"))
                    )
    except (pyarrow.ArrowException, OSError, NotImplementedError):
        raise BadFile("file: cannot be read as Parquet", field="file") from None


def column_names(file: BinaryIO) -> list[str]:
    """The columns of a Parquet file. Raises: BadFile when it is none."""
    import pyarrow
    from pyarrow import parquet

    try:
        return list(parquet.read_schema(file).names)
    except (pyarrow.ArrowException, OSError):
        raise BadFile("file: cannot be read as Parquet", field="file") from None


def _rows_of(batch: Any) -> Iterator[dict[str, Any] | None]:
    """The rows of a batch; None in place of one with bytes that are no UTF-8."""
    try:
        yield from batch.to_pylist()
    except UnicodeDecodeError:
        for at in range(batch.num_rows):
            try:
                yield batch.slice(at, 1).to_pylist()[0]
            except UnicodeDecodeError:
                yield None


def _class_names(metadata: Mapping[bytes, bytes] | None) -> dict[str, list[str]]:
    """For each column of class labels, alone or in lists, the names that its numbers stand for."""
    try:
        features = json.loads((metadata or {})[b"huggingface"])["info"]["features"]
        found = {
            name: (one.get("feature", one) if isinstance(one, dict) else {}) for name, one in features.items()
        }
        return {
            name: [*map(str, one["names"])] for name, one in found.items() if one.get("_type") == "ClassLabel"
        }
    except (KeyError, ValueError, TypeError, AttributeError, RecursionError):
        return {}


def _named(row: dict[str, Any], names: dict[str, list[str]]) -> dict[str, Any]:
    for column, known in names.items():
        value = row.get(column)
        if isinstance(value, list):
            row[column] = [_name(one, known) for one in value]
        elif value is not None:
            row[column] = _name(value, known)
    return row


def _name(value: object, known: list[str]) -> object:
    return known[value] if isinstance(value, int) and 0 <= value < len(known) else value
