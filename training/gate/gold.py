"""Gold posts: labelled posts of the hub that no training takes, one post a text, and how they were drawn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.errors import BadRecord
from model.records import LabelledPost, read_jsonl
from model.taxonomy import HEAD_ORDER
from training.corpora.pack import NOT_ANNOTATED
from training.gate.weighted import Drawn


def read_gold(files: Sequence[Path]) -> tuple[tuple[str, ...], NDArray[np.int8], Drawn | None]:
    """The texts, their labels (n, 4) by HEAD_ORDER, and how they were drawn; None where no file says.

    Several labels of one text are one post: per head what most say, a tie being no label.
    Raises: BadRecord for a post that is not marked `test`, and for chances that only some posts have, or that
    differ for one text: what such a set is a sample of cannot be told.
    """
    by_text: dict[str, list[LabelledPost]] = {}
    for path in files:
        for number, row in enumerate(read_jsonl(path), start=1):
            if row.split != "test":
                raise BadRecord(f"{path.name}: post {number}: a gold post is marked test", field="split")
            same = by_text.setdefault(row.text, [])
            if same and same[0].inclusion_probability != row.inclusion_probability:
                raise BadRecord(
                    f"{path.name}: post {number}: drawn with another chance than the same text before",
                    field="inclusion_probability",
                )
            same.append(row)
    table = label_table([[_majority(rows, head) for head in HEAD_ORDER] for rows in by_text.values()])
    return tuple(by_text), table, _drawn([rows[0].inclusion_probability for rows in by_text.values()])


def label_table(rows: Sequence[Sequence[int]]) -> NDArray[np.int8]:
    """Labels as an array (n, 4) int8, also of no rows."""
    return np.asarray(rows, dtype=np.int8).reshape(len(rows), len(HEAD_ORDER))


def _majority(rows: Sequence[LabelledPost], head: str) -> int:
    votes = Counter(answer for row in rows if (answer := getattr(row, head)) is not None)
    return NOT_ANNOTATED if votes[0] == votes[1] else int(votes[1] > votes[0])


def _drawn(chances: Sequence[float | None]) -> Drawn | None:
    known = [chance for chance in chances if chance is not None]
    if known and len(known) < len(chances):
        raise BadRecord(
            "gold: some posts say with what chance they were drawn, and some do not",
            field="inclusion_probability",
        )
    return Drawn.of(np.asarray(known, dtype=np.float64)) if known else None
