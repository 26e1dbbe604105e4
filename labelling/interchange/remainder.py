"""What a format has no place of its own for, kept beside what it has one for, under the key `watchhouse`.

A codec says which fields its format holds by itself; the remainder is the others, where they say anything. So
nothing stands twice, and what somebody changed in the other tool is what counts when the file comes back.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any, Final, Literal

from pydantic import Field, JsonValue, ValidationError

from labelling.interchange.annotations import (
    Annotation,
    Extras,
    Identifier,
    Item,
    Labelled,
    Prediction,
    check_rationale,
    fault_of,
)
from labelling.interchange.json_rows import parse
from labelling.interchange.offsets import OffsetUnit
from labelling.interchange.quarantine import Reason, refused
from labelling.interchange.shapes import as_list
from model.configuration import FrozenConfig, sha256_of
from model.normalise import check_text

KEY: Final = "watchhouse"
_IDENTITY: Final = ("schema_version", "label_id", "item_id")
_ANSWERS: Final = ("hate", "severity", "speech_act", "strands")


class Remainder(FrozenConfig):
    """The block of one item: its id, metadata without a place, and what the format cannot hold of each label.

    `links` leads from the format's own name of an answer (a user id, say) to the label's id.
    """

    schema_version: Literal[1] = 1
    item_id: Identifier
    metadata: Extras = Field(default_factory=dict)
    annotations: dict[str, dict[str, JsonValue]] = Field(default_factory=dict)
    links: dict[str, str] = Field(default_factory=dict)
    predictions: tuple[dict[str, JsonValue], ...] = ()
    offset_unit: OffsetUnit = "code_point"

    def as_json(self) -> dict[str, JsonValue]:
        """The block as it is written: what says nothing is left out."""
        return {"schema_version": 1, **self.model_dump(mode="json", exclude_defaults=True)}

    def as_text(self) -> str:
        """The block as one string, for formats whose extra values must be plain."""
        return json.dumps(self.as_json(), ensure_ascii=False, sort_keys=True)


def remainder_of(value: object) -> Remainder | None:
    """The block that a row of ours carries; None for a row that has none. Raises: BadRecord."""
    if value is None:
        return None
    if isinstance(value, str):
        value = parse(value.encode("utf-8", "surrogatepass"))
    try:
        return Remainder.model_validate(value)
    except ValidationError:
        raise refused(Reason.WRONG_SHAPE, f"{KEY}: is not a block of ours") from None


def rest_of(annotation: Annotation, covered: Collection[str]) -> dict[str, Any]:
    """The fields of a label that say something and that the format does not hold by itself."""
    return annotation.model_dump(mode="json", exclude={*_IDENTITY, *covered}, exclude_defaults=True)


def predictions_of(labelled: Labelled) -> tuple[dict[str, Any], ...]:
    """The predictions as they stand in the block."""
    return tuple(
        prediction.model_dump(mode="json", exclude={"schema_version", "item_id"}, exclude_defaults=True)
        for prediction in labelled.predictions
    )


def item_from(item_id: str | None, text: object, metadata: dict[str, Any]) -> Item:
    """The item of a row; without an id its text gives it one. Raises: NotText and its kin, BadRecord."""
    checked = check_text(text)
    if item_id is None:
        item_id = f"text-{sha256_of(checked.encode())[:16]}"
    try:
        return Item.model_validate({"item_id": item_id, "text": checked, "metadata": metadata})
    except ValidationError as error:
        raise fault_of(error, Item) from None


def annotation_from(
    item: Item, label_id: str, found: dict[str, Any], rest: dict[str, Any] | None = None
) -> Annotation:
    """The label that the format's own fields and the remainder make together; the former count.

    Raises: BadRecord when a field has no such value or a span leaves the text.
    """
    rest = dict(rest or {})
    if "skipped_because" in rest and any(found.get(name) not in (None, (), []) for name in _ANSWERS):
        # It was skipped once and has been answered since.
        del rest["skipped_because"]
        rest.pop("strands_asked", None)
    asked = rest.pop("strands_asked", None)
    if asked is not None and "skipped_because" not in found:
        found = {"strands_asked": [*as_list(asked, "strands_asked"), *found.get("strands", ())], **found}
    fields = {**rest, **found}
    try:
        annotation = Annotation.model_validate({**fields, "label_id": label_id, "item_id": item.item_id})
    except ValidationError as error:
        raise fault_of(error, Annotation) from None
    check_rationale(annotation, item)
    return annotation


def prediction_from(item: Item, fields: dict[str, Any]) -> Prediction:
    """The prediction with these fields. Raises: BadRecord."""
    try:
        return Prediction.model_validate({**fields, "item_id": item.item_id})
    except ValidationError as error:
        raise fault_of(error, Prediction) from None


def label_id_for(tool: str, *parts: object) -> str:
    """An id for a foreign label: the same for the same parts, so that a second import finds it again."""
    told = json.dumps([str(part) for part in parts])
    return f"{tool}-{sha256_of(told.encode())[:20]}"
