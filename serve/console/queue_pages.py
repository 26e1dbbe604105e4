"""The start page with the queue, and the way to the next case."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from serve.cases import leases, viewing
from serve.cases.capacities import capacities, stages_open_to
from serve.cases.claiming import Claimant, claim
from serve.console.frame import frame_of
from serve.console.plain_words import reference, role_words, start_of_uk_day
from serve.console.turns import take_turn
from serve.console.waiting import waiting_cases
from serve.hub import Hub, hub_of
from serve.people.access import SignedIn, allowed, check_csrf
from serve.people.roles import Action, may
from serve.storage.identifiers import utc_now
from serve.storage.tables import CLAIMABLE, HELD, Decision

router = APIRouter(include_in_schema=False)

LISTED: Final = 50
"""Cases on the page. The order matters more than the list: officers take the next one, they do not choose."""

Viewer = Annotated[SignedIn, Depends(allowed(Action.OPEN_HUB))]
Decider = Annotated[SignedIn, Depends(allowed(Action.DECIDE_CASES))]


@router.get("/")
def start_page(request: Request, person: Viewer, put_back: str = "") -> Response:
    """The queue for whoever may see it; for others the pages that are theirs."""
    if not may(person.role, Action.VIEW_QUEUE):
        return _other_rooms(request, person)
    hub, now = hub_of(request), utc_now()
    with hub.database.read() as session:
        counts = viewing.counts(session)
        held = leases.held_by(session, person.actor, now)
        decided_today = session.scalar(
            select(func.count()).select_from(Decision).where(Decision.decided_at >= start_of_uk_day(now))
        )
        return frame_of(request).render(
            request,
            "queue.html",
            person=person,
            waiting=sum(counts[state] for state in CLAIMABLE),
            in_review=sum(counts[state] for state in HELD),
            decided_today=decided_today,
            cases=waiting_cases(session, limit=LISTED),
            held=held.case_id if held else None,
            as_of=now,
            may_claim=may(person.role, Action.DECIDE_CASES),
            notice="The case is back in the queue." if put_back else None,
        )


@router.post("/cases/next", dependencies=[Depends(check_csrf)])
def next_case(request: Request, person: Decider) -> Response:
    """Claims the next case, or goes back to the one that is held already."""
    return RedirectResponse(claim_next(hub_of(request), person), status_code=HTTPStatus.SEE_OTHER)


@router.get("/cases/none")
def no_case(request: Request, person: Decider, decided: str = "") -> Response:
    """A calm page: nothing waits."""
    with hub_of(request).database.read() as session:
        notice = decision_notice(session, person, decided)
    return frame_of(request).render(
        request,
        "message.html",
        person=person,
        heading="No case is waiting",
        paragraphs=["You have reached the end of the queue. New posts appear as soon as they are scored."],
        typed_reason="",
        may_claim=True,
        links=[("Back to the queue", "/")],
        notice=notice,
    )


def claim_next(hub: Hub, person: SignedIn, *, decided: str = "") -> str:
    """The address of the case that this person now holds; of the calm page if none waits."""
    lease_seconds = hub.settings.lease_seconds
    with hub.database.write() as session:
        take_turn(session, person.actor)
        now = utc_now()
        claimed = leases.held_by(session, person.actor, now)
        if claimed is None:
            claimed = claim(session, claimant_of(person), now=now, lease_seconds=lease_seconds)
        else:  # its page was left, which has cut the lease short
            claimed = leases.heartbeat(
                session,
                case_id=claimed.case_id,
                lease_number=claimed.lease_number,
                actor=person.actor,
                now=now,
                lease_seconds=lease_seconds,
            )
    address = f"/cases/{claimed.case_id}" if claimed else "/cases/none"
    return f"{address}?decided={decided}" if decided else address


def claimant_of(person: SignedIn) -> Claimant:
    """What may come to this person when they claim."""
    return Claimant(person.actor, stages=stages_open_to(capacities(person.role)))


def decision_notice(session: Session, person: SignedIn, case_id: str) -> str | None:
    """The message after a decision; only for a decision that this person really made."""
    if not case_id.isalnum():
        return None
    found = session.scalar(
        select(Decision.case_id).where(Decision.case_id == case_id, Decision.decided_by == person.actor)
    )
    return f"Decision recorded for case {reference(found)}." if found else None


def _other_rooms(request: Request, person: SignedIn) -> Response:
    frame = frame_of(request)
    links = [(line.label, line.url) for line in frame.navigation_for(person)]
    words = "These pages are yours:" if links else "Your role has no pages here yet."
    return frame.render(
        request,
        "message.html",
        person=person,
        heading=f"Signed in as {person.name}",
        paragraphs=[
            f"Your role is {role_words(person.role)}. It does not open the queue or the posts in it.",
            words,
        ],
        typed_reason="",
        may_claim=False,
        links=links,
        notice=None,
    )
