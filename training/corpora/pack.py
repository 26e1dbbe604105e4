"""The data folder: labelled corpora and background traffic as Parquet in one schema.

`DATA/{train,known,background}/NAME.parquet`, described by `DATA/MANIFEST.csv` (group, corpus,
sha256, licence, citation). `null` in a label column means "not annotated"; here it is `NOT_ANNOTATED`.
"""

from __future__ import annotations

import csv
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as parquet

from model.configuration import sha256_of
from model.errors import BadConfig
from model.taxonomy import HEAD_ORDER

NOT_ANNOTATED = -1
COLUMNS = ["id", "text", "split", *HEAD_ORDER, "kind", "functionality", "target", "rationale", "meta"]

Spans = tuple[tuple[int, int], ...]

# Licences that forbid what a shipped bundle does. Source: CLASSIFIER.md section 2, rule 5.
BARRED_LICENCE_WORDS = (
    "-nc",
    "noncommercial",
    "non-commercial",
    "research-only",
    "no-redistribution",
    "all-rights-reserved",
)


@dataclass(slots=True)
class CorpusPost:
    """One row of a corpus. `labels` follow `HEAD_ORDER`: 1, 0 or NOT_ANNOTATED.

    `rationale` holds [start, end) in characters of `text`; None where nobody marked words. `soft` has, in the
    order of `HEAD_ORDER`, the share of people who said 1; None for a head of which it is not known.
    """

    corpus: str
    id: str
    text: str
    split: str | None
    labels: list[int]
    kind: str | None = None
    functionality: str | None = None
    target: str | None = None
    rationale: Spans | None = None
    speech_act: str | None = None
    meta: dict[str, Any] | None = None
    soft: tuple[float | None, ...] | None = None


@dataclass(frozen=True, slots=True)
class CorpusFile:
    """What the manifest says of one corpus."""

    group: str
    corpus: str
    path: Path
    sha256: str
    licence: str
    citation: str


def read_manifest(data: Path) -> dict[str, CorpusFile]:
    """Every corpus of the folder by name. Raises: BadConfig if there is no manifest."""
    path = data / "MANIFEST.csv"
    if not path.is_file():
        raise BadConfig(f"{path}: there is no manifest; docs/data.md says what a data folder holds")
    with path.open(encoding="utf-8", newline="") as file:
        return {
            row["corpus"]: CorpusFile(
                group=row["group"],
                corpus=row["corpus"],
                path=data / row["group"] / f"{row['corpus']}.parquet",
                sha256=row["sha256"],
                licence=row.get("licence") or "unstated",
                citation=row.get("citation") or "",
            )
            for row in csv.DictReader(file)
        }


def refuse_barred_licence(corpus: CorpusFile) -> None:
    """Nothing, if the licence lets a shipped bundle be trained on the corpus. Raises: BadConfig."""
    licence = re.sub(r"[\s_-]+", "-", corpus.licence.lower())
    if any(word in licence for word in BARRED_LICENCE_WORDS):
        raise BadConfig(
            f"corpora: {corpus.corpus}: its licence ({corpus.licence}) bars it from a shipped bundle"
        )


def read_corpus(corpus: CorpusFile) -> list[CorpusPost]:
    """The posts of one corpus, in file order, after checking the file against the manifest.

    Raises: BadConfig naming the file when it is missing or altered.
    """
    if not corpus.path.is_file():
        raise BadConfig(f"{corpus.path}: the manifest names it, the folder lacks it")
    if sha256_of(corpus.path.read_bytes()) != corpus.sha256:
        raise BadConfig(f"{corpus.path}: does not have the SHA-256 that the manifest gives")
    table = parquet.read_table(corpus.path)
    have = [name for name in COLUMNS if name in table.column_names]
    rows = table.select(have).to_pylist()
    return [_post(corpus.corpus, row) for row in rows]


def _post(corpus: str, row: dict[str, Any]) -> CorpusPost:
    return CorpusPost(
        corpus=corpus,
        id=str(row["id"]),
        text=row["text"],
        split=row.get("split") if isinstance(row.get("split"), str) else None,
        labels=[NOT_ANNOTATED if row.get(head) is None else int(row[head]) for head in HEAD_ORDER],
        kind=row.get("kind"),
        functionality=row.get("functionality"),
        target=row.get("target"),
        rationale=_spans(row.get("rationale")),
        meta=json.loads(row["meta"]) if row.get("meta") else None,
    )


def _spans(column: str | None) -> Spans | None:
    spans = tuple((int(start), int(end)) for start, end in json.loads(column or "[]"))
    return spans or None
