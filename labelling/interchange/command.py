"""Labels out of Watchhouse into another tool's format, and back; what the command line calls."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from labelling.interchange import canonical_files
from labelling.interchange.annotations import Annotation, Item, Labelled, Prediction, Record, grouped
from labelling.interchange.collection import Collector, Counts, ImportResult
from labelling.interchange.detection import detect_format
from labelling.interchange.entries import Entry
from labelling.interchange.formats import FOLDER, WRITERS, Reading, Writing, read_file
from labelling.interchange.label_studio.config import labeling_config
from labelling.interchange.mapping import Mapping, default_mapping, load_mapping
from labelling.interchange.published import folder
from labelling.interchange.quarantine import Quarantined, quarantine_path, write_quarantine
from labelling.interchange.whole_files import whole_file
from model.errors import BadInput

AUTO = "auto"


def export_labels(
    items: Iterable[Item],
    annotations: Iterable[Annotation],
    predictions: Iterable[Prediction],
    format: str,
    out: Path,
    *,
    writing: Writing | None = None,
) -> Counts:
    """Writes everything to `out` in the format, whole or not at all, and says how much there was.

    Beside a Label Studio file stands the labeling config that its project needs, `<out>.config.xml`.
    `huggingface` is a folder, and needs `writing.facts` for its card.

    Raises: BadInput for an unknown format or missing facts; BadRecord when the records do not fit together;
        BadFile when `out` cannot be written.
    """
    choices = writing or Writing()
    counts = Counts()
    labelled = _counted(grouped(items, annotations, predictions), counts)
    if format == FOLDER:
        if choices.facts is None:
            raise BadInput("facts: a published folder needs the facts of its card", field="facts")
        folder.write(labelled, out, choices.facts, item_alphas=choices.item_alphas)
    elif format in WRITERS:
        with whole_file(out) as file:
            WRITERS[format](labelled, file, choices)
    else:
        raise BadInput(f"format: one of {', '.join(sorted([*WRITERS, FOLDER]))}", field="format")
    if format == "label-studio":
        with whole_file(out.with_name(f"{out.name}.config.xml")) as file:
            file.write(labeling_config(choices.codebook).encode())
    written = f"{counts.texts} texts, {counts.labels} labels, {counts.predictions} predictions"
    sys.stdout.write(f"{written} written as {format}\n")
    return counts


def _counted(labelled: Iterable[Labelled], counts: Counts) -> Iterator[Labelled]:
    for one in labelled:
        counts.texts += 1
        counts.labels += len(one.annotations)
        counts.predictions += len(one.predictions)
        yield one


def read_labels(path: Path, format: str = AUTO, *, reading: Reading | None = None) -> Iterator[Entry]:
    """The entries of a file as they come, in flat memory where the format allows.

    Raises: BadInput for an unknown format; BadFile when the file as a whole cannot be read.
    """
    name = detect_format(path) if format == AUTO else format
    yield from read_file(path, name, reading or Reading(default_mapping()))


def import_labels(
    path: Path,
    format: str = AUTO,
    mapping: Mapping | Path | None = None,
    *,
    out: Path | None = None,
    pseudonym_key: bytes = b"",
) -> ImportResult:
    """Everything that a file holds, as our records, and what was quarantined; prints how much there was.

    `format` is `auto` or a name; `mapping` says what foreign names mean, by default the mapping that ships.
    With `out` the records are also written there, as our own JSONL, and what was not imported stands beside
    it in `<out>.quarantine.jsonl`. `pseudonym_key` keeps anybody without it from guessing who a pseudonym is.

    Raises: BadInput for an unknown format; BadFile when the file as a whole cannot be read; BadConfig for the
    mapping.
    """
    name = detect_format(path) if format == AUTO else format
    collector = Collector()
    entries = read_file(path, name, Reading(_mapping(mapping), pseudonym_key))
    records: list[Record] = []
    refused: list[Quarantined] = []
    for one in collector.sorted_out(entries):
        refused.append(one) if isinstance(one, Quarantined) else records.append(one)
    if out is not None:
        with whole_file(out) as file:
            file.writelines(canonical_files.line_of(record) for record in records)
        _write_refused(refused, out)
    sys.stdout.write(f"{path.name}: {name}: {collector.counts.sentence()}\n")
    return ImportResult(
        format=name,
        items=tuple(record for record in records if isinstance(record, Item)),
        annotations=tuple(record for record in records if isinstance(record, Annotation)),
        predictions=tuple(record for record in records if isinstance(record, Prediction)),
        quarantined=tuple(refused),
        counts=collector.counts,
    )


def convert_labels(
    path: Path,
    out: Path,
    format: str = AUTO,
    mapping: Mapping | Path | None = None,
    *,
    pseudonym_key: bytes = b"",
) -> Counts:
    """Writes a file's labels to `out` as our own JSONL, not held in memory; else as `import_labels`.

    Raises: as `import_labels`, and BadFile when `out` cannot be written.
    """
    name = detect_format(path) if format == AUTO else format
    collector = Collector()
    refused: list[Quarantined] = []
    with whole_file(out) as file:
        for one in collector.sorted_out(read_file(path, name, Reading(_mapping(mapping), pseudonym_key))):
            if isinstance(one, Quarantined):
                refused.append(one)
            else:
                file.write(canonical_files.line_of(one))
    _write_refused(refused, out)
    sys.stdout.write(f"{path.name}: {name}: {collector.counts.sentence()}\n")
    return collector.counts


def _mapping(mapping: Mapping | Path | None) -> Mapping:
    if mapping is None:
        return default_mapping()
    return load_mapping(mapping) if isinstance(mapping, Path) else mapping


def _write_refused(refused: list[Quarantined], out: Path) -> None:
    """A quarantine of an earlier run must not stay beside a file that has none."""
    if refused:
        write_quarantine(refused, quarantine_path(out))
    else:
        quarantine_path(out).unlink(missing_ok=True)
