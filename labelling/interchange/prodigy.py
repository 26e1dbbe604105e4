"""Prodigy's JSONL as our records. Read only.

A row answers one question about one text: `accept`, `reject` or `ignore` for a `label`; the chosen ones of
`options` in `accept`; or spans marked by hand. Rows with the same `_input_hash` are of one text, and those of
the same person are put together into one label. All rows are held in memory for that.
Source: INTERFACES.md section 2.4; explosion/prodigy-recipes, example datasets.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from labelling.interchange.annotations import Item
from labelling.interchange.answers import Answers, SpanParts, mark_each
from labelling.interchange.entries import Entry, Found, Place
from labelling.interchange.json_rows import Row
from labelling.interchange.mapping import Mapping
from labelling.interchange.pseudonyms import Pseudonyms
from labelling.interchange.quarantine import Quarantined, Reason, refused
from labelling.interchange.remainder import annotation_from, item_from, label_id_for
from labelling.interchange.shapes import as_list, as_object, identifier, without
from model.errors import BadInput

TOOL: Final = "prodigy"

_READ: Final = frozenset(
    {"text", "answer", "label", "options", "accept", "spans", "tokens", "_input_hash", "_task_hash"}
    | {"_session_id", "_annotator_id", "_timestamp", "_view_id", "_is_binary", "config"}
)
"""Keys that are read, or that say how the page looked (tokens, config)."""


@dataclass(slots=True)
class _Group:
    """The rows of one person about one text, so far."""

    item: Item
    answers: Answers
    annotator: str | None
    first_row: int
    rows: int = 0
    answered: bool = False
    times: list[float] = field(default_factory=list)
    ignored: list[Any] = field(default_factory=list)
    extras: list[dict[str, Any]] = field(default_factory=list)


def read(rows: Iterator[Row], mapping: Mapping, people: Pseudonyms) -> Iterator[Entry]:
    """The entries: refused rows as they come, then one label for each person and text."""
    groups: dict[tuple[str, str | None], _Group] = {}
    for row in rows:
        fault = _gather(row, groups, mapping, people)
        if fault is not None:
            yield fault
    for group in groups.values():
        if group.rows:
            yield _label(group)


def _gather(
    row: Row, groups: dict[tuple[str, str | None], _Group], mapping: Mapping, people: Pseudonyms
) -> Quarantined | None:
    place = Place(row.number)
    try:
        if row.fault is not None:
            raise row.fault
        written = as_object(row.value, "row")
        item = item_from(_item_id(written), written.get("text"), {})
        name = written.get("_annotator_id") or written.get("_session_id")
        annotator = people.of(name)
        key = (item.item_id, annotator)
        group = groups.get(key) or _Group(item, Answers(mapping), annotator, row.number)
        if group.item != item:
            raise refused(Reason.TEXT_DIFFERS, "text: another row with this _input_hash has another text")
        # On a copy first: a row that is refused half-way leaves the group as it was.
        answers = group.answers.copy()
        answered = _take(answers, written, item.text)
        moment = _moment(written.get("_timestamp"))
    except BadInput as fault:
        return place.refuse(fault)
    groups[key] = group
    group.answers = answers
    group.rows += 1
    group.answered |= answered
    group.times += [] if moment is None else [moment]
    group.ignored += [] if answered else [written.get("label")]
    further = without(written, _READ)
    group.extras += [further] if further else []
    return None


def _item_id(written: dict[str, Any]) -> str | None:
    input_hash = identifier(written.get("_input_hash"))
    return None if input_hash is None else f"{TOOL}-{input_hash}"


def _take(answers: Answers, written: dict[str, Any], text: str) -> bool:
    """Gathers what the row says; False if it was ignored."""
    answer = written.get("answer")
    if answer == "ignore":
        return False
    if answer not in ("accept", "reject"):
        raise refused(Reason.ANSWER_UNCLEAR, "answer: none of accept, reject, ignore")
    label, accepted, spans = written.get("label"), written.get("accept"), written.get("spans")
    if isinstance(label, str):
        # The spans of a row with a label are what a pattern matched, not what a person marked.
        answers.choose("label", label) if answer == "accept" else answers.refuse("label", label)
    elif answer == "reject":
        raise refused(Reason.ANSWER_UNCLEAR, "answer: a rejected row without a label has no opposite")
    elif accepted is not None or written.get("options") is not None:
        options = [as_object(one, "option").get("id") for one in as_list(written.get("options"), "options")]
        answers.choose("accept", as_list(accepted, "accept"))
        answers.offer("accept", options)
        _mark(answers, spans, text)
    elif spans:
        _mark(answers, spans, text)
    else:
        raise refused(Reason.ANSWER_UNCLEAR, "answer: accepted, but there is no label, option or span")
    return True


def _mark(answers: Answers, spans: object, text: str) -> None:
    # spaCy is Python: code points, ends exclusive.
    mark_each(answers, as_list(spans, "spans"), text, "code_point", _span)


def _span(value: dict[str, Any]) -> SpanParts:
    return value["label"], value["start"], value["end"], value.get("text")


def _moment(seconds: object) -> float | None:
    if seconds is None:
        return None
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < 2**33:
        raise refused(Reason.BAD_VALUE, "_timestamp: no time in seconds")
    return float(seconds)


def _label(group: _Group) -> Entry:
    if not group.answered:
        group.answers.skip()
    found = group.answers.fields()
    extra = {"ignored": group.ignored if group.answered else [], "rows": group.extras}
    said = {name: value for name, value in extra.items() if value}
    found |= {
        "annotator": group.annotator,
        "labelled_at": datetime.fromtimestamp(max(group.times), UTC) if group.times else None,
        "extra": {TOOL: said} if said else {},
    }
    label_id = label_id_for(TOOL, group.item.item_id, group.annotator)
    place = Place(group.first_row)
    try:
        annotation = annotation_from(group.item, label_id, found)
    except BadInput as fault:
        return place.refuse(fault)
    return Found(group.first_row, group.item, annotation=annotation, entries=group.rows)
