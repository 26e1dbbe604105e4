"""The folder that `datasets.load_dataset` opens: `long/`, `wide/`, `predictions/` and a data card."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO, Final

from labelling.interchange.annotations import Labelled
from labelling.interchange.card_facts import CardFacts
from labelling.interchange.card_figures import Figures
from labelling.interchange.data_card import data_card
from labelling.interchange.entries import Entry, Found, Place
from labelling.interchange.json_rows import Row
from labelling.interchange.mapping import Mapping as LabelMapping
from labelling.interchange.pseudonyms import Pseudonyms
from labelling.interchange.published import long_table, predictions_table, wide_table
from labelling.interchange.published.parquet import ParquetRows, column_names, parquet_rows
from labelling.interchange.tables import read as read_table
from labelling.interchange.whole_files import whole_folder
from model.errors import BadFile, BadInput
from model.taxonomy import HEAD_ORDER

CARD: Final = "README.md"
PART: Final = "part-00000.parquet"
LONG, WIDE, PREDICTIONS = "long", "wide", "predictions"
MAX_FILES: Final = 1_000


def write(
    labelled: Iterable[Labelled],
    out: Path,
    facts: CardFacts,
    *,
    item_alphas: Mapping[str, float] | None = None,
) -> None:
    """Writes the folder whole or not at all. `long` is what `load_dataset` gives without a name.

    Raises: BadFile when something stands there already, or it cannot be written.
    """
    figures = Figures()
    with whole_folder(out) as folder:
        with ExitStack() as stack:
            features = {
                LONG: long_table.FEATURES,
                WIDE: wide_table.FEATURES,
                PREDICTIONS: predictions_table.FEATURES,
            }
            tables = {name: _table(folder, name, of, stack) for name, of in features.items()}
            for one in labelled:
                figures.add(one)
                for row in long_table.rows_of(one):
                    tables[LONG].write(row)
                tables[WIDE].write(wide_table.row_of(one, item_alphas or {}))
                for row in predictions_table.rows_of(one):
                    tables[PREDICTIONS].write(row)
        card = data_card(figures, facts, list(_configs(folder, figures)))
        (folder / CARD).write_text(card, encoding="utf-8")


def _table(folder: Path, name: str, features: Mapping[str, Any], stack: ExitStack) -> ParquetRows:
    (folder / name).mkdir()
    rows = ParquetRows(stack.enter_context((folder / name / PART).open("wb")), features)
    stack.callback(rows.close)
    return rows


def _configs(folder: Path, figures: Figures) -> Iterator[dict[str, Any]]:
    """What the front matter says of each table; one without rows could not be loaded and is not left."""
    rows = {
        LONG: figures.labels + figures.skipped.total(),
        WIDE: figures.items,
        PREDICTIONS: figures.predictions.total(),
    }
    first = next((name for name, count in rows.items() if count), None)
    for name, count in rows.items():
        if not count:
            (folder / name / PART).unlink()
            (folder / name).rmdir()
            continue
        default = {"default": True} if name == first else {}
        yield {
            "config_name": name,
            **default,
            "data_files": [{"split": "train", "path": f"{name}/*.parquet"}],
        }


def read(path: Path, mapping: LabelMapping, people: Pseudonyms) -> Iterator[Entry]:
    """The entries of a folder of Parquet files, ours or another's; links are not followed.

    Raises: BadFile when there is none in it, or one is no Parquet.
    """
    files = sorted(file for file in path.rglob("*.parquet") if file.is_file() and not file.is_symlink())
    if not files or len(files) > MAX_FILES:
        raise BadFile(f"folder: from 1 to {MAX_FILES} Parquet files are read", field="file")
    kinds = {file: kind_of(file) for file in files}
    numbers = {file: number for number, file in enumerate(files, start=1)}
    rest = [file for file in files if kinds[file] not in (LONG, WIDE, PREDICTIONS)]
    labelled = [file for file in files if kinds[file] in (LONG, PREDICTIONS)]
    wide = [file for file in files if kinds[file] == WIDE]
    if not labelled:
        for file in (*wide, *rest):
            yield from read_file(file, mapping, people, member=numbers[file])
        return
    # Beside the long table the wide one is worked out from it; what it adds is the texts' metadata.
    metadata: dict[str, dict[str, Any]] = {}
    bare: dict[str, Found] = {}
    for file in wide:
        for place, row in _rows(file, numbers[file]):
            try:
                found = place.bare(wide_table.item_of(_value(row)))
            except BadInput as fault:
                yield place.refuse(fault)
                continue
            metadata[found.item.item_id] = found.item.metadata
            bare[found.item.item_id] = found
    for file in labelled:
        for entry in _entries(file, kinds[file] or LONG, mapping, people, metadata, numbers[file]):
            if isinstance(entry, Found):
                bare.pop(entry.item.item_id, None)
            yield entry
    yield from bare.values()
    for file in rest:
        yield from read_file(file, mapping, people, member=numbers[file])


def kind_of(path: Path) -> str | None:
    """Which of our tables a Parquet file is, by its columns; None for any other. Raises: BadFile."""
    with _open(path) as file:
        names = set(column_names(file))
    if {"bundle_id", *HEAD_ORDER} <= names:
        return PREDICTIONS
    if {"item_id", "text", "annotator_id", "labels", "abstain"} <= names:
        return LONG
    return WIDE if {"item_id", "text", "labels", "label_probs", "resolution"} <= names else None


def read_file(
    path: Path, mapping: LabelMapping, people: Pseudonyms, *, member: int | None = None
) -> Iterator[Entry]:
    """The entries of one Parquet file. Raises: BadFile."""
    kind = kind_of(path)
    if kind is None:
        with _open(path) as file:
            yield from read_table(parquet_rows(file), mapping, people)
        return
    yield from _entries(path, kind, mapping, people, {}, member)


def _entries(
    path: Path,
    kind: str,
    mapping: LabelMapping,
    people: Pseudonyms,
    metadata: dict[str, dict[str, Any]],
    member: int | None,
) -> Iterator[Entry]:
    long_rows = long_table.LongRows(mapping, people, metadata)
    for place, row in _rows(path, member):
        try:
            value = _value(row)
        except BadInput as fault:
            yield place.refuse(fault)
            continue
        if kind == LONG:
            yield long_rows.entry(place, value)
        elif kind == PREDICTIONS:
            yield predictions_table.entry_of(place, value, metadata)
        else:
            yield wide_table.entry_of(place, value, mapping)


def _rows(path: Path, member: int | None) -> Iterator[tuple[Place, Row]]:
    with _open(path) as file:
        for row in parquet_rows(file):
            yield Place(row.number, member), row


def _value(row: Row) -> dict[str, Any]:
    if row.fault is not None:
        raise row.fault
    return dict(row.value)


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise BadFile(f"file: cannot be opened ({error.strerror})", field="file") from None
