"""Everybody's own reading, for their eyes alone: the dose of the shift, breaks, preferences, the pause.

No address here takes an id: whose page it is, the session says.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from model.errors import BadInput, BreakRuns, Fault
from serve.console.form_errors import FormError, sentence
from serve.console.frame import frame_of
from serve.console.keys import STRAND_KEYS
from serve.console.next_case import emergency_waits
from serve.console.notices import notice_of
from serve.console.reading_pause import NOTHING_FITS, PAUSE_PAGE, pause_for, warning
from serve.hub import hub_of
from serve.people.access import SignedIn, allowed, check_csrf
from serve.people.exposure import breaks
from serve.people.exposure.policy import ExposureRules
from serve.people.exposure.preferences import preferences, set_preferences
from serve.people.exposure.shift import Preferences, Standing
from serve.people.exposure.standings import standing
from serve.people.exposure.team import LEAST_PEOPLE, team_aggregate
from serve.people.roles import Action, may
from serve.problems import status_of
from serve.storage.identifiers import utc_now

router = APIRouter(prefix="/exposure", include_in_schema=False)

Reader = Annotated[SignedIn, Depends(allowed(Action.VIEW_EXPOSURE_OWN))]
"""Whoever reads texts here. Each reads their own page, and nobody another's."""
TeamReader = Annotated[SignedIn, Depends(allowed(Action.VIEW_BOARD))]
CheckCsrf = Depends(check_csrf)
Ticked = Annotated[str, Form()]

BAR_BEYOND: Final = 1.04
"""How far the bar goes on past its last mark, so that the mark can be seen."""

NOTICES: Final = {
    "saved": "Your preferences are saved.",
    "ended": "Your break has ended. Welcome back.",
}


@dataclass(frozen=True, slots=True)
class DoseBar:
    """The dose as a drawn bar: lengths and marks in hundredths of its length."""

    read: float
    warn: float
    soft: float
    hard: float


def dose_bar(standing: Standing, rules: ExposureRules) -> DoseBar:
    """The bar: its end lies a little beyond the hard limit, or beyond the dose where that is more."""
    stops = rules.stops
    end = BAR_BEYOND * max(stops.hard, standing.share)
    shares = (standing.share, stops.warn, stops.soft, stops.hard)
    return DoseBar(*(round(100 * share / end, 2) for share in shares))


@router.get("")
def reading_page(request: Request, person: Reader, done: str = "") -> Response:
    """What this person has read on their shift, and how they want to read."""
    hub, now = hub_of(request), utc_now()
    rules = hub.exposure.in_force(now)
    with hub.database.read() as session:
        stands = standing(session, hub.exposure, person.actor, now)
    return frame_of(request).render(
        request,
        "exposure.html",
        person=person,
        standing=stands,
        rules=rules,
        bar=dose_bar(stands, rules),
        as_of=now,
        notice=NOTICES.get(done),
        warning=warning(stands),
        strand_keys=STRAND_KEYS,
        sees_team=may(person.role, Action.VIEW_BOARD),
        least_people=LEAST_PEOPLE,
    )


@router.post("/preferences", dependencies=[CheckCsrf])
def save_preferences(
    request: Request,
    person: Reader,
    strands: Annotated[list[str] | None, Form()] = None,
    covers: Ticked = "",
    two_worst_in_a_row: Ticked = "",
) -> Response:
    """Keeps how this person wants to read. Raises: BadInput for a strand that does not exist."""
    with hub_of(request).database.write() as session:
        chosen = Preferences(
            strands_excluded=tuple(strands or ()),
            two_worst_in_a_row=bool(two_worst_in_a_row),
            covers=bool(covers),
            masks=preferences(session, person.actor).masks,
        )
        set_preferences(session, actor=person.actor, now=utc_now(), chosen=chosen)
    return _to("/exposure?done=saved")


@router.post("/breaks", dependencies=[CheckCsrf])
def begin_break(request: Request, person: Reader, back: Ticked = "") -> Response:
    """Begins a break and shows it."""
    hub = hub_of(request)
    with hub.database.write() as session:
        breaks.begin_break(session, hub.exposure, actor=person.actor, now=utc_now())
    return _to(f"{PAUSE_PAGE}?back={_known(request, person, back)}")


@router.post("/breaks/end", dependencies=[CheckCsrf])
def end_break(request: Request, person: Reader, back: Ticked = "") -> Response:
    """Ends the break and goes back to work; or says that it cannot be ended yet."""
    hub = hub_of(request)
    try:
        with hub.database.write() as session:
            breaks.end_break(session, hub.exposure, actor=person.actor, now=utc_now())
    except BreakRuns as fault:
        if not _wants_page(request):
            raise
        return _pause(request, person, back, fault=fault)
    address = _known(request, person, back)
    return _to("/exposure?done=ended" if address == "/exposure" else address)


@router.get("/pause")
def pause_page(
    request: Request, person: Reader, back: str = "", because: str = "", done: str = ""
) -> Response:
    """What stands before this person's next text: a break, a soft stop, or nothing.

    `done`: the case that was worked on last, for the line at the top.
    """
    return _pause(request, person, back, nothing_fits=because == NOTHING_FITS, done=done)


@router.post("/go-on", dependencies=[CheckCsrf])
def go_on(
    request: Request, person: Reader, reason: Ticked = "", back: Ticked = "", because: Ticked = ""
) -> Response:
    """Goes on past a soft stop with a reason; or shows the page again with what is wrong."""
    hub = hub_of(request)
    try:
        with hub.database.write() as session:
            breaks.go_on(session, hub.exposure, actor=person.actor, now=utc_now(), reason=reason)
    except (BadInput, BreakRuns) as fault:
        if not _wants_page(request):
            raise
        return _pause(request, person, back, nothing_fits=because == NOTHING_FITS, fault=fault)
    return _to(_known(request, person, back))


@router.get("/team")
def team_page(request: Request, person: TeamReader) -> Response:
    """The team's figures of the last whole week, or that there are too few people for any."""
    hub, now = hub_of(request), utc_now()
    with hub.database.read() as session:
        figures = team_aggregate(session, hub.exposure, asked_by=person.actor, now=now)
    return frame_of(request).render(
        request, "exposure_team.html", person=person, figures=figures, least_people=LEAST_PEOPLE
    )


def _pause(
    request: Request,
    person: SignedIn,
    back: str,
    *,
    nothing_fits: bool = False,
    fault: Fault | None = None,
    done: str = "",
) -> Response:
    hub, now = hub_of(request), utc_now()
    rules = hub.exposure.in_force(now)
    with hub.database.read() as session:
        stands = standing(session, hub.exposure, person.actor, now)
        notice = notice_of(session, person, done)
        has_emergency = emergency_waits(session, person)
    errors = [FormError(sentence(fault.message), fault.field)] if fault else []
    return frame_of(request).render(
        request,
        "exposure_pause.html",
        person=person,
        status=status_of(type(fault)) if fault else HTTPStatus.OK,
        pause=pause_for(stands, rules, nothing_fits=nothing_fits),
        because=NOTHING_FITS if nothing_fits else "",
        rules=rules,
        back=_known(request, person, back),
        errors=errors,
        notice=notice,
        emergency_waits=has_emergency,
    )


def _wants_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


def _known(request: Request, person: SignedIn, back: str) -> str:
    """The address to go on at: one of this person's own navigation, else the start page."""
    return back if back in {line.url for line in frame_of(request).navigation_for(person)} else "/"


def _to(address: str) -> Response:
    return RedirectResponse(address, status_code=HTTPStatus.SEE_OTHER)
