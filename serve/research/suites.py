"""Suites that researchers uploaded: checked, stored, run once with each bundle that somebody asks for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import PurePath
from typing import Any, Final

from sqlalchemy import and_, delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from model.configuration import sha256_of
from model.errors import BadFile, Conflict, NotFound, TooMany
from model.suite import Suite, suite_from_csv
from serve.audit.events import Event
from serve.audit.log import Detail, record
from serve.storage.identifiers import new_id
from serve.storage.tables import SuiteResult, SuiteRow, SuiteRun

MAX_SUITE_BYTES: Final = 2 * 1024 * 1024
"""HateCheck's published file has 0.6 MB."""

MAX_CASES: Final = 10_000
MAX_LINES: Final = 4 * MAX_CASES
"""Lines of the file: a text may have several, and a file of nothing else must not become that many faults."""

MAX_FUNCTIONALITIES: Final = 500
"""Each is a line of a table. HateCheck has 29."""

MAX_NAME_CHARACTERS: Final = 60

SUITES_A_DAY: Final = 50
"""New ones of one person: the table keeps every file that was run, for ever."""

WAS_RUN: Final = "the suite has been run: its results stand on it"


@dataclass(frozen=True, slots=True)
class SuiteOnList:
    """One suite without its texts. `runs` by bundle: when it was scored, None while it waits."""

    suite_id: str
    name: str
    cases: int
    uploaded_at: datetime
    uploaded_by: str
    runs: dict[str, datetime | None]


def read_upload(data: bytes, filename: str) -> Suite:
    """The suite in an uploaded file, unless it is too large.

    Raises: BadFile, BadRecord (its `members["rows"]` has row, column and reason of every bad cell).
    """
    if len(data) > MAX_SUITE_BYTES:
        raise BadFile(f"suite: at most {MAX_SUITE_BYTES // 2**20} MiB", field="suite")
    if not data:
        raise BadFile("suite: choose a CSV file that is not empty", field="suite")
    if data.count(b"\n") + data.count(b"\r") > 2 * MAX_LINES:
        raise BadFile(f"suite: at most {MAX_LINES:,} lines", field="suite")
    suite = suite_from_csv(data, plain_name(filename))
    if len(suite.cases) > MAX_CASES:
        raise BadFile(f"suite: at most {MAX_CASES:,} cases", field="suite")
    if len(suite.functionalities) > MAX_FUNCTIONALITIES:
        raise BadFile(f"suite: at most {MAX_FUNCTIONALITIES:,} functionalities", field="suite")
    return suite


def plain_name(filename: str) -> str:
    """A suite's name from the name of its file: letters, digits, - and _ only.

    >>> plain_name("C:\\\\tests\\\\my suite (2).csv"), plain_name("..")
    ('my-suite-2', 'suite')
    """
    stem = PurePath(filename.replace("\\", "/")).stem
    return re.sub(r"[^A-Za-z0-9_]+", "-", stem)[:MAX_NAME_CHARACTERS].strip("-") or "suite"


def store_suite(session: Session, suite: Suite, data: bytes, *, actor: str, at: datetime) -> tuple[str, bool]:
    """The id of the stored suite, and whether it is new: the same bytes are the same suite.

    Raises: TooMany.
    """
    known = session.scalar(select(SuiteRow.suite_id).where(SuiteRow.sha256 == sha256_of(data)))
    if known is not None:
        return known, False
    _check_rate(session, actor, at)
    row = SuiteRow(
        suite_id=new_id(),
        name=suite.name,
        sha256=sha256_of(data),
        cases=len(suite.cases),
        uploaded_at=at,
        uploaded_by=actor,
        csv=data,
    )
    session.add(row)
    details: dict[str, Detail] = {"sha256": row.sha256, "cases": row.cases, "bytes": len(data)}
    record(session, actor=actor, event=Event.SUITE_UPLOADED, subject=row.suite_id, details=details, at=at)
    session.flush()
    return row.suite_id, True


def discard_suite(session: Session, *, suite_id: str, actor: str, at: datetime) -> None:
    """Deletes a suite that its uploader put here by mistake. Raises: NotFound, Conflict once it was run."""
    row = find_suite(session, suite_id)
    if row.uploaded_by != actor:
        raise NotFound("there is no such suite")  # in the words for a missing one
    if session.scalar(select(SuiteRun.bundle).where(SuiteRun.suite_id == suite_id).limit(1)) is not None:
        raise Conflict(WAS_RUN)
    try:
        session.execute(delete(SuiteRow).where(SuiteRow.suite_id == suite_id))
    except IntegrityError:  # asked for between the look and the deed, which PostgreSQL lets happen
        raise Conflict(WAS_RUN) from None
    details = {"sha256": row.sha256}
    record(session, actor=actor, event=Event.SUITE_DISCARDED, subject=suite_id, details=details, at=at)


def request_run(session: Session, *, suite_id: str, bundle: str, actor: str, at: datetime) -> bool:
    """Asks for the suite to be scored with the bundle; False if somebody did before. Raises: NotFound."""
    find_suite(session, suite_id)
    if session.get(SuiteRun, (suite_id, bundle)) is not None:
        return False
    session.add(SuiteRun(suite_id=suite_id, bundle=bundle, requested_at=at, requested_by=actor))
    details = {"bundle": bundle}
    record(session, actor=actor, event=Event.SUITE_RUN_REQUESTED, subject=suite_id, details=details, at=at)
    return True


def find_suite(session: Session, suite_id: str) -> SuiteRow:
    """The stored suite. Raises: NotFound."""
    row = session.get(SuiteRow, suite_id)
    if row is None:
        raise NotFound("there is no such suite")
    return row


def find_result(session: Session, suite_id: str, bundle: str) -> SuiteResult:
    """What the bundle gave the suite. Raises: NotFound."""
    row = session.get(SuiteResult, (suite_id, bundle))
    if row is None:
        raise NotFound("there is no such result")
    return row


def list_suites(session: Session, suite_id: str | None = None) -> list[SuiteOnList]:
    """Every suite, newest first, or the one of that id; without their texts."""
    query = select(
        SuiteRow.suite_id, SuiteRow.name, SuiteRow.cases, SuiteRow.uploaded_at, SuiteRow.uploaded_by
    ).order_by(SuiteRow.suite_id.desc())
    runs = _runs(session)
    rows = session.execute(query if suite_id is None else query.where(SuiteRow.suite_id == suite_id))
    return [SuiteOnList(*row, runs=runs.get(row.suite_id, {})) for row in rows]


def next_run(session: Session, bundle: str, passed_over: set[str]) -> SuiteRow | None:
    """The suite whose run with this bundle has waited longest, unless it is one to pass over."""
    waiting = (
        select(SuiteRun.suite_id)
        .outerjoin(
            SuiteResult,
            and_(SuiteResult.suite_id == SuiteRun.suite_id, SuiteResult.bundle == SuiteRun.bundle),
        )
        .where(SuiteRun.bundle == bundle, SuiteResult.suite_id.is_(None))
        .order_by(SuiteRun.requested_at, SuiteRun.suite_id)
    )
    found = next((one for one in session.scalars(waiting) if one not in passed_over), None)
    return None if found is None else session.get(SuiteRow, found)


def _check_rate(session: Session, actor: str, at: datetime) -> None:
    today = select(func.count()).where(
        SuiteRow.uploaded_by == actor, SuiteRow.uploaded_at > at - timedelta(days=1)
    )
    if (session.scalar(today) or 0) >= SUITES_A_DAY:
        raise TooMany(f"At most {SUITES_A_DAY} new suites in a day: try again tomorrow.")


def _runs(session: Session) -> dict[str, dict[str, datetime | None]]:
    query = (
        select(SuiteRun.suite_id, SuiteRun.bundle, SuiteResult.scored_at)
        .outerjoin(
            SuiteResult,
            and_(SuiteResult.suite_id == SuiteRun.suite_id, SuiteResult.bundle == SuiteRun.bundle),
        )
        .order_by(SuiteRun.requested_at.desc(), SuiteRun.bundle)
    )
    found: dict[str, dict[str, Any]] = {}
    for suite_id, bundle, scored_at in session.execute(query):
        found.setdefault(suite_id, {})[bundle] = scored_at
    return found
