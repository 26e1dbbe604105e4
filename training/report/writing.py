"""A report put into a folder: report.json and report.html, each whole or not there."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from model.errors import BadFile
from training.report.page import report_page
from training.report.shape import Report

JSON_NAME = "report.json"
PAGE_NAME = "report.html"


def write_report(report: Mapping[str, Any], out: Path) -> tuple[Path, Path]:
    """Writes `report.json` and `report.html` into `out` and returns their paths.

    The JSON is of the checked report, keys sorted, so the same report gives the same bytes; every member
    that was left out is in it as null or empty. The page is made before anything is written.
    Raises: BadFile, when the report is not of the shape that this version writes.
    """
    checked = _checked(report, JSON_NAME)
    try:
        held = checked.model_dump(mode="json")
        text = json.dumps(held, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"
    except ValueError:
        raise BadFile(f"{JSON_NAME}: figures: a number that JSON cannot hold", field="report") from None
    page = report_page(checked)
    out.mkdir(parents=True, exist_ok=True)
    return _put(out / JSON_NAME, text), _put(out / PAGE_NAME, page)


def read_report(path: Path) -> dict[str, Any]:
    """The checked contents of a report.json, as `write_report` wrote it.

    Raises: BadFile, when it cannot be read, is not JSON, or is not a report that this version knows.
    """
    try:
        raw = json.loads(path.read_bytes())
    except OSError as error:
        raise BadFile(f"{path.name}: cannot be opened ({error.strerror})", field="report") from None
    except ValueError:
        raise BadFile(f"{path.name}: not JSON", field="report") from None
    return _checked(raw, path.name).model_dump(mode="json")


def _checked(report: Any, name: str) -> Report:
    try:
        return Report.model_validate(report)
    except ValidationError as error:
        # Places and kinds of faults only: what was found there may be a post.
        faults = [f"{'.'.join(map(str, fault['loc']))}: {fault['type']}" for fault in error.errors()[:10]]
        raise BadFile(f"{name}: not a report of this version ({'; '.join(faults)})", field="report") from None


def _put(path: Path, text: str) -> Path:
    """Writes beside `path` and moves it there, so that nobody ever reads half a file."""
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp's file is for its maker only; a report is for whoever may read the folder.
        Path(beside).chmod(0o644)
        Path(beside).replace(path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise
    return path
