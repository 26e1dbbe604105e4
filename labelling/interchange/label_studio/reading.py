"""Label Studio's tasks as our records: everybody's annotations, its predictions; drafts are quarantined."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from labelling.interchange.annotations import Annotation, Item, Prediction
from labelling.interchange.answers import Answers, SpanParts, mark_each
from labelling.interchange.entries import Entry, Place
from labelling.interchange.json_rows import Row
from labelling.interchange.label_studio.writing import RESERVED
from labelling.interchange.mapping import Mapping
from labelling.interchange.offsets import OffsetUnit
from labelling.interchange.pseudonyms import Pseudonyms
from labelling.interchange.quarantine import Reason, refused
from labelling.interchange.remainder import (
    KEY,
    Remainder,
    annotation_from,
    item_from,
    label_id_for,
    prediction_from,
    remainder_of,
)
from labelling.interchange.shapes import as_list, as_object, identifier, without
from model.errors import BadInput
from model.taxonomy import HEAD_ORDER

TOOL: Final = "label-studio"

_READ: Final = frozenset(
    {
        "id",
        "result",
        "was_cancelled",
        "ground_truth",
        "lead_time",
        "created_at",
        "updated_at",
        "completed_by",
        KEY,
    }
)
_NAMES_PEOPLE: Final = frozenset(
    {"created_username", "created_ago", "updated_by", "last_created_by", "user", "reviews", "comment_authors"}
)
"""Keys that name or count people of the other tool: they are not taken over."""


def read(rows: Iterator[Row], mapping: Mapping, people: Pseudonyms) -> Iterator[Entry]:
    """The entries of a list of tasks."""
    for row in rows:
        place = Place(row.number)
        if row.fault is not None:
            yield place.refuse(row.fault)
        else:
            yield from _Task(place, row.value, mapping, people).entries()


class _Task:
    def __init__(self, place: Place, value: object, mapping: Mapping, people: Pseudonyms) -> None:
        self._place, self._value, self._mapping, self._people = place, value, mapping, people
        self._block: Remainder | None = None
        self._item: Item
        self._known: set[str] = set()

    def entries(self) -> Iterator[Entry]:
        try:
            task = as_object(self._value, "task")
            said = {name: as_list(task.get(name), name) for name in ("annotations", "predictions", "drafts")}
            # What annotations were called before version 1.0.
            said["annotations"] = said["annotations"] or as_list(task.get("completions"), "completions")
        except BadInput as fault:
            yield self._place.refuse(fault)
            return
        parts = [f"{name}[{number}]" for name, all_ in said.items() for number in range(len(all_))]
        try:
            self._read_item(task)
        except BadInput as fault:
            yield from self._place.refuse_all(fault, parts)
            return
        yield from self._labels(said["annotations"])
        yield from self._predictions(said["predictions"])
        for number in range(len(said["drafts"])):
            unfinished = refused(Reason.DRAFT, "a draft is no label yet")
            yield self._place.refuse(unfinished, f"drafts[{number}]")
        if not parts and not (self._block and self._block.predictions):
            yield self._place.bare(self._item)

    def _labels(self, values: list[Any]) -> Iterator[Entry]:
        for number, value in enumerate(values):
            yield self._place.label(self._item, f"annotations[{number}]", partial(self._annotation, value))

    def _predictions(self, values: list[Any]) -> Iterator[Entry]:
        """Ours from the block, which has all their scores; of the task's own list only what is not ours."""
        ours = self._block.predictions if self._block else ()
        for number, fields in enumerate(ours):
            part = f"{KEY}.predictions[{number}]"
            yield self._place.prediction(self._item, part, partial(prediction_from, self._item, fields))
        bundle_ids = {str(fields.get("bundle_id")) for fields in ours}
        for number, value in enumerate(values):
            if isinstance(value, dict) and str(value.get("model_version")) in bundle_ids:
                continue
            part = f"predictions[{number}]"
            yield self._place.prediction(self._item, part, partial(self._prediction, value))

    def _read_item(self, task: dict[str, Any]) -> None:
        data = as_object(task.get("data"), "data")
        self._block = remainder_of(data.get(KEY))
        metadata = without(data, RESERVED)
        if self._block is None:
            if further := {name: task[name] for name in ("meta", "agreement") if task.get(name)}:
                metadata[TOOL] = further
            self._item = item_from(identifier(task.get("id")), data.get("text"), metadata)
        else:
            self._item = item_from(self._block.item_id, data.get("text"), metadata | self._block.metadata)

    def _annotation(self, value: object) -> Annotation:
        written = as_object(value, "annotation")
        regions = [as_object(region, "result") for region in as_list(written.get("result"), "result")]
        label_id = self._our_label(written, regions)
        rest = dict(self._block.annotations[label_id]) if self._block and label_id else {}
        answers = Answers(self._mapping, ours=self._block is not None)
        # Our own offsets are code points; those of a span made in the browser are whatever fits its text.
        unit: OffsetUnit = "code_point" if label_id else self._mapping.offset_unit
        for region in regions:
            take_region(answers, region, self._item.text, unit)
        if written.get("was_cancelled") is True:
            answers.skip(str(rest["skipped_because"]) if "skipped_because" in rest else None)
        elif "skipped_because" in rest:
            rest = without(rest, ("skipped_because", "strands_asked"))
        found = {**answers.fields(), **self._circumstances(written)}
        if label_id is None:
            label_id = label_id_for(TOOL, self._item.item_id, written.get("id"), written.get("unique_id"))
            found |= self._provenance(written)
        return annotation_from(self._item, label_id, found, rest)

    def _provenance(self, written: dict[str, Any]) -> dict[str, Any]:
        """Who made a foreign annotation, whether from a prediction, and what else was said of it."""
        extra = without(written, _READ | _NAMES_PEOPLE)
        return {
            "annotator": self._annotator(written.get("completed_by")),
            "assisted": "none" if written.get("parent_prediction") is None else "prefilled",
            "extra": {TOOL: extra} if extra else {},
        }

    def _our_label(self, written: dict[str, Any], regions: list[dict[str, Any]]) -> str | None:
        """The id of the label of ours that this annotation is, if it is one and no other has claimed it."""
        if self._block is None:
            return None
        first = str(regions[0].get("id", "")) if regions else ""
        for label_id in (written.get(KEY), first.rpartition("~")[0]):
            if (
                isinstance(label_id, str)
                and label_id in self._block.annotations
                and label_id not in self._known
            ):
                self._known.add(label_id)
                return label_id
        return None

    def _circumstances(self, written: dict[str, Any]) -> dict[str, Any]:
        found = {
            "labelled_at": written.get("updated_at") or written.get("created_at"),
            "seconds_spent": written.get("lead_time"),
        }
        return {
            **{name: value for name, value in found.items() if value is not None},
            "ground_truth": written.get("ground_truth") is True,
        }

    def _annotator(self, completed_by: object) -> str | None:
        """`completed_by` is the user's id, or an object with the id and a name."""
        if isinstance(completed_by, dict):
            completed_by = completed_by.get("id") or completed_by.get("email")
        return self._people.of(completed_by)

    def _prediction(self, value: object) -> Prediction:
        written = as_object(value, "prediction")
        answers = Answers(self._mapping)
        for region in as_list(written.get("result"), "result"):
            take_region(answers, as_object(region, "result"), self._item.text, self._mapping.offset_unit)
        return prediction_from(
            self._item,
            {
                "bundle_id": identifier(written.get("model_version")) or TOOL,
                "scores": scores_of_one(answers, written.get("score")),
                "extra": {TOOL: without(written, ("model_version",))},
            },
        )


def _labelled_span(value: dict[str, Any]) -> SpanParts:
    return value["labels"], value["start"], value["end"], value.get("text")


def take_region(answers: Answers, region: dict[str, Any], text: str, unit: OffsetUnit) -> None:
    """Gathers what one region of a `result` says.

    Raises: BadRecord with the reason.
    """
    control, kind, value = (
        str(region.get("from_name")),
        region.get("type"),
        as_object(region.get("value"), "value"),
    )
    if kind == "choices":
        answers.choose(control, value.get("choices"))
    elif kind == "labels":
        mark_each(answers, [value], text, unit, _labelled_span)
    elif kind == "textarea":
        answers.write(value.get("text"))
    elif kind in ("number", "rating"):
        answers.set_number(control, value.get(str(kind)))
    else:
        raise refused(Reason.UNKNOWN_CONTROL, "result: a kind of region that we do not know")


def scores_of_one(answers: Answers, score: object) -> dict[str, float]:
    """The score of a foreign prediction, by head, if it is of one head and no more."""
    fields = answers.fields()
    heads = [
        head for head in HEAD_ORDER if head in fields["strands"] or (head == "hate" and fields.get("hate"))
    ]
    is_number = isinstance(score, int | float) and not isinstance(score, bool)
    return {heads[0]: float(score)} if is_number and len(heads) == 1 else {}  # type: ignore[arg-type] # is_number
