"""Suites: upload, look over, run with the hub's bundle, read the results."""

from __future__ import annotations

from collections import Counter
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, File, Request, UploadFile
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.exc import IntegrityError

from model.errors import BadInput
from model.suite import Suite, suite_from_csv
from serve.audit.events import Event
from serve.audit.log import record
from serve.console.form_errors import FormError, sentence
from serve.console.frame import frame_of
from serve.console.plain_words import counted
from serve.field_text import known_shape
from serve.hub import hub_of
from serve.people.access import SignedIn
from serve.problems import status_of
from serve.research import suites
from serve.research.permissions import CheckCsrf, SuiteOwner, SuiteRunner
from serve.research.suite_lint import lint_suite
from serve.research.suite_results import HEAD, measure
from serve.storage.identifiers import utc_now

router = APIRouter(prefix="/research/suites", include_in_schema=False)

PREVIEWED: Final = 5
FAULTS_SHOWN: Final = 20
SUITES_PAGE: Final = "/research/suites"


@router.get("")
def suites_page(request: Request, person: SuiteRunner, discarded: str = "") -> Response:
    """Every suite that stands in the hub, and the form for another one."""
    return _suites_page(request, person, notice="The suite is gone." if discarded else None)


# `async` would read the whole file on the event loop; parsing 2 MiB belongs in a thread.
@router.post("", dependencies=[CheckCsrf])
def upload_suite(
    request: Request, person: SuiteRunner, suite: Annotated[UploadFile | None, File()] = None
) -> Response:
    """Stores a suite and shows it; or the form again with what is wrong, by row and column."""
    data = suite.file.read(suites.MAX_SUITE_BYTES + 1) if suite else b""
    try:
        found = suites.read_upload(data, (suite.filename if suite else None) or "")
    except BadInput as fault:
        return _suites_page(request, person, fault=fault)
    try:
        suite_id, is_new = _store(request, person, found, data)
    except IntegrityError:  # the same file a moment ago, from another window: now it is there to be found
        suite_id, is_new = _store(request, person, found, data)
    return _see_other(f"{SUITES_PAGE}/{suite_id}{'' if is_new else '?known=yes'}")


@router.get("/{suite_id}")
def suite_page(request: Request, suite_id: str, person: SuiteRunner, known: str = "") -> Response:
    """The suite: what is in it, what to know of it, its runs. Raises: NotFound, BadFile, BadRecord."""
    hub = hub_of(request)
    with hub.database.read() as session:
        row = suites.find_suite(session, known_shape(suite_id, "suite"))
        (listed,) = suites.list_suites(session, suite_id)
    suite = suite_from_csv(row.csv, row.name)
    _record_shown(request, person, suite_id, min(PREVIEWED, len(suite.cases)))
    counts = Counter(case.functionality for case in suite.cases)
    return frame_of(request).render(
        request,
        "research_suite.html",
        person=person,
        suite=suite,
        listed=listed,
        mine=listed.uploaded_by == person.actor,
        counts=counts,
        hateful=sum(case.hateful for case in suite.cases),
        findings=lint_suite(suite, hub.classifier.languages),
        previewed=_spread(suite, PREVIEWED),
        bundle=hub.classifier.bundle_id,
        notice="This very file was here already. Nothing was stored twice." if known else None,
    )


@router.post("/{suite_id}/runs", dependencies=[CheckCsrf])
def run_suite(request: Request, suite_id: str, person: SuiteRunner) -> Response:
    """Asks for the suite to be scored with the bundle that the hub runs on. Raises: NotFound."""
    hub = hub_of(request)
    known_shape(suite_id, "suite")
    try:
        with hub.database.write() as session:
            suites.request_run(
                session, suite_id=suite_id, bundle=hub.classifier.bundle_id, actor=person.actor, at=utc_now()
            )
    except IntegrityError:
        pass  # somebody else asked at the same moment: it will be run, once
    hub.suites_waiting.set()
    return _see_other(f"{SUITES_PAGE}/{suite_id}")


@router.post("/{suite_id}/discard", dependencies=[CheckCsrf])
def discard_suite(request: Request, suite_id: str, person: SuiteOwner) -> Response:
    """Deletes a suite that was never run. Raises: NotFound, Conflict."""
    with hub_of(request).database.write() as session:
        suites.discard_suite(
            session, suite_id=known_shape(suite_id, "suite"), actor=person.actor, at=utc_now()
        )
    return _see_other(f"{SUITES_PAGE}?discarded=yes")


@router.get("/{suite_id}/results/{bundle:path}")
def result_page(
    request: Request, suite_id: str, bundle: str, person: SuiteRunner, functionality: str = ""
) -> Response:
    """What a bundle got on the suite. Raises: NotFound, BadFile, BadRecord."""
    with hub_of(request).database.read() as session:
        result = suites.find_result(session, known_shape(suite_id, "suite"), bundle)
        row = suites.find_suite(session, suite_id)
    suite = suite_from_csv(row.csv, row.name)
    only = functionality if functionality in suite.functionalities else None
    figures = measure(suite, result.thresholds, result.scores, functionality=only)
    _record_shown(request, person, suite_id, len(figures.wrong))
    return frame_of(request).render(
        request,
        "research_result.html",
        person=person,
        suite=suite,
        suite_id=suite_id,
        bundle=bundle,
        scored_at=result.scored_at,
        head=HEAD,
        figures=figures,
        only=only,
    )


def _suites_page(
    request: Request, person: SignedIn, *, fault: BadInput | None = None, notice: str | None = None
) -> Response:
    hub = hub_of(request)
    with hub.database.read() as session:
        listed = suites.list_suites(session)
    rows: list[dict[str, Any]] = fault.members.get("rows", []) if fault else []
    told = f"{counted(len(rows), 'cell')} of the file cannot be read" if rows else fault and fault.message
    return frame_of(request).render(
        request,
        "research_suites.html",
        person=person,
        status=status_of(BadInput) if fault else HTTPStatus.OK,
        suites=listed,
        bundle=hub.classifier.bundle_id,
        errors=[FormError(sentence(told), "suite")] if told else [],
        faults=rows[:FAULTS_SHOWN],
        more_faults=max(0, len(rows) - FAULTS_SHOWN),
        limits=(suites.MAX_SUITE_BYTES // 2**20, suites.MAX_CASES),
        notice=notice,
    )


def _store(request: Request, person: SignedIn, suite: Suite, data: bytes) -> tuple[str, bool]:
    with hub_of(request).database.write() as session:
        return suites.store_suite(session, suite, data, actor=person.actor, at=utc_now())


def _record_shown(request: Request, person: SignedIn, suite_id: str, texts: int) -> None:
    """Says who is sent texts, before they are.

    They may be posts that somebody copied from anywhere. In a transaction of its own: a suite and its results
    never change, and on SQLite nobody could store a post while another one parses 2 MiB.
    """
    with hub_of(request).database.write() as session:
        record(
            session,
            actor=person.actor,
            event=Event.SUITE_TEXTS_SHOWN,
            subject=suite_id,
            details={"texts": texts},
            at=utc_now(),
        )


def _spread(suite: Suite, wanted: int) -> list[Any]:
    """Cases from the whole file, evenly: the first ones are often all of one functionality."""
    step = max(1, len(suite.cases) // wanted)
    return list(suite.cases[::step][:wanted])


def _see_other(address: str) -> Response:
    return RedirectResponse(address, status_code=HTTPStatus.SEE_OTHER)
