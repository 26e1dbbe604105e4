"""Notes on a case, written from its page."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from model.errors import BadInput
from serve.cases.notes import write_note
from serve.console.decision_form import DecisionForm, typed_decision
from serve.console.decision_pages import hold_page
from serve.console.drafting import keep_typed
from serve.console.form_errors import FormError, sentence
from serve.console.holding import case_at, holds
from serve.console.standing_pages import standing_page
from serve.console.who import CheckCsrf, Writer
from serve.hub import hub_of
from serve.people.access import check_same_origin
from serve.storage.identifiers import utc_now

router = APIRouter(prefix="/cases/{case_id}", include_in_schema=False)


Typed = Annotated[DecisionForm, Depends(typed_decision)]


async def keep_note(request: Request, form: Typed) -> None:
    """A dependency: a page that refuses this request shows the note, so that it can be copied."""
    request.state.typed_reason = form.note


@router.post("/notes", dependencies=[Depends(check_same_origin), Depends(keep_note), CheckCsrf])
def add_note(request: Request, case_id: str, person: Writer, form: Typed) -> Response:
    """Stores the note and opens the case again; what was typed into the decision form beside it is kept."""
    database = hub_of(request).database
    try:
        with database.write() as session:
            case = case_at(session, case_id)
            write_note(session, case_id=case_id, author=person.actor, text=form.note, now=utc_now())
            keep_typed(session, case, person, replace(form, note=""), utc_now())
        return RedirectResponse(f"/cases/{case_id}#notes", status_code=HTTPStatus.SEE_OTHER)
    except BadInput as fault:
        error = FormError("Write the note" if not form.note.strip() else sentence(fault.message), "note")
    with database.read() as session:
        case = case_at(session, case_id)
        if holds(case, person, utc_now()):
            return hold_page(request, session, person, case, form.with_errors([error]))
        return standing_page(request, session, person, case, note=form.note, errors=[error])
