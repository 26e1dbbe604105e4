"""Labels that the firewall holds back from training, as it last said, and a person who lets one go.

Letting go lifts what a look at the label can settle: its rest, its person's gold and word against the
others, its source's share. That two people have to agree is no doubt about a label, and what judges
bundles or people never trains.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from labelling.disputes import has_labelled
from model.errors import BadInput, Conflict, NotAllowed, NotFound
from model.normalise import check_text
from serve.audit.events import Event
from serve.audit.log import record
from serve.storage.tables import LabelRow, Quarantined, Task

LETS_GO: Final = ("person_against_the_others", "person_fails_gold", "resting", "source_over_its_share")
"""The reasons that a release lifts. Source: `admit` in labelling/firewall.py."""

PROTECTED: Final = ("protected_audit", "protected_gold")

MOST_REASON_CHARACTERS: Final = 1_000


@dataclass(frozen=True, slots=True)
class HeldBack:
    """How many labels are held back, by reason, most first, and how many of them somebody let go."""

    by_reason: Mapping[str, int]
    let_go: int


def held_back(session: Session) -> HeldBack:
    """The counts as the firewall was last asked, which is with every export for training."""
    count = func.count()
    query = (
        select(Quarantined.why, count)
        .where(Quarantined.released_at.is_(None))
        .group_by(Quarantined.why)
        .order_by(count.desc(), Quarantined.why)
    )
    let_go = select(func.count()).where(Quarantined.released_at.is_not(None))
    return HeldBack({row[0]: row[1] for row in session.execute(query)}, session.scalar(let_go) or 0)


def may_be_let_go(session: Session, limit: int) -> list[tuple[Quarantined, Task]]:
    """Labels that somebody could let go, the longest held first, with their tasks."""
    query = (
        select(Quarantined, Task)
        .join(LabelRow, LabelRow.label_id == Quarantined.label_id)
        .join(Task, Task.task_id == LabelRow.task_id)
        .where(Quarantined.released_at.is_(None), Quarantined.why.in_(LETS_GO), LabelRow.undone_at.is_(None))
        .order_by(Quarantined.since, Quarantined.label_id)
        .limit(limit)
    )
    return [(row[0], row[1]) for row in session.execute(query)]


def lately_let_go(session: Session, limit: int) -> list[Quarantined]:
    """What was let go, newest first."""
    query = (
        select(Quarantined)
        .where(Quarantined.released_at.is_not(None))
        .order_by(Quarantined.released_at.desc(), Quarantined.label_id)
    )
    return list(session.scalars(query.limit(limit)))


def let_go(session: Session, *, label_id: str, actor: str, now: datetime, because: str) -> None:
    """Lets a label train that was held back, as far as its reason allows.

    Raises: NotFound (it is not held back, or was undone), NotAllowed (who labelled the text), Conflict (let
    go before, or held for something that nobody can lift), BadInput for `because`.
    """
    row = session.get(Quarantined, label_id, with_for_update=True)
    label = session.get(LabelRow, label_id)
    if row is None or label is None or label.undone_at is not None:
        raise NotFound("there is no such label held back")
    if has_labelled(session, task_id=label.task_id, actor=actor):
        raise NotAllowed("whoever labelled a text does not let its labels go")
    if row.released_at is not None:
        raise Conflict("somebody has let this label go in the meantime")
    if row.why in PROTECTED:
        raise Conflict("the text judges bundles or people, so its labels never train")
    if row.why not in LETS_GO:
        raise Conflict(
            "to let this label go changes nothing, for other people have to say the same of the text"
        )
    row.released_by, row.released_at, row.released_because = actor, now, _check_reason(because)
    details = {"task": label.task_id, "why": row.why}
    record(session, actor=actor, event=Event.LABEL_LET_GO, subject=label_id, details=details, at=now)
    session.flush()


def _check_reason(because: str) -> str:
    if not because.strip():
        raise BadInput("because: say why, in a sentence", field="because")
    try:
        checked = check_text(because)
    except BadInput as fault:
        raise BadInput("because: cannot be used as text", field="because") from fault
    if len(checked) > MOST_REASON_CHARACTERS:
        raise BadInput(f"because: at most {MOST_REASON_CHARACTERS:,} characters", field="because")
    return checked.strip()
