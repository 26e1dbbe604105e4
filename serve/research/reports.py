"""The reports of every bundle: `HOME/reports/NAME/report.json`, as `watchhouse evaluate --out` writes them.

Read is only what the pages show. A file that does not have the shape is refused with a line that says where.
Folders may come from another machine, so nothing in them leads out of `HOME/reports`, or stops the list.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from model.errors import BadFile, NotFound

FOLDER: Final = "reports"
REPORT_JSON: Final = "report.json"
REPORT_HTML: Final = "report.html"
DOWNLOADS: Final = (REPORT_HTML, REPORT_JSON)

MAX_REPORT_BYTES: Final = 16 * 1024 * 1024
"""Of either file; the bench's own have about 1 MB. Larger ones are neither read nor sent."""

MAX_LISTED: Final = 200
"""Reports on the page; the newest folders by name are kept, so that a full disk of them cannot stop it."""

MAX_FAULTS_TOLD: Final = 3
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")

MAX_LINES: Final = 2_000
"""Lines of one table of a page, and names of one object."""

EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)
"""The calendar's first and last days have no time in another zone: one such report would stop the list."""

Words = Annotated[str, StringConstraints(max_length=2_000)]
Finite = Annotated[float, Field(allow_inf_nan=False, ge=-1e12, le=1e12)]
Count = Annotated[int, Field(ge=0, le=10**12)]


class _Shape(BaseModel):
    """Frozen; keys that the pages do not show are passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Figure(_Shape):
    """A measured value with its 95 % interval and the posts it was measured on."""

    value: Finite
    low: Finite
    high: Finite
    posts: Count


class Target(_Shape):
    """What was measured: a bundle, a model folder, an endpoint or a file of predictions."""

    name: Words
    identity: Words
    kind: Words
    thresholds: dict[Words, Finite] = Field(default={}, max_length=100)


class HeadlineLine(_Shape):
    """One measure that a bundle is held to, and whether it holds."""

    measure: Words
    words: Words
    must: Finite | None = None
    aim: Finite | None = None
    got: Figure | None = None
    verdict: Words


class FunctionalityLine(_Shape):
    """One functionality of a suite."""

    name: Words
    title: Words
    hateful: bool | None = None
    cases: Count
    accuracy: Figure | None = None
    strand_accuracy: Figure | None = None


class SuiteOfReport(_Shape):
    """What a target got on one suite."""

    head: Words
    threshold: Finite | None = None
    cases: Count
    not_answered: Count = 0
    accuracy: Figure | None = None
    hateful: Figure | None = None
    non_hateful: Figure | None = None
    macro: Figure | None = None
    functionalities: tuple[FunctionalityLine, ...] = Field(default=(), max_length=MAX_LINES)


class GroupLine(_Shape):
    """What a target gets wrong about one community, identity or dialect."""

    group: Words
    axis: Words
    posts: Count
    false_positive_rate: Figure | None = None
    false_negative_rate: Figure | None = None
    subgroup: Figure | None = None
    bpsn: Figure | None = None
    bnsp: Figure | None = None


class Comparison(_Shape):
    """Two targets on the same cases."""

    a: Words
    b: Words
    what: Words
    cases: Count
    difference: Figure | None = None
    holm_p: Finite | None = None
    verdict: Words


class Results(_Shape):
    """Everything about one target."""

    headline: tuple[HeadlineLine, ...] = Field(default=(), max_length=MAX_LINES)
    suites: dict[Words, SuiteOfReport] = Field(default={}, max_length=100)
    groups: tuple[GroupLine, ...] = Field(default=(), max_length=MAX_LINES)


class Code(_Shape):
    """What code measured."""

    commit: Words | None = None
    version: Words | None = None


class Report(_Shape):
    """One report, as far as the pages show it."""

    schema_version: Literal[1]
    made_at: Annotated[AwareDatetime, Field(ge=EARLIEST, lt=LATEST)]
    code: Code = Code()
    targets: tuple[Target, ...] = Field(min_length=1, max_length=100)
    results: dict[Words, Results] = Field(max_length=100)
    comparisons: tuple[Comparison, ...] = Field(default=(), max_length=MAX_LINES)


@dataclass(frozen=True, slots=True)
class ReportOnList:
    """One folder: its report, or the line that says why it cannot be read."""

    name: str
    report: Report | None
    fault: str | None
    files: tuple[str, ...]

    @property
    def made_at(self) -> datetime | None:
        """When it was made, if that can be read."""
        return self.report.made_at if self.report else None


def list_reports(home: Path) -> list[ReportOnList]:
    """Every report of the hub in `home`, newest first; those that cannot be read stand last, by name."""
    folder = home / FOLDER
    names = sorted(path.name for path in folder.iterdir() if is_report(path)) if folder.is_dir() else []
    listed = [_on_list(home, name) for name in names[-MAX_LISTED:]]
    readable = [entry for entry in listed if entry.made_at is not None]
    readable.sort(key=lambda entry: (entry.made_at, entry.name), reverse=True)
    return readable + [entry for entry in listed if entry.made_at is None]


def is_report(folder: Path) -> bool:
    """Whether this is a folder with a report in it, under a name that an address can hold."""
    return _NAME.fullmatch(folder.name) is not None and _is_ours(folder / REPORT_JSON)


def _is_ours(file: Path) -> bool:
    """Whether this is a file that truly lies in a folder of reports: a link could lead anywhere."""
    try:
        root = file.parents[1].resolve()
        return file.is_file() and file.resolve().is_relative_to(root)
    except (OSError, RuntimeError):  # a folder that may not be entered; RuntimeError: links in a circle
        return False


def _is_offered(file: Path) -> bool:
    return _is_ours(file) and file.stat().st_size <= MAX_REPORT_BYTES


def find_report(home: Path, name: str) -> ReportOnList:
    """The report of that name, readable or not. Raises: NotFound."""
    # Looked up by a name of the pattern, which has no separator and does not begin with a dot.
    if _NAME.fullmatch(name) is None or not is_report(home / FOLDER / name):
        raise NotFound("there is no such report")
    return _on_list(home, name)


def report_file(home: Path, name: str, file: str) -> bytes:
    """What is in the file of a report that is offered for download. Raises: NotFound."""
    if file not in find_report(home, name).files:
        raise NotFound("there is no such file")
    try:
        return (home / FOLDER / name / file).read_bytes()
    except OSError:  # it went, or may not be read
        raise NotFound("there is no such file") from None


def read_report(path: Path) -> Report:
    """The report in a file. Raises: BadFile, with one line that says what is wrong and where."""
    try:
        stat = path.stat()
        if stat.st_size > MAX_REPORT_BYTES:
            raise BadFile(f"{REPORT_JSON}: more than {MAX_REPORT_BYTES // 2**20} MiB", field="report")
        found = _read(path, stat.st_mtime_ns, stat.st_size)
    except OSError as error:
        raise BadFile(f"{REPORT_JSON}: cannot be opened ({error.strerror})", field="report") from None
    if isinstance(found, str):
        raise BadFile(found, field="report")
    return found


@lru_cache(maxsize=2 * MAX_LISTED)  # fewer than the list reads, in its order, would never hit
def _read(path: Path, _changed_at: int, _size: int) -> Report | str:
    """The report, or why it is none; kept while the file keeps its time and size. Raises: OSError."""
    try:
        return Report.model_validate_json(path.read_bytes())
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, one['loc'])) or 'file'}: {one['msg']}"
            for one in error.errors(include_input=False, include_url=False)[:MAX_FAULTS_TOLD]
        )
        return f"{REPORT_JSON}: {faults}"[:500]


def _on_list(home: Path, name: str) -> ReportOnList:
    folder = home / FOLDER / name
    files = tuple(file for file in DOWNLOADS if _is_offered(folder / file))
    try:
        return ReportOnList(name, read_report(folder / REPORT_JSON), None, files)
    except BadFile as fault:
        return ReportOnList(name, None, fault.message, files)
