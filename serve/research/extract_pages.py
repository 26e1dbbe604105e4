"""Pseudonymised extracts of decided cases: say why and for when, get counts or a file."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from model.errors import BadInput
from model.taxonomy import STRAND_ORDER
from serve.console.form_errors import FormError, sentence
from serve.console.frame import frame_of
from serve.console.turns import take_turn
from serve.hub import hub_of
from serve.people.access import SignedIn
from serve.problems import status_of
from serve.research import extract
from serve.research.disclosure import LEAST_SHOWN
from serve.research.downloads import attachment
from serve.research.extract_form import (
    FORMATS,
    PURPOSES,
    ExtractForm,
    blank_form,
    check_form,
    extract_form,
)
from serve.research.permissions import CheckCsrf, ExtractMaker
from serve.storage.identifiers import utc_now

router = APIRouter(prefix="/research/extract", include_in_schema=False)

WRITERS: Final = {
    "csv": (extract.as_csv, "text/csv; charset=utf-8"),
    "jsonl": (extract.as_jsonl, "application/x-ndjson"),
}


@router.get("")
def extract_page(request: Request, person: ExtractMaker) -> Response:
    """The form."""
    return _page(request, person, blank_form(utc_now().date()))


@router.post("", dependencies=[CheckCsrf])
def take_extract(
    request: Request, person: ExtractMaker, form: Annotated[ExtractForm, Depends(extract_form)]
) -> Response:
    """The file, or the counts on the page; or the form again with what is wrong. Raises: TooMany."""
    now = utc_now()
    asked, errors = check_form(form, now.date())
    if asked is None:
        return _page(request, person, form, errors=errors)
    try:
        with hub_of(request).database.write() as session:
            take_turn(session, person.actor)  # two at once would each find one less made today
            made = extract.make_extract(session, asked, actor=person.actor, at=now)
    except BadInput as fault:
        return _page(request, person, form, errors=[FormError(sentence(fault.message), fault.field)])
    if asked.given_as not in WRITERS:
        return _page(request, person, form, made=made, asked=asked)
    if len(made.rows) < LEAST_SHOWN:
        words = (
            f"Fewer than {LEAST_SHOWN} cases: a file would be about too few people. Choose a longer period"
        )
        return _page(request, person, form, errors=[FormError(words, "first")])
    write, media_type = WRITERS[asked.given_as]
    filename = f"watchhouse-extract-{made.extract_id}.{asked.given_as}"
    return attachment(write(made), media_type=media_type, filename=filename)


def _page(
    request: Request,
    person: SignedIn,
    form: ExtractForm,
    *,
    errors: list[FormError] | None = None,
    made: extract.Extract | None = None,
    asked: extract.Asked | None = None,
) -> Response:
    return frame_of(request).render(
        request,
        "research_extract.html",
        person=person,
        status=status_of(BadInput) if errors else HTTPStatus.OK,
        form=form,
        errors=errors or [],
        made=made,
        asked=asked,
        summary=extract.summary(made.rows) if made else None,
        purposes=PURPOSES,
        formats=FORMATS,
        strands=STRAND_ORDER,
        columns=extract.COLUMNS,
        limits=(extract.EXTRACTS_A_DAY, LEAST_SHOWN, extract.SCORE_STEP, extract.OVERLAP_DAYS),
    )
