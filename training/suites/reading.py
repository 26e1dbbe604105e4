"""Any suite by its file: our YAML, a CSV that `model.suite` reads, or Parquet in the data folder's schema."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow
from pyarrow import parquet

from model.configuration import sha256_of
from model.errors import BadFile
from model.suite import Suite, read_suite, suite_from_csv
from training.suites.expansion import build_suite

COLUMNS = ("id", "text", "hate", "target", "functionality")


def open_suite(path: Path) -> Suite:
    """The suite in a `.yaml`, `.parquet` or CSV file. Raises: BadConfig, BadFile, BadRecord."""
    if path.suffix.lower() in {".yaml", ".yml"}:
        return build_suite(path)
    return read_corpus_suite(path) if path.suffix.lower() == ".parquet" else read_suite(path)


def read_corpus_suite(path: Path) -> Suite:
    """The suite in a Parquet file of the data folder's schema, under the same checks as a CSV.

    A row without `hate` or `functionality` is refused: it is no case. Raises: BadFile, BadRecord.
    """
    try:
        data = path.read_bytes()
        rows = parquet.read_table(io.BytesIO(data)).to_pylist()
    except OSError as error:
        raise BadFile(f"{path.name}: cannot be opened ({error.strerror})", field="suite") from None
    except (pyarrow.ArrowException, UnicodeDecodeError):
        raise BadFile(f"{path.name}: cannot be read as Parquet", field="suite") from None
    if rows and (missing := set(COLUMNS) - rows[0].keys()):
        raise BadFile(f"{path.name}: has no column {', '.join(sorted(missing))}", field="suite")
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow([*COLUMNS, "templ_id", "language"])
    for row in rows:
        # An empty cell where the row has null; csv would write None so too, but True for a bool.
        plain = ["" if row[column] is None else row[column] for column in COLUMNS]
        writer.writerow([*plain, *_template_and_language(row)])
    suite = suite_from_csv(out.getvalue().encode("utf-8", "surrogateescape"), path.stem)
    return replace(suite, sha256=sha256_of(data))


def _template_and_language(row: Mapping[str, Any]) -> tuple[str, str]:
    """What `meta` keeps of HateCheck's template, as a short hash, and of the language; "" if nothing."""
    try:
        meta = json.loads(row.get("meta") or "{}")
    except ValueError:
        meta = {}
    template = str(meta.get("templ") or "")
    language = "en" if str(row["id"]).startswith("hatecheck:") else str(meta.get("lang") or "")
    return hashlib.sha256(template.encode()).hexdigest()[:8] if template else "", language
