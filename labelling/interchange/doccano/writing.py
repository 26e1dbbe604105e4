"""Our records as doccano's JSONL: a line for each label, in the shape of its intent and slot projects.

That shape has both classes and spans: `{"text", "entities": [[start, end, label]], "cats": [...]}`. doccano
keeps other keys as metadata and exports them again, which is where the block of what it cannot hold stands.
Its browser counts UTF-16 units (doccano/doccano issue 2290), so offsets are written in them; the block says
so.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO, Final
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from labelling.interchange.annotations import Annotation, Labelled
from labelling.interchange.answers import RATIONALE, ticked
from labelling.interchange.offsets import OffsetUnit, in_unit
from labelling.interchange.remainder import KEY, Remainder, predictions_of, rest_of
from labelling.interchange.shapes import as_numbered, without
from model.configuration import sha256_of

RESERVED: Final = frozenset(
    {"id", "text", "data", "label", "labels", "entities", "relations", "cats", "Comments", KEY}
)
SHARED: Final = ("all", "unknown")
"""Names of files that are nobody's: doccano's shared mode, and labels of users who are gone."""

NOBODY: Final = "unlabelled"
"""Our file of texts that nobody has labelled."""

_COVERED: Final = ("strands", "hate", "severity", "note")
_SAFE_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_\-]{0,99}")
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)


def write(labelled: Iterable[Labelled], file: BinaryIO, *, offset_unit: OffsetUnit = "utf16") -> None:
    """Writes all rows into one JSONL file."""
    for one in labelled:
        for _, row in _rows_of(one, offset_unit):
            file.write(_line(row))


def write_zip(labelled: Iterable[Labelled], file: BinaryIO, *, offset_unit: OffsetUnit = "utf16") -> None:
    """Writes a zip with one `<annotator>.jsonl` for each pseudonym; the same labels make the same bytes."""
    members: dict[str, list[bytes]] = {}
    for one in labelled:
        for name, row in _rows_of(one, offset_unit):
            members.setdefault(name, []).append(_line(row))
    with ZipFile(file, "w", ZIP_DEFLATED) as archive:
        for name in sorted(members):
            entry = ZipInfo(f"{name}.jsonl", _EPOCH)
            entry.compress_type = ZIP_DEFLATED
            archive.writestr(entry, b"".join(members[name]))


def _line(row: dict[str, Any]) -> bytes:
    return json.dumps(row, ensure_ascii=False).encode() + b"\n"


def _rows_of(labelled: Labelled, unit: OffsetUnit) -> Iterator[tuple[str, dict[str, Any]]]:
    """The rows of one item, each with the name of the file that it belongs into."""
    predictions = predictions_of(labelled)
    for annotation in labelled.annotations:
        yield _file_name(annotation), _row_of(labelled, annotation, predictions, unit)
        predictions = ()
    if not labelled.annotations:
        yield NOBODY, _row_of(labelled, None, predictions, unit)


def _row_of(
    labelled: Labelled,
    annotation: Annotation | None,
    predictions: tuple[dict[str, Any], ...],
    unit: OffsetUnit,
) -> dict[str, Any]:
    item = labelled.item
    native = without(item.metadata, RESERVED)
    block = Remainder(
        item_id=item.item_id,
        metadata=without(item.metadata, native),
        annotations={annotation.label_id: rest_of(annotation, _covered(annotation))} if annotation else {},
        predictions=predictions,
        offset_unit=unit,
    )
    row: dict[str, Any] = {"id": as_numbered(item.item_id), "text": item.text, "entities": [], "cats": []}
    if annotation is not None:
        spans = [in_unit(item.text, span, unit) for span in annotation.rationale or ()]
        row["entities"] = [[start, end, RATIONALE] for start, end in spans]
        names = ticked(annotation)
        row["cats"] = [*names["target"], *names["hate"], *names["severity"]]
        row["Comments"] = [] if annotation.note is None else [annotation.note]
    return {**row, **native, KEY: block.as_json()}


def _covered(annotation: Annotation) -> tuple[str, ...]:
    return (*_COVERED, "rationale") if annotation.rationale else _COVERED


def _file_name(annotation: Annotation) -> str:
    """The pseudonym, if it can be a file's name on every system; else one made from it."""
    name = annotation.annotator
    if name is None:
        return SHARED[0]
    if _SAFE_NAME.fullmatch(name) and name.casefold() not in (*SHARED, NOBODY):
        return name
    return f"annotator-{sha256_of(name.encode())[:12]}"
