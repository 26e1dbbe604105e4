"""The labelling desk: batches with their progress, and one page that is worked by keyboard alone.

Nothing on these pages comes from the machine: annotators label blind. Source: LABELLING.md section 0, fact 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Final

from fastapi import APIRouter, Depends, FastAPI, Form, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from sqlalchemy.orm import Session

from labelling import batches, labels, model_pages, quality_rooms, tasks
from labelling.codebook import Codebook, load_codebook
from labelling.desk import spans_for_form, spans_from_form, words_of
from labelling.labels import Answers
from model.errors import BadInput, LeaseLost, NotFound
from serve.console.form_errors import FormError, sentence
from serve.console.frame import Frame, frame_of
from serve.console.plain_words import strands_words
from serve.console.turns import take_turn
from serve.console.visible_text import word_count
from serve.hub import Hub, hub_of
from serve.people.access import SignedIn, allowed, check_csrf
from serve.people.roles import Action, roles_that_may
from serve.problems import status_of
from serve.storage.identifiers import utc_now
from serve.storage.tables import LabelRow

HERE: Final = Path(__file__).resolve().parent
BEAT_SECONDS: Final = 60.0
"""How often an open, visible desk renews its lease; three times a lease at least."""

IDS: Final = {"rationale": "text"}
"""Where the error summary leads to, where it is not the field's own name."""

QUIETLY: Final = "quietly"
"""Stands in the address after a skip that kept nothing about the person."""

router = APIRouter(prefix="/labelling", include_in_schema=False)
Labeller = Annotated[SignedIn, Depends(allowed(Action.LABEL_TASKS))]
CheckCsrf = Depends(check_csrf)
LeaseNumber = Annotated[int, Form(ge=0, le=2**31 - 1, description="what the databases' column can hold")]


def register(app: FastAPI, hub: Hub) -> None:
    """Adds the labelling room to the hub's application: routes, templates, static files, navigation.

    Raises: BadConfig when the hub's codebook is not whole.
    """
    app.state.codebook = load_codebook(hub.settings.codebook)
    frame: Frame = app.state.frame
    frame.add_templates(HERE / "templates")
    frame.add_static("labelling", HERE / "static")
    frame.add_navigation("Labelling", "/labelling", roles_that_may(Action.LABEL_TASKS))
    app.include_router(router)
    quality_rooms.register(app)
    frame.add_navigation("Models", "/models", roles_that_may(Action.VIEW_MODELS))
    app.include_router(model_pages.router)


@dataclass(frozen=True, slots=True)
class DeskForm:
    """What the desk's form sends. Every field may be missing: the defaults are a neutral post's answers."""

    lease: int
    answers: Answers


def desk_form(
    lease: LeaseNumber = 0,
    strands: Annotated[list[str] | None, Form()] = None,
    severity: Annotated[int, Form()] = 0,
    speech_act: Annotated[str, Form()] = "neutral",
    rationale: Annotated[str, Form()] = "",
    note: Annotated[str, Form()] = "",
) -> DeskForm:
    """The desk's form as answers. Raises: BadInput for marks that cannot be read."""
    spans = spans_from_form(rationale)
    return DeskForm(lease, Answers(tuple(strands or ()), severity, speech_act, spans, note))


@router.get("")
def batches_page(request: Request, person: Labeller, after: str = "") -> Response:
    """The batches and how far each one is."""
    with hub_of(request).database.read() as session:
        return frame_of(request).render(
            request,
            "labelling_batches.html",
            person=person,
            batches=batches.progress(session),
            mine=labels.my_counts(session, person.actor),
            codebook=codebook_of(request),
            notice=_notice(request, session, person, after),
        )


@router.post("/next", dependencies=[CheckCsrf])
def next_task(request: Request, person: Labeller, batch: Annotated[str, Form()] = "") -> Response:
    """Claims the next task, of one batch if named, or goes back to the one that is held already."""
    return _to_next(request, person, batches.check_batch(batch) if batch else None)


@router.get("/tasks/{task_id}")
def desk_page(request: Request, task_id: str, person: Labeller, after: str = "") -> Response:
    """The text to label, if this person holds it."""
    with hub_of(request).database.read() as session:
        task = _held(session, person, task_id)
        if task is None:
            return _not_held(request, person)
        before = labels.latest(session, task_id=task_id, actor=person.actor)
        notice = _notice(request, session, person, after)
        if before is None:
            return _desk(request, session, person, task, Answers(), notice=notice)
        answers = _answers_of(before)
        notice = notice or "You undid this label. Your answers stand as they were."
        return _desk(request, session, person, task, answers, notice=notice, chosen=True)


@router.post("/tasks/{task_id}/label", dependencies=[CheckCsrf])
def save_label(
    request: Request, task_id: str, person: Labeller, form: Annotated[DeskForm, Depends(desk_form)]
) -> Response:
    """Saves the label and goes on to the next text of the batch; or shows the form with what is wrong."""
    hub, now = hub_of(request), utc_now()
    try:
        with hub.database.write() as session:
            task = _held(session, person, task_id)
            label_id = labels.save(
                session,
                codebook_of(request),
                task_id=task_id,
                lease_number=form.lease,
                actor=person.actor,
                now=now,
                answers=form.answers,
            )
    except LeaseLost:
        return _not_held(request, person, note=form.answers.note)
    except BadInput as fault:
        with hub.database.read() as session:
            task = _held(session, person, task_id)
            if task is None:
                return _not_held(request, person, note=form.answers.note)
            return _desk(request, session, person, task, form.answers, error=fault, chosen=True)
    return _to_next(request, person, task.batch if task else None, after=label_id)


@router.post("/tasks/{task_id}/skip", dependencies=[CheckCsrf])
def skip_task(
    request: Request,
    task_id: str,
    person: Labeller,
    lease: LeaseNumber = 0,
    reason: Annotated[str, Form()] = "",
) -> Response:
    """Puts the text aside and goes on to the next one. Raises: BadInput for an unknown reason."""
    codebook = codebook_of(request)
    entry = codebook.skip_reason(reason)
    try:
        with hub_of(request).database.write() as session:
            task = _held(session, person, task_id)
            label_id = labels.skip(
                session,
                codebook,
                task_id=task_id,
                lease_number=lease,
                actor=person.actor,
                now=utc_now(),
                reason=reason,
            )
    except LeaseLost:
        return _not_held(request, person)
    after = label_id if entry.records_person else QUIETLY
    return _to_next(request, person, task.batch if task else None, after=after)


@router.post("/undo", dependencies=[CheckCsrf])
def undo_label(request: Request, person: Labeller) -> Response:
    """Takes the latest label back and opens its text again with the answers as they were."""
    hub = hub_of(request)
    try:
        with hub.database.write() as session:
            task = labels.undo(
                session, actor=person.actor, now=utc_now(), lease_seconds=hub.settings.lease_seconds
            )
    except NotFound:
        return _message(
            request,
            person,
            "There is nothing to undo",
            [f"You can take back your last {labels.UNDO_LIMIT} labels, one after the other, and no more."],
        )
    return RedirectResponse(f"/labelling/tasks/{task.task_id}", status_code=HTTPStatus.SEE_OTHER)


@router.post("/tasks/{task_id}/heartbeat", dependencies=[CheckCsrf])
def renew_lease(request: Request, task_id: str, person: Labeller, lease: LeaseNumber = 0) -> Response:
    """The new end of the lease, for the script of an open page. Raises: LeaseLost."""
    hub = hub_of(request)
    with hub.database.write() as session:
        expires_at = tasks.heartbeat(
            session,
            task_id=task_id,
            lease_number=lease,
            actor=person.actor,
            now=utc_now(),
            lease_seconds=hub.settings.lease_seconds,
        )
    seconds_left = (expires_at - utc_now()).total_seconds()
    return JSONResponse({"expires_at": expires_at.isoformat(), "seconds_left": seconds_left})


def codebook_of(request: Request) -> Codebook:
    """The codebook that this hub labels by."""
    codebook: Codebook = request.app.state.codebook
    return codebook


def _to_next(request: Request, person: SignedIn, batch: str | None, *, after: str = "") -> Response:
    hub = hub_of(request)
    with hub.database.write() as session:
        take_turn(session, person.actor)
        task = tasks.claim(
            session,
            actor=person.actor,
            now=utc_now(),
            lease_seconds=hub.settings.lease_seconds,
            batch=batch,
        )
    address = f"/labelling/tasks/{task.task_id}" if task else "/labelling"
    return RedirectResponse(
        f"{address}?after={after}" if after else address, status_code=HTTPStatus.SEE_OTHER
    )


def _held(session: Session, person: SignedIn, task_id: str) -> tasks.ClaimedTask | None:
    if not (task_id.isascii() and task_id.isalnum()):
        return None
    return tasks.held_by(session, actor=person.actor, now=utc_now(), task_id=task_id)


def _desk(
    request: Request,
    session: Session,
    person: SignedIn,
    task: tasks.ClaimedTask,
    answers: Answers,
    *,
    notice: str | None = None,
    error: BadInput | None = None,
    chosen: bool = False,
) -> Response:
    (batch,) = batches.progress(session, task.batch)
    return frame_of(request).render(
        request,
        "labelling_desk.html",
        person=person,
        status=status_of(BadInput) if error else HTTPStatus.OK,
        task=task,
        words=words_of(task.text),
        length=word_count(task.text),
        batch=batch,
        codebook=codebook_of(request),
        answers=answers,
        marks=spans_for_form(answers.rationale),
        act_was_chosen=chosen,
        had_before=labels.answered_before(session, task_id=task.task_id, actor=person.actor),
        beat_seconds=min(BEAT_SECONDS, hub_of(request).settings.lease_seconds / 3),
        seconds_left=round((task.lease_expires_at - utc_now()).total_seconds(), 1),
        notice=notice,
        errors=[FormError(sentence(error.message), _id_of(error))] if error else [],
    )


def _id_of(error: BadInput) -> str | None:
    return IDS.get(error.field or "", error.field)


def _answers_of(label: LabelRow) -> Answers:
    return Answers(
        strands=tuple(label.strands),
        severity=label.severity or 0,
        speech_act=label.speech_act or "neutral",
        rationale=[(start, end) for start, end in label.rationale],
        note=label.note,
    )


def _notice(request: Request, session: Session, person: SignedIn, after: str) -> str | None:
    """What became of the text before; only of what this person really did."""
    if after == QUIETLY:
        return "Put aside without your name, so it cannot be undone. Take a break if you need one."
    if not (after.isascii() and after.isalnum()):
        return None
    label = labels.standing(session, label_id=after, actor=person.actor)
    if label is None:
        return None
    if label.skipped_because:
        title = codebook_of(request).skip_reason(label.skipped_because).title
        return f"Put aside: {title}. Backspace takes it back."
    if not label.hate:
        return "Saved: not hate. Backspace takes it back."
    about = strands_words(label.strands) if label.strands else "against another group"
    return f"Saved: hate, {about}, S{label.severity}. Backspace takes it back."


def _not_held(request: Request, person: SignedIn, *, note: str | None = None) -> Response:
    return _message(
        request,
        person,
        "This text is not yours to label now",
        ["Its time ran out, it was labelled, or somebody else has it. Nothing was saved just now."],
        typed=note or "",
    )


def _message(
    request: Request, person: SignedIn, heading: str, paragraphs: list[str], *, typed: str = ""
) -> Response:
    status = status_of(LeaseLost) if request.method == "POST" else HTTPStatus.OK
    return frame_of(request).render(
        request,
        "message.html",
        person=person,
        status=status,
        heading=heading,
        paragraphs=paragraphs,
        typed_reason=typed,
        may_claim=False,
        links=[("Back to the batches", "/labelling")],
        notice=None,
    )
