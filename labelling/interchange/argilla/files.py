"""Argilla's records in files: JSON lists, JSON lines, tables and bulk bodies."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, BinaryIO

from labelling.interchange.annotations import Labelled
from labelling.interchange.argilla import bulk, flat, nested
from labelling.interchange.argilla.reading import RecordReader
from labelling.interchange.argilla.records import QUESTIONS, ArgillaRecord
from labelling.interchange.argilla.writing import record_of
from labelling.interchange.entries import Entry, Place
from labelling.interchange.json_rows import Row
from labelling.interchange.mapping import Mapping as LabelMapping
from labelling.interchange.pseudonyms import Pseudonyms
from labelling.interchange.shapes import as_list, as_object
from model.errors import BadInput


def write_nested(labelled: Iterable[Labelled], file: BinaryIO) -> None:
    """Writes a JSON list of nested records, a record a line."""
    _write_list((nested.to_nested(record_of(one, has_status=False)) for one in labelled), file)


def write_flat(labelled: Iterable[Labelled], file: BinaryIO) -> None:
    """Writes a JSON list of flat rows, a row a line. What a record lacks is left out, not null."""
    _write_list((flat.to_flat(record_of(one, has_status=True)) for one in labelled), file)


def write_bulk(
    labelled: Iterable[Labelled], file: BinaryIO, *, question_ids: Mapping[str, str] | None = None
) -> None:
    """Writes one bulk body a line, each with at most 500 records.

    `question_ids` gives the names of our questions the ids that the server has for them.
    """
    known = dict(question_ids or {})
    records = (bulk.to_bulk(record_of(one, has_status=True), known) for one in labelled)
    while items := list(islice(records, bulk.RECORDS_IN_BULK)):
        file.write(json.dumps({"items": items}, ensure_ascii=False).encode() + b"\n")


def _write_list(records: Iterable[dict[str, Any]], file: BinaryIO) -> None:
    before = b"[\n"
    for record in records:
        file.write(before + json.dumps(record, ensure_ascii=False).encode())
        before = b",\n"
    file.write(b"\n]\n" if before == b",\n" else b"[]\n")


def read_nested(rows: Iterator[Row], mapping: LabelMapping, people: Pseudonyms) -> Iterator[Entry]:
    """The entries of nested records."""
    return _read(rows, nested.from_nested, RecordReader(mapping, people))


def read_flat(rows: Iterator[Row], mapping: LabelMapping, people: Pseudonyms) -> Iterator[Entry]:
    """The entries of flat rows."""
    return _read(rows, flat.from_flat, RecordReader(mapping, people))


def read_bulk(
    rows: Iterator[Row],
    mapping: LabelMapping,
    people: Pseudonyms,
    *,
    question_ids: Mapping[str, str] | None = None,
) -> Iterator[Entry]:
    """The entries of bulk bodies, one a row; items count on through all of them."""
    names = {bulk.question_id(question): question for question in QUESTIONS}
    names |= {server_id: question for question, server_id in (question_ids or {}).items()}
    return _read(_items(rows), lambda item: bulk.from_bulk(item, names), RecordReader(mapping, people))


def _items(rows: Iterator[Row]) -> Iterator[Row]:
    number = 0
    for row in rows:
        try:
            if row.fault is not None:
                raise row.fault
            for item in as_list(as_object(row.value, "body").get("items"), "items"):
                number += 1
                yield Row(number, item)
        except BadInput as fault:
            number += 1
            yield Row(number, fault=fault)


def _read(
    rows: Iterator[Row], read: Callable[[object], ArgillaRecord], reader: RecordReader
) -> Iterator[Entry]:
    for row in rows:
        place = Place(row.number)
        try:
            if row.fault is not None:
                raise row.fault
            record = read(row.value)
        except BadInput as fault:
            yield place.refuse(fault)
            continue
        yield from reader.entries(place, record)
