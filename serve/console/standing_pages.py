"""How a case stands, for whoever does not hold it: decided, waiting, or in somebody else's hands."""

from __future__ import annotations

from collections.abc import Collection
from http import HTTPStatus
from typing import Final

from fastapi import Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from model.errors import BadInput, LeaseLost
from serve.cases.deciding import standing_decision
from serve.cases.leases import IS_DECIDED
from serve.cases.placing import scores_hidden, why_this_place
from serve.cases.workflow.states import State
from serve.console.blindness import open_judgements
from serve.console.case_actions import tracks_of
from serve.console.case_facts import (
    ROUND_WORDS,
    appeals_of,
    follows_from,
    history_of,
    judgements_of,
    notes_for,
    owed_on,
    reports_of,
)
from serve.console.case_on_page import posts_on_page, seen_by
from serve.console.decision_words import decision_words, outcome_words
from serve.console.form_errors import FormError
from serve.console.frame import frame_of
from serve.console.plain_words import reference
from serve.console.who import keeps_queues
from serve.hub import hub_of
from serve.people.access import SignedIn
from serve.problems import status_of
from serve.storage.identifiers import utc_now
from serve.storage.tables import CLAIMABLE, HELD, Case

ON_ITS_WAY: Final = frozenset({State.RECEIVED.value, State.SCORED.value})


def may_read(case: Case) -> bool:
    """Whether somebody who does not hold the case may be shown its posts and reports.

    Not while it waits for a reader or has one: then whoever holds it reads it, and nobody else. An emergency
    is passed on by whoever sees it, and needs its text.
    """
    if case.emergency == State.EMERGENCY_ESCALATED.value:
        return True
    return case.state not in {*CLAIMABLE, *HELD, *ON_ITS_WAY}


def standing_page(
    request: Request,
    session: Session,
    person: SignedIn,
    case: Case,
    *,
    revealed: Collection[str] = (),
    notice: str | None = None,
    note: str = "",
    errors: Collection[FormError] = (),
) -> Response:
    """The page of a case at rest, or in other hands: what is owed, what may be done, what was done."""
    hub, now = hub_of(request), utc_now()
    decision = standing_decision(session, case.case_id)
    is_decided = case.state in IS_DECIDED
    reads = may_read(case)
    shows_scores = not scores_hidden(case, hub.queue_rules)
    judgements = open_judgements(case, judgements_of(session, case), person.actor)
    notes, hidden_notes = notes_for(session, case, person)
    seen = seen_by(session, person.actor, revealed)
    return frame_of(request).render(
        request,
        "standing.html",
        person=person,
        status=status_of(BadInput) if errors else HTTPStatus.OK,
        case=case,
        state=State(case.state),
        is_decided=is_decided,
        is_held=case.state in HELD,
        decision=None if decision is None else decision_words(request, decision),
        mine=decision is not None and decision.decided_by == person.actor,
        follows=None if decision is None else follows_from(hub, case, decision.outcome, now),
        judgements=[
            (
                f"{ROUND_WORDS[one.round]}{', you' if one.actor == person.actor else ''}",
                one,
                outcome_words(hub, one.outcome, one.outcome_detail, one.judged_at.date()),
            )
            for one in judgements
        ],
        appeals=appeals_of(session, case),
        owed=owed_on(session, hub, case, now),
        why=why_this_place(case, hub.queue_rules, now) if case.state in CLAIMABLE else None,
        tracks=tracks_of(session, case, person, holds=False),
        posts=posts_on_page(session, case, revealed=seen, shows_scores=shows_scores) if reads else [],
        reports=reports_of(session, case),
        reads=reads,
        notes=notes,
        hidden_notes=hidden_notes,
        note=note,
        errors=errors,
        history=history_of(session, case, person),
        may_free=keeps_queues(person) and case.reserved_for is not None,
        is_mine=case.reserved_for == person.actor,
        notice=notice,
    )


def not_held(
    request: Request,
    session: Session,
    person: SignedIn,
    case: Case,
    *,
    typed_reason: str = "",
    is_kept: bool = False,
    has_judged: bool = False,
) -> Response:
    """The page for somebody who sent something about a case that is not theirs any more."""
    return frame_of(request).render(
        request,
        "message.html",
        person=person,
        status=status_of(LeaseLost) if request.method == "POST" else HTTPStatus.OK,
        heading=f"Case {reference(case.case_id)} is no longer yours",
        paragraphs=[_how_it_stands(case, person, has_judged=has_judged), *_kept(is_kept)],
        typed_reason=typed_reason,
        is_kept=is_kept,
        may_claim=True,
        links=[("Back to the queue", "/")],
        notice=None,
    )


def _how_it_stands(case: Case, person: SignedIn, *, has_judged: bool) -> str:
    """What has become of the case. It never says whose it is."""
    if has_judged:
        return "You have judged it already. That judgement stands, and this one was not recorded."
    if case.decided_at is not None:
        return "Somebody else has decided it meanwhile. What you sent was not recorded."
    if case.state in HELD and case.leased_by != person.actor:
        return "Your time ran out and somebody else holds it now. What you sent was not recorded."
    return "Your time ran out and it went back to the queue. What you sent was not recorded. Claim again."


def _kept(is_kept: bool) -> list[str]:
    if not is_kept:
        return []
    return ["What you had written is kept as a draft, for you alone. If the case comes to you again, use it."]
