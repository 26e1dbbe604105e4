"""The inbox of labels that are probably wrong: in from a file, judged by people, relabelled where they were.

What finds them runs where torch and scikit-learn are; the hub reads its file. How often the inbox is right is
measured by the verdicts, with an interval: it is no property of a method that could be known beforehand.
Source: LABELLING.md section 7, point 9.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from labelling import tasks
from labelling.batches import make_batch
from labelling.codebook import Codebook
from labelling.disputes import has_labelled
from labelling.quality.annotators import Share, share
from labelling.task_sources import TaskRow
from model.errors import BadInput, Conflict, NotAllowed, NotFound
from model.suspects import Suspect, suspects_in
from serve.audit.events import Event
from serve.audit.log import Detail, record
from serve.people.administration import open_home
from serve.storage.identifiers import new_id, utc_now
from serve.storage.tables import AuditEvent, LabelRow, LabelSuspect, Task

VERDICTS: Final = ("error", "right", "unclear")
FOUND_BY: Final = "watchhouse label find-errors, schema 1"
RELABEL_PEOPLE: Final = 2
"""As many as a label needs to train. Source: configs/labelling/firewall.yaml, independent_people."""
MOST_SUSPECTS: Final = 20_000
COMMAND: Final = "system:label-command"


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a file's rows: each is counted once.

    `known` were in the inbox or judged already, with the same labels; `unknown` are about texts that have no
    label here.
    """

    added: int
    known: int
    unknown: int


@dataclass(frozen=True, slots=True)
class InboxPrecision:
    """Of the suspects that people judged, how many were errors; those that stay unclear are no answer.

    The most suspect are judged first, so this is the precision at the top. `by_reason` counts a suspect
    under each of its reasons.
    """

    all: Share
    by_reason: dict[str, Share]
    unclear: int
    waiting: int


def import_suspects(session: Session, found: Iterable[Suspect], *, actor: str, now: datetime) -> Imported:
    """Puts suspects in the inbox, each at the newest task with its text. Raises: BadInput (too many)."""
    added = known = unknown = 0
    for count, suspect in enumerate(found, start=1):
        if count > MOST_SUSPECTS:
            raise BadInput(f"suspects: at most {MOST_SUSPECTS:,} rows", field="suspects")
        task_id = _task_of(session, suspect.text_sha256)
        if task_id is None:
            unknown += 1
        elif _is_known(session, task_id, suspect):
            known += 1
        else:
            added += 1
            session.add(_row(task_id, suspect, now))
    details: dict[str, Detail] = {"added": added, "known": known, "unknown": unknown}
    record(session, actor=actor, event=Event.SUSPECTS_IMPORTED, subject="inbox", details=details, at=now)
    session.flush()
    return Imported(added, known, unknown)


def last_import(session: Session, actor: str) -> Imported | None:
    """What became of the rows of the person's latest file, as the audit log has it."""
    details = session.scalars(
        select(AuditEvent.details)
        .where(AuditEvent.event == Event.SUSPECTS_IMPORTED.value, AuditEvent.actor == actor)
        .order_by(AuditEvent.event_id.desc())
        .limit(1)
    ).first()
    return None if details is None else Imported(**details)


def import_file(home: Path, file: Path) -> Imported:
    """The same from a file of `watchhouse label find-errors`, on the hub's machine.

    Raises: BadRecord with the line number and the field, BadInput.
    """
    if not file.is_file():
        raise BadInput(f"file: {file}: there is no such file", field="file")
    _, database = open_home(home)
    try:
        with file.open(encoding="utf-8") as lines, database.write() as session:
            return import_suspects(session, suspects_in(lines), actor=COMMAND, now=utc_now())
    finally:
        database.close()


def _task_of(session: Session, text_sha256: str) -> str | None:
    return session.scalars(
        select(Task.task_id)
        .join(LabelRow, LabelRow.task_id == Task.task_id)
        .where(
            Task.text_sha256 == text_sha256, LabelRow.undone_at.is_(None), LabelRow.skipped_because.is_(None)
        )
        .order_by(Task.task_id.desc())
        .limit(1)
    ).first()


def _is_known(session: Session, task_id: str, suspect: Suspect) -> bool:
    """A head of a text that waits already, or that was judged with the very votes it has now."""
    for row in session.scalars(select(LabelSuspect).where(LabelSuspect.task_id == task_id)):
        same = row.details["head"] == suspect.head
        if same and (row.verdict is None or row.details["votes"] == suspect.votes):
            return True
    return False


def _row(task_id: str, suspect: Suspect, now: datetime) -> LabelSuspect:
    details: dict[str, Any] = suspect.model_dump(mode="json", exclude={"schema_version", "text_sha256"})
    return LabelSuspect(
        suspect_id=new_id(),
        task_id=task_id,
        found_at=now,
        found_by=FOUND_BY,
        why=suspect.reasons[0].reason,
        score=suspect.suspicion,
        details=details,
    )


def waiting(session: Session, limit: int) -> list[tuple[LabelSuspect, Task]]:
    """Suspects that nobody has judged, the most suspect first, with their tasks."""
    query = (
        select(LabelSuspect, Task)
        .join(Task, Task.task_id == LabelSuspect.task_id)
        .where(LabelSuspect.verdict.is_(None))
        .order_by(LabelSuspect.score.desc(), LabelSuspect.suspect_id)
        .limit(limit)
    )
    return [(row[0], row[1]) for row in session.execute(query)]


def next_for(session: Session, actor: str, *, after: str | None = None) -> str | None:
    """The id of the first suspect that this person may judge; of those behind `after`, if that waits."""
    every = [suspect.suspect_id for suspect, _ in waiting(session, MOST_SUSPECTS)]
    start = every.index(after) + 1 if after in every else 0
    for suspect_id in [*every[start:], *every[: max(0, start - 1)]]:
        task_id = session.get_one(LabelSuspect, suspect_id).task_id
        if not has_labelled(session, task_id=task_id, actor=actor):
            return suspect_id
    return None


def count_waiting(session: Session) -> int:
    """How many suspects wait."""
    query = select(func.count()).select_from(LabelSuspect).where(LabelSuspect.verdict.is_(None))
    return session.scalar(query) or 0


def judge(
    session: Session, codebook: Codebook, *, suspect_id: str, actor: str, now: datetime, verdict: str
) -> int:
    """Says whether a suspected label is an error; the text of one is labelled anew, by two people.

    Returns how many texts were queued: 0 where it was right or unclear, or waits to be labelled anew already.

    Raises: NotFound, NotAllowed (who labelled the text), Conflict (judged already), BadInput.
    """
    if verdict not in VERDICTS:
        raise BadInput("verdict: error, right or unclear", field="verdict")
    row = session.get(LabelSuspect, suspect_id, with_for_update=True)
    if row is None:
        raise NotFound("there is no such suspect")
    if has_labelled(session, task_id=row.task_id, actor=actor):
        raise NotAllowed("whoever labelled a text does not judge its labels")
    if row.verdict is not None:
        raise Conflict("somebody has judged this label in the meantime")
    row.verdict, row.judged_by, row.judged_at = verdict, actor, now
    details: dict[str, Detail] = {"task": row.task_id, "verdict": verdict, "head": row.details["head"]}
    record(session, actor=actor, event=Event.SUSPECT_JUDGED, subject=suspect_id, details=details, at=now)
    session.flush()
    if verdict != "error":
        return 0
    return _queue(session, codebook, row.task_id, actor, now)


def relabel_batch(codebook: Codebook) -> str:
    """The name of the batch in which texts with wrong labels are labelled anew."""
    return f"relabel suspects {codebook.version}"


def _queue(session: Session, codebook: Codebook, task_id: str, actor: str, now: datetime) -> int:
    batch, task = relabel_batch(codebook), session.get_one(Task, task_id)
    make_batch(
        session,
        codebook,
        batch=batch,
        actor=actor,
        now=now,
        purpose="relabel",
        redundancy=RELABEL_PEOPLE,
    )
    row = TaskRow(
        task.external_id,
        task.text,
        sample_reason="label_error",
        severity_expected=task.severity_expected,
    )
    queued = tasks.add_tasks(session, batch=batch, rows=[row], source="label errors", actor=actor, now=now)
    return queued.added


def precision(session: Session) -> InboxPrecision:
    """How often the inbox has been right so far."""
    right: dict[str, int] = {}
    of: dict[str, int] = {}
    errors = judged = unclear = 0
    for verdict, details in session.execute(
        select(LabelSuspect.verdict, LabelSuspect.details).where(LabelSuspect.verdict.is_not(None))
    ):
        if verdict == "unclear":
            unclear += 1
            continue
        judged += 1
        errors += verdict == "error"
        for reason in {one["reason"] for one in details["reasons"]}:
            of[reason] = of.get(reason, 0) + 1
            right[reason] = right.get(reason, 0) + (verdict == "error")
    return InboxPrecision(
        all=share(errors, judged),
        by_reason={reason: share(right[reason], of[reason]) for reason in sorted(of)},
        unclear=unclear,
        waiting=count_waiting(session),
    )
