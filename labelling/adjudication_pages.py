"""Judging between annotators who differ: one text a page, both labels beside it, every action by key."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session

from labelling import disputes
from labelling.adjudicating import COURSES, KEEPS_VOTES, adjudicate, make_gold
from labelling.agreement_pages import codebook_of, question_words
from labelling.disputes import Disputed
from labelling.labels import Answers
from labelling.quality.adjudication_rules import AdjudicationRules
from labelling.said import clauses_of, marked_words, readers_of, rows_of
from model.errors import BadInput, Conflict
from serve.console.form_errors import FormError, sentence
from serve.console.frame import frame_of
from serve.console.visible_text import word_count
from serve.field_text import is_identifier, known_shape
from serve.hub import hub_of
from serve.people.access import SignedIn, allowed, check_csrf
from serve.people.roles import Action
from serve.problems import status_of
from serve.storage.identifiers import utc_now
from serve.storage.tables import Adjudication

router = APIRouter(prefix="/labelling/adjudication", include_in_schema=False)

Adjudicator = Annotated[SignedIn, Depends(allowed(Action.ADJUDICATE_LABELS))]
CheckCsrf = Depends(check_csrf)

LISTED: Final = 50
LATELY: Final = 20
KIND_KEYS: Final = {"guideline_gap": "g", "ambiguity": "m", "perspective": "p", "error": "s"}
"""None of them is a key of the codebook's answers."""


@router.get("")
def disputes_page(request: Request, person: Adjudicator, done: str = "") -> Response:
    """The texts that wait for an adjudicator, in the router's order, and what was decided lately."""
    rules, sha256 = rules_of(request)
    with hub_of(request).database.read() as session:
        waiting = disputes.waiting(session, codebook_of(request), rules, sha256)
        return frame_of(request).render(
            request,
            "labelling_disputes.html",
            person=person,
            waiting=[
                (one, disputes.has_labelled(session, task_id=one.task.task_id, actor=person.actor))
                for one in waiting[:LISTED]
            ],
            count=disputes.count_waiting(session),
            descriptive=disputes.count_descriptive(session),
            lately=disputes.lately(session, LATELY),
            taken=disputes.kinds_taken(session),
            kinds={kind.value: kind for kind in rules.kinds},
            words=lambda name: question_words(name, codebook_of(request)),
            notice=_notice(session, person, done),
            as_of=utc_now(),
        )


@router.get("/next")
def next_dispute(request: Request, person: Adjudicator, after: str = "", done: str = "") -> Response:
    """Goes to the first text in the router's order that this person may judge; behind `after`, if named."""
    rules, sha256 = rules_of(request)
    with hub_of(request).database.read() as session:
        every = [one.task.task_id for one in disputes.waiting(session, codebook_of(request), rules, sha256)]
        start = every.index(after) + 1 if after in every else 0
        found = next(
            (
                task_id
                for task_id in [*every[start:], *every[: max(0, start - 1)]]
                if not disputes.has_labelled(session, task_id=task_id, actor=person.actor)
            ),
            None,
        )
    address = "/labelling/adjudication" + (f"/{found}" if found else "")
    said = f"?done={done}" if is_identifier(done) else ""
    return RedirectResponse(address + said, status_code=HTTPStatus.SEE_OTHER)


@router.get("/{disputed_id}")
def dispute_page(
    request: Request, disputed_id: str, person: Adjudicator, take: str = "", done: str = ""
) -> Response:
    """One text: what each annotator said, the clauses, and the form. `take` fills in one reader's answers.

    Raises: NotFound, also for a text that this person labelled.
    """
    with hub_of(request).database.read() as session:
        found = _found(request, session, person, disputed_id)
        standing = disputes.newest_adjudication(session, disputed_id)
        taken = next((label for label in found.labels if label.label_id == take), None)
        if taken is not None:
            form = {**EMPTY, **_answers_shown(taken), "touched": True}
        elif standing is not None:
            form = {**EMPTY, **_answers_shown(standing), "kind": standing.kind}
        else:
            form = EMPTY
        return _page(request, session, person, found, form=form, notice=_notice(session, person, done))


@router.post("/{disputed_id}", dependencies=[CheckCsrf])
def save_adjudication(
    request: Request,
    disputed_id: str,
    person: Adjudicator,
    kind: Annotated[str, Form()] = "",
    strands: Annotated[list[str] | None, Form()] = None,
    severity: Annotated[str, Form()] = "",
    speech_act: Annotated[str, Form()] = "",
    codes: Annotated[list[str] | None, Form()] = None,
    context_flags: Annotated[list[str] | None, Form()] = None,
    explanation: Annotated[str, Form()] = "",
    supersedes: Annotated[str, Form()] = "",
    gold: Annotated[str, Form()] = "",
    course: Annotated[str, Form()] = COURSES[0],
) -> Response:
    """Records the adjudication and goes on to the next text; or shows the form with what is wrong."""
    form: dict[str, Any] = {
        "kind": kind,
        "strands": strands or [],
        "severity": severity,
        "speech_act": speech_act,
        "codes": codes or [],
        "context_flags": context_flags or [],
        "explanation": explanation,
        "gold": gold,
        "course": course,
        "touched": True,
    }
    hub, now = hub_of(request), utc_now()
    with hub.database.read() as session:
        suggested = _found(request, session, person, disputed_id).suggestion.kind
    try:
        with hub.database.write() as session:
            made = adjudicate(
                session,
                codebook_of(request),
                task_id=disputed_id,
                actor=person.actor,
                now=now,
                kind=kind,
                answers=None if kind in KEEPS_VOTES else _answers_given(form),
                explanation=explanation,
                suggested_kind=None if suggested is None else suggested.value,
                supersedes=supersedes or None,
            )
            if gold and kind not in KEEPS_VOTES:
                make_gold(session, adjudication=made, use=gold, course=course, actor=person.actor, now=now)
    except (BadInput, Conflict) as fault:
        with hub.database.read() as session:
            found = _found(request, session, person, disputed_id)
            return _page(request, session, person, found, form=form, fault=fault)
    return RedirectResponse(
        f"/labelling/adjudication/next?done={made.adjudication_id}", status_code=HTTPStatus.SEE_OTHER
    )


EMPTY: Final[dict[str, Any]] = {
    "kind": "",
    "strands": [],
    "severity": "",
    "speech_act": "",
    "codes": [],
    "context_flags": [],
    "explanation": "",
    "gold": "",
    "course": COURSES[0],
    "touched": False,
}


def _answers_shown(row: Any) -> dict[str, Any]:
    """The answers of a label or an adjudication, as the form has them."""
    return {
        "strands": list(row.strands),
        "severity": "" if row.severity is None else str(row.severity),
        "speech_act": row.speech_act or "",
        "codes": list(row.codes),
        "context_flags": list(row.context_flags),
        "explanation": getattr(row, "explanation", ""),
    }


def _answers_given(form: dict[str, Any]) -> Answers:
    """Raises: BadInput where an answer is missing or is none."""
    if form["severity"] not in {str(step) for step in range(5)}:
        raise BadInput("severity: say how severe it is", field="severity")
    if not form["speech_act"]:
        raise BadInput("speech_act: say what the author does", field="speech_act")
    return Answers(
        strands=form["strands"],
        severity=int(form["severity"]),
        speech_act=form["speech_act"],
        codes=form["codes"],
        context_flags=form["context_flags"],
    )


def rules_of(request: Request) -> tuple[AdjudicationRules, str]:
    """The hub's rules of what a disagreement may come from, and their SHA-256."""
    rules: tuple[AdjudicationRules, str] = request.app.state.adjudication_rules
    return rules


def _found(request: Request, session: Session, person: SignedIn, disputed_id: str) -> Disputed:
    """The text, if there is one for this person. Raises: NotFound."""
    rules, sha256 = rules_of(request)
    known_shape(disputed_id, "text")
    found = disputes.find_disputed(session, disputed_id, codebook_of(request), rules, sha256)
    own = disputes.has_labelled(session, task_id=disputed_id, actor=person.actor)
    person.check_may(Action.ADJUDICATE_LABELS, own=own, what="text")
    return found


def _page(
    request: Request,
    session: Session,
    person: SignedIn,
    found: Disputed,
    *,
    form: dict[str, Any],
    notice: str | None = None,
    fault: BadInput | Conflict | None = None,
) -> Response:
    codebook = codebook_of(request)
    rules, _ = rules_of(request)
    readers = readers_of(found.labels, found.task.text)
    return frame_of(request).render(
        request,
        "labelling_dispute.html",
        person=person,
        status=HTTPStatus.OK if fault is None else status_of(type(fault)),
        found=found,
        task=found.task,
        readers=readers,
        rows=rows_of(readers, codebook),
        marked=marked_words(found.labels, found.task.text),
        clauses=clauses_of(found.labels, codebook),
        length=word_count(found.task.text),
        codebook=codebook,
        kinds=[(kind, KIND_KEYS[kind.value]) for kind in rules.kinds],
        keeps_votes=KEEPS_VOTES,
        courses=COURSES,
        standing=disputes.newest_adjudication(session, found.task.task_id),
        count=disputes.count_waiting(session),
        form=form,
        notice=notice,
        errors=[] if fault is None else [FormError(sentence(fault.message), fault.field)],
    )


def _notice(session: Session, person: SignedIn, done: str) -> str | None:
    """What became of the text before; only of what this person really did."""
    if not is_identifier(done):
        return None
    row = session.get(Adjudication, done)
    if row is None or row.adjudicator != person.actor:
        return None
    if row.hate is None:
        return "Recorded: the votes stay as they are."
    return f"Recorded: {'hate' if row.hate else 'not hate'}, S{row.severity}."
