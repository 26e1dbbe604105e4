"""The canonical records: a text, what one person said of it, what a bundle said of it.

Every format is read into these and written from them, so that a format is one file and no two formats
know of each other. The formats and what each of them holds by itself: docs/interchange.md.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    Field,
    JsonValue,
    ValidationError,
    field_validator,
    model_validator,
)

from model.configuration import FrozenConfig, sha256_of
from model.errors import BadRecord
from model.normalise import check_text
from model.taxonomy import HEAD_ORDER, SEVERITIES, SPEECH_ACT_ORDER, STRAND_ORDER

SCHEMA_VERSION: Final = 1
"""Stands in every record that is written; a record of another version is refused."""

MAX_SPANS: Final = 1_000
MAX_NOTE_CHARACTERS: Final = 10_000
MAX_DEPTH: Final = 16
"""Deepest nesting of `metadata` and `extra`: half of what a JSON row may have, so that it fits into one."""

MAX_SECONDS: Final = 2_000_000.0
"""Longest time on one text, 23 days: in milliseconds it still fits the 32 bits of the published column."""

MAX_INTEGER: Final = 2**63 - 1

Assisted = Literal["none", "shown_after", "prefilled"]
"""Whether the person saw what the machine says: never, after their own first answer, or filled in before."""


def _clean(value: str) -> str:
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise ValueError("has a NUL or a lone surrogate")
    return value


def _storable(value: JsonValue, depth: int = MAX_DEPTH) -> JsonValue:
    """The value, if every format and both databases can hold it."""
    if depth == 0:
        raise ValueError("nested too deep")
    if isinstance(value, str):
        _clean(value)
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError("a number that is not finite")
    elif isinstance(value, int) and abs(value) > MAX_INTEGER:
        raise ValueError("a number that is too large")
    elif isinstance(value, list):
        for element in value:
            _storable(element, depth - 1)
    elif isinstance(value, dict):
        for key, element in value.items():
            _clean(key)
            _storable(element, depth - 1)
    return value


Identifier = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_clean)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
"""A code, context flag or reason of a codebook. Which exist is the codebook's to say, not the format's."""

Words = Annotated[str, Field(min_length=1, max_length=MAX_NOTE_CHARACTERS), AfterValidator(_clean)]
Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Share = Annotated[float, Field(ge=0, le=1)]
Extras = Annotated[dict[str, JsonValue], AfterValidator(_storable)]
Span = tuple[int, int]


class Item(FrozenConfig):
    """A text as it was published. `metadata` is whatever else its source said of it, as JSON."""

    schema_version: Literal[1] = SCHEMA_VERSION
    item_id: Identifier
    text: str
    text_sha256: Hash
    metadata: Extras = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _with_hash(cls, data: Any) -> Any:
        if isinstance(data, dict) and isinstance(data.get("text"), str) and "text_sha256" not in data:
            return {**data, "text_sha256": sha256_of(check_text(data["text"]).encode())}
        return data

    @model_validator(mode="after")
    def _usable(self) -> Item:
        if sha256_of(check_text(self.text).encode()) != self.text_sha256:
            raise ValueError("text_sha256: is not that of the text")
        return self


class Annotation(FrozenConfig):
    """What one person said of one item, or that they skipped it.

    `strands` are those they ticked, `strands_asked` those that they were asked about: one asked and not
    ticked is an answer (no), one not asked is none. `rationale` holds [start, end) code points of the text;
    None means that nobody marked words, an empty one that there are none to mark. `annotator` is a pseudonym,
    None where the source does not tell. `extra` is what a foreign format said and no field of ours holds.
    """

    schema_version: Literal[1] = SCHEMA_VERSION
    label_id: Identifier
    item_id: Identifier
    annotator: Identifier | None = None
    cohort: Identifier | None = None
    labelled_at: AwareDatetime | None = None
    hate: bool | None = None
    strands: tuple[str, ...] = ()
    strands_asked: tuple[str, ...] = STRAND_ORDER
    codes: tuple[Name, ...] = ()
    severity: int | None = None
    speech_act: str | None = None
    context_flags: tuple[Name, ...] = ()
    rationale: tuple[Span, ...] | None = Field(default=None, max_length=MAX_SPANS)
    confidence: Share | None = None
    personal_disagree: bool | None = None
    personal_disagree_text: Words | None = None
    note: Words | None = None
    skipped_because: Name | None = None
    assisted: Assisted = "none"
    saw_model_score: bool | None = None
    seconds_spent: float | None = Field(default=None, ge=0, le=MAX_SECONDS, description="to the millisecond")
    codebook: Identifier | None = None
    codebook_sha256: Hash | None = None
    definition_profiles: tuple[Name, ...] = ()
    sample_reason: Identifier | None = None
    inclusion_probability: float | None = Field(default=None, gt=0, le=1)
    ground_truth: bool = False
    extra: Extras = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _skip_asks_nothing(cls, data: Any) -> Any:
        if isinstance(data, dict) and data.get("skipped_because") is not None:
            return {"strands_asked": (), **data}
        return data

    @field_validator("strands", "strands_asked")
    @classmethod
    def _house_order(cls, strands: tuple[str, ...]) -> tuple[str, ...]:
        if not set(strands) <= set(STRAND_ORDER):
            raise ValueError("not one of our strands")
        return tuple(strand for strand in STRAND_ORDER if strand in strands)

    @field_validator("labelled_at")
    @classmethod
    def _in_utc(cls, moment: AwareDatetime | None) -> AwareDatetime | None:
        try:
            return None if moment is None else moment.astimezone(UTC)
        except OverflowError:
            raise ValueError("lies outside the calendar") from None

    @field_validator("seconds_spent")
    @classmethod
    def _to_the_millisecond(cls, seconds: float | None) -> float | None:
        return None if seconds is None else round(seconds, 3)

    @field_validator("rationale")
    @classmethod
    def _in_order(cls, spans: tuple[Span, ...] | None) -> tuple[Span, ...] | None:
        if spans is None:
            return None
        if any(not 0 <= start < end for start, end in spans):
            raise ValueError("a span is empty or begins before the text")
        return tuple(sorted(set(spans)))

    @model_validator(mode="after")
    def _coherent(self) -> Annotation:
        if self.severity is not None and self.severity not in SEVERITIES:
            raise ValueError(f"severity: one of {SEVERITIES}")
        if self.speech_act is not None and self.speech_act not in SPEECH_ACT_ORDER:
            raise ValueError(f"speech_act: one of {SPEECH_ACT_ORDER}")
        if not set(self.strands) <= set(self.strands_asked):
            raise ValueError("strands: one is ticked that was not asked")
        answered = (self.hate, self.severity, self.speech_act, *self.strands_asked)
        if self.skipped_because is not None and any(answer is not None for answer in answered):
            raise ValueError("skipped_because: a skipped text has no answers")
        return self

    def strand_answer(self, strand: str) -> bool | None:
        """Whether the strand was ticked; None where nobody asked."""
        return strand in self.strands if strand in self.strands_asked else None


class Prediction(FrozenConfig):
    """What a model said of an item: calibrated scores by head, in [0, 1]; a foreign one may lack heads."""

    schema_version: Literal[1] = SCHEMA_VERSION
    item_id: Identifier
    bundle_id: Identifier
    scores: dict[str, Share] = Field(default_factory=dict)
    extra: Extras = Field(default_factory=dict)

    @field_validator("scores")
    @classmethod
    def _known_heads(cls, scores: dict[str, float]) -> dict[str, float]:
        if not set(scores) <= set(HEAD_ORDER):
            raise ValueError("not one of our heads")
        return {head: scores[head] for head in HEAD_ORDER if head in scores}


Record = Item | Annotation | Prediction


@dataclass(frozen=True, slots=True)
class Labelled:
    """An item with everything that was said of it."""

    item: Item
    annotations: tuple[Annotation, ...] = ()
    predictions: tuple[Prediction, ...] = ()


def grouped(
    items: Iterable[Item], annotations: Iterable[Annotation], predictions: Iterable[Prediction] = ()
) -> Iterator[Labelled]:
    """The items in order, each with its annotations and predictions in theirs.

    Raises: BadRecord when two items or two labels share an id, an id leads to no item, or a span leaves its
    text.
    """
    by_item: defaultdict[str, tuple[list[Annotation], list[Prediction]]] = defaultdict(lambda: ([], []))
    label_ids: set[str] = set()
    for annotation in annotations:
        if annotation.label_id in label_ids:
            raise BadRecord("label_id: two labels share one", field="label_id")
        label_ids.add(annotation.label_id)
        by_item[annotation.item_id][0].append(annotation)
    for prediction in predictions:
        by_item[prediction.item_id][1].append(prediction)
    seen: set[str] = set()
    for item in items:
        if item.item_id in seen:
            raise BadRecord("item_id: two items share one", field="item_id")
        seen.add(item.item_id)
        said, scored = by_item.pop(item.item_id, ([], []))
        for annotation in said:
            check_rationale(annotation, item)
        yield Labelled(item, tuple(said), tuple(scored))
    if by_item:
        raise BadRecord("item_id: a label or prediction names an item that is not there", field="item_id")


def check_rationale(annotation: Annotation, item: Item) -> None:
    """Passes an annotation whose spans all lie inside the item's text. Raises: BadRecord."""
    if any(end > len(item.text) for _, end in annotation.rationale or ()):
        raise BadRecord("rationale: a span leaves the text", field="rationale")


def fault_of(error: ValidationError, shape: type[FrozenConfig]) -> BadRecord:
    """What to say of a record that does not fit its shape: field and reason, never what stood there."""
    first = error.errors(include_input=False, include_context=False, include_url=False)[0]
    # A key from outside may be part of the place: only a field of ours is named.
    field = str(first["loc"][0]) if first["loc"] and first["loc"][0] in shape.model_fields else "record"
    return BadRecord(f"{field}: {first['msg'].removeprefix('Value error, ')}", field=field)
