"""The start page with the queue, and the way to the next case."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from serve.cases import leases, viewing
from serve.cases.claiming import Claimant, claim
from serve.cases.ordering import QUEUES
from serve.console.action_words import STAGE_WORDS
from serve.console.frame import frame_of
from serve.console.notices import notice_of
from serve.console.plain_words import role_words, start_of_uk_day
from serve.console.stages import stages_of
from serve.console.turns import take_turn
from serve.console.waiting import (
    drafts_of,
    due_soonest,
    emergencies,
    lines_of,
    reserved_cases,
    stage_counts,
    waiting_cases,
)
from serve.console.who import Anybody, CheckCsrf, Claimer, sees_board
from serve.hub import Hub, hub_of
from serve.people.access import SignedIn
from serve.people.roles import Action, may
from serve.storage.identifiers import utc_now
from serve.storage.tables import HELD, Case, Decision

router = APIRouter(include_in_schema=False)

LISTED: Final = 50
"""Cases on the page. The order matters more than the list: officers take the next one, they do not choose."""

NOTICES: Final = {
    "put_back": "The case is back in the queue.",
    "parked": "The case is parked. It comes back to you first on the morning of that day.",
    "handed_over": "The case was handed over. It waits for that person.",
    "dropped": "The draft was thrown away.",
}


@router.get("/")
def start_page(request: Request, person: Anybody, stage: str = "") -> Response:
    """The queue for whoever may see it; for others the pages that are theirs."""
    if not may(person.role, Action.VIEW_QUEUE):
        return _other_rooms(request, person)
    hub, now = hub_of(request), utc_now()
    stages = stages_of(person.role)
    with hub.database.read() as session:
        counts = viewing.counts(session)
        waiting = stage_counts(session, stages, now)
        shown = [stage] if stage in stages else stages
        return frame_of(request).render(
            request,
            "queue.html",
            person=person,
            in_hand=sum(counts[state] for state in HELD),
            decided_today=_decided_since(session, start_of_uk_day(now)),
            waiting=waiting,
            total=sum(one.waiting for one in waiting),
            queues=QUEUES,
            stage=stage if stage in stages else "",
            stage_title=STAGE_WORDS[stage] if stage in stages else "",
            cases=waiting_cases(session, hub, shown, now, limit=LISTED),
            shown_total=sum(one.waiting for one in waiting if one.stage in shown),
            soonest=due_soonest(session, hub, shown, now),
            emergencies=emergencies(session, hub, now),
            held=lines_of(session, hub, held_cases(session, person.actor, now), now),
            reserved=reserved_cases(session, hub, person.actor, now),
            drafts=drafts_of(session, person.actor),
            may_claim=may(person.role, Action.CLAIM_CASES),
            may_see_board=sees_board(person),
            as_of=now,
            notice=next((NOTICES[name] for name in NOTICES if request.query_params.get(name)), None),
        )


@router.post("/cases/next", dependencies=[CheckCsrf])
def next_case(request: Request, person: Claimer) -> Response:
    """Claims the next case, or goes back to the one that is held already."""
    return RedirectResponse(claim_next(hub_of(request), person), status_code=HTTPStatus.SEE_OTHER)


@router.get("/cases/none")
def no_case(request: Request, person: Claimer, done: str = "") -> Response:
    """A calm page: nothing waits."""
    with hub_of(request).database.read() as session:
        notice = notice_of(session, person, done)
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


def claim_next(hub: Hub, person: SignedIn, *, done: str = "") -> str:
    """The address of the case that this person now holds; of the calm page if none waits.

    `done`: the case that was worked on last, for the line at the top of the next page.
    """
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
    return f"{address}?done={done}" if done else address


def claimant_of(person: SignedIn) -> Claimant:
    """What may come to this person when they claim."""
    return Claimant(person.actor, stages=stages_of(person.role))


def held_cases(session: Session, actor: str, now: datetime) -> Sequence[Case]:
    """The cases that this person holds; one, unless a tool of theirs claimed more."""
    return session.scalars(
        select(Case)
        .where(Case.leased_by == actor, Case.lease_expires_at > now, Case.state.in_(HELD))
        .order_by(Case.lease_expires_at)
    ).all()


def _decided_since(session: Session, instant: datetime) -> int:
    statement = select(func.count()).select_from(Decision).where(Decision.decided_at >= instant)
    return session.scalar(statement) or 0


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
