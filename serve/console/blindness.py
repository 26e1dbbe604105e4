"""What a reader must not see before they have said what they think: others' judgements.

The machine's scores and the expected severity are hidden by serve/cases/placing.py. Source: DOMAIN.md
section 9 (blind second reading).
"""

from __future__ import annotations

from collections.abc import Collection

from serve.cases.workflow.states import State
from serve.storage.tables import Case, Judgement, Note

ADJUDICATING = State.IN_ADJUDICATION.value


def sees_this_cycle(case: Case, actor: str) -> bool:
    """Whether the judgements of the running cycle are open to this person.

    To everybody once the case is decided; before that to the senior who decides between two readers.
    """
    if case.decided_at is not None:
        return True
    return case.state == ADJUDICATING and case.leased_by == actor


def open_judgements(case: Case, judgements: Collection[Judgement], actor: str) -> list[Judgement]:
    """Those of the case's judgements that this person may see: of earlier cycles, their own, or all."""
    sees = sees_this_cycle(case, actor)
    return [one for one in judgements if sees or one.cycle < case.cycle or one.actor == actor]


def open_notes(
    case: Case, notes: Collection[Note], judgements: Collection[Judgement], actor: str
) -> list[Note]:
    """The notes without those of somebody who has judged in this cycle: they may give the judgement away."""
    if sees_this_cycle(case, actor):
        return list(notes)
    readers = {one.actor for one in judgements if one.cycle == case.cycle} - {actor}
    return [note for note in notes if note.author not in readers]
