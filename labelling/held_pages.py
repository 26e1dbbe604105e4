"""Labels that are held back from training: how many for which reason, and one a page to be let go."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session

from labelling import held_back
from labelling.agreement_pages import codebook_of
from labelling.disputes import has_labelled
from labelling.said import clauses_of, marked_words, readers_of, rows_of
from model.errors import BadInput, Conflict
from serve.console.form_errors import FormError, sentence
from serve.console.frame import frame_of
from serve.console.visible_text import word_count
from serve.field_text import is_identifier, known_shape
from serve.hub import hub_of
from serve.people.access import SignedIn, allowed, check_csrf, no_such
from serve.people.roles import Action
from serve.problems import status_of
from serve.storage.identifiers import utc_now
from serve.storage.tables import LabelRow, Quarantined, Task

router = APIRouter(prefix="/labelling/held", include_in_schema=False)

Adjudicator = Annotated[SignedIn, Depends(allowed(Action.ADJUDICATE_LABELS))]
CheckCsrf = Depends(check_csrf)

LISTED: Final = 50
LATELY: Final = 20

REASON_WORDS: Final = {
    "not_a_label": ("A report or a decision", "Neither is a label."),
    "protected_audit": ("It judges bundles", "Texts of an audit never train before the audit is released."),
    "protected_gold": ("It judges people", "Gold texts never train."),
    "reported_by_the_same_person": ("Its annotator reported the text", "Somebody else has to label it."),
    "person_fails_gold": ("Its annotator fails gold", "Right on too few gold texts, beyond doubt."),
    "person_against_the_others": (
        "Its annotator contradicts the others",
        "On more than half of many texts, beyond doubt.",
    ),
    "resting": ("It rests", "Too young; a flood of labels is to be seen first."),
    "too_few_people": ("Too few people", "Another person has to label the text."),
    "people_disagree": ("People disagree", "Somebody has to judge between them."),
    "source_over_its_share": (
        "Its source is over its share",
        "Too much would come from one reporter or file.",
    ),
    "gold_would_fall": (
        "Gold would fall",
        "The whole set made a baseline worse on gold, so none of it trains.",
    ),
}


@router.get("")
def held_page(request: Request, person: Adjudicator, done: str = "") -> Response:
    """How many labels are held back for which reason, and those that can be let go."""
    with hub_of(request).database.read() as session:
        listed = held_back.may_be_let_go(session, LISTED)
        return frame_of(request).render(
            request,
            "labelling_held_list.html",
            person=person,
            held=held_back.held_back(session),
            listed=[
                (row, task, has_labelled(session, task_id=task.task_id, actor=person.actor))
                for row, task in listed
            ],
            lately=held_back.lately_let_go(session, LATELY),
            reason_words=REASON_WORDS,
            lets_go=held_back.LETS_GO,
            notice=_notice(session, person, done),
            as_of=utc_now(),
        )


@router.get("/{held_label_id}")
def held_label_page(request: Request, held_label_id: str, person: Adjudicator) -> Response:
    """One label: the text, what was said of it, why it is held back, and the form that lets it go.

    Raises: NotFound, also for a text that this person labelled.
    """
    with hub_of(request).database.read() as session:
        return _page(request, session, person, held_label_id)


@router.post("/{held_label_id}", dependencies=[CheckCsrf])
def let_label_go(
    request: Request, held_label_id: str, person: Adjudicator, because: Annotated[str, Form()] = ""
) -> Response:
    """Lets the label go and returns to the list; or shows the page with what is wrong."""
    hub = hub_of(request)
    with hub.database.read() as session:
        _found(session, person, held_label_id)
    try:
        with hub.database.write() as session:
            held_back.let_go(
                session, label_id=held_label_id, actor=person.actor, now=utc_now(), because=because
            )
    except (BadInput, Conflict) as fault:
        with hub.database.read() as session:
            return _page(request, session, person, held_label_id, because=because, fault=fault)
    return RedirectResponse(f"/labelling/held?done={held_label_id}", status_code=HTTPStatus.SEE_OTHER)


def _found(session: Session, person: SignedIn, label_id: str) -> tuple[Quarantined, LabelRow]:
    """The label, if there is one held back for this person. Raises: NotFound."""
    row = session.get(Quarantined, known_shape(label_id, "label"))
    label = session.get(LabelRow, label_id)
    if row is None or label is None or label.undone_at is not None:
        raise no_such("label")
    own = has_labelled(session, task_id=label.task_id, actor=person.actor)
    person.check_may(Action.ADJUDICATE_LABELS, own=own, what="label")
    return row, label


def _page(
    request: Request,
    session: Session,
    person: SignedIn,
    label_id: str,
    *,
    because: str = "",
    fault: BadInput | Conflict | None = None,
) -> Response:
    row, label = _found(session, person, label_id)
    task = session.get_one(Task, label.task_id)
    readers, codebook = readers_of([label], task.text), codebook_of(request)
    return frame_of(request).render(
        request,
        "labelling_held.html",
        person=person,
        status=HTTPStatus.OK if fault is None else status_of(type(fault)),
        held=row,
        task=task,
        readers=readers,
        rows=rows_of(readers, codebook),
        marked=marked_words([label], task.text),
        clauses=clauses_of([label], codebook),
        length=word_count(task.text),
        reason_words=REASON_WORDS,
        lets_go=held_back.LETS_GO,
        because=because,
        errors=[] if fault is None else [FormError(sentence(fault.message), fault.field)],
    )


def _notice(session: Session, person: SignedIn, done: str) -> str | None:
    """What became of the label before; only of what this person really did."""
    row = session.get(Quarantined, done) if is_identifier(done) else None
    if row is None or row.released_by != person.actor:
        return None
    return "Let go: the label trains with the next export, if people agree on its text."
