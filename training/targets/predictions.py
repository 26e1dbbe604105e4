"""A file of predictions as a target: scores that somebody made elsewhere, looked up by text or case id."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.configuration import sha256_of
from model.errors import BadFile
from model.taxonomy import HEAD_ORDER
from training.targets.remembering import NOT_SCORED, Answer, RememberingTarget
from training.targets.specs import SpecOptions

SUFFIXES: Final = (".jsonl", ".csv", ".parquet")
ID_COLUMNS: Final = ("case_id", "id")
SCORE: Final = "score"
"""A column that stands for `hate` where no column is called like a head."""

MISSING: Final = "missing"
_LONGEST_CELL: Final = 1024 * 1024

Row = Mapping[str, Any]


class PredictionsTarget(RememberingTarget):
    """Scores of a `.jsonl`, `.csv` or `.parquet` file with `text` or `case_id` (or `id`), a column per head.

    Instead of the columns there may be `score` (for `hate`), or the member `scores` of what
    `watchhouse score` writes. Texts are looked up as they are, to the letter.

    Raises: BadFile naming row and column of what cannot be used, or of a row that contradicts another.
    """

    def __init__(self, path: Path, options: SpecOptions, threshold: float) -> None:
        try:
            data = path.read_bytes()
        except OSError as error:
            raise BadFile(f"{path}: cannot be read ({error.strerror})", field="target") from None
        self._by_text: dict[str, Answer] = {}
        self._by_id: dict[str, tuple[Answer, str | None]] = {}
        self._text_of_id: dict[str, str] = {}
        columns: dict[str, str] | None = None
        for number, row in _rows(path):
            if columns is None:
                columns = _columns(path, row, options)
            self._keep(f"{path.name}: row {number}", row, columns)
        if columns is None:
            raise BadFile(f"{path.name}: has no rows", field="target")
        thresholds = {head: options.thresholds.get(head, threshold) for head in columns}
        called = [f"{head}={column}" for head, column in columns.items()] if options.names else []
        identity = " ".join([f"sha256:{sha256_of(data)}", *called])
        super().__init__(path.stem, identity, tuple(columns), thresholds)

    def for_cases(
        self, case_ids: Sequence[str], texts: Sequence[str], what: str = "posts"
    ) -> NDArray[np.float32]:
        """Scores (n, 4) float32 by case id where the file has it, else by text; NaN where it has neither.

        A row of that id with another text is another suite's case, and is not taken.
        Raises: BadFile for a row without text whose id two suites have; ValueError if there are not as many
            ids as texts.
        """
        found = [self._case(case_id, text) for case_id, text in zip(case_ids, texts, strict=True)]
        by_text = iter(
            self.score([text for text, row in zip(texts, found, strict=True) if row is None], what)
        )
        cases = zip(texts, found, strict=True)
        rows = [next(by_text) if answer is None else self._row(text, answer) for text, answer in cases]
        return np.stack(rows) if rows else np.zeros((0, len(HEAD_ORDER)), dtype=np.float32)

    def _case(self, case_id: str, text: str) -> Answer | None:
        answer, own_text = self._by_id.get(case_id, (None, text))
        if answer is not None and own_text is None:
            own_text = self._text_of_id.setdefault(case_id, text)
            if own_text != text:
                raise BadFile(
                    f"{self.name}: a row without text has an id that stands for cases of two suites; "
                    "a column text would tell them apart",
                    field="text",
                )
        return answer if own_text == text else None

    def _ask(self, texts: Sequence[str]) -> Iterator[Answer]:
        for text in texts:
            yield self._by_text.get(text, MISSING)

    def _keep(self, where: str, row: Row, columns: Mapping[str, str]) -> None:
        answer: Answer = _scores(where, row, columns) or NOT_SCORED
        text = row.get("text")
        if text is not None:
            if not isinstance(text, str):
                raise BadFile(f"{where}: text: must be a string", field="text")
            if self._by_text.setdefault(text, answer) != answer:
                raise BadFile(f"{where}: contradicts an earlier row of the same text", field="text")
        case_id = next((row[name] for name in ID_COLUMNS if row.get(name) not in (None, "")), None)
        if case_id is not None:
            if isinstance(case_id, bool) or not isinstance(case_id, str | int):
                raise BadFile(f"{where}: id: must be a string or a whole number", field="id")
            if self._by_id.setdefault(str(case_id), (answer, text)) != (answer, text):
                raise BadFile(f"{where}: contradicts an earlier row of the same id", field="id")
        if text is None and case_id is None:
            raise BadFile(f"{where}: has neither text nor {' nor '.join(ID_COLUMNS)}", field="text")


def _columns(path: Path, row: Row, options: SpecOptions) -> dict[str, str]:
    """By head the column with its scores. Raises: BadFile if there is none, or `hate` stands twice."""
    if options.names:
        columns = {head: names[0] for head, names in options.names.items()}
        if any(len(names) != 1 or names[0] not in row for names in options.names.values()):
            raise BadFile(
                f"{path.name}: wants one column for each head, and has {_shown(row)}", field="target"
            )
        return columns
    columns = {head: head for head in HEAD_ORDER if head in row}
    if SCORE in row:
        if "hate" in columns:
            raise BadFile(f"{path.name}: has both hate and {SCORE}: which one is meant?", field="hate")
        columns["hate"] = SCORE
    if not columns:
        wanted = f"{', '.join(HEAD_ORDER)} or {SCORE}"
        raise BadFile(f"{path.name}: has no column {wanted}; it has {_shown(row)}", field="target")
    return columns


def _shown(row: Row) -> str:
    return ", ".join(str(name)[:40] for name in list(row)[:12])


def _scores(where: str, row: Row, columns: Mapping[str, str]) -> dict[str, float]:
    """The scores of one row by head, without those that it leaves out. Raises: BadFile."""
    found = {}
    for head, column in columns.items():
        value = row.get(column)
        if value is None or value == "":
            continue
        try:
            number = math.inf if isinstance(value, bool) else float(value)
        except (TypeError, ValueError, OverflowError):
            number = math.inf
        if math.isnan(number):
            continue
        if not 0 <= number <= 1:
            raise BadFile(f"{where}: {column}: must be a number from 0 to 1", field=column)
        found[head] = number
    return found


def _rows(path: Path) -> Iterator[tuple[int, Row]]:
    """The rows with their numbers, from 1, the header not counted. Raises: BadFile."""
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        yield from enumerate(_parquet_rows(path), start=1)
        return
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from enumerate(
                _csv_rows(file, path) if suffix == ".csv" else _json_rows(file, path), start=1
            )
    except UnicodeDecodeError:
        raise BadFile(f"{path.name}: not UTF-8", field="target") from None


def _json_rows(lines: Iterator[str], path: Path) -> Iterator[Row]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if not isinstance(row, dict):
            raise BadFile(f"{path.name}: line {number}: not a JSON object", field="line")
        scores = row.get("scores")
        if isinstance(scores, dict):
            yield {**row, **scores}
        else:  # no scores: what `watchhouse score` writes for a language that is not read, and for a bad post
            yield {**(dict.fromkeys(HEAD_ORDER) if {"scores", "error"} & set(row) else {}), **row}


def _csv_rows(lines: Iterator[str], path: Path) -> Iterator[Row]:
    before = csv.field_size_limit(_LONGEST_CELL)
    try:
        for row in csv.DictReader(lines, strict=True):
            if None in row or None in row.values():
                raise BadFile(f"{path.name}: a row has not as many cells as the header", field="line")
            yield row
    except csv.Error:
        raise BadFile(f"{path.name}: not CSV", field="line") from None
    finally:
        csv.field_size_limit(before)


def _parquet_rows(path: Path) -> Iterator[Row]:
    import pyarrow
    from pyarrow import parquet

    try:
        rows: list[Row] = parquet.read_table(path).to_pylist()
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError):
        raise BadFile(f"{path.name}: cannot be read as Parquet", field="target") from None
    yield from rows
