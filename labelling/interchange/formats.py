"""The formats by name: how a file of each is read, and how one is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

from labelling.codebook import Codebook
from labelling.interchange import canonical_files, long_csv, prodigy, tables, training_posts
from labelling.interchange.annotations import Labelled
from labelling.interchange.archives import archive, member_file
from labelling.interchange.argilla import files as argilla
from labelling.interchange.card_facts import CardFacts
from labelling.interchange.csv_rows import csv_rows
from labelling.interchange.doccano import fasttext
from labelling.interchange.doccano import reading as doccano_reading
from labelling.interchange.doccano import writing as doccano_writing
from labelling.interchange.entries import Entry
from labelling.interchange.json_rows import Row, elements, json_lines
from labelling.interchange.label_studio import flat as label_studio_flat
from labelling.interchange.label_studio import reading as label_studio_reading
from labelling.interchange.label_studio import writing as label_studio_writing
from labelling.interchange.lewidi import reading as lewidi_reading
from labelling.interchange.lewidi import writing as lewidi_writing
from labelling.interchange.mapping import Mapping as LabelMapping
from labelling.interchange.offsets import OffsetUnit
from labelling.interchange.pseudonyms import Pseudonyms
from labelling.interchange.published import folder
from labelling.interchange.published.parquet import parquet_rows
from model.errors import BadFile, BadInput

_PARQUET: Final = b"PAR1"


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reader needs beside the file. `question_ids` are Argilla's, by our question's name."""

    mapping: LabelMapping
    pseudonym_key: bytes = b""
    question_ids: Mapping[str, str] = field(default_factory=dict)

    def people(self, tool: str, *, published: bool = False) -> Pseudonyms:
        """The pseudonyms of a tool's annotators; published data has pseudonyms already, which are kept."""
        keep = published or self.mapping.names_are_pseudonyms
        return Pseudonyms(tool, self.mapping.annotators, keep=keep, key=self.pseudonym_key)


@dataclass(frozen=True, slots=True)
class Writing:
    """What some writers take beside the records; each has a default that is right without it."""

    people: Mapping[str, int] = field(default_factory=dict)
    question_ids: Mapping[str, str] = field(default_factory=dict)
    doccano_unit: OffsetUnit = "utf16"
    facts: CardFacts | None = None
    item_alphas: Mapping[str, float] = field(default_factory=dict)
    codebook: Codebook | None = None


def _json(path: Path, file: BinaryIO) -> Iterator[Row]:
    """The elements of a JSON list, or the lines of a file with one JSON text each."""
    first = b""
    while not first:
        byte = file.read(1)
        if not byte:
            break
        first = byte.strip(b" \t\r\n\xef\xbb\xbf")
    file.seek(0)
    return elements(file) if first == b"[" else json_lines(file)


def _is_parquet(file: BinaryIO) -> bool:
    begins = file.read(len(_PARQUET)) == _PARQUET
    file.seek(0)
    return begins


def _label_studio(path: Path, file: BinaryIO, reading: Reading) -> Iterator[Entry]:
    return label_studio_reading.read(_json(path, file), reading.mapping, reading.people("label-studio"))


def _label_studio_min(path: Path, file: BinaryIO, reading: Reading) -> Iterator[Entry]:
    return label_studio_flat.read(_json(path, file), reading.mapping, reading.people("label-studio"))


def _argilla(path: Path, file: BinaryIO, reading: Reading) -> Iterator[Entry]:
    return argilla.read_nested(_json(path, file), reading.mapping, reading.people("argilla"))


def _argilla_flat(path: Path, file: BinaryIO, reading: Reading) -> Iterator[Entry]:
    rows = parquet_rows(file) if _is_parquet(file) else _json(path, file)
    return argilla.read_flat(rows, reading.mapping, reading.people("argilla"))


def _argilla_server(path: Path, file: BinaryIO, reading: Reading) -> Iterator[Entry]:
    people = reading.people("argilla")
    return argilla.read_bulk(_bodies(file), reading.mapping, people, question_ids=reading.question_ids)


def _bodies(file: BinaryIO) -> Iterator[Row]:
    """One body a line, or one that goes over several lines."""
    first = next(json_lines(file), None)
    file.seek(0)
    if first is None or first.fault is None:
        yield from json_lines(file)
        return
    for row in elements(file):
        if row.fault is not None:
            yield row
        elif row.key == "items":
            yield Row(row.number, {"items": row.value})


def _doccano(path: Path, file: BinaryIO, reading: Reading) -> Iterator[Entry]:
    return doccano_reading.read(_json(path, file), reading.mapping, reading.people("doccano"))


def _doccano_zip(path: Path, file: BinaryIO, reading: Reading) -> Iterator[Entry]:
    with archive(file, (".jsonl", ".json")) as (opened, members):
        for number, member in enumerate(members, start=1):
            name = Path(member.filename).stem
            with member_file(opened, member) as rows:
                people = reading.people("doccano")
                yield from doccano_reading.read(
                    json_lines(rows), reading.mapping, people, file_name=name, member=number
                )


def _table(path: Path, file: BinaryIO, reading: Reading) -> Iterator[Entry]:
    if _is_parquet(file):
        rows = parquet_rows(file)
    else:
        rows = csv_rows(file, delimiter="\t" if path.suffix.lower() == ".tsv" else ",")
    return tables.read(rows, reading.mapping, reading.people("table"))


READERS: Final[dict[str, Callable[[Path, BinaryIO, Reading], Iterator[Entry]]]] = {
    "watchhouse": lambda path, file, reading: canonical_files.read(json_lines(file)),
    "csv": lambda path, file, reading: long_csv.read(csv_rows(file)),
    "label-studio": _label_studio,
    "label-studio-min": _label_studio_min,
    "argilla": _argilla,
    "argilla-flat": _argilla_flat,
    "argilla-server": _argilla_server,
    "doccano": _doccano,
    "doccano-zip": _doccano_zip,
    "fasttext": lambda path, file, reading: fasttext.read(file, reading.mapping),
    "prodigy": lambda path, file, reading: prodigy.read(
        json_lines(file), reading.mapping, reading.people("prodigy")
    ),
    "lewidi": lambda path, file, reading: lewidi_reading.read(
        elements(file), reading.mapping, reading.people("lewidi", published=True)
    ),
    "table": _table,
}
"""Formats of one file. `huggingface` is a folder or a Parquet file and is read by path."""

WRITERS: Final[dict[str, Callable[[Iterable[Labelled], BinaryIO, Writing], None]]] = {
    "watchhouse": lambda labelled, file, writing: canonical_files.write(labelled, file),
    "labelled-posts": lambda labelled, file, writing: training_posts.write(labelled, file),
    "csv": lambda labelled, file, writing: long_csv.write(labelled, file),
    "label-studio": lambda labelled, file, writing: label_studio_writing.write(
        labelled, file, people=writing.people
    ),
    "argilla": lambda labelled, file, writing: argilla.write_nested(labelled, file),
    "argilla-flat": lambda labelled, file, writing: argilla.write_flat(labelled, file),
    "argilla-server": lambda labelled, file, writing: argilla.write_bulk(
        labelled, file, question_ids=writing.question_ids
    ),
    "doccano": lambda labelled, file, writing: doccano_writing.write(
        labelled, file, offset_unit=writing.doccano_unit
    ),
    "doccano-zip": lambda labelled, file, writing: doccano_writing.write_zip(
        labelled, file, offset_unit=writing.doccano_unit
    ),
    "lewidi": lambda labelled, file, writing: lewidi_writing.write(labelled, file),
    "lewidi-2025": lambda labelled, file, writing: lewidi_writing.write(labelled, file, edition="2025"),
}
"""Formats of one file. `huggingface` is a folder and needs a card's facts."""

FOLDER: Final = "huggingface"


def read_file(path: Path, name: str, reading: Reading) -> Iterator[Entry]:
    """The entries of a file or folder of that format, one at a time.

    Raises: BadInput for a format that is not read; BadFile when the file as a whole cannot be.
    """
    if name == FOLDER:
        people = reading.people("huggingface", published=True)
        read = folder.read if path.is_dir() else folder.read_file
        yield from read(path, reading.mapping, people)
        return
    reader = READERS.get(name)
    if reader is None:
        raise BadInput(f"format: one of {', '.join(sorted([*READERS, FOLDER]))}", field="format")
    try:
        file = path.open("rb")
    except OSError as error:
        raise BadFile(f"{path.name}: cannot be opened ({error.strerror})", field="file") from None
    with file:
        yield from reader(path, file, reading)
