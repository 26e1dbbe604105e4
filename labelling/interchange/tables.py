"""Any table with a text column as our records: CSV, TSV, Parquet, a row for each label. Read only.

Which column is what, and what the names in it mean, is the mapping's to say. Columns called as one of our
heads hold 1 and 0, and an empty cell where nobody asked; `severity` and `speech_act` are looked up by the
mapping too. All other columns go along as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from labelling.interchange.answers import Answers, SpanParts, mark_each
from labelling.interchange.entries import Entry, Found, Place
from labelling.interchange.json_rows import Row, parse
from labelling.interchange.mapping import Columns, Mapping
from labelling.interchange.pseudonyms import Pseudonyms
from labelling.interchange.quarantine import Reason, refused
from labelling.interchange.remainder import annotation_from, item_from, label_id_for
from labelling.interchange.shapes import as_list, as_object, identifier, moment_of, without
from model.errors import BadInput
from model.taxonomy import STRAND_ORDER

TOOL: Final = "table"

_YES: Final = ("1", "1.0", "true", "yes")
_NO: Final = ("0", "0.0", "false", "no")
_QUESTIONS: Final = ("severity", "speech_act")


def read(rows: Iterator[Row], mapping: Mapping, people: Pseudonyms) -> Iterator[Entry]:
    """The entries of the rows: a label where one is given, else a bare text."""
    for row in rows:
        place = Place(row.number)
        try:
            if row.fault is not None:
                raise row.fault
            yield _entry(place, as_object(row.value, "row"), mapping, people)
        except BadInput as fault:
            yield place.refuse(fault)


def _entry(place: Place, row: dict[str, Any], mapping: Mapping, people: Pseudonyms) -> Found:
    columns = {what: _column(row, mapping.columns, what) for what in Columns.model_fields}
    label_columns = [name for name in mapping.columns.labels if name in row]
    text_column = columns["text"]
    if text_column is None:
        raise refused(Reason.WRONG_SHAPE, "row: no column of it is a text")
    used = {*(name for name in columns.values() if name), *label_columns, "hate", *STRAND_ORDER, *_QUESTIONS}
    others = {name: value for name, value in without(row, used).items() if value not in (None, "")}
    cells = {what: row.get(name) if name else None for what, name in columns.items()}
    bare = item_from(identifier(cells["item_id"]), row[text_column], others)
    item = bare.model_copy(update={"metadata": {}})
    answers = Answers(mapping)
    for name in label_columns:
        _choose(answers, name, row[name], mapping)
    _heads(answers, row)
    for name in _QUESTIONS:
        if row.get(name) not in (None, ""):
            answers.choose(name, str(row[name]))
    mark_each(answers, _spans(cells["spans"]), item.text, mapping.offset_unit, _span)
    if cells["note"] not in (None, ""):
        answers.write(cells["note"])
    if answers.is_empty and not mapping.empty_means_none:
        return place.bare(bare)
    moment = moment_of(cells["labelled_at"])
    if moment is None and cells["labelled_at"] not in (None, ""):
        others[str(columns["labelled_at"])] = cells["labelled_at"]
    found = {
        **answers.fields(),
        "annotator": people.of(cells["annotator"]),
        "cohort": cells["cohort"] or None,
        "labelled_at": moment,
        "extra": {TOOL: others} if others else {},
    }
    label_id = label_id_for(TOOL, item.item_id, found["annotator"], place.row)
    return Found(place.row, item, annotation=annotation_from(item, label_id, found))


def _column(row: dict[str, Any], columns: Columns, what: str) -> str | None:
    return next((name for name in getattr(columns, what) if name in row), None)


def _choose(answers: Answers, column: str, cell: Any, mapping: Mapping) -> None:
    for value in cell if isinstance(cell, list) else [cell]:
        name = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
        if name is None or name == "":
            continue
        answers.choose(column, _parts(column, name, mapping))


def _parts(column: str, name: object, mapping: Mapping) -> object:
    """The names in one cell: the cell itself if the mapping knows it, else what its separators part."""
    if isinstance(name, str) and mapping.find(column, name) is None:
        for separator in mapping.label_separators:
            if separator in name:
                return [part.strip() for part in name.split(separator) if part.strip()]
    return name


def _heads(answers: Answers, row: dict[str, Any]) -> None:
    for head in ("hate", *STRAND_ORDER):
        cell = row.get(head)
        said = "" if cell is None else str(cell).strip().lower()
        if said in _YES:
            answers.say(head, yes=True)
        elif said in _NO:
            answers.say(head, yes=False)
        elif said:
            raise refused(Reason.BAD_VALUE, f"{head}: neither 0 nor 1")


def _spans(cell: object) -> list[Any]:
    if isinstance(cell, str):
        cell = parse(cell.encode("utf-8", "surrogatepass")) if cell.strip() else None
    return as_list(cell, "spans")


def _span(value: Any) -> SpanParts:
    if isinstance(value, dict):
        return value.get("label", []), value["start"], value["end"], value.get("text")
    start, end, *label = value
    return label, start, end, None
