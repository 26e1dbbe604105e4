"""Judging between annotators: a kind of disagreement, why, and the label unless the votes are to stay.

Nothing is overwritten: a correction is a new adjudication that names the one before.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from labelling.codebook import Codebook
from labelling.disputes import NO_SUCH, has_labelled, is_disputed, labels_of, newest_adjudication
from labelling.labels import Answers
from model.errors import BadInput, Conflict, NotAllowed, NotFound
from model.normalise import check_text
from model.taxonomy import STRAND_ORDER
from serve.audit.events import Event
from serve.audit.log import Detail, record
from serve.storage.identifiers import new_id
from serve.storage.tables import Adjudication, GoldItem, Task

KEEPS_VOTES: Final = frozenset({"ambiguity", "perspective"})
"""Kinds of disagreement after which there is no one truth: the votes stay as a soft label.

Source: LABELLING.md section 6; `next` of these kinds in configs/codebook/adjudication.yaml.
"""
DECIDES: Final = frozenset({"error", "guideline_gap"})

MOST_EXPLANATION_CHARACTERS: Final = 2_000
GOLD_USES: Final = ("seed", "practice")
COURSES: Final = ("general", *STRAND_ORDER)


def adjudicate(
    session: Session,
    codebook: Codebook,
    *,
    task_id: str,
    actor: str,
    now: datetime,
    kind: str,
    answers: Answers | None,
    explanation: str,
    suggested_kind: str | None,
    supersedes: str | None = None,
) -> Adjudication:
    """What an adjudicator makes of a text: a kind of disagreement, why, and the label unless the votes stay.

    After an ambiguity or a difference of perspective there is no one label: `answers` are then left aside.
    `supersedes` names the adjudication that this one corrects.

    Raises: NotFound, NotAllowed (who labelled the text), Conflict (somebody else was first), BadInput.
    """
    task = session.get(Task, task_id, with_for_update=True)
    if task is None or not is_disputed(session, task_id):
        raise NotFound(NO_SUCH)
    if has_labelled(session, task_id=task_id, actor=actor):
        raise NotAllowed("whoever labelled a text does not adjudicate it")
    standing = newest_adjudication(session, task_id)
    if (standing.adjudication_id if standing else None) != supersedes:
        raise Conflict("somebody has adjudicated this text in the meantime")
    labels = labels_of(session, [task_id])[task_id]
    made = Adjudication(
        adjudication_id=new_id(),
        task_id=task_id,
        supersedes=supersedes,
        adjudicator=actor,
        adjudicated_at=now,
        kind=kind,
        suggested_kind=suggested_kind,
        label_ids=sorted(label.label_id for label in labels),
        explanation=_check_explanation(explanation),
        codebook=codebook.version,
        codebook_sha256=codebook.sha256,
        **_label(codebook, kind, answers),
    )
    session.add(made)
    if supersedes is not None:
        retire_gold(session, adjudication_id=supersedes, now=now)
    details: dict[str, Detail] = {
        "task": task_id,
        "kind": kind,
        "hate": made.hate,
        "labels": list(made.label_ids),
        "supersedes": supersedes,
        "codebook_sha256": codebook.sha256,
    }
    subject = made.adjudication_id
    record(session, actor=actor, event=Event.LABEL_ADJUDICATED, subject=subject, details=details, at=now)
    session.flush()
    return made


def _label(codebook: Codebook, kind: str, answers: Answers | None) -> dict[str, Any]:
    if kind in KEEPS_VOTES:
        nothing: dict[str, Any] = dict.fromkeys(("hate", "severity", "speech_act"))
        return {"strands": [], "codes": [], "context_flags": [], **nothing}
    if kind not in DECIDES:
        raise BadInput("kind: say what the disagreement comes from", field="kind")
    if answers is None:
        raise BadInput("severity: say how severe it is", field="severity")
    codebook.check_answers(severity=answers.severity, speech_act=answers.speech_act)
    strands = codebook.check_strands(answers.strands)
    return {
        "strands": strands,
        "codes": codebook.check_codes(answers.codes, strands),
        "context_flags": codebook.check_flags(answers.context_flags),
        "hate": codebook.hate_rule.derive(severity=answers.severity, speech_act=answers.speech_act),
        "severity": answers.severity,
        "speech_act": answers.speech_act,
    }


def _check_explanation(explanation: str) -> str:
    if not explanation.strip():
        raise BadInput("explanation: say why, in a sentence", field="explanation")
    try:
        checked = check_text(explanation)
    except BadInput as fault:
        raise BadInput("explanation: cannot be used as text", field="explanation") from fault
    if len(checked) > MOST_EXPLANATION_CHARACTERS:
        raise BadInput(
            f"explanation: at most {MOST_EXPLANATION_CHARACTERS:,} characters", field="explanation"
        )
    return checked.strip()


def make_gold(
    session: Session, *, adjudication: Adjudication, use: str, course: str, actor: str, now: datetime
) -> GoldItem:
    """The adjudicated text as one with a known answer: hidden among tasks (`seed`), or for `practice`.

    What it corrects, if that was gold, is retired. Raises: BadInput; Conflict where no answer was decided.
    """
    if use not in GOLD_USES:
        raise BadInput(f"gold: one of {', '.join(GOLD_USES)}", field="gold")
    if course not in COURSES:
        raise BadInput(f"course: one of {', '.join(COURSES)}", field="course")
    if adjudication.hate is None:
        raise Conflict("a text whose votes stay has no answer to learn from", field="gold")
    task = session.get_one(Task, adjudication.task_id)
    made = GoldItem(
        gold_id=new_id(),
        adjudication_id=adjudication.adjudication_id,
        text=task.text,
        text_sha256=task.text_sha256,
        course=course,
        use=use,
        made_at=now,
        made_by=actor,
    )
    session.add(made)
    details: dict[str, Detail] = {"adjudication": adjudication.adjudication_id, "use": use, "course": course}
    record(session, actor=actor, event=Event.GOLD_MADE, subject=made.gold_id, details=details, at=now)
    session.flush()
    return made


def retire_gold(session: Session, *, adjudication_id: str, now: datetime) -> None:
    """Takes a text out of gold whose answer is being corrected."""
    for gold in session.scalars(
        select(GoldItem).where(GoldItem.adjudication_id == adjudication_id, GoldItem.retired_at.is_(None))
    ):
        gold.retired_at = now
