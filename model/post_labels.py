"""A post with every annotator's label: the file in which labels can be checked against each other.

`model/records.py` has one row a label; here a row is a post, `labels` holds what each annotator said, and
`adjudicated` what was decided over them, if anything was. A reader of this file takes the other shape too and
gathers its rows by text, so that the hub's plain export can be checked as it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import Field, model_validator

from model.configuration import FrozenConfig, sha256_of
from model.records import Label, LabelledPost, parse_line
from model.taxonomy import SEVERITIES, SPEECH_ACT_ORDER

SCHEMA_VERSION: Final = 1
"""Written in every row; a reader refuses rows of a version it does not know."""

NOBODY: Final = "unknown"
"""The annotator of a labelled post that names none."""


class AnnotatorLabel(FrozenConfig):
    """What one annotator said of a post. `null` means "not annotated", never 0.

    `codes` and `flags` are those of the codebook, `rationale` [start, end) code points of the post's text.
    `seconds` is how long the label took. `assisted`: a suggestion had been seen before.
    """

    annotator: str = Field(min_length=1)
    cohort: str | None = None
    hate: Label = None
    antisemitic: Label = None
    islamophobic: Label = None
    far_right: Label = None
    severity: int | None = None
    speech_act: str | None = None
    codes: tuple[str, ...] | None = None
    flags: tuple[str, ...] | None = None
    rationale: tuple[tuple[int, int], ...] | None = None
    codebook: str | None = None
    codebook_sha256: str | None = None
    labelled_at: str | None = None
    seconds: float | None = Field(default=None, ge=0)
    assisted: bool = False

    @model_validator(mode="after")
    def _within_bounds(self) -> AnnotatorLabel:
        if self.severity is not None and self.severity not in SEVERITIES:
            raise ValueError(f"severity: one of {SEVERITIES}")
        if self.speech_act is not None and self.speech_act not in SPEECH_ACT_ORDER:
            raise ValueError(f"speech_act: one of {SPEECH_ACT_ORDER}")
        return self


class PostLabels(FrozenConfig):
    """A post, its annotators' labels, one an annotator, and the adjudicated label if there is one."""

    shape: Literal["post_labels"] = "post_labels"
    schema_version: Literal[1] = SCHEMA_VERSION
    id: str = Field(min_length=1, max_length=200)
    text: str = Field(min_length=1)
    source: str = Field(min_length=1)
    split: Literal["train", "dev", "test"] | None = None
    labels: tuple[AnnotatorLabel, ...] = Field(min_length=1)
    adjudicated: AnnotatorLabel | None = None

    @model_validator(mode="after")
    def _whole(self) -> PostLabels:
        if len({label.annotator for label in self.labels}) < len(self.labels):
            raise ValueError("labels: an annotator stands twice")
        for label in (*self.labels, *([self.adjudicated] if self.adjudicated else [])):
            if any(not 0 <= start < end <= len(self.text) for start, end in label.rationale or ()):
                raise ValueError("rationale: a span lies outside the text")
        return self

    @property
    def text_sha256(self) -> str:
        """The hash that labelling tasks know the text by."""
        return sha256_of(self.text.encode())


def write_post_labels(posts: Iterable[PostLabels], path: Path) -> int:
    """Writes the posts, one a line, and returns how many there were."""
    count = 0
    with path.open("w", encoding="utf-8") as file:
        for post in posts:
            row = json.dumps(post.model_dump(mode="json"), ensure_ascii=False, sort_keys=True)
            file.write(row + "\n")
            count += 1
    return count


def read_post_labels(path: Path) -> list[PostLabels]:
    """The posts of a file, in the order in which they first appear.

    Lines are PostLabels, or LabelledPost as `watchhouse label export` writes them: those of one text become
    one post, of an annotator's several labels the newest.

    Raises: BadRecord with the line number and the field, never the text.
    """
    whole: dict[int, PostLabels] = {}
    rows: dict[str, list[LabelledPost]] = {}
    first_line: dict[str, int] = {}
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            if _is_post_labels(line):
                whole[number] = parse_line(line, number, PostLabels)
            else:
                record = parse_line(line, number, LabelledPost)
                first_line.setdefault(record.text, number)
                rows.setdefault(record.text, []).append(record)
    gathered = {first_line[text]: _gather(records) for text, records in rows.items()}
    return [post for _, post in sorted((whole | gathered).items())]


def _is_post_labels(line: str) -> bool:
    try:
        raw: Any = json.loads(line)
    except ValueError:
        return False
    return isinstance(raw, dict) and "shape" in raw


def _gather(records: list[LabelledPost]) -> PostLabels:
    newest: dict[str, LabelledPost] = {}
    for record in sorted(records, key=lambda record: record.labelled_at or ""):
        newest[record.annotator or NOBODY] = record
    splits = {record.split for record in records}
    return PostLabels(
        id=records[0].id,
        text=records[0].text,
        source=records[0].source,
        split=next((split for split in ("test", "dev", "train") if split in splits), None),
        labels=tuple(_label(annotator, newest[annotator]) for annotator in sorted(newest)),
    )


def _label(annotator: str, record: LabelledPost) -> AnnotatorLabel:
    return AnnotatorLabel(
        annotator=annotator,
        hate=record.hate,
        antisemitic=record.antisemitic,
        islamophobic=record.islamophobic,
        far_right=record.far_right,
        severity=record.severity,
        speech_act=record.speech_act,
        rationale=record.rationale,
        codebook=record.codebook,
        codebook_sha256=record.codebook_sha256,
        labelled_at=record.labelled_at,
    )
