"""The label-error inbox: what a computation suspects, one label a page, confirmed or dismissed with a key."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Depends, File, Form, Request, UploadFile
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session

from labelling import suspects
from labelling.agreement_pages import codebook_of
from labelling.disputes import has_labelled, labels_of
from labelling.said import clauses_of, marked_words, readers_of, rows_of
from model.errors import BadInput, BadRecord, Conflict
from model.suspects import suspects_in
from serve.console.form_errors import FormError, capital, sentence
from serve.console.frame import frame_of
from serve.console.visible_text import word_count
from serve.field_text import is_identifier, known_shape
from serve.hub import hub_of
from serve.people.access import SignedIn, allowed, check_csrf, no_such
from serve.people.roles import Action
from serve.problems import status_of
from serve.storage.identifiers import utc_now
from serve.storage.tables import LabelSuspect, Task

router = APIRouter(prefix="/labelling/suspects", include_in_schema=False)

Adjudicator = Annotated[SignedIn, Depends(allowed(Action.ADJUDICATE_LABELS))]
CheckCsrf = Depends(check_csrf)

LISTED: Final = 50
MOST_FILE_BYTES: Final = 3 * 1024 * 1024
"""Under what the hub takes as a request; a larger file comes in with `watchhouse label import-suspects`."""

REASON_WORDS: Final = {
    "model_disagrees": "A model that had not seen it says otherwise",
    "contradicts_near_duplicates": "Nearly the same text has the other label",
    "single_annotator_blind_spot": "Its annotator answers so far more often than others",
    "annotators_outweighed": "Annotators and model together say otherwise",
}


@router.get("")
def inbox_page(request: Request, person: Adjudicator, done: str = "", imported: str = "") -> Response:
    """What waits, the most suspect first, how often the inbox was right, and the form for another file."""
    return _inbox(request, person, done=done, imported=bool(imported))


@router.post("", dependencies=[CheckCsrf])
def import_page(
    request: Request, person: Adjudicator, suspects_file: Annotated[UploadFile | None, File()] = None
) -> Response:
    """Takes a file of `watchhouse label find-errors` in; or shows the inbox with what is wrong, by line."""
    data = suspects_file.file.read(MOST_FILE_BYTES + 1) if suspects_file else b""
    try:
        lines = _lines(data)
        with hub_of(request).database.write() as session:
            suspects.import_suspects(session, suspects_in(lines), actor=person.actor, now=utc_now())
    except (BadInput, BadRecord) as fault:
        return _inbox(request, person, fault=fault)
    return RedirectResponse("/labelling/suspects?imported=yes", status_code=HTTPStatus.SEE_OTHER)


def _lines(data: bytes) -> list[str]:
    if not data.strip():
        raise BadInput("suspects_file: choose a file that holds something", field="suspects_file")
    if len(data) > MOST_FILE_BYTES:
        size = MOST_FILE_BYTES // 2**20
        raise BadInput(
            f"suspects_file: at most {size} MiB here; on the hub's machine, watchhouse label import-suspects",
            field="suspects_file",
        )
    try:
        return data.decode("utf-8").split("\n")
    except UnicodeDecodeError:
        raise BadInput("suspects_file: not UTF-8", field="suspects_file") from None


@router.get("/next")
def next_suspect(request: Request, person: Adjudicator, after: str = "", done: str = "") -> Response:
    """Goes to the most suspect label that this person may judge; behind `after`, if named."""
    with hub_of(request).database.read() as session:
        found = suspects.next_for(session, person.actor, after=after or None)
    address = "/labelling/suspects" + (f"/{found}" if found else "")
    said = f"?done={done}" if is_identifier(done) else ""
    return RedirectResponse(address + said, status_code=HTTPStatus.SEE_OTHER)


@router.get("/{suspect_id}")
def suspect_page(request: Request, suspect_id: str, person: Adjudicator, done: str = "") -> Response:
    """One suspected label: the text, what was said of it, why it is suspected, and three answers.

    Raises: NotFound, also for a text that this person labelled.
    """
    with hub_of(request).database.read() as session:
        return _page(request, session, person, suspect_id, notice=_notice(session, person, done))


@router.post("/{suspect_id}", dependencies=[CheckCsrf])
def judge_suspect(
    request: Request, suspect_id: str, person: Adjudicator, verdict: Annotated[str, Form()] = ""
) -> Response:
    """Records the verdict and goes on to the next; or shows the page with what is wrong."""
    hub = hub_of(request)
    with hub.database.read() as session:
        _found(session, person, suspect_id)
    try:
        with hub.database.write() as session:
            suspects.judge(
                session,
                codebook_of(request),
                suspect_id=suspect_id,
                actor=person.actor,
                now=utc_now(),
                verdict=verdict,
            )
    except (BadInput, Conflict) as fault:
        with hub.database.read() as session:
            return _page(request, session, person, suspect_id, fault=fault)
    return RedirectResponse(f"/labelling/suspects/next?done={suspect_id}", status_code=HTTPStatus.SEE_OTHER)


def _found(session: Session, person: SignedIn, suspect_id: str) -> LabelSuspect:
    """The suspect, if there is one for this person. Raises: NotFound."""
    row = session.get(LabelSuspect, known_shape(suspect_id, "suspect"))
    if row is None:
        raise no_such("suspect")
    own = has_labelled(session, task_id=row.task_id, actor=person.actor)
    person.check_may(Action.ADJUDICATE_LABELS, own=own, what="suspect")
    return row


def _page(
    request: Request,
    session: Session,
    person: SignedIn,
    suspect_id: str,
    *,
    notice: str | None = None,
    fault: BadInput | Conflict | None = None,
) -> Response:
    row = _found(session, person, suspect_id)
    task = session.get_one(Task, row.task_id)
    labels = labels_of(session, [task.task_id])[task.task_id]
    readers = readers_of(labels, task.text)
    codebook = codebook_of(request)
    return frame_of(request).render(
        request,
        "labelling_suspect.html",
        person=person,
        status=HTTPStatus.OK if fault is None else status_of(type(fault)),
        suspect=row,
        task=task,
        readers=readers,
        rows=rows_of(readers, codebook),
        marked=marked_words(labels, task.text),
        clauses=clauses_of(labels, codebook),
        length=word_count(task.text),
        reason_words=REASON_WORDS,
        count=suspects.count_waiting(session),
        notice=notice,
        errors=[] if fault is None else [FormError(sentence(fault.message), fault.field)],
    )


def _inbox(
    request: Request,
    person: SignedIn,
    *,
    done: str = "",
    imported: bool = False,
    fault: BadInput | BadRecord | None = None,
) -> Response:
    with hub_of(request).database.read() as session:
        waiting = suspects.waiting(session, LISTED)
        return frame_of(request).render(
            request,
            "labelling_suspects.html",
            person=person,
            status=HTTPStatus.OK if fault is None else status_of(type(fault)),
            waiting=[
                (row, task, has_labelled(session, task_id=task.task_id, actor=person.actor))
                for row, task in waiting
            ],
            precision=suspects.precision(session),
            reason_words=REASON_WORDS,
            relabel_batch=suspects.relabel_batch(codebook_of(request)),
            imported=suspects.last_import(session, person.actor) if imported else None,
            notice=_notice(session, person, done),
            errors=[] if fault is None else [FormError(_words(fault), "suspects_file")],
            as_of=utc_now(),
        )


def _words(fault: BadInput | BadRecord) -> str:
    # A bad row's message begins with its line, which sentence() would take for the name of a field.
    return capital(fault.message) if isinstance(fault, BadRecord) else sentence(fault.message)


def _notice(session: Session, person: SignedIn, done: str) -> str | None:
    """What became of the label before; only of what this person really did."""
    row = session.get(LabelSuspect, done) if is_identifier(done) else None
    if row is None or row.judged_by != person.actor:
        return None
    return {
        "error": "Confirmed: two people will label the text anew.",
        "right": "Dismissed: the label stands.",
        "unclear": "Put aside as unclear. The label stands.",
    }[row.verdict or "unclear"]
