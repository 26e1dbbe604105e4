"""Labels that are probably wrong, ranked: the file that training writes and the label-error inbox reads.

No row holds a post's text: `text_sha256` is the one that labelling tasks know it by.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, Literal

from pydantic import Field

from model.configuration import FrozenConfig
from model.records import parse_line

SCHEMA_VERSION: Final = 1

ReasonName = Literal[
    "model_disagrees", "contradicts_near_duplicates", "single_annotator_blind_spot", "annotators_outweighed"
]


class SuspectReason(FrozenConfig):
    """Why a label is suspected, in words for whoever looks at it; `posts` are ids to compare with."""

    reason: ReasonName
    words: str = Field(min_length=1)
    posts: tuple[str, ...] = ()


class Suspect(FrozenConfig):
    """One head of one post whose label is suspected.

    `rank` counts from 1. `given` is the label as it stands (adjudicated, else the majority; None of a tie),
    `suggested` what speaks against it. `suspicion` in [0, 1] orders the file. It is no probability that the
    label is wrong. `model_score` is the probability of 1 by a model that had not seen this label, where
    `out_of_fold` says so. `votes` are by annotator.
    """

    schema_version: Literal[1] = SCHEMA_VERSION
    rank: int = Field(ge=1)
    post_id: str
    text_sha256: str
    head: str
    given: Literal[0, 1] | None
    suggested: Literal[0, 1]
    suspicion: float = Field(ge=0, le=1)
    model_score: float = Field(ge=0, le=1)
    out_of_fold: bool
    adjudicated: bool
    votes: dict[str, Literal[0, 1]]
    reasons: tuple[SuspectReason, ...] = Field(min_length=1)


class PostConsensus(FrozenConfig):
    """What annotators and a model together make of one head of one post (CROWDLAB).

    `quality` in [0, 1] is how sure that is; `agreement` is the share of the annotators who said the same.
    """

    schema_version: Literal[1] = SCHEMA_VERSION
    post_id: str
    text_sha256: str
    head: str
    consensus: Literal[0, 1]
    quality: float = Field(ge=0, le=1)
    agreement: float = Field(ge=0, le=1)
    annotators: int = Field(ge=1)


def write_rows(rows: Iterable[Suspect | PostConsensus], path: Path) -> int:
    """Writes the rows, one a line, and returns how many there were."""
    count = 0
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row.model_dump(mode="json"), sort_keys=True) + "\n")
            count += 1
    return count


def read_suspects(path: Path) -> Iterator[Suspect]:
    """The suspects of a file, in order of rank. Raises: BadRecord with the line number and the field."""
    with path.open(encoding="utf-8") as file:
        yield from suspects_in(file)


def suspects_in(lines: Iterable[str]) -> Iterator[Suspect]:
    """The suspects of lines of such a file. Raises: BadRecord with the line number and the field."""
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield parse_line(line, number, Suspect)


def read_consensus(path: Path) -> Iterator[PostConsensus]:
    """The consensus rows of a file, in order. Raises: BadRecord with the line number and the field."""
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield parse_line(line, number, PostConsensus)
