"""Batches: what some tasks are for, how many people label each, and under which codebook."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from labelling.codebook import Codebook
from model.errors import BadInput, Conflict, NotFound
from serve.audit.events import Event
from serve.audit.log import Detail, record
from serve.storage.tables import BatchRow, Task, TaskSlot

PURPOSES = ("train", "audit", "gold", "relabel")
PARADIGMS = ("prescriptive", "descriptive")
MOST_REDUNDANCY = 20
LEAST_FOR_AUDIT = 2
"""The audit stream gates bundles: two people label each text. Source: LABELLING.md section 7, item 1."""

AUDIT: Final = "audit"
"""The purpose of a batch, and the `sample_reason` of a text, whose labels judge bundles."""

GOLD: Final = "gold"
"""The purpose of a batch, and the `sample_reason` of a text hidden among others, whose answer is agreed."""

RELIEF: Final = "relief"
"""The `sample_reason` of a text that the machine scores lowest, there so that hard ones are not in a row."""

_BATCH = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,79}")


@dataclass(frozen=True, slots=True)
class BatchProgress:
    """How far one batch is, in labels wanted: by what became of them.

    Of a closed batch what nobody holds waits no more: it is `not_offered`.
    """

    batch: str
    waiting: int
    labelled: int
    skipped: int
    not_offered: int = 0

    @property
    def total(self) -> int:
        """All labels that the batch wants."""
        return self.waiting + self.labelled + self.skipped + self.not_offered


def check_batch(batch: str) -> str:
    """The name of a batch, if it can be one. Raises: BadInput."""
    if not _BATCH.fullmatch(batch):
        raise BadInput(
            "batch: 1 to 80 letters, digits, spaces, dots, dashes or underscores, a letter or digit first",
            field="batch",
        )
    return batch


def labels_wanted(batch: BatchRow, sample_reason: str) -> int:
    """How many people label a text of the batch: what it says, and two at least where the label may gate."""
    return max(batch.redundancy, LEAST_FOR_AUDIT if sample_reason == AUDIT else 1)


def make_batch(
    session: Session,
    codebook: Codebook,
    *,
    batch: str,
    actor: str,
    now: datetime,
    purpose: str = "train",
    redundancy: int = 1,
    paradigm: str = "prescriptive",
    assisted: bool = False,
    drawn: dict[str, Any] | None = None,
) -> BatchRow:
    """The batch of that name, made now if there is none; one that stands keeps its rules.

    `assisted`: whoever labels sees the machine's scores once they have answered; never in an audit. `drawn`
    says how its texts were chosen; None: nobody chose.

    Raises: BadInput; Conflict if it stands with other rules, or is closed.
    """
    check_batch(batch)
    if purpose not in PURPOSES:
        raise BadInput(f"purpose: one of {', '.join(PURPOSES)}", field="purpose")
    if paradigm not in PARADIGMS:
        raise BadInput(f"paradigm: one of {', '.join(PARADIGMS)}", field="paradigm")
    least = LEAST_FOR_AUDIT if purpose == "audit" else 1
    if not least <= redundancy <= MOST_REDUNDANCY:
        raise BadInput(f"redundancy: {least} to {MOST_REDUNDANCY} labels a text", field="redundancy")
    if assisted and purpose == AUDIT:
        raise BadInput("assisted: an audit is labelled blind", field="assisted")
    known = session.get(BatchRow, batch)
    if known is not None:
        if known.closed_at is not None:
            raise Conflict("batch: it is closed", field="batch")
        rules = (known.purpose, known.redundancy, known.paradigm, known.assisted)
        if rules != (purpose, redundancy, paradigm, assisted):
            raise Conflict(
                f"batch: it stands with purpose {known.purpose}, {known.redundancy} labels a text, "
                f"{known.paradigm}",
                field="batch",
            )
        return known
    made = BatchRow(
        batch=batch,
        purpose=purpose,
        redundancy=redundancy,
        paradigm=paradigm,
        codebook=codebook.version,
        codebook_sha256=codebook.sha256,
        made_at=now,
        made_by=actor,
        assisted=assisted,
        drawn=drawn,
    )
    session.add(made)
    details: dict[str, Detail] = {"purpose": purpose, "redundancy": redundancy, "paradigm": paradigm}
    record(session, actor=actor, event=Event.BATCH_MADE, subject=batch, details=details, at=now)
    session.flush()
    return made


def release_audit(session: Session, *, batch: str, actor: str, now: datetime) -> None:
    """Lets an audit train from now on, and gate no more: a whole batch, or the audit's share of a drawn one.

    Raises: NotFound for a batch without audit, Conflict.
    """
    row = session.get(BatchRow, batch)
    of_audit = select(Task.task_id).where(Task.batch == batch, Task.sample_reason == AUDIT).limit(1)
    if row is None or (row.purpose != AUDIT and session.scalars(of_audit).first() is None):
        raise NotFound("batch: there is no audit in a batch of that name", field="batch")
    if row.released_at is not None:
        raise Conflict("batch: it was released before", field="batch")
    row.released_at = now
    record(session, actor=actor, event=Event.AUDIT_RELEASED, subject=batch, details={}, at=now)


def close_batch(session: Session, *, batch: str, actor: str, now: datetime) -> None:
    """Offers no more of a batch's texts, and adds none to it; who holds one may still label it.

    What was labelled stays, and counts as it did. Raises: NotFound, Conflict.
    """
    row = _locked(session, batch)
    if row.closed_at is not None:
        raise Conflict("batch: it was closed before", field="batch")
    row.closed_at = now
    record(session, actor=actor, event=Event.BATCH_CLOSED, subject=batch, details={}, at=now)


def reopen_batch(session: Session, *, batch: str, actor: str, now: datetime) -> None:
    """Offers what is left of a closed batch again. Raises: NotFound, Conflict."""
    row = _locked(session, batch)
    if row.closed_at is None:
        raise Conflict("batch: it is open", field="batch")
    row.closed_at = None
    record(session, actor=actor, event=Event.BATCH_REOPENED, subject=batch, details={}, at=now)


def _locked(session: Session, batch: str) -> BatchRow:
    row = session.get(BatchRow, check_batch(batch), with_for_update=True)
    if row is None:
        raise NotFound("batch: there is no such batch", field="batch")
    return row


def progress(session: Session, batch: str | None = None) -> list[BatchProgress]:
    """Every batch with its counts, by name; or the one that is named."""
    counts: dict[str, dict[str, int]] = {}
    query = select(TaskSlot.batch, TaskSlot.state, func.count()).group_by(TaskSlot.batch, TaskSlot.state)
    if batch is not None:
        query = query.where(TaskSlot.batch == batch)
    for name, state, count in session.execute(query.order_by(TaskSlot.batch)):
        counts.setdefault(name, {})[state] = count
    closed = set(session.scalars(select(BatchRow.batch).where(BatchRow.closed_at.is_not(None))))
    return [
        BatchProgress(
            name,
            waiting=by_state.get("leased", 0) + (0 if name in closed else by_state.get("open", 0)),
            not_offered=by_state.get("open", 0) if name in closed else 0,
            labelled=by_state.get("labelled", 0),
            skipped=by_state.get("skipped", 0),
        )
        for name, by_state in counts.items()
    ]
