"""The labelled post: the file that labelling writes and training reads.

One JSON object a line. `null` in a label means "not annotated" and is never read as 0:
the training loss is masked per label.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from model.configuration import FrozenConfig
from model.errors import BadRecord
from model.taxonomy import HEAD_ORDER, SEVERITIES, SPEECH_ACT_ORDER

SCHEMA_VERSION: Final = 1
"""Written in every row; a reader refuses rows of a version it does not know."""

Label = Literal[0, 1] | None

RecordT = TypeVar("RecordT", bound=BaseModel)


class LabelledPost(FrozenConfig):
    """A post and what people said of it.

    `rationale` holds [start, end) spans in code points of `text`. `source` names the corpus or
    `hub`. `split` is train, dev or test; None lets training choose by hash. `soft` has, for heads on which
    several people answered, the share of them who said 1; `people` is how many stand behind the row.
    `sample_reason` is why the post was chosen to be labelled; `inclusion_probability` the chance with which
    it was drawn, if by chance.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = SCHEMA_VERSION
    id: str = Field(min_length=1, max_length=200)
    text: str = Field(min_length=1)
    source: str = Field(min_length=1)
    split: Literal["train", "dev", "test"] | None = None
    hate: Label = None
    antisemitic: Label = None
    islamophobic: Label = None
    far_right: Label = None
    severity: int | None = None
    speech_act: str | None = None
    rationale: tuple[tuple[int, int], ...] | None = None
    annotator: str | None = None
    codebook: str | None = None
    codebook_sha256: str | None = None
    labelled_at: str | None = None
    note: str | None = None
    soft: dict[str, Annotated[float, Field(ge=0, le=1)]] | None = None
    people: int | None = Field(default=None, ge=1)
    sample_reason: str | None = None
    inclusion_probability: float | None = Field(default=None, gt=0, le=1)

    @model_validator(mode="after")
    def _within_bounds(self) -> LabelledPost:
        if self.severity is not None and self.severity not in SEVERITIES:
            raise ValueError(f"severity: one of {SEVERITIES}")
        if self.speech_act is not None and self.speech_act not in SPEECH_ACT_ORDER:
            raise ValueError(f"speech_act: one of {SPEECH_ACT_ORDER}")
        if not set(self.soft or ()) <= set(HEAD_ORDER):
            raise ValueError(f"soft: of {HEAD_ORDER}")
        for start, end in self.rationale or ():
            if not 0 <= start < end <= len(self.text):
                raise ValueError("rationale: a span lies outside the text")
        return self


def to_line(record: LabelledPost) -> str:
    """The record as one JSON line, without the newline."""
    return json.dumps(record.model_dump(mode="json"), ensure_ascii=False, sort_keys=True)


def write_jsonl(records: Iterable[LabelledPost], path: Path) -> int:
    """Writes the records, one a line, and returns how many there were."""
    count = 0
    with path.open("w", encoding="utf-8") as file:
        for record in records:
            file.write(to_line(record) + "\n")
            count += 1
    return count


def read_jsonl(path: Path) -> Iterator[LabelledPost]:
    """The records of a file, in order.

    Raises: BadRecord with the line number and the field, never the text.
    """
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            yield parse_line(line, number, LabelledPost)


def parse_line(line: str, number: int, shape: type[RecordT]) -> RecordT:
    """A line of a JSONL file as a record of that shape.

    Raises: BadRecord with the line number and the field, never the text.
    """
    try:
        raw: Any = json.loads(line)
    except (ValueError, RecursionError):
        raise BadRecord(f"line {number}: not JSON", field="line") from None
    try:
        return shape.model_validate(raw)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        field = ".".join(map(str, first["loc"])) or "record"
        raise BadRecord(f"line {number}: {field}: {first['msg']}", field=field) from None
