"""What annotators say: a label is saved under its task's lease, undone by a mark, never overwritten."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from labelling.codebook import Codebook
from labelling.tasks import DESK, ClaimedTask, close_leased, give_lease, offer_anew
from model.errors import BadInput, NotFound
from model.normalise import check_text
from serve.audit.events import Event
from serve.audit.log import record
from serve.storage.identifiers import new_id
from serve.storage.tables import BatchRow, LabelRow, Task, TaskSlot

UNDO_LIMIT: Final = 20
"""How many of an annotator's latest tasks can be undone. Prodigy keeps 10. Source: LABELLING.md section 1."""

MAX_SPANS: Final = 100
MAX_NOTE_CHARACTERS: Final = 1_000
CONFIDENCES: Final = ("high", "medium", "low")


@dataclass(frozen=True, slots=True)
class Answers:
    """What one annotator answered. `rationale` holds [start, end) code points of the raw text."""

    strands: Sequence[str] = ()
    severity: int = 0
    speech_act: str = "neutral"
    rationale: Sequence[tuple[int, int]] = ()
    note: str | None = None
    codes: Sequence[str] = ()
    context_flags: Sequence[str] = ()
    confidence: str | None = None
    disagreement: str | None = None
    """Why the annotator disagrees with the clause that they applied; None: they do not, or say nothing."""
    disagrees: bool = False


def check_spans(spans: Sequence[tuple[int, int]], text: str) -> list[tuple[int, int]]:
    """The spans in order, if each lies inside the text and none overlaps another.

    Raises: BadInput.
    """
    if len(spans) > MAX_SPANS:
        raise BadInput(f"rationale: more than {MAX_SPANS} spans", field="rationale")
    ordered = sorted(spans)
    end_before = 0
    for start, end in ordered:
        if not end_before <= start < end <= len(text):
            raise BadInput(
                "rationale: a span is empty, overlaps another or leaves the text", field="rationale"
            )
        end_before = end
    return ordered


def save(
    session: Session,
    codebook: Codebook,
    *,
    task_id: str,
    lease_number: int,
    actor: str,
    now: datetime,
    answers: Answers,
    cohort: str | None = None,
    seconds_spent: float | None = None,
) -> str:
    """Saves the answers as the annotator's label of the task, and returns the label id.

    `hate` follows from the answers by the codebook's rule. Every label of an assisted batch says so, since
    what the machine said of the texts before stays with whoever reads; `saw_scores` is of this text alone.
    Label, task and audit event are one transaction.

    Raises: LeaseLost when the lease is not the live one; BadInput for an answer outside the codebook.
    """
    codebook.check_answers(severity=answers.severity, speech_act=answers.speech_act)
    strands = codebook.check_strands(answers.strands)
    codes = codebook.check_codes(answers.codes, strands)
    flags = codebook.check_flags(answers.context_flags)
    if answers.confidence not in (None, *CONFIDENCES):
        raise BadInput(f"confidence: one of {', '.join(CONFIDENCES)}", field="confidence")
    hate = codebook.hate_rule.derive(severity=answers.severity, speech_act=answers.speech_act)
    note = _check_note(answers.note)
    task = close_leased(
        session, task_id=task_id, lease_number=lease_number, actor=actor, now=now, state="labelled"
    )
    label_id = new_id()
    assisted = session.get_one(BatchRow, task.batch).assisted
    session.add(
        LabelRow(
            label_id=label_id,
            task_id=task_id,
            slot=task.slot,
            annotator=actor,
            cohort=cohort,
            assisted="shown_after" if assisted else "none",
            saw_scores=assisted and answered_before(session, task_id=task_id, actor=actor),
            labelled_at=now,
            strands=strands,
            codes=codes,
            context_flags=flags,
            confidence=answers.confidence,
            disagrees=answers.disagrees or answers.disagreement is not None,
            disagreement=_check_note(answers.disagreement, "disagreement"),
            seconds_spent=seconds_spent,
            profiles={strand.value: strand.profile for strand in codebook.strands if strand.value in strands},
            hate=hate,
            severity=answers.severity,
            speech_act=answers.speech_act,
            rationale=[list(span) for span in check_spans(answers.rationale, task.text)],
            note=note,
            codebook=codebook.version,
            codebook_sha256=codebook.sha256,
        )
    )
    record(
        session,
        actor=actor,
        event=Event.LABEL_SAVED,
        subject=label_id,
        details={
            "task": task_id,
            "lease": lease_number,
            "hate": hate,
            "strands": strands,
            "severity": answers.severity,
            "speech_act": answers.speech_act,
            "codebook_sha256": codebook.sha256,
        },
        at=now,
    )
    session.flush()
    return label_id


def _check_note(note: str | None, field: str = "note") -> str | None:
    if note is None or not note.strip():
        return None
    try:
        checked = check_text(note)
    except BadInput as fault:
        raise BadInput(f"{field}: cannot be used as text", field=field) from fault
    if len(checked) > MAX_NOTE_CHARACTERS:
        raise BadInput(f"{field}: longer than {MAX_NOTE_CHARACTERS} characters", field=field)
    return checked.strip()


def skip(
    session: Session,
    codebook: Codebook,
    *,
    task_id: str,
    lease_number: int,
    actor: str,
    now: datetime,
    reason: str,
) -> str:
    """Puts the task aside with one of the codebook's reasons, and returns the id of the row that says so.

    A reason that does not record the person is stored without one, so it cannot be undone either.

    Raises: LeaseLost when the lease is not the live one; BadInput for an unknown reason.
    """
    entry = codebook.skip_reason(reason)
    held = close_leased(
        session,
        task_id=task_id,
        lease_number=lease_number,
        actor=actor,
        now=now,
        state="skipped",
        keep_annotator=entry.records_person,
    )
    if entry.records_person:  # else it would come straight back to whom it was too much
        offer_anew(session, task_id)
    who = actor if entry.records_person else DESK
    label_id = new_id()
    session.add(
        LabelRow(
            label_id=label_id,
            task_id=task_id,
            slot=held.slot if entry.records_person else None,
            annotator=who,
            labelled_at=now,
            skipped_because=entry.value,
            strands=[],
            rationale=[],
            codebook=codebook.version,
            codebook_sha256=codebook.sha256,
        )
    )
    details = {"label": label_id, "reason": entry.value}
    record(session, actor=who, event=Event.TASK_SKIPPED, subject=task_id, details=details, at=now)
    session.flush()
    return label_id


def undo(session: Session, *, actor: str, now: datetime, lease_seconds: float) -> ClaimedTask:
    """Marks the annotator's latest standing label (or skip) as undone; its task is theirs again.

    Call again for the one before, back to the annotator's last `UNDO_LIMIT` tasks.

    Raises: NotFound when there is nothing left to undo.
    """
    label = session.scalars(
        select(LabelRow)
        .where(LabelRow.annotator == actor, LabelRow.undone_at.is_(None))
        .order_by(LabelRow.labelled_at.desc(), LabelRow.label_id.desc())
        .limit(1)
        .with_for_update()
    ).first()
    if label is None or _tasks_since(session, label) >= UNDO_LIMIT:
        raise NotFound("there is no label of yours left to undo")
    label.undone_at = now
    slot = _slot_of(session, label)
    task = give_lease(session, label.task_id, slot, actor=actor, now=now, lease_seconds=lease_seconds)
    record(
        session,
        actor=actor,
        event=Event.LABEL_UNDONE,
        subject=label.label_id,
        details={"task": task.task_id, "lease": task.lease_number},
        at=now,
    )
    session.flush()
    return task


def _slot_of(session: Session, label: LabelRow) -> int:
    """The slot that the label filled; labels of before slots have the only one there was."""
    if label.slot is not None:
        return label.slot
    return session.scalars(
        select(TaskSlot.slot).where(TaskSlot.task_id == label.task_id, TaskSlot.annotator == label.annotator)
    ).one()


def _tasks_since(session: Session, label: LabelRow) -> int:
    """How many other tasks the annotator touched after this label, undone ones included."""
    later = aliased(LabelRow)
    query = select(func.count(func.distinct(later.task_id))).where(
        later.annotator == label.annotator,
        later.task_id != label.task_id,
        (later.labelled_at > label.labelled_at)
        | ((later.labelled_at == label.labelled_at) & (later.label_id > label.label_id)),
    )
    return session.scalars(query).one()


def latest(session: Session, *, task_id: str, actor: str) -> LabelRow | None:
    """The annotator's latest label of a task that was undone: what the form starts from the second time."""
    return session.scalars(
        select(LabelRow)
        .where(
            LabelRow.task_id == task_id,
            LabelRow.annotator == actor,
            LabelRow.undone_at.is_not(None),
            LabelRow.skipped_because.is_(None),
        )
        .order_by(LabelRow.labelled_at.desc(), LabelRow.label_id.desc())
        .limit(1)
    ).first()


def answered_before(session: Session, *, task_id: str, actor: str) -> bool:
    """Whether the annotator has answered or skipped this task under their name, undone or not."""
    query = select(LabelRow.label_id).where(LabelRow.task_id == task_id, LabelRow.annotator == actor).limit(1)
    return session.scalars(query).first() is not None


def standing(session: Session, *, label_id: str, actor: str) -> LabelRow | None:
    """The annotator's own label or skip of that id, unless it was undone."""
    return session.scalars(
        select(LabelRow).where(
            LabelRow.label_id == label_id, LabelRow.annotator == actor, LabelRow.undone_at.is_(None)
        )
    ).first()


def standing_of(session: Session, *, task_id: str, actor: str) -> LabelRow | None:
    """The annotator's label of the task that stands, a skip not among them."""
    return session.scalars(
        select(LabelRow).where(
            LabelRow.task_id == task_id,
            LabelRow.annotator == actor,
            LabelRow.undone_at.is_(None),
            LabelRow.skipped_because.is_(None),
        )
    ).first()


def my_counts(session: Session, actor: str) -> dict[str, int]:
    """How many standing labels the annotator has in each batch."""
    query = (
        select(Task.batch, func.count())
        .join(LabelRow, LabelRow.task_id == Task.task_id)
        .where(LabelRow.annotator == actor, LabelRow.undone_at.is_(None), LabelRow.skipped_because.is_(None))
        .group_by(Task.batch)
    )
    return {row[0]: row[1] for row in session.execute(query)}
